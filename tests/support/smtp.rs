//! A real SMTP server, `smtp_server.py`, and what it wrote down.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub const USER: &str = "aihub";
pub const PASSWORD: &str = "a secret of the test";

/// A server that runs; it ends with this value.
pub struct SmtpServer {
    child: Child,
    pub port: u16,
    folder: TempDir,
}

impl SmtpServer {
    /// `security` as in the setting `smtp_security`.
    pub fn start(security: &str) -> SmtpServer {
        SmtpServer::start_at(security, 0)
    }

    /// At this port; 0 for any.
    pub fn start_at(security: &str, port: u16) -> SmtpServer {
        let python = std::env::var("AIHUB_TEST_PYTHON").expect(
            "AIHUB_TEST_PYTHON must name a Python with the packages aiosmtpd and trustme: \
             run scripts/install-smtp-server, which prints its path, or run scripts/test",
        );
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(python);
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/smtp_server.py"))
            .args(["--security", security, "--port", &port.to_string(), "--log"])
            .arg(folder.path().join("log"))
            .arg("--authority")
            .arg(folder.path().join("authority.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("AIHUB_TEST_PYTHON names a Python");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the SMTP server prints its port");
        SmtpServer { child, port, folder }
    }

    /// The certificate of the authority that has signed the server's.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Every attempt to deliver something, oldest first.
    pub fn attempts(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The attempts for one recipient.
    pub fn attempts_for(&self, address: &str) -> Vec<Value> {
        self.attempts().into_iter().filter(|attempt| attempt["to"][0] == address).collect()
    }

    /// The mails that were taken for one recipient.
    pub fn taken_for(&self, address: &str) -> Vec<Value> {
        self.attempts_for(address).into_iter().filter(|attempt| attempt["taken"] == true).collect()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
