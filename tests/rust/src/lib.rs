//! Helpers for tests; see the binaries.

#[cfg(doctest)]
mod documentation;
mod worker;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Result, Secret};
use serde_json::{Value, json};
pub use worker::Worker;

/// Calls an operation by its name.
///
/// # Errors
/// Those of the operation.
///
/// # Panics
/// If the output is not JSON.
pub fn call(gatekeeper: &Gatekeeper, name: &str, request: &Value) -> Result<Value> {
    let answer = gatekeeper.call_json(name, &request.to_string())?;
    Ok(serde_json::from_str(&answer).expect("an operation answers in JSON"))
}

/// A user who has signed up and is logged in.
pub struct User {
    /// The client with this user's token.
    pub gatekeeper: Gatekeeper,
    /// `usr_…`.
    pub id: String,
    /// The e-mail address.
    pub email: String,
    /// The first refresh token.
    pub refresh_token: String,
    /// The first access token.
    pub access_token: String,
}

impl User {
    /// Signs up with the password `correct horse`.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn sign_up(gatekeeper: &Gatekeeper, email: &str) -> Self {
        let request = json!({ "email": email, "password": "correct horse" });
        let tokens = call(&gatekeeper.anonymous(), "auth.signup", &request).expect("signup");
        let access_token = text(&tokens, "accessToken");
        Self {
            gatekeeper: gatekeeper.with_token(&Secret::new(access_token.clone())),
            id: text(tokens.get("user").expect("a user"), "id"),
            email: email.to_owned(),
            refresh_token: text(&tokens, "refreshToken"),
            access_token,
        }
    }

    /// Calls an operation as this user.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn call(&self, name: &str, request: &Value) -> Result<Value> {
        call(&self.gatekeeper, name, request)
    }

    /// Makes a tenant and returns its id.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn new_tenant(&self, name: &str) -> String {
        text(&self.call("tenants.create", &json!({ "name": name })).expect("a tenant"), "id")
    }
}

/// The text of the field `name`.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).expect("text").to_owned()
}
