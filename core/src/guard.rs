//! From an HTTP request's headers to the engine's input: the one mapping for the server's routes, the checks of
//! gateways, and web frameworks. It depends on no HTTP library: headers come in as bytes.

mod credential;

pub use credential::{PresentedCredential, Schemeless};
