//! Limits: what an endpoint allows, and which of its limits applies to the roles of a key.

mod endpoint;
mod json;
mod selected;
mod text;

pub(crate) use endpoint::SelectedLimit;
pub use endpoint::{Endpoint, Endpoints};
pub(crate) use selected::SelectedLimits;
