//! From an HTTP request's facts to what the engine works with: the one mapping for a server's routes, for the questions of
//! gateways, and for web frameworks. It knows no HTTP library: facts come in as bytes.

mod credential;

pub use credential::{PresentedCredential, Schemeless};
