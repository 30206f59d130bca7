//! The `gatekeeper` binary: the server and the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    gatekeeper_server::cli::run(std::env::args_os()).into()
}
