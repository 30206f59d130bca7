//! A client of a server. It reads the server's URL from `GATEKEEPER_URL` and a root key from `GATEKEEPER_TOKEN`.

use std::env;
use std::error::Error;

use gatekeeper::key_manager::{CreateKey, DeleteKey};
use gatekeeper::keys::VerifyApiKey;
use gatekeeper::{Gatekeeper, Secret};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (url, root_key) = (env::var("GATEKEEPER_URL")?, Secret::new(env::var("GATEKEEPER_TOKEN")?));
    let gatekeeper = Gatekeeper::open(&url)?.with_root_key(&root_key);
    let created =
        gatekeeper.call(CreateKey { owner_id: Some("u_42".into()), ..CreateKey::new("user") }).await?;
    println!("created a key for u_42");

    for number in 1..=3 {
        // The server's gatekeeper.toml defines GET_TASKS: 10 requests a minute. These cost four each.
        let verify = VerifyApiKey { cost: 4, ..VerifyApiKey::new(created.api_key.clone(), "GET_TASKS") };
        let verdict = gatekeeper.call(verify).await?;
        println!(
            "verification {number}: {}, {} left",
            verdict.code.as_str(),
            verdict.remaining.unwrap_or_default()
        );
    }
    gatekeeper.call(DeleteKey { id: created.id.into() }).await?;
    println!("deleted the key");
    let verdict = gatekeeper.call(VerifyApiKey::new(created.api_key, "GET_TASKS")).await?;
    println!("verification 4: {}", verdict.code.as_str());
    Ok(())
}
