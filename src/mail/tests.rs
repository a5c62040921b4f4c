//! The outbox and its worker, on a temporary SQLite file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use serde_json::json;
use tokio::sync::watch;

use super::model::Claimed;
use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::schema::{accounts, mails};
use crate::db::{Db, DbError};

type Composed = Result<Option<Letter>, Box<dyn std::error::Error + Send + Sync>>;

/// Composes every mail in the same way.
struct Always(fn(&Queued) -> Composed);

impl Composer for Always {
    fn compose(&self, _: &mut Conn, _: DateTime<Utc>, mail: &Queued) -> Composed {
        (self.0)(mail)
    }
}

fn known(_: &Queued) -> Composed {
    let language = Language::english();
    Ok(Some(Letter::new("address_known", language, "Jo", "jo@example.eu", json!({}))))
}

struct World {
    db: Db,
    clock: Clock,
    memory: Memory,
    mailer: Mailer,
    account: AccountId,
    _folder: tempfile::TempDir,
}

fn start() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn world(compose: fn(&Queued) -> Composed) -> World {
    world_at(compose, Clock::fixed(start()))
}

fn world_at(compose: fn(&Queued) -> Composed, clock: Clock) -> World {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::connect(&format!("sqlite://{}/mail.sqlite", folder.path().display()), 4).unwrap();
    db.migrate().unwrap();
    let account = AccountId::new(start());
    let row = (
        accounts::id.eq(account.to_string()),
        accounts::email.eq("jo@example.eu"),
        accounts::password_hash.eq(""),
        accounts::display_name.eq("Jo"),
        accounts::language.eq("en"),
        accounts::role.eq("member"),
        accounts::terms_version.eq("1"),
        accounts::terms_accepted_at.eq(start().naive_utc()),
        accounts::version.eq(1),
        accounts::created_at.eq(start().naive_utc()),
        accounts::updated_at.eq(start().naive_utc()),
    );
    db.write_now(move |conn| {
        diesel::insert_into(accounts::table).values(row).execute(conn).map_err(DbError::from)
    })
    .unwrap();
    let memory = Memory::default();
    let mut config = Config::load(None).unwrap();
    config.public_url = "https://hub.example".parse().unwrap();
    let (composer, transport) = (Arc::new(Always(compose)), Transport::Memory(memory.clone()));
    let mailer = Mailer::new(db.clone(), clock.clone(), composer, transport, &config).unwrap();
    World { db, clock, memory, mailer, account, _folder: folder }
}

impl World {
    fn queue(&self, count: usize) -> Vec<MailId> {
        let (now, account) = (self.clock.now(), self.account.clone());
        let queue = move |conn: &mut Conn| {
            (0..count).map(|n| enqueue(conn, now, "test", &account, &json!({ "n": n }))).collect()
        };
        self.db.write_now::<Vec<MailId>, DbError>(queue).unwrap()
    }

    fn stored(&self, id: &MailId) -> Stored {
        let all = self.db.read_now(|conn| list(conn, None, None, 1000)).unwrap();
        all.into_iter().find(|stored| stored.id == *id).unwrap()
    }

    fn claim(&self, limit: i64) -> Vec<Claimed> {
        let now = self.clock.now();
        self.db.write_now(move |conn| outbox::claim(conn, now, TimeDelta::minutes(10), limit)).unwrap()
    }

    fn pass(&self, time: TimeDelta) {
        self.clock.set(self.clock.now() + time);
    }
}

#[tokio::test]
async fn a_mail_is_made_sent_and_noted() {
    let world = world(known);
    let id = world.queue(1).remove(0);
    assert_eq!(world.mailer.drain().await, 1);
    assert_eq!(world.mailer.drain().await, 0);
    let sent = world.memory.take();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].to.as_str(), sent[0].kind.as_str()), ("jo@example.eu", "test"));
    assert!(sent[0].source.contains(&format!("Message-ID: <{id}@hub.example>\r\n")));
    let stored = world.stored(&id);
    assert_eq!((stored.status, stored.attempts), (MailStatus::Sent, 1));
    assert_eq!((stored.sent_at, stored.last_error), (Some(start()), None));
}

#[tokio::test]
async fn everything_due_is_sent_once() {
    let world = world(known);
    let queued: BTreeSet<_> = world.queue(25).into_iter().collect();
    assert_eq!(world.mailer.drain().await, 25);
    let sent = world.memory.take();
    assert_eq!(sent.len(), 25);
    assert_eq!(sent.into_iter().map(|mail| mail.id).collect::<BTreeSet<_>>(), queued);
}

#[test]
fn two_workers_never_claim_the_same_mail() {
    let world = world(known);
    let queued = world.queue(60);
    let claimed: Vec<MailId> = std::thread::scope(|scope| {
        let worker = || {
            let mut mine = Vec::new();
            loop {
                let claimed = world.claim(3);
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|mail| mail.queued.id));
            }
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(claimed.len(), 60);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), queued.into_iter().collect());
}

#[test]
fn a_claim_of_what_another_has_just_claimed_finds_nothing() {
    let world = world(known);
    world.queue(1);
    let first = world.claim(5);
    assert_eq!((first.len(), first[0].attempts, first[0].created_at), (1, 1, start()));
    assert!(world.claim(5).is_empty());
}

#[tokio::test]
async fn a_mail_of_a_crashed_worker_is_sent_after_its_lease() {
    let world = world(known);
    let id = world.queue(1).remove(0);
    let lost = world.claim(1).remove(0);
    world.pass(TimeDelta::minutes(9));
    assert_eq!(world.mailer.drain().await, 0);
    world.pass(TimeDelta::minutes(1));
    let second = world.claim(1).remove(0);
    assert_eq!(second.attempts, 2);

    // The first worker comes back: it holds nothing any more.
    let now = world.clock.now();
    let late = move |conn: &mut Conn| {
        Ok::<_, DbError>((
            outbox::retry_later(conn, &lost, now, "late")?,
            outbox::mark_dead(conn, &lost, "late")?,
            outbox::drop_unwanted(conn, &lost)?,
        ))
    };
    assert_eq!(world.db.write_now(late).unwrap(), (false, false, false));
    assert_eq!(world.stored(&id).status, MailStatus::Sending);

    // But if it did send the mail, the second one must not send it once more.
    let sent = id.clone();
    world.db.write_now(move |conn| outbox::mark_sent(conn, now, &sent)).unwrap();
    let retry = move |conn: &mut Conn| outbox::retry_later(conn, &second, now, "failed");
    assert!(!world.db.write_now(retry).unwrap());
    assert_eq!(world.stored(&id).status, MailStatus::Sent);
}

#[tokio::test]
async fn failures_are_retried_with_growing_pauses_until_the_mail_is_dead() {
    let world = world(known);
    let id = world.queue(1).remove(0);
    world.memory.fail_next(8, &SendError::Retryable("away".to_owned()));
    let mut waited = TimeDelta::zero();
    for attempt in 1..=7 {
        assert_eq!(world.mailer.drain().await, 1, "attempt {attempt}");
        let stored = world.stored(&id);
        assert_eq!((stored.status, stored.attempts), (MailStatus::Pending, attempt));
        assert_eq!(stored.last_error.as_deref(), Some("away"));
        let pause = stored.due_at - world.clock.now();
        world.pass(pause - TimeDelta::microseconds(1));
        assert_eq!(world.mailer.drain().await, 0, "too early after attempt {attempt}");
        world.pass(TimeDelta::microseconds(1));
        waited += pause;
    }
    assert!((40..50).contains(&waited.num_hours()), "{waited}");
    assert_eq!(world.mailer.drain().await, 1);
    assert_eq!(world.stored(&id).status, MailStatus::Dead);
    world.pass(TimeDelta::days(30));
    assert_eq!(world.mailer.drain().await, 0);

    let (now, dead) = (world.clock.now(), id.clone());
    assert!(world.db.write_now(move |conn| requeue(conn, now, &dead)).unwrap());
    let stored = world.stored(&id);
    assert_eq!((stored.status, stored.attempts, stored.last_error), (MailStatus::Pending, 0, None));
    assert_eq!(world.mailer.drain().await, 1);
    assert_eq!(world.stored(&id).status, MailStatus::Sent);
    // Only what is dead is queued again.
    assert!(!world.db.write_now(move |conn| requeue(conn, now, &id)).unwrap());
    let unknown = MailId::new(now);
    let refused = world.db.write_now(move |conn| requeue(conn, now, &unknown));
    assert!(matches!(refused, Err(DbError::NotFound)));
    assert_eq!(world.memory.take().len(), 1);
}

#[tokio::test]
async fn a_permanent_failure_is_not_retried() {
    let world = world(known);
    let id = world.queue(1).remove(0);
    world.memory.fail_next(1, &SendError::Permanent("550 5.1.1".to_owned()));
    world.mailer.drain().await;
    let stored = world.stored(&id);
    assert_eq!((stored.status, stored.attempts), (MailStatus::Dead, 1));
    assert_eq!(stored.last_error.as_deref(), Some("550 5.1.1"));
}

#[tokio::test]
async fn a_mail_that_ends_its_worker_each_time_is_given_up() {
    let world = world(known);
    let id = world.queue(1).remove(0);
    for _ in 0..8 {
        assert_eq!(world.claim(1).len(), 1);
        world.pass(TimeDelta::minutes(11));
    }
    assert_eq!(world.mailer.drain().await, 1);
    assert_eq!(world.stored(&id).status, MailStatus::Dead);
    assert!(world.memory.sent().is_empty());
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_dropped() {
    let world = world(|_| Ok(None));
    let id = world.queue(1).remove(0);
    assert_eq!(world.mailer.drain().await, 1);
    assert_eq!(world.stored(&id).status, MailStatus::Dropped);
    assert!(world.memory.sent().is_empty());
}

#[tokio::test]
async fn a_mail_that_cannot_be_made_is_retried_and_the_error_tells_no_address() {
    let compositions: [fn(&Queued) -> Composed; 3] = [
        |_| Err("no row for jo@example.eu".into()),
        |_| Ok(Some(Letter::new("no_such", Language::english(), "Jo", "jo@example.eu", json!({})))),
        |_| panic!("a fault in a domain"),
    ];
    for compose in compositions {
        let world = world(compose);
        let id = world.queue(1).remove(0);
        assert_eq!(world.mailer.drain().await, 1);
        let stored = world.stored(&id);
        assert_eq!(stored.status, MailStatus::Pending);
        assert!(stored.due_at > world.clock.now());
        let error = stored.last_error.unwrap();
        assert!(error.starts_with("the mail cannot be made") && !error.contains('@'), "{error}");
    }
}

#[tokio::test]
async fn an_account_erased_while_its_mail_is_under_way_stays_erased() {
    let world = world(known);
    world.queue(1);
    let claimed = world.claim(1).remove(0);
    let account = world.account.to_string();
    let erase_and_note = move |conn: &mut Conn| {
        diesel::delete(accounts::table.find(account)).execute(conn)?;
        outbox::mark_sent(conn, start(), &claimed.queued.id)?;
        outbox::retry_later(conn, &claimed, start(), "failed")
    };
    assert!(!world.db.write_now(erase_and_note).unwrap());
    assert!(world.db.read_now(|conn| list(conn, None, None, 10)).unwrap().is_empty());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_does_not_stop_the_others() {
    let world = world(known);
    let ids = world.queue(3);
    let broken = ids[0].to_string();
    let damage = move |conn: &mut Conn| {
        diesel::update(mails::table.find(broken))
            .set(mails::subject_keys.eq("{"))
            .execute(conn)
            .map_err(DbError::from)
    };
    world.db.write_now(damage).unwrap();
    assert_eq!(world.mailer.drain().await, 2);
    let counted = world.db.read_now(counts).unwrap();
    assert!(counted.contains(&(MailStatus::Dead, 1)) && counted.contains(&(MailStatus::Sent, 2)));
}

#[tokio::test]
async fn an_idle_worker_writes_nothing() {
    let world = world(known);
    world.queue(1);
    world.mailer.drain().await;
    let committed = world.db.committed();
    let commit = committed.notified();
    tokio::pin!(commit);
    commit.as_mut().enable();
    assert_eq!(world.mailer.drain().await, 0);
    assert!(tokio::time::timeout(Duration::from_millis(50), commit).await.is_err());
}

#[tokio::test]
async fn the_worker_hears_of_commits_and_stops_when_told() {
    let world = world_at(known, Clock::system());
    let (stop, stopped) = watch::channel(false);
    let World { mailer, db, clock, account, memory, _folder } = world;
    let running = tokio::spawn(Arc::new(mailer).run(stopped));
    for count in 1..=3 {
        let (now, account) = (clock.now(), account.clone());
        db.write(move |conn| enqueue(conn, now, "test", &account, &json!({}))).await.unwrap();
        let arrived = async {
            while memory.sent().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), arrived).await.unwrap();
    }
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
}

#[test]
fn mails_are_listed_newest_first_by_state_and_page() {
    let world = world(known);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.extend(world.queue(1));
        world.pass(TimeDelta::seconds(1));
    }
    ids.reverse();
    let listed = |status, after: Option<&MailId>, limit| -> Vec<MailId> {
        let after = after.map(MailId::as_str);
        let listed = world.db.read_now(|conn| list(conn, status, after, limit)).unwrap();
        listed.into_iter().map(|stored| stored.id).collect()
    };
    assert_eq!(listed(None, None, 2), ids[..2]);
    assert_eq!(listed(None, Some(&ids[1]), 10), ids[2..]);
    assert_eq!(listed(Some(MailStatus::Pending), None, 10), ids);
    assert!(listed(Some(MailStatus::Dead), None, 10).is_empty());
    let counted = world.db.read_now(counts).unwrap();
    assert_eq!(counted.len(), MailStatus::ALL.len());
    assert_eq!(counted[0], (MailStatus::Pending, 5));
}
