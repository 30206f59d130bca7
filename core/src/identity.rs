//! Identity: e-mail addresses, passwords, sessions, and the tokens that represent users and keys.

mod email;
mod keyring;
mod lockout;
mod password;
mod session;
mod signers;
mod signing_key;
mod token;

pub(crate) use email::Email;
pub use keyring::JWKS_MAX_AGE_SECONDS;
pub(crate) use keyring::Keyring;
pub(crate) use lockout::Lockout;
pub(crate) use password::{HashPermit, Password, Passwords};
pub(crate) use session::{SessionCount, SessionDays, SessionRules};
pub(crate) use signers::Signers;
pub use signing_key::SigningAlgorithm;
pub(crate) use token::{
    ACCESS_SECONDS, AccessClaims, CLIENT_ID, KeyClaims, REFRESH_MS, new_refresh_token, new_token_id,
};
