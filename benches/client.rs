//! A small HTTP client on a plain socket: it costs so little that the server is measured, not the client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::measure::{Times, rate};

/// One connection that is kept alive.
pub struct Client(BufReader<TcpStream>);

pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Reply {
    /// The body of a success.
    pub fn expect_ok(self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Client(BufReader::with_capacity(64 * 1024, stream))
    }

    /// Sends one request and reads its answer, whose length the server must tell.
    pub fn send(&mut self, request: &[u8]) -> Reply {
        self.0.get_mut().write_all(request).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let mut length = None;
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            match line.trim_end().split_once(':') {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().ok();
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length.expect("a length")];
        self.0.read_exact(&mut body).unwrap();
        Reply { status, body: String::from_utf8(body).unwrap() }
    }
}

/// A request without a body, by a visitor.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes()
}

pub fn post(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A merge patch of whatever version there is.
pub fn patch(path: &str, token: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "PATCH {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nIf-Match: *\r\n\
         Content-Type: application/merge-patch+json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What many clients saw.
pub struct Load {
    pub times: Times,
    /// Answers a second, over all clients.
    pub rate: f64,
}

/// Lets `clients` send the requests in turn for `duration`, after a short time to warm up. Each waits for its answer
/// before it asks again; an answer other than 200 ends the measurement.
pub fn load(address: SocketAddr, clients: usize, duration: Duration, requests: &[Vec<u8>]) -> Load {
    let run = |duration: Duration| -> (Vec<Duration>, Duration) {
        let start = Instant::now();
        let one = |client: usize| {
            let (mut connection, mut times) = (Client::connect(address), Vec::new());
            let mut next = client * requests.len() / clients;
            while start.elapsed() < duration {
                let sent = Instant::now();
                connection.send(&requests[next % requests.len()]).expect_ok();
                times.push(sent.elapsed());
                next += 1;
            }
            times
        };
        let times = std::thread::scope(|scope| {
            let running: Vec<_> = (0..clients).map(|client| scope.spawn(move || one(client))).collect();
            running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        (times, start.elapsed())
    };
    run(duration / 8);
    let (times, taken) = run(duration);
    Load { rate: rate(times.len(), taken), times: Times::new(times) }
}
