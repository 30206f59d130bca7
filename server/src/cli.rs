//! The command line. A command turns its arguments into a request for one operation of the core's table; `session`
//! executes the request and `show` prints the response.

mod arguments;
mod audit;
mod backup;
mod call;
mod doctor;
mod failure;
mod fields;
mod import;
mod init;
mod keys;
mod output;
mod permissions;
mod platform;
mod prompt;
mod prune;
mod report;
mod request;
mod restore;
mod root_keys;
mod secret;
mod serve;
mod session;
mod settings;
mod show;
mod tenants;
mod usage;
mod users;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _};

use crate::config::Flags;
use arguments::{Arguments, Command};
use failure::Failure;
use output::Output;
use session::Session;

/// Runs `gatekeeper` with these arguments, the first of which is the program's name. Returns the exit code: 0 for
/// success, 1 for rejected, 2 for wrong use.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is not an error: the reader has seen enough of the help.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let output = Output { json: arguments.global.json };
    match execute(arguments, output) {
        Ok(()) => 0,
        Err(failure) => report::report(&failure, output),
    }
}

fn execute(arguments: Arguments, output: Output) -> Result<(), Failure> {
    let Arguments { global, command } = arguments;
    let flags = global.flags();
    match command {
        Command::Completions { shell } => complete(shell),
        Command::Doctor => doctor::run(&flags, output),
        Command::Config => settings::run(&flags, output),
        Command::Init(init) => {
            let flags = Flags { creates_file: true, ..flags };
            init::run(&init, &Session::open(&flags, output)?)
        }
        Command::Serve(serve) => serve::run(&Session::open(&serve.add_to(flags)?, output)?),
        Command::Backup(backup) => backup::run(&backup, &Session::open(&flags, output)?),
        Command::Restore(restore) => restore::run(&restore, &Session::open(&flags, output)?),
        Command::Prune(prune) => prune::run(&prune, &Session::open(&flags, output)?),
        Command::Call(call) => call::run(&call, &Session::open(&flags, output)?),
        Command::Users(users::Users::Create(create)) => {
            users::create(&create, &Session::open(&flags, output)?)
        }
        Command::Keys(keys::Keys::Import(import)) => import::run(&import, &Session::open(&flags, output)?),
        command => match command.into_request()? {
            Some(request) => Session::open(&flags, output)?.execute(&request),
            None => Ok(()),
        },
    }
}

fn complete(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "gatekeeper", &mut script);
    output::bytes(&script)
}

#[cfg(test)]
mod tests;
