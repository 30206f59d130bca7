//! Sends a request, with retries where that is safe, within the timeout of the call.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response};
use tokio::time::{sleep, timeout};

use super::answer::{MAX_BODY, Reply};
use super::background;
use super::request::Outgoing;
use super::server::Server;
use crate::clock::Clock;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::operation::Method;
use crate::secret::random;

/// The maximum wait before the first retry, in ms. It doubles with each retry, up to the maximum.
const FIRST_WAIT_MS: u64 = 100;
const MAX_WAIT_MS: u64 = 2000;

/// The reason why an attempt got no response.
struct Broken {
    error: GatekeeperError,
    /// Whether nothing of the request was sent.
    is_unsent: bool,
}

/// Sends a request with this credential, and returns the response, also that of an error.
///
/// # Errors
/// `connection_error` and `timeout`.
pub(super) async fn send(
    server: &Arc<Server>,
    credential: Option<HeaderValue>,
    request: Outgoing,
) -> Result<Reply> {
    let server = Arc::clone(server);
    let client = background::client(&server.connection())?;
    let work = async move {
        let attempts = attempts(&client, &server, credential.as_ref(), &request);
        match timeout(server.timeout, attempts).await {
            Ok(reply) => reply,
            Err(_) => Err(late(&server)),
        }
    };
    background::run(work)?.await?
}

async fn attempts(
    client: &Client,
    server: &Server,
    credential: Option<&HeaderValue>,
    request: &Outgoing,
) -> Result<Reply> {
    let end_ms = Clock::System.boot_ms().saturating_add(ms(server.timeout));
    let mut tried = 0;
    loop {
        let attempt = attempt(client, server, credential, request).await;
        let (is_safe, asked_for) = match &attempt {
            Ok(reply) if reply.is_busy() => (request.is_repeatable || reply.is_not_run, reply.retry_after),
            Ok(_) => (false, None),
            Err(broken) => (request.is_repeatable || broken.is_unsent, None),
        };
        let outcome = attempt.map_err(|broken| broken.error);
        if !is_safe || tried >= server.max_retries {
            return outcome;
        }
        let wait_ms = wait_ms(tried, asked_for)?;
        if Clock::System.boot_ms().saturating_add(wait_ms) >= end_ms {
            return outcome;
        }
        sleep(Duration::from_millis(wait_ms)).await;
        tried += 1;
    }
}

/// The wait before the next attempt: the time that the server asked for plus a random time, so that clients that were
/// rejected together do not retry together.
fn wait_ms(tried: u32, asked_for: Option<u32>) -> Result<u64> {
    let most = (FIRST_WAIT_MS << tried.min(16)).min(MAX_WAIT_MS);
    let jitter = u64::from_le_bytes(random()?) % most;
    Ok(asked_for.map_or(0, |seconds| u64::from(seconds) * 1000) + jitter)
}

async fn attempt(
    client: &Client,
    server: &Server,
    credential: Option<&HeaderValue>,
    request: &Outgoing,
) -> Result<Reply, Broken> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut built =
        client.request(method, server.url(&request.path, &request.query)).headers(server.headers.clone());
    if let Some(credential) = credential {
        built = built.header(AUTHORIZATION, credential);
    }
    if let Some(body) = &request.body {
        built = built.header(CONTENT_TYPE, "application/json").body(body.clone());
    }
    let response = built.send().await.map_err(|error| broken(server, error))?;
    read(server, response).await
}

async fn read(server: &Server, mut response: Response) -> Result<Reply, Broken> {
    let mut reply = Reply::new(response.status().as_u16(), response.headers());
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(server, error))? {
        if reply.body.len() + chunk.len() > MAX_BODY {
            reply.is_too_long = true;
            break;
        }
        reply.body.extend_from_slice(&chunk);
    }
    Ok(reply)
}

fn broken(server: &Server, error: reqwest::Error) -> Broken {
    let is_unsent = error.is_connect() || error.is_builder();
    let name = server.name();
    let causes = Causes::of(&error.without_url());
    let message = if is_unsent && causes.0.contains("certificate") {
        format!("the certificate of {name} is not one that this machine trusts: see the cause of this error")
    } else if is_unsent {
        format!("no connection to {name}: is the server there, and is the URL right?")
    } else {
        format!(
            "the connection to {name} ended before the response was complete: the call may have been carried out"
        )
    };
    let error = GatekeeperError::new(ErrorKind::ConnectionFailed, message).caused_by(causes);
    Broken { error, is_unsent }
}

fn late(server: &Server) -> GatekeeperError {
    GatekeeperError::new(
        ErrorKind::TimedOut,
        format!(
            "no response from {} within {} ms: the call may have been carried out",
            server.name(),
            ms(server.timeout)
        ),
    )
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The chain of causes of an error in one line, from the outermost to the innermost.
#[derive(Debug)]
struct Causes(String);

impl Causes {
    fn of(error: &dyn StdError) -> Self {
        let mut text = error.to_string();
        let mut inner = error.source();
        while let Some(cause) = inner {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            inner = cause.source();
        }
        Self(text)
    }
}

impl std::fmt::Display for Causes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Causes {}
