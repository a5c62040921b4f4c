//! Mail: an outbox that is written with the change that causes a mail, and a worker that sends it
//! afterwards.
//!
//! The outbox keeps keys, not texts. Whoever causes a mail says its kind, its recipient and the keys
//! it is about; the mail is made when it is sent, from what is stored *then*: an erased account, a
//! changed address or an unsubscription holds for mails that are still waiting. This module knows no
//! domain; a [`Composer`] turns keys into a [`Letter`].
//!
//! One mail's way: [`enqueue`] → `outbox::claim` (with a lease, so no transaction is open while it is
//! sent) → [`Composer::compose`] → `Templates::render` → [`Transport::send`] → sent, retried later
//! or dead. A crash between sending and noting it repeats the mail once, under the same Message-ID.

mod folder;
mod memory;
mod message;
mod model;
mod outbox;
mod smtp;
mod template;
mod text;
mod transport;
mod worker;

#[cfg(test)]
mod tests;

pub use memory::{Memory, Sent};
pub use message::Outgoing;
pub use model::{MailStatus, SendError, Stored};
pub use outbox::{counts, enqueue, list, requeue};
pub use template::TemplateError;
pub use text::Content;
pub use transport::Transport;
pub use worker::{Mailer, MailerError};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::db::Conn;
use crate::ids::{AccountId, MailId};
use crate::values::Language;

/// A mail as it waits in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    pub id: MailId,
    /// Which mail it is, for example `introduction_requested`.
    pub kind: String,
    pub account: AccountId,
    /// What it is about: ids of rows that are read when it is made.
    pub keys: Value,
}

/// A mail that is ready to be rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Name of its template, without language and format.
    pub template: &'static str,
    pub language: Language,
    /// The recipient's; `name` in the template.
    pub name: String,
    pub address: String,
    /// What the template shows. A path in it becomes an address through the template function `link`.
    pub context: Value,
    /// Path that ends mails of this kind (RFC 8058), where the recipient may choose.
    pub unsubscribe: Option<String>,
}

impl Letter {
    pub fn new(
        template: &'static str,
        language: Language,
        name: &str,
        address: &str,
        context: Value,
    ) -> Letter {
        let (name, address) = (name.to_owned(), address.to_owned());
        Letter { template, language, name, address, context, unsubscribe: None }
    }

    /// The same letter, with a way to end mails of its kind.
    pub fn with_unsubscribe(self, path: String) -> Letter {
        Letter { unsubscribe: Some(path), ..self }
    }
}

/// Turns the keys of a queued mail into a letter, with what is stored now. `None` means that nobody wants it
/// any more.
pub trait Composer: Send + Sync {
    fn compose(
        &self,
        conn: &mut Conn,
        now: DateTime<Utc>,
        mail: &Queued,
    ) -> Result<Option<Letter>, Box<dyn std::error::Error + Send + Sync>>;
}
