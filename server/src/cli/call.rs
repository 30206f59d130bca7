//! `gatekeeper call`.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use gatekeeper::GatekeeperError;

use super::failure::Failure;
use super::output;
use super::request::OperationRequest;
use super::session::{Session, descriptor, parse};

/// Call any operation by name, with a JSON request.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper call tenants.list\n  echo '{\"tenantId\": \"tnt_…\", \"name\": \"x\"}' | gatekeeper call keys.create --input - --json"
)]
pub(crate) struct Call {
    /// The name of the operation, such as keys.create.
    name: String,
    /// The file that holds the request, or - for standard input [default: {}].
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

pub(crate) fn run(call: &Call, session: &Session) -> Result<(), Failure> {
    let descriptor = descriptor(&call.name)?;
    let request = call.request()?;
    let gatekeeper = session.client_for(&session.existing_database()?, descriptor)?;
    let response = session.call_with(&gatekeeper, descriptor, &request)?;
    match parse(&response)? {
        // The columns of an arbitrary list are not known, so it is printed as JSON.
        list if !session.output.json && list.get("items").is_some() => {
            let text = serde_json::to_string_pretty(&list).map_err(GatekeeperError::internal)?;
            output::bytes(format!("{text}\n").as_bytes())
        }
        _ => session.show(&response, &OperationRequest::new(descriptor.name, &())?),
    }
}

impl Call {
    fn request(&self) -> Result<String, Failure> {
        let read = match self.input.as_deref() {
            None => return Ok("{}".to_owned()),
            Some(path) if path.as_os_str() == "-" => {
                let mut text = String::new();
                std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
            }
            Some(path) => fs::read_to_string(path),
        };
        read.map_err(|error| {
            GatekeeperError::bad_request(format!("the request cannot be read: {error}")).into()
        })
    }
}
