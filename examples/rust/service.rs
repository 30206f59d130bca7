//! A web service whose clients need an API key. It sends itself a few requests, prints the responses, and ends.

use std::error::Error;
use std::future::IntoFuture;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{Endpoints, Gatekeeper, Verdict, Verifier};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// `GET /tasks`, for clients with a key that is valid and within its limit.
async fn tasks(State(verifier): State<Arc<Verifier>>, headers: HeaderMap) -> Response {
    let key = headers.get("X-API-Key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    match verifier.verify::<&str>(key, "GET_TASKS", &[]).await {
        Ok(Verdict::Admitted(decision)) => {
            let (owner, remaining) = (decision.owner_id(), decision.remaining());
            body(&json!({ "owner": owner, "remaining": remaining })).into_response()
        }
        Ok(Verdict::RateLimited(decision)) => {
            let wait = decision.retry_after_ms().div_ceil(1000).to_string();
            let body = detail("the limit of this API key is reached");
            (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, wait)], body).into_response()
        }
        Ok(_) => {
            let body = detail("the API key is missing or not valid");
            (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], body).into_response()
        }
        // Without a verdict the request is rejected.
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, detail(error.message())).into_response(),
    }
}

fn detail(text: &str) -> impl IntoResponse + use<> {
    body(&json!({ "detail": text }))
}

fn body(value: &Value) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, "application/json")], value.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // All processes of the machine that open the file share its limits.
    let gatekeeper = Gatekeeper::open("sqlite:gatekeeper.db")?;
    let endpoints = r#"{"GET_TASKS": {"default": "3/minute", "roles": {"PRO": "1000/minute"}}}"#;
    let verifier = gatekeeper.verifier(Endpoints::from_json(endpoints)?)?;
    let app = Router::new().route("/tasks", get(tasks)).with_state(Arc::new(verifier));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/tasks", listener.local_addr()?);
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    let created =
        gatekeeper.call(CreateKey { owner_id: Some("u_42".into()), ..CreateKey::new("user") }).await?;
    let client = reqwest::Client::new();
    let response = client.get(&url).send().await?;
    println!("without a key: {} {}", response.status().as_u16(), response.text().await?);
    for number in 1..=4 {
        let response = client.get(&url).header("X-API-Key", created.api_key.expose()).send().await?;
        println!("request {number}: {} {}", response.status().as_u16(), response.text().await?);
    }
    server.abort();
    Ok(())
}
