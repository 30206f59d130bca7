//! The HTTP server: every operation of the core's table under `/v1`, mounted by one handler; the key manager's REST API
//! under `/api/v1`; and `/check` for gateways, on a separate address. It makes no decisions about the domain.

mod app;
mod blocking_pool;
mod body;
mod body_memory;
mod check;
mod client_address;
mod config;
mod connection;
mod context;
mod credential;
mod dispatch;
mod export;
mod export_slots;
mod fallback;
mod files;
mod key_manager;
mod metrics;
mod observe;
mod operation;
mod protocol;
mod request_id;
mod response;
mod router;
mod server;
mod signup;
mod system;
mod tls;

pub use client_address::Proxies;
pub use config::{Address, Config, Exposure, Listen, Signup, Tls};
pub use server::{ServedEndpoints, Server};
pub use signup::SignupRule;
