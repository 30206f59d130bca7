//! `gatekeeper`: the server.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program's answer")]

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gatekeeper::{Gatekeeper, GatekeeperError};
use gatekeeper_server::http::{Config, Listen, Proxies, Server};
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
        /// Where gateways ask.
        #[arg(long)]
        check_listen: Option<SocketAddr>,
        /// Addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas.
        #[arg(long, env = "GATEKEEPER_TRUSTED_PROXIES", default_value = "")]
        trusted_proxies: Proxies,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Command::parse().task).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatekeeper: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(
    Task::Serve { url, host, port, check_listen, trusted_proxies }: Task,
) -> Result<(), GatekeeperError> {
    let place = Gatekeeper::open(&url)?;
    let config = Config { proxies: trusted_proxies, ..Config::default() };
    let server = Server::bind(&place, config, Listen::Tcp(host, port), check_listen).await?;
    println!("listening on {}", server.address()?);
    if let Some(address) = server.gateway_address()? {
        println!("gateways ask at {address}");
    }
    let mut interrupt = signal(SignalKind::interrupt()).map_err(GatekeeperError::internal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(GatekeeperError::internal)?;
    server
        .run(async move {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
            }
        })
        .await;
    Ok(())
}
