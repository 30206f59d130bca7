//! Limits: what an endpoint allows, and which of its limits applies to a key's roles.

mod choice;
mod endpoint;
mod json;

pub(crate) use choice::Choices;
pub(crate) use endpoint::Choice;
pub use endpoint::{Endpoint, Endpoints};
