//! The worker that takes mails out of the outbox and sends them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use lettre::message::Mailbox;
use tokio::sync::watch;

use super::message::{self, Outgoing};
use super::model::{self, Claimed, SendError, presentable};
use super::template::{TemplateError, Templates};
use super::transport::Transport;
use super::{Composer, Letter, outbox};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbError};

/// Mails under way at once.
const AT_ONCE: usize = 4;

/// How long a mail belongs to the worker that took it: longer than the longest send (`smtp_timeout_seconds`,
/// at most 300) and the making before it.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// Looks at the outbox at least this often: retries fall due without a commit.
const TICK: Duration = Duration::from_secs(1);

/// Rests this long between two looks, so that a stream of commits does not become a stream of queries.
const REST: Duration = Duration::from_millis(50);

/// Sends what is in the outbox. Several may run, also in several processes.
pub struct Mailer {
    db: Db,
    clock: Clock,
    composer: Arc<dyn Composer>,
    transport: Transport,
    templates: Templates,
    from: Mailbox,
    /// What Message-IDs end with.
    host: String,
}

/// Why mail can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("TLS for the mail server: {0}")]
    Tls(#[from] lettre::transport::smtp::Error),
}

/// What became of an attempt.
enum Outcome {
    Sent,
    Unwanted,
    Failed(SendError),
}

impl Mailer {
    /// A worker that sends as the configured sender; links begin with the configured address.
    ///
    /// # Errors
    /// A template that can't be parsed.
    pub fn new(
        db: Db,
        clock: Clock,
        composer: Arc<dyn Composer>,
        transport: Transport,
        config: &Config,
    ) -> Result<Mailer, MailerError> {
        let templates = Templates::new(&config.public_url)?;
        let host = config.public_url.host_str().unwrap_or("localhost").to_owned();
        let from = config.mail.from.clone();
        Ok(Mailer { db, clock, composer, transport, templates, from, host })
    }

    /// Sends whatever falls due, until `stop` becomes true or its sender is gone; mails under way are
    /// finished first.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let committed = self.db.committed();
        while !*stop.borrow() {
            // Begins to listen before it looks: a commit in between is not missed.
            let commit = committed.notified();
            tokio::pin!(commit);
            commit.as_mut().enable();
            self.drain_until(|| *stop.borrow()).await;
            let next = async {
                tokio::time::sleep(REST).await;
                let _ = tokio::time::timeout(TICK, commit).await;
            };
            tokio::select! {
                () = next => {}
                stopped = stop.wait_for(|stop| *stop) => {
                    drop(stopped);
                    return;
                }
            }
        }
    }

    /// Sends everything that is due now and returns how many mails that were, whatever became of them. What
    /// fails falls due later and is not waited for.
    pub async fn drain(&self) -> usize {
        self.drain_until(|| false).await
    }

    async fn drain_until(&self, stop: impl Fn() -> bool) -> usize {
        let mut under_way = FuturesUnordered::new();
        let mut done = 0;
        loop {
            let free = AT_ONCE - under_way.len();
            if !stop() {
                match self.claim(free).await {
                    Ok(claimed) => under_way.extend(claimed.into_iter().map(|mail| self.deliver(mail))),
                    Err(fault) => log::error!("the outbox cannot be read: {fault}"),
                }
            }
            match under_way.next().await {
                Some(()) => done += 1,
                None => return done,
            }
        }
    }

    async fn claim(&self, limit: usize) -> Result<Vec<Claimed>, DbError> {
        let now = self.clock.now();
        // Asking first keeps an idle worker from writing, and thereby from waking itself for ever.
        if !self.db.read(move |conn| outbox::is_any_due(conn, now)).await? {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.db.write(move |conn| outbox::claim(conn, now, LEASE, limit)).await
    }

    /// Sends one mail and notes what became of it.
    async fn deliver(&self, mail: Claimed) {
        let (id, kind) = (mail.queued.id.clone(), mail.queued.kind.clone());
        // One mail that can't be made must not end the sending of all others.
        let outcome = AssertUnwindSafe(self.attempt(&mail)).catch_unwind().await.unwrap_or_else(|_| {
            Outcome::Failed(SendError::Retryable("the attempt ended in a panic".to_owned()))
        });
        if let Err(fault) = self.note(mail, outcome).await {
            // The lease runs out, and the mail is tried again.
            log::error!("mail {id} ({kind}): the outcome cannot be noted: {fault}");
        }
    }

    async fn attempt(&self, mail: &Claimed) -> Outcome {
        if model::is_exhausted(mail.attempts) {
            let text = "every attempt ended without an outcome".to_owned();
            return Outcome::Failed(SendError::Permanent(text));
        }
        let made = match self.compose(mail).await {
            Ok(Some(letter)) => self.make(mail, &letter),
            Ok(None) => return Outcome::Unwanted,
            Err(fault) => Err(fault),
        };
        let sent = match made {
            Ok(outgoing) => self.transport.send(&outgoing).await,
            Err(fault) => Err(fault),
        };
        sent.map_or_else(Outcome::Failed, |()| Outcome::Sent)
    }

    async fn compose(&self, mail: &Claimed) -> Result<Option<Letter>, SendError> {
        let (composer, queued, now) = (Arc::clone(&self.composer), mail.queued.clone(), self.clock.now());
        let letter = self.db.read(move |conn| composer.compose(conn, now, &queued)).await;
        letter.map_err(|fault| unmade(fault.as_ref()))
    }

    fn make(&self, mail: &Claimed, letter: &Letter) -> Result<Outgoing, SendError> {
        let content = self.templates.render(letter).map_err(|fault| unmade(&fault))?;
        let unsubscribe = letter.unsubscribe.as_deref().map(|path| self.templates.link(path));
        let unsubscribe = unsubscribe.transpose().map_err(|fault| unmade(&fault))?;
        message::outgoing(&self.from, &self.host, mail, letter, content, unsubscribe.as_ref())
    }

    /// Notes the outcome. The log tells the mail, its kind and the outcome; neither address nor text.
    async fn note(&self, mail: Claimed, outcome: Outcome) -> Result<(), DbError> {
        let now = self.clock.now();
        let Claimed { queued, attempts, .. } = &mail;
        let label = format!("mail {} ({}), attempt {attempts}", queued.id, queued.kind);
        let pause = model::pause_after(*attempts, &queued.id);
        let held = match outcome {
            Outcome::Sent => {
                log::info!("{label}: sent");
                let id = queued.id.clone();
                return self.db.write(move |conn| outbox::mark_sent(conn, now, &id)).await;
            }
            Outcome::Unwanted => {
                log::info!("{label}: dropped, nobody wants it any more");
                self.db.write(move |conn| outbox::drop_unwanted(conn, &mail)).await?
            }
            Outcome::Failed(SendError::Retryable(error)) if let Some(pause) = pause => {
                log::warn!("{label}: tried again in {} min: {error}", pause.num_minutes());
                let due = now + pause;
                self.db.write(move |conn| outbox::retry_later(conn, &mail, due, &error)).await?
            }
            Outcome::Failed(SendError::Retryable(error) | SendError::Permanent(error)) => {
                log::error!("{label}: given up: {error}");
                self.db.write(move |conn| outbox::mark_dead(conn, &mail, &error)).await?
            }
        };
        if !held {
            log::warn!("{label}: erased or taken over by another worker meanwhile");
        }
        Ok(())
    }
}

/// A mail that could not be made; a later version or state may be able to.
fn unmade(fault: &(dyn std::error::Error + 'static)) -> SendError {
    SendError::Retryable(presentable(&format!("the mail cannot be made: {fault}")))
}
