//! The remote backend: a server runs the operations. This module knows the types and the route of an operation, never
//! its implementation.
//!
//! All requests run on one thread of this process, which the first request starts. A caller waits for its result, under any
//! executor or none.

mod address;
mod answer;
mod background;
mod credential;
mod no_proxy;
mod proxy;
mod request;
mod send;
mod server;
mod verify;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{Backend, CredentialCache, Started, StartedVerification};
use crate::authz::Access;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::guard::PresentedCredential;
use crate::limit::Endpoints;
use crate::operation::{Method, Operation, OperationDescriptor, Request, Route, VerifyKey, fields_of};
use crate::secret::Secret;
use crate::verify::wrong_root_key;
use answer::Answer;
pub(crate) use background::{Spawned, spawn};
use credential::Credential;
use request::Outgoing;
pub(crate) use server::HttpOptions;
use server::Server;
pub(crate) use verify::RemoteVerifier;

/// The path of the public keys.
const JWKS: Route = Route::new(Method::Get, "/.well-known/jwks.json", 200);
/// The path of the readiness check.
const READY: Route = Route::new(Method::Get, "/ready", 200);

/// A server, with the credential of its calls.
#[derive(Clone)]
pub(crate) struct Remote {
    server: Arc<Server>,
    credential: Credential,
}

impl Remote {
    /// The server at `url`, without a credential. No request is sent yet.
    ///
    /// # Errors
    /// `bad_request` for an invalid URL of a server.
    pub(crate) fn open(url: &str, http_options: &HttpOptions<'_>) -> Result<Self> {
        Ok(Self { server: Arc::new(Server::new(url, http_options)?), credential: Credential::None })
    }

    /// A reply without the envelope of the operations.
    async fn reply(&self, route: Route) -> Result<Answer<'_>> {
        let reply = send::send(&self.server, None, Outgoing::of(route, Access::Public, Ok(<_>::default()))?);
        Answer::plain(reply.await?, &self.server)
    }

    /// Rejects an invalid request. A caller without a valid root key gets only the error about the root key.
    async fn reject<T>(&self, rejection: GatekeeperError) -> Result<T> {
        self.check_credential().await?;
        Err(rejection)
    }

    /// The response to a call.
    async fn answer(&self, access: Access, request: Outgoing) -> Result<Answer<'_>> {
        let (asked_for, has_credential) = (request.named_id(), self.credential.is_some());
        if access == Access::KeyManager {
            let root_key = self.credential.as_root_key()?;
            let reply = send::send(&self.server, Some(root_key), request).await?;
            return Answer::of_key_manager(reply, &self.server, asked_for);
        }
        if access == Access::RootKey {
            let reply = send::send(&self.server, Some(self.credential.as_root_key()?), request).await?;
            return Answer::of_service(reply, &self.server, true).map_err(of_root_key);
        }
        let own_key = request.own_key().map(str::to_owned);
        let reply = send::send(&self.server, self.credential.header(), request).await?;
        Answer::of_service(reply, &self.server, has_credential).map(|answer| answer.without(own_key))
    }
}

impl Backend for Remote {
    type Verifier = RemoteVerifier;

    fn with_root_key(&self, root_key: &Secret) -> Self {
        Self { credential: Credential::root_key(root_key), ..self.clone() }
    }

    fn with_token(&self, token: &Secret) -> Self {
        Self { credential: Credential::token(token), ..self.clone() }
    }

    fn anonymous(&self) -> Self {
        Self { credential: Credential::None, ..self.clone() }
    }

    fn presenting(&self, credential: PresentedCredential<'_>, _: &CredentialCache) -> Self {
        match credential {
            PresentedCredential::None => self.anonymous(),
            PresentedCredential::One(token) => self.with_token(&Secret::new(token)),
            PresentedCredential::OtherScheme
            | PresentedCredential::Unreadable
            | PresentedCredential::Different => self.with_token(&Secret::new("")),
        }
    }

    async fn execute<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let request = Outgoing::of(O::ROUTE, O::ACCESS, fields_of(&operation))?;
        let answer = self.answer(O::ACCESS, request).await?;
        answer.read()
    }

    async fn dispatch(&self, descriptor: &OperationDescriptor, request: Request<'_>) -> Result<String> {
        let fields = match descriptor.fields(request) {
            Err(rejection) if descriptor.access == Access::KeyManager => return self.reject(rejection).await,
            fields => fields,
        };
        let request = Outgoing::of(descriptor.route, descriptor.access, fields)?;
        Ok(self.answer(descriptor.access, request).await?.into_json())
    }

    fn start<O: Operation>(&self, operation: O) -> Result<Started<O::Output>> {
        let this = self.clone();
        Ok(Started::awaited(async move { this.execute(operation).await }))
    }

    fn start_dispatch(
        &self,
        descriptor: &'static OperationDescriptor,
        request: Request<'_>,
    ) -> Result<Started<String>> {
        let (this, request) = (self.clone(), request.into_owned());
        Ok(Started::awaited(async move { this.dispatch(descriptor, request.borrow()).await }))
    }

    fn start_validation(&self, key: &str) -> Result<StartedVerification> {
        let (this, key) = (self.clone(), Secret::new(key));
        Ok(Started::awaited(async move { verify::validate(&this, key).await }))
    }

    fn verifier(&self, endpoints: Endpoints) -> Result<Self::Verifier> {
        RemoteVerifier::new(self, endpoints)
    }

    async fn jwks(&self) -> Result<Value> {
        self.reply(JWKS).await?.read()
    }

    /// Sends an empty request: the server rejects it, but only after it has validated the root key.
    async fn check_credential(&self) -> Result<()> {
        let request = Outgoing::with_body(VerifyKey::ROUTE, "{}".to_owned());
        match self.answer(Access::KeyManager, request).await {
            Err(error) if error.status() == 400 => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(GatekeeperError::internal("the server accepted an empty request")),
        }
    }

    async fn check_ready(&self) -> Result<()> {
        self.reply(READY).await.map(drop)
    }
}

/// The error of a call with a root key: the server's error is the same for every credential.
fn of_root_key(error: GatekeeperError) -> GatekeeperError {
    match (error.kind(), error.request_id()) {
        (ErrorKind::CredentialInvalid, Some(id)) => wrong_root_key().of_request(id),
        (ErrorKind::CredentialInvalid, None) => wrong_root_key(),
        _ => error,
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, credential } = self;
        f.debug_struct("Remote").field("server", &server.name()).field("credential", credential).finish()
    }
}
