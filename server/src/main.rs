//! `gatekeeper`: the server.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program's answer")]

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gatekeeper::Gatekeeper;
use gatekeeper_server::http::{Config, Proxies, app};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// API keys, limits, accounts and usage over HTTP.
#[derive(Parser)]
#[command(version, about)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Serve a place over HTTP until told to stop.
    Serve {
        /// The place: sqlite:PATH, a plain path, or memory:.
        #[arg(long, env = "GATEKEEPER_BASE_URL", default_value = "sqlite:gatekeeper.db")]
        url: String,
        /// The address to listen on.
        #[arg(long, env = "GATEKEEPER_HOST", default_value = "127.0.0.1")]
        host: String,
        /// The port to listen on; 0 for any.
        #[arg(long, env = "GATEKEEPER_PORT", default_value_t = 8787)]
        port: u16,
        /// Addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas.
        #[arg(long, env = "GATEKEEPER_TRUSTED_PROXIES", default_value = "")]
        trusted_proxies: Proxies,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Task::Serve { url, host, port, trusted_proxies } = Command::parse().task;
    match serve(&url, &host, port, trusted_proxies).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatekeeper: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(url: &str, host: &str, port: u16, proxies: Proxies) -> Result<(), Box<dyn std::error::Error>> {
    let place = Gatekeeper::open(url)?;
    place.check_ready()?;
    let listener = TcpListener::bind((host, port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let service = app(place, Config { proxies }).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stopped()?).await?;
    Ok(())
}

/// Ends when the process is asked to stop; what is being answered is answered first.
fn stopped() -> Result<impl Future<Output = ()> + Send + 'static, Box<dyn std::error::Error>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
    })
}
