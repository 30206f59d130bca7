//! `log-out DATABASE`: signs up, logs out, prints the revoked access and refresh token, and waits to be killed.

use std::thread::sleep;
use std::time::Duration;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper_tests::User;
use serde_json::json;

fn main() {
    let database = std::env::args().nth(1).expect("log-out DATABASE");
    let gatekeeper = Gatekeeper::open(&database).expect("a database");
    let user = User::sign_up(&gatekeeper, &format!("{}@example.com", std::process::id()));
    user.call("auth.logout", &json!({})).expect("logged out");
    println!("{} {}", user.access_token, user.refresh_token);
    sleep(Duration::from_secs(60));
}
