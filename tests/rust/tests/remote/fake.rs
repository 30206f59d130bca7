//! Fake servers that misbehave, with one behaviour for each connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Options, Secret};

/// What the server does with a connection after a request. The last one of a list applies to all further connections.
#[derive(Clone)]
pub enum Act {
    /// Responds, and reads further requests.
    Respond(String),
    /// Responds, and closes the connection.
    SayAndClose(String),
    /// Closes the connection.
    Close,
    /// Never responds.
    Hang,
    /// Sends this, and then zeros without end.
    Flood(String),
}

pub struct Fake {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Fake {
    pub fn new(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<usize>>::default());
        let (heard, opened) = (Arc::clone(&requests), Arc::clone(&connections));
        let acts = Arc::new(Mutex::new(acts.into_iter().peekable()));
        thread::spawn(move || {
            for stream in listener.incoming() {
                *opened.lock().unwrap() += 1;
                let (heard, acts) = (Arc::clone(&heard), Arc::clone(&acts));
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    while let Some(request) = read(&mut stream) {
                        heard.lock().unwrap().push(request);
                        let act = {
                            let mut acts = acts.lock().unwrap();
                            let act = acts.next().unwrap();
                            if acts.peek().is_none() {
                                *acts = vec![act.clone()].into_iter().peekable();
                            }
                            act
                        };
                        match act {
                            Act::Respond(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                            Act::SayAndClose(answer) => {
                                stream.write_all(answer.as_bytes()).unwrap();
                                return;
                            }
                            Act::Close => return,
                            Act::Hang => {
                                // Until the client closes the connection.
                                let _ = stream.read(&mut [0; 1]);
                                heard.lock().unwrap().push("given up".to_owned());
                                return;
                            }
                            Act::Flood(start) => {
                                stream.write_all(start.as_bytes()).unwrap();
                                while stream.write_all(&[b'0'; 4096]).is_ok() {}
                                return;
                            }
                        }
                    }
                });
            }
        });
        Self { url, requests, connections }
    }

    /// The requests that were received, as text.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    /// A client with a token, which waits at most 2 seconds.
    pub fn client(&self) -> Gatekeeper {
        self.client_with(|_| ())
    }

    pub fn client_with(&self, change: impl FnOnce(&mut Options)) -> Gatekeeper {
        let mut options = Options::default();
        options.timeout = Duration::from_secs(2);
        change(&mut options);
        Gatekeeper::open_with(&self.url, options).unwrap().with_token(&Secret::new("gk_canary"))
    }
}

/// A request with its body; `None` if the client has closed the connection.
fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
    }
}

/// An HTTP response with these headers.
pub fn http(status: &str, headers: &[&str], body: &str) -> String {
    let headers = headers.join("\r\n");
    let end = if headers.is_empty() { "" } else { "\r\n" };
    format!("HTTP/1.1 {status}\r\n{headers}{end}content-length: {}\r\n\r\n{body}", body.len())
}

/// The response of a call that succeeded.
pub fn data(data: &str) -> String {
    http("200 OK", &["content-type: application/json"], &format!(r#"{{"ok":true,"data":{data}}}"#))
}

/// The response of a call that failed.
pub fn failure(status: &str, headers: &[&str], code: &str) -> String {
    let body =
        format!(r#"{{"ok":false,"error":"no","code":"{code}","requestId":"req_7","details":{{"a":1}}}}"#);
    http(status, headers, &body)
}
