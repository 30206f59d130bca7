//! `worker URL ENDPOINTS`: serves `GET /verify?key=…` on the Unix socket that is its standard input, with a thread for
//! each connection. Any number of workers may share the socket.

use std::io::{BufRead, BufReader, Write, stdin};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::{Endpoints, Verdict};
use serde_json::json;

type Answered<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Answered<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, endpoints] = arguments.as_slice() else {
        return Err("usage: worker URL ENDPOINTS".into());
    };
    let verifier = Arc::new(Gatekeeper::open(url)?.verifier(Endpoints::from_json(endpoints)?)?);
    let listener = UnixListener::from(stdin().as_fd().try_clone_to_owned()?);
    for connection in listener.incoming() {
        let (connection, verifier) = (connection?, Arc::clone(&verifier));
        // After an error, the client sees a closed connection.
        thread::spawn(move || serve(connection, &verifier).ok());
    }
    Ok(())
}

fn serve(mut connection: UnixStream, verifier: &Verifier) -> Answered<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    while let Some(request) = lines.next().transpose()? {
        while lines.next().transpose()?.is_some_and(|header| !header.is_empty()) {}
        let key = request.split(['=', ' ']).nth(2).ok_or("not GET /verify?key=…")?;
        let verdict = verifier.verify::<&str>(key, "HAMMER", &[])?;
        let answer = json!({
            "pid": std::process::id().to_string(),
            "inherited": false,
            "ok": verdict.ok(),
            "keyValid": !matches!(verdict, Verdict::InvalidKey),
        })
        .to_string();
        // In one write, so that a killed process leaves no partial response.
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        connection.write_all(response.as_bytes())?;
    }
    Ok(())
}
