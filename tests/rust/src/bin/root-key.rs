//! `root-key URL TENANT`: makes a tenant and its root key, and prints `{tenantId, rootKey}`.

#![allow(clippy::print_stdout, reason = "a program's answer")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(tenant)) = (arguments.next(), arguments.next()) else {
        return Err("usage: root-key URL TENANT".into());
    };
    let created = gatekeeper::blocking::Gatekeeper::open(&url)?.create_root_key(&tenant)?;
    println!(
        "{}",
        serde_json::json!({ "tenantId": created.tenant_id.to_string(), "rootKey": created.key.expose() })
    );
    Ok(())
}
