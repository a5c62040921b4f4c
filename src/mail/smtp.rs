//! Mail over SMTP.
//!
//! The connections are pooled here and not by lettre: a send that runs out of time is cut off, and lettre's
//! pool would take its connection back in the middle of the conversation, so that the next mail would read
//! the answers to this one. Here a connection returns to the pool only after a mail that went well.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::model::{SendError, presentable};
use crate::config::{SmtpConfig, SmtpSecurity};

/// A connection that has been idle for longer is not used again; servers hang up after some minutes.
const IDLE: Duration = Duration::from_secs(60);

/// An SMTP server and the connections to it.
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    /// For one mail, connecting included.
    timeout: Duration,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

enum Security {
    None,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

impl Smtp {
    /// Prepares TLS; connects with the first mail.
    pub(super) fn new(config: &SmtpConfig) -> Result<Smtp, Error> {
        let tls = || TlsParameters::new(config.host.clone());
        let security = match config.security {
            SmtpSecurity::None => Security::None,
            SmtpSecurity::StartTls => Security::StartTls(tls()?),
            SmtpSecurity::Tls => Security::Tls(tls()?),
        };
        let credentials = config.username.clone().zip(config.password.clone());
        Ok(Smtp {
            host: config.host.clone(),
            port: config.port,
            security,
            credentials: credentials.map(|(user, secret)| Credentials::new(user, secret.0)),
            timeout: config.timeout,
            hello: ClientId::default(),
            idle: Mutex::new(Vec::new()),
        })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), SendError> {
        let late = || SendError::Retryable("the mail server did not answer in time".to_owned());
        tokio::time::timeout(self.timeout, self.send_without_limit(message))
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    async fn send_without_limit(&self, message: &Message) -> Result<(), SendError> {
        let mut connection = match self.idle_connection().await {
            Some(connection) => connection,
            // Whatever fails before the mail begins says nothing about the mail.
            None => self.connect().await.map_err(|fault| failed(&fault))?,
        };
        let sent = connection.send(message.envelope(), &message.formatted()).await;
        sent.map_err(|fault| refused(&fault))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((connection, Instant::now()));
        Ok(())
    }

    /// A connection that still answers, if there is one.
    async fn idle_connection(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let (mut connection, since) = taken?;
            if since.elapsed() < IDLE && connection.test_connected().await {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let server = (self.host.as_str(), self.port);
        let implicit = match &self.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::None | Security::StartTls(_) => None,
        };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, implicit, None).await?;
        if let Security::StartTls(parameters) = &self.security {
            // Fails where the server does not offer it: nothing is ever sent in the clear instead.
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

/// A failure to get as far as the mail.
fn failed(fault: &Error) -> SendError {
    SendError::Retryable(described("the mail server cannot be used", fault))
}

/// A failure of the mail itself: permanent where the server says so, or could never carry such an address.
/// Codes about commands (50x) and logging in (53x) are about us, not about the mail (RFC 5321, 4.2.3; RFC
/// 4954, 6).
fn refused(fault: &Error) -> SendError {
    let text = described("the mail server refused the mail", fault);
    let about_us = |code: u16| matches!(code, 500 | 502..=504 | 530 | 534 | 535 | 538);
    let about_mail = fault.status().is_some_and(|code| !about_us(code.into()));
    if fault.is_client() || (fault.is_permanent() && about_mail) {
        SendError::Permanent(text)
    } else {
        SendError::Retryable(text)
    }
}

/// What may be kept of a failure. Of a server's answer only the codes: its words may name the recipient.
fn described(what: &str, fault: &Error) -> String {
    let Some(code) = fault.status() else {
        return presentable(&format!("{what}: {fault}"));
    };
    let words = fault.to_string();
    let enhanced = words.split(|c: char| !(c.is_ascii_digit() || c == '.')).find(|word| is_enhanced(word));
    enhanced.map_or_else(|| format!("{what}: {code}"), |enhanced| format!("{what}: {code} {enhanced}"))
}

/// Whether it is an enhanced status code like `5.1.1` (RFC 3463).
fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let numbers = parts.iter().all(|part| matches!(part.len(), 1..=3));
    parts.len() == 3 && numbers && (word.starts_with("4.") || word.starts_with("5."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    use super::*;
    use crate::config::Secret;
    use crate::mail::message::tests::example;

    /// A small SMTP server that answers some commands as told, and notes what it was told.
    #[derive(Clone, Default)]
    struct Server {
        /// Answers by the beginning of the command, each used once; an empty answer is silence.
        answers: Arc<Mutex<Vec<(&'static str, &'static str)>>>,
        heard: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        fn start(answers: &[(&'static str, &'static str)]) -> (Server, u16) {
            let server = Server { answers: Arc::new(Mutex::new(answers.to_vec())), ..Server::default() };
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let serving = server.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let serving = serving.clone();
                    std::thread::spawn(move || serving.serve(stream.unwrap()));
                }
            });
            (server, port)
        }

        fn serve(&self, stream: TcpStream) {
            let mut out = stream.try_clone().unwrap();
            let mut say =
                |answer: &str| answer.is_empty() || out.write_all(format!("{answer}\r\n").as_bytes()).is_ok();
            say(&self.answer("connect", "220 ready"));
            let mut in_data = false;
            for line in BufReader::new(stream).lines() {
                let Ok(line) = line else { return };
                self.heard.lock().unwrap().push(line.clone());
                let answer = match line.get(..4) {
                    _ if in_data && line == "." => self.answer(".", "250 queued"),
                    _ if in_data => continue,
                    Some("EHLO") => self.answer("EHLO", "250-test\r\n250 AUTH PLAIN"),
                    Some("DATA") => self.answer("DATA", "354 go on"),
                    Some("AUTH") => self.answer("AUTH", "235 welcome"),
                    Some(verb) => self.answer(verb, "250 fine"),
                    None => "500 what?".to_owned(),
                };
                in_data = answer.starts_with("354");
                if !say(&answer) {
                    return;
                }
            }
        }

        fn answer(&self, to: &str, usual: &str) -> String {
            let mut answers = self.answers.lock().unwrap();
            let told = answers.iter().position(|(command, _)| *command == to);
            told.map_or_else(|| usual.to_owned(), |index| answers.remove(index).1.to_owned())
        }

        fn count(&self, command: &str) -> usize {
            self.heard.lock().unwrap().iter().filter(|line| line.starts_with(command)).count()
        }
    }

    fn smtp(port: u16, security: SmtpSecurity, login: bool) -> Smtp {
        Smtp::new(&SmtpConfig {
            host: "127.0.0.1".to_owned(),
            port,
            security,
            username: login.then(|| "user".to_owned()),
            password: login.then(|| Secret("secret".to_owned())),
            timeout: Duration::from_millis(500),
        })
        .unwrap()
    }

    async fn send_to(answers: &[(&'static str, &'static str)]) -> Result<(), SendError> {
        let (_, port) = Server::start(answers);
        smtp(port, SmtpSecurity::None, true).send(&example("Jo", "Hello", None).message).await
    }

    #[tokio::test]
    async fn mails_share_a_connection() {
        let (server, port) = Server::start(&[]);
        let smtp = smtp(port, SmtpSecurity::None, true);
        for _ in 0..3 {
            smtp.send(&example("Jo", "Hello", None).message).await.unwrap();
        }
        assert_eq!((server.count("EHLO"), server.count("AUTH"), server.count("RCPT")), (1, 1, 3));
        assert_eq!(server.count("RCPT TO:<jo@example.eu>"), 3);
    }

    #[tokio::test]
    async fn a_refused_recipient_is_permanent_and_not_named() {
        let sent = send_to(&[("RCPT", "550 5.1.1 <jo@example.eu>: no mailbox jo here")]).await;
        let text = "the mail server refused the mail: 550 5.1.1".to_owned();
        assert_eq!(sent, Err(SendError::Permanent(text)));
        let sent = send_to(&[(".", "554 spam")]).await;
        let text = "the mail server refused the mail: 554".to_owned();
        assert_eq!(sent, Err(SendError::Permanent(text)));
    }

    #[tokio::test]
    async fn what_may_pass_is_retryable() {
        for answers in [
            [("RCPT", "451 4.7.1 greylisted")],
            [("connect", "554 no service")],
            [("connect", "")],
            [("EHLO", "421 busy")],
            [("AUTH", "535 5.7.8 wrong password for user")],
            [("MAIL", "530 5.7.0 log in first")],
            [("DATA", "")],
            [(".", "452 disk full")],
        ] {
            let sent = send_to(&answers).await;
            assert!(matches!(sent, Err(SendError::Retryable(_))), "{answers:?}: {sent:?}");
        }
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let message = example("Jo", "Hello", None).message;
        let sent = smtp(closed, SmtpSecurity::None, false).send(&message).await;
        assert!(matches!(sent, Err(SendError::Retryable(_))));
    }

    #[tokio::test]
    async fn a_mail_after_one_that_was_cut_off_gets_a_connection_of_its_own() {
        let (server, port) = Server::start(&[(".", "250 queued"), (".", "")]);
        let smtp = smtp(port, SmtpSecurity::None, false);
        let message = example("Jo", "Hello", None).message;
        smtp.send(&message).await.unwrap();
        assert!(matches!(smtp.send(&message).await, Err(SendError::Retryable(_))));
        smtp.send(&message).await.unwrap();
        assert_eq!((server.count("EHLO"), server.count("DATA")), (2, 3));
    }

    #[tokio::test]
    async fn a_connection_that_the_server_closed_is_replaced() {
        let (server, port) = Server::start(&[("NOOP", "421 bye")]);
        let smtp = smtp(port, SmtpSecurity::None, false);
        let message = example("Jo", "Hello", None).message;
        smtp.send(&message).await.unwrap();
        smtp.send(&message).await.unwrap();
        assert_eq!((server.count("EHLO"), server.count("DATA")), (2, 2));
    }

    #[tokio::test]
    async fn without_the_encryption_that_is_required_nothing_is_said() {
        for security in [SmtpSecurity::StartTls, SmtpSecurity::Tls] {
            let (server, port) = Server::start(&[]);
            let sent = smtp(port, security, true).send(&example("Jo", "Hello", None).message).await;
            assert!(matches!(sent, Err(SendError::Retryable(_))), "{sent:?}");
            assert_eq!((server.count("AUTH"), server.count("MAIL")), (0, 0));
        }
    }

    #[test]
    fn enhanced_codes_are_told_from_other_numbers() {
        assert!(is_enhanced("5.1.1") && is_enhanced("4.7.26"));
        for other in ["192.0.2", "5.1", "5..1", "5.1.1.1", "", "5.1.1000"] {
            assert!(!is_enhanced(other), "{other}");
        }
    }
}
