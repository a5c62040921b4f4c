//! The ways out: an SMTP server, a folder, or (in tests) memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::folder;
use super::memory::Memory;
use super::message::Outgoing;
use super::model::{SendError, presentable};
use super::smtp::Smtp;
use super::worker::MailerError;
use crate::config::{MailConfig, MailTransport};

/// Where mails go. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub enum Transport {
    Smtp(Arc<Smtp>),
    Folder(PathBuf),
    /// For tests only.
    Memory(Memory),
}

/// Time for one file; a folder on a network drive may hang.
const FOLDER_TIMEOUT: Duration = Duration::from_secs(20);

impl Transport {
    /// Prepares the way that the configuration names. Connects to nothing yet, so that the service starts
    /// while the mail server is away.
    ///
    /// # Errors
    /// Where TLS can't be set up on this machine.
    pub fn new(config: &MailConfig) -> Result<Transport, MailerError> {
        Ok(match &config.transport {
            MailTransport::Folder(folder) => Transport::Folder(folder.clone()),
            MailTransport::Smtp(config) => Transport::Smtp(Arc::new(Smtp::new(config)?)),
        })
    }

    /// Hands one mail over, within a bounded time.
    ///
    /// # Errors
    /// [`SendError::Permanent`] only where the server has refused this very mail; a full disk, a folder that
    /// can't be written, a server that is away or does not let us in are worth another attempt.
    pub async fn send(&self, mail: &Outgoing) -> Result<(), SendError> {
        match self {
            Transport::Smtp(smtp) => smtp.send(&mail.message).await,
            Transport::Memory(memory) => memory.send(mail),
            Transport::Folder(folder) => {
                let (folder, name, source) = (folder.clone(), mail.id.to_string(), mail.message.formatted());
                let write = move || folder::write(&folder, &name, &source);
                let written = tokio::task::spawn_blocking(write);
                match tokio::time::timeout(FOLDER_TIMEOUT, written).await {
                    Ok(Ok(Ok(()))) => Ok(()),
                    Ok(Ok(Err(fault))) => Err(retryable("the mail folder", &fault)),
                    Ok(Err(fault)) => Err(retryable("the mail folder", &fault)),
                    Err(late) => Err(retryable("the mail folder", &late)),
                }
            }
        }
    }
}

fn retryable(place: &str, fault: &dyn std::error::Error) -> SendError {
    SendError::Retryable(presentable(&format!("{place}: {fault}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::mail::message::tests::example;

    #[tokio::test]
    async fn a_mail_becomes_a_file_under_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let mail = example("Jo", "Hello", None);
        let transport = Transport::Folder(folder.path().to_owned());
        transport.send(&mail).await.unwrap();
        transport.send(&mail).await.unwrap();
        let file = folder.path().join(format!("{}.eml", mail.id));
        assert_eq!(std::fs::read(file).unwrap(), mail.message.formatted());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_worth_another_attempt() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("mail");
        std::fs::write(&file, b"x").unwrap();
        let sent = Transport::Folder(file).send(&example("Jo", "Hello", None)).await;
        assert!(matches!(sent, Err(SendError::Retryable(_))), "{sent:?}");
    }
}
