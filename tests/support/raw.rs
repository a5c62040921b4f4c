//! A connection by hand: for what no HTTP library sends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// By then the other side has ended the connection, on any machine.
const PATIENCE: Duration = Duration::from_secs(180);

pub struct Raw(pub TcpStream);

impl Raw {
    /// `base` is the server's address with its scheme.
    pub async fn connect(base: &str) -> Raw {
        Raw(TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap())
    }

    /// Sends; whether the other side still took it.
    pub async fn send(&mut self, text: &str) -> bool {
        self.0.write_all(text.as_bytes()).await.is_ok()
    }

    /// Reads one answer that has a body of known length, head and all.
    pub async fn answer(&mut self) -> String {
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !is_whole(&text) {
            let count = timeout(PATIENCE, self.0.read(&mut buffer)).await.unwrap().unwrap();
            assert!(count > 0, "the connection ended after {text}");
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        text
    }

    /// All that comes until the other side ends the connection, in whatever way.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        assert!(read.is_ok(), "the connection does not end after {}", String::from_utf8_lossy(&bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a byte again and again until the other side has ended the connection; returns what it said.
    pub async fn dribble(&mut self, byte: &str) -> String {
        let dribbling = async {
            let mut text = String::new();
            let mut buffer = [0; 4096];
            loop {
                self.send(byte).await;
                match timeout(Duration::from_millis(100), self.0.read(&mut buffer)).await {
                    Ok(Ok(0) | Err(_)) => return text,
                    Ok(Ok(count)) => text.push_str(&String::from_utf8_lossy(&buffer[..count])),
                    Err(_) => {}
                }
            }
        };
        timeout(PATIENCE, dribbling).await.expect("the connection ends")
    }

    /// Goes away without a word.
    pub fn reset(self) {
        self.0.set_zero_linger().unwrap();
    }
}

/// Whether head and body are complete.
fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
