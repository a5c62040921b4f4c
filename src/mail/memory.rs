//! Mail that stays in memory, for tests of this service.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::message::Outgoing;
use super::model::SendError;
use super::text::Content;
use crate::ids::MailId;

/// A mail that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub id: MailId,
    pub kind: String,
    /// The recipient's address, without the name.
    pub to: String,
    pub content: Content,
    /// All of it as it would go over the wire.
    pub source: String,
}

/// Keeps what is sent, and fails on request. For tests only: no configuration leads here. Clones share one
/// box.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    sent: Vec<Sent>,
    failures: VecDeque<SendError>,
}

impl Memory {
    /// Everything sent so far, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.inner().sent.clone()
    }

    /// Everything sent since the last call.
    pub fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.inner().sent)
    }

    /// Lets the next `count` sends fail with `error`, after those that were asked for before.
    pub fn fail_next(&self, count: usize, error: &SendError) {
        self.inner().failures.extend(std::iter::repeat_n(error.clone(), count));
    }

    pub(super) fn send(&self, mail: &Outgoing) -> Result<(), SendError> {
        let mut inner = self.inner();
        if let Some(failure) = inner.failures.pop_front() {
            return Err(failure);
        }
        let to: Vec<_> = mail.message.envelope().to().iter().map(ToString::to_string).collect();
        inner.sent.push(Sent {
            id: mail.id.clone(),
            kind: mail.kind.clone(),
            to: to.join(", "),
            content: mail.content.clone(),
            source: String::from_utf8_lossy(&mail.message.formatted()).into_owned(),
        });
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
