//! Accounts and sessions.

mod change_password;
mod login;
mod logout;
mod me;
mod refresh;
mod sessions;
mod signup;
mod tokens;

pub use change_password::ChangePassword;
pub use login::{Login, LoginAnswer, MfaChallenge};
pub use logout::{Logout, LogoutAll};
pub use me::Me;
pub use refresh::Refresh;
pub use sessions::{ListSessions, RevokeSession, Session};
pub use signup::Signup;
pub use tokens::{Tokens, User};
