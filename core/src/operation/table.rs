//! The list, and what it makes of each operation.

use std::future::Future;
use std::pin::Pin;

use super::{AddRoles, CreateKey, DeleteKey, Operation, RemoveRoles, RotateKey, VerifyKey, decode};
use crate::access::{Access, Context};
use crate::error::{GatekeeperError, Result};

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `POST`.
    Post,
    /// `DELETE`.
    Delete,
}

/// Where an operation is found over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for a field of the request.
    pub path: &'static str,
    /// The status of success.
    pub status: u16,
}

impl Route {
    /// A route.
    #[must_use]
    pub const fn new(method: Method, path: &'static str, status: u16) -> Self {
        Self { method, path, status }
    }
}

/// An operation without its type: JSON in, JSON out.
pub struct Entry {
    /// [`Operation::NAME`].
    pub name: &'static str,
    /// [`Operation::ROUTE`].
    pub route: Route,
    /// [`Operation::ACCESS`].
    pub access: Access,
    call: for<'a> fn(&'a Context<'a>, &'a str) -> Answer<'a>,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<String>> + Send + 'a>>;

impl Entry {
    const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            route: O::ROUTE,
            access: O::ACCESS,
            call: |context, json| Box::pin(call::<O>(context, json)),
        }
    }

    /// Runs the operation on a request in JSON.
    pub(crate) async fn call(&self, context: &Context<'_>, json: &str) -> Result<String> {
        (self.call)(context, json).await
    }
}

async fn call<O: Operation>(context: &Context<'_>, json: &str) -> Result<String> {
    let operation: O = decode(json)?;
    let output = operation.run(context).await?;
    serde_json::to_string(&output).map_err(GatekeeperError::internal)
}

/// Marks what is in the list.
pub trait Listed {}

macro_rules! operations {
    ($($operation:ty),* $(,)?) => {
        $(impl Listed for $operation {})*

        /// Every operation, in the order of the list.
        pub const TABLE: &[Entry] = &[$(Entry::of::<$operation>()),*];
    };
}

operations![CreateKey, DeleteKey, RotateKey, AddRoles, RemoveRoles, VerifyKey];

/// The operation of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_operations_share_a_name_or_a_route() {
        for (index, entry) in TABLE.iter().enumerate() {
            for other in &TABLE[..index] {
                assert_ne!(entry.name, other.name);
                assert!((entry.route.method, entry.route.path) != (other.route.method, other.route.path));
            }
        }
    }
}
