//! HTTP: every operation of the core's table under `/v1`, mounted by one handler, and the key manager's REST API under
//! `/api/v1`. No decision about the domain is made here.

mod answer;
mod app;
mod credential;
mod key_manager;
mod operation;
mod request_id;
mod source;
mod system;

pub use app::{Config, app};
pub use source::Proxies;
