//! A place behind HTTP: the same operations, run by a server. What is known of an operation here is its types and its
//! route, never its run.
//!
//! Requests run on one thread of this process, which the first of them starts; whoever waits for an answer waits for that
//! thread, under any executor or none.

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

use crate::authz::Access;
use crate::error::{GatekeeperError, Result};
use crate::operation::{Method, Operation, OperationDescriptor, Request, Route, fields_of};
use crate::secret::Secret;
use answer::Answer;
pub(crate) use background::{Spawned, spawn};
use credential::Credential;
use request::Outgoing;
pub(crate) use server::HttpOptions;
use server::Server;
pub(crate) use verify::RemoteVerifier;

/// Where the public keys are.
const JWKS: Route = Route::new(Method::Get, "/.well-known/jwks.json", 200);
/// What says whether the server can do its work.
const READY: Route = Route::new(Method::Get, "/ready", 200);

/// A server, and for whom it is used.
#[derive(Clone)]
pub(crate) struct Remote {
    server: Arc<Server>,
    credential: Credential,
}

impl Remote {
    /// The server at `url`, used by nobody in particular. It is not spoken to yet.
    ///
    /// # Errors
    /// `bad_request` for a URL that names no server.
    pub(crate) fn open(url: &str, http_options: &HttpOptions<'_>) -> Result<Self> {
        Ok(Self { server: Arc::new(Server::new(url, http_options)?), credential: Credential::None })
    }

    pub(crate) fn with_root_key(&self, key: &Secret) -> Self {
        Self { credential: Credential::root_key(key), ..self.clone() }
    }

    pub(crate) fn with_token(&self, token: &Secret) -> Self {
        Self { credential: Credential::token(token), ..self.clone() }
    }

    pub(crate) fn anonymous(&self) -> Self {
        Self { credential: Credential::None, ..self.clone() }
    }

    /// Has the server run an operation.
    pub(crate) async fn call<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        let request = Outgoing::of(O::ROUTE, O::ACCESS, fields_of(operation))?;
        let answer = self.answer(O::ACCESS, request).await?;
        answer.read()
    }

    /// The same without its type: JSON in, JSON out.
    pub(crate) async fn dispatch(
        &self,
        descriptor: &OperationDescriptor,
        request: Request<'_>,
    ) -> Result<String> {
        let fields = match descriptor.fields(request) {
            // A wrong root key is said before a word on the request.
            Err(rejection) if descriptor.access == Access::KeyManager => return self.reject(rejection).await,
            fields => fields,
        };
        let request = Outgoing::of(descriptor.route, descriptor.access, fields)?;
        Ok(self.answer(descriptor.access, request).await?.into_json())
    }

    /// Judges the root key alone: a request that is empty is rejected, but only once the root key has been judged.
    pub(crate) async fn check_credential(&self) -> Result<()> {
        let request = Outgoing::with_body(verify::ROUTE, "{}".to_owned());
        match self.answer(Access::KeyManager, request).await {
            Err(error) if error.status() == 400 => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(GatekeeperError::internal("a verification of nothing was answered")),
        }
    }

    /// An error that is said only to a caller whose root key is good.
    async fn reject<T>(&self, rejection: GatekeeperError) -> Result<T> {
        self.check_credential().await?;
        Err(rejection)
    }

    pub(crate) async fn check_ready(&self) -> Result<()> {
        self.reply(READY).await.map(drop)
    }

    pub(crate) async fn jwks(&self) -> Result<Value> {
        self.reply(JWKS).await?.read()
    }

    /// What the server answers in no envelope.
    async fn reply(&self, route: Route) -> Result<Answer<'_>> {
        let reply = send::send(&self.server, None, Outgoing::of(route, Access::Public, Ok(<_>::default()))?);
        Answer::plain(reply.await?, &self.server)
    }

    /// What the server answers to a call.
    async fn answer(&self, access: Access, request: Outgoing) -> Result<Answer<'_>> {
        let (asked_for, has_credential) = (request.named_id(), self.credential.is_some());
        if access == Access::KeyManager {
            let root_key = self.credential.as_root_key()?;
            let reply = send::send(&self.server, Some(root_key), request).await?;
            return Answer::of_key_manager(reply, &self.server, asked_for);
        }
        let own_key = request.own_key().map(str::to_owned);
        let reply = send::send(&self.server, self.credential.header(), request).await?;
        Answer::of_service(reply, &self.server, has_credential).map(|answer| answer.without(own_key))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, credential } = self;
        f.debug_struct("Remote").field("server", &server.name()).field("credential", credential).finish()
    }
}
