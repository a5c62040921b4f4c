//! What a mail in the outbox is, when it is tried again, and what may be remembered about a failure.

use chrono::{DateTime, TimeDelta, Utc};

use super::Queued;
use crate::ids::MailId;
use crate::values::codes;

codes!(
    /// Where a mail stands on its way out.
    MailStatus {
        /// Waits until it is due.
        Pending = "pending",
        /// A worker has it, until its lease ends.
        Sending = "sending",
        /// Taken over by the mail server.
        Sent = "sent",
        /// Given up; an operator may queue it again.
        Dead = "dead",
        /// Nobody wanted it any more when it was made.
        Dropped = "dropped",
    }
);

/// A mail that one worker holds until its lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    pub queued: Queued,
    /// Attempts that have begun, this one included: 1 or more.
    pub attempts: i32,
    /// When it was queued; its `Date`, whenever it leaves.
    pub created_at: DateTime<Utc>,
}

/// A mail of the outbox as an operator sees it: neither address nor text.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub id: MailId,
    pub kind: String,
    pub status: MailStatus,
    /// Attempts that have begun.
    pub attempts: i32,
    /// When a pending mail is tried next.
    pub due_at: DateTime<Utc>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// Why a mail did not leave. The texts are stored and logged, so they tell no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may work later.
    #[error("{0}")]
    Retryable(String),
    /// It will never work for this mail.
    #[error("{0}")]
    Permanent(String),
}

/// Minutes from one attempt to the next; after the attempt that follows the last pause, a mail is dead.
const PAUSES: [i64; 7] = [1, 5, 30, 2 * 60, 6 * 60, 12 * 60, 24 * 60];

/// How long to wait after this failed attempt (1 is the first); `None` once all were used up. Spread by up to
/// a tenth either way, by the id, so that what failed together is not tried together again.
pub fn pause_after(attempt: i32, id: &MailId) -> Option<TimeDelta> {
    let index = usize::try_from(attempt).ok()?.checked_sub(1)?;
    let pause = TimeDelta::minutes(*PAUSES.get(index)?);
    let spread = id.as_str().bytes().fold(0, |sum: i64, byte| (sum * 31 + i64::from(byte)) % 201);
    Some(pause + pause * i32::try_from(spread - 100).ok()? / 1000)
}

/// Whether more attempts have begun than the schedule has, which happens to a mail that ends its worker each
/// time.
pub fn is_exhausted(attempts: i32) -> bool {
    usize::try_from(attempts).is_ok_and(|begun| begun > PAUSES.len() + 1)
}

/// Longest error that is stored, in characters.
const ERROR_LENGTH: usize = 200;

/// An error as it may be stored: one line, short, and without any word that could be an address.
pub fn presentable(error: &str) -> String {
    let words: Vec<&str> =
        error.split_whitespace().map(|word| if word.contains('@') { "(address)" } else { word }).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(ERROR_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let id = MailId::new(Utc::now());
        let pauses: Vec<_> = (1..=8).map_while(|attempt| pause_after(attempt, &id)).collect();
        assert_eq!(pauses.len(), 7);
        assert!(pauses.is_sorted());
        assert_eq!(pause_after(0, &id), None);
        assert!(!is_exhausted(8));
        assert!(is_exhausted(9));
    }

    #[test]
    fn jitter_is_at_most_a_tenth_and_depends_on_the_id_only() {
        let hour = TimeDelta::minutes(120);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let id = MailId::new(Utc::now());
            let pause = pause_after(4, &id).unwrap();
            assert_eq!(pause_after(4, &id), Some(pause));
            assert!(pause >= hour * 9 / 10 && pause <= hour * 11 / 10, "{pause}");
            seen.insert(pause);
        }
        assert!(seen.len() > 50, "only {} different pauses", seen.len());
    }

    #[test]
    fn a_stored_error_tells_no_address_and_is_short() {
        let stored = presentable("550 <ada@example.eu>:\r\n no such user\tada@example.eu here");
        assert_eq!(stored, "550 (address) no such user (address) here");
        assert_eq!(presentable(&"é".repeat(500)).chars().count(), ERROR_LENGTH);
    }
}
