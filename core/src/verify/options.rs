//! What a verification may ask for besides the key, the endpoint and the variables.

use crate::client_address;
use crate::error::{GatekeeperError, Result};
use crate::key::check_required_scopes;
use crate::whole::Range;

/// The maximum number of variables of a call, and of their bytes in total.
pub(crate) const MAX_VARIABLES: usize = 1000;
pub(crate) const MAX_VARIABLE_BYTES: usize = 8 * 1024;

/// The cost of a verification: how many permits it acquires.
pub(crate) enum Cost {}

impl Range for Cost {
    const MIN: i64 = 1;
    const MAX: i64 = u32::MAX as i64;
}

/// The options of a verification.
///
/// ```
/// # use gatekeeper::{Endpoints, VerifyOptions};
/// # use gatekeeper::blocking::Gatekeeper;
/// # use gatekeeper::key_manager::CreateKey;
/// # let gatekeeper = Gatekeeper::open("memory:")?;
/// # let key = gatekeeper.call(CreateKey::new("user"))?.api_key;
/// # let endpoints = Endpoints::from_json(r#"{"EXPORT": {"default": {"maxReq": 10, "duration": 60000}}}"#)?;
/// # let verifier = gatekeeper.verifier(endpoints)?;
/// let options = VerifyOptions::default().cost(4);
/// let verdict = verifier.verify_with::<&str>(key.expose(), "EXPORT", &[], &options)?;
/// assert_eq!(verdict.decision().map(|decision| decision.remaining()), Some(6));
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct VerifyOptions<'a> {
    /// The number of permits to acquire: 1 to the limit that applies. Defaults to 1.
    pub cost: u32,
    /// The scopes that the key must have: at most 100. A key without one of them is [`Verdict::Forbidden`], and nothing is
    /// counted. Defaults to none.
    ///
    /// [`Verdict::Forbidden`]: crate::Verdict::Forbidden
    pub scopes: &'a [&'a str],
    /// The address of the client that sent the key, with or without a port. Defaults to none.
    pub client_address: Option<&'a str>,
}

impl Default for VerifyOptions<'_> {
    fn default() -> Self {
        Self { cost: 1, scopes: &[], client_address: None }
    }
}

impl<'a> VerifyOptions<'a> {
    /// The same options with this [`cost`](Self::cost).
    #[must_use]
    pub fn cost(self, cost: u32) -> Self {
        Self { cost, ..self }
    }

    /// The same options with these [`scopes`](Self::scopes).
    #[must_use]
    pub fn scopes(self, scopes: &'a [&'a str]) -> Self {
        Self { scopes, ..self }
    }

    /// The same options with this [`client_address`](Self::client_address).
    #[must_use]
    pub fn client_address(self, client_address: Option<&'a str>) -> Self {
        Self { client_address, ..self }
    }
}

/// An endpoint of a verifier: its name, or its index in [`Endpoints::names`](crate::Endpoints::names), which needs no
/// look-up by name.
#[derive(Clone, Copy, Debug)]
pub enum EndpointRef<'a> {
    /// The endpoint with this name.
    Name(&'a str),
    /// The endpoint with this index.
    Index(usize),
}

impl<'a> From<&'a str> for EndpointRef<'a> {
    #[inline]
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl From<usize> for EndpointRef<'_> {
    #[inline]
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// Rejects arguments that exceed their bounds, whatever the key.
///
/// # Errors
/// `bad_request` that names the field.
#[inline]
pub(crate) fn check_arguments<V: AsRef<str>, S: AsRef<str>>(
    variables: &[V],
    scopes: &[S],
    cost: u32,
    client_address: Option<&str>,
) -> Result<()> {
    check_variables(variables)?;
    check_required_scopes(scopes)?;
    if cost == 0 {
        return Cost::check("cost", Some(cost));
    }
    match client_address {
        Some(text) if client_address::client_address(text).is_none() => Err(no_address()),
        _ => Ok(()),
    }
}

#[inline]
fn check_variables<V: AsRef<str>>(variables: &[V]) -> Result<()> {
    if variables.len() > MAX_VARIABLES {
        return Err(GatekeeperError::bad_request(format!(
            "variables: at most {MAX_VARIABLES} are allowed, not {}",
            variables.len()
        )));
    }
    if variables.iter().map(|variable| variable.as_ref().len()).sum::<usize>() > MAX_VARIABLE_BYTES {
        return Err(GatekeeperError::bad_request("variables: at most 8 KiB of UTF-8 are allowed together"));
    }
    Ok(())
}

#[cold]
fn no_address() -> GatekeeperError {
    GatekeeperError::bad_request("clientAddress must be an IP address, with or without a port")
}
