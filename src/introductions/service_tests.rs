//! Introductions on a database: who is told what, and what is disclosed when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::model::*;
use super::{mails, service, store};
use crate::accounts::{self, Account, Member, Tokens};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Conn, Db};
use crate::ids::{IntroductionId, ProfileId};
use crate::mail::{Composer, Letter, Mailer, Memory, Queued, Transport};
use crate::profiles::{self, Profile};

struct World {
    db: Db,
    clock: Clock,
    mailer: Mailer,
    memory: Memory,
    _folder: tempfile::TempDir,
}

/// Somebody with a published profile.
#[derive(Clone)]
struct Person {
    account: Account,
    member: Member,
    profile: Profile,
}

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&format!("sqlite://{}", folder.path().join("test.db").display()), 2).unwrap();
        db.migrate().unwrap();
        let load = |conn: &mut Conn| Tokens::load(conn, start(), "https://aihub.test", TimeDelta::hours(1));
        let tokens = db.write_now(load).unwrap();
        let (clock, memory) = (Clock::fixed(start()), Memory::default());
        let (composer, transport) = (Arc::new(Composing(tokens)), Transport::Memory(memory.clone()));
        let config = Config::load(None).unwrap();
        let mailer = Mailer::new(db.clone(), clock.clone(), composer, transport, &config).unwrap();
        World { db, clock, mailer, memory, _folder: folder }
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, IntroductionError> + Send + 'static,
    ) -> Result<T, IntroductionError> {
        self.db.write_now(work)
    }

    fn person(&self, name: &str, more: Value) -> Person {
        let mut content = json!({
            "kind": "mentor", "name": name, "summary": {"en": "Helps", "de": "Hilft"},
            "languages": ["en"], "country": "AT",
        });
        content.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (email, name) = (format!("{name}@aihub.test"), name.to_owned());
        let (account, profile) = self
            .write(move |conn| {
                let language = "de".parse().unwrap();
                let account = accounts::ensure(conn, start(), &email, &name, &language, None).unwrap();
                let content = serde_json::from_value(content).unwrap();
                let profile = profiles::put_imported(conn, start(), None, Some(&account.id), content, false)?;
                Ok((account, profile))
            })
            .unwrap();
        let member = Member::of(&account);
        Person { account, member, profile }
    }

    fn ask(
        &self,
        from: &Person,
        to: &ProfileId,
        at: DateTime<Utc>,
    ) -> Result<Introduction, IntroductionError> {
        let (member, asked) = (from.member.clone(), asked(&from.profile.id, to));
        self.write(move |conn| service::request(conn, at, &member, asked, said("Both speak English.")))
    }

    fn accept(
        &self,
        who: &Person,
        id: &IntroductionId,
        at: DateTime<Utc>,
    ) -> Result<Introduction, IntroductionError> {
        let (account, id) = (who.account.id.clone(), id.clone());
        self.write(move |conn| service::accept(conn, at, &account, &id))
    }

    fn details(&self, who: &Person, id: &IntroductionId) -> Result<service::Details, IntroductionError> {
        self.db.read_now(|conn| {
            let introduction = service::get(conn, &who.account.id, id)?;
            service::details(conn, &who.account.id, introduction)
        })
    }

    /// What leaves the outbox at `at`: kind, recipient and text, sorted.
    async fn sent(&self, at: DateTime<Utc>) -> Vec<(String, String, String)> {
        self.clock.set(at);
        self.mailer.drain().await;
        let sent = self.memory.take().into_iter();
        let mut sent: Vec<_> = sent.map(|mail| (mail.kind, mail.to, mail.content.text)).collect();
        sent.sort();
        sent
    }
}

/// Makes the mails of introductions.
struct Composing(Tokens);

impl Composer for Composing {
    fn compose(
        &self,
        conn: &mut Conn,
        now: DateTime<Utc>,
        mail: &Queued,
    ) -> Result<Option<Letter>, Box<dyn std::error::Error + Send + Sync>> {
        let account = accounts::get(conn, &mail.account)?;
        Ok(mails::compose(conn, now, &self.0, &account, mail)?)
    }
}

fn asked(requester: &ProfileId, target: &ProfileId) -> RequestIntroduction {
    RequestIntroduction {
        requester: requester.clone(),
        target: target.clone(),
        need: None,
        note: "May we talk?".to_owned(),
    }
}

fn contact_email(details: &service::Details) -> Option<&str> {
    details.contact.as_ref().and_then(|contact| contact.email.as_deref())
}

#[tokio::test]
async fn contacts_are_disclosed_to_both_on_acceptance_and_to_nobody_before() {
    let world = World::new();
    let ada = world.person("ada", json!({"contact": {"email": "office@ada.test"}}));
    let bob = world.person("bob", json!({}));
    let eve = world.person("eve", json!({}));
    let asked = world.ask(&ada, &bob.profile.id, start()).unwrap();
    for who in [&ada, &bob] {
        let details = world.details(who, &asked.id).unwrap();
        assert_eq!((details.contact, details.introduction.disclosed_at), (None, None));
    }
    assert!(matches!(world.details(&eve, &asked.id), Err(IntroductionError::NotFound)));
    assert!(matches!(world.accept(&eve, &asked.id, start()), Err(IntroductionError::NotFound)));
    let own = world.accept(&ada, &asked.id, start());
    assert!(matches!(own, Err(IntroductionError::NotYours(Side::Target))));
    let sent = world.sent(start()).await;
    let [(kind, to, text)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((kind.as_str(), to.as_str()), ("introduction_requested", "bob@aihub.test"));
    for told in ["Hilft", "Both speak English.", "May we talk?", "/links/introduction?token="] {
        assert!(text.contains(told), "{text}");
    }
    assert!(!text.contains("office@ada.test"), "{text}");

    world.accept(&bob, &asked.id, start()).unwrap();
    assert_eq!(contact_email(&world.details(&bob, &asked.id).unwrap()), Some("office@ada.test"));
    // Bob named no contact: he is reached at the address of his account.
    assert_eq!(contact_email(&world.details(&ada, &asked.id).unwrap()), Some("bob@aihub.test"));
    let matched = world.db.read_now(|conn| {
        Ok::<_, crate::db::DbError>((
            service::is_matched(conn, &ada.profile.id, &bob.account.id)?,
            service::is_matched(conn, &bob.profile.id, &ada.account.id)?,
            service::is_matched(conn, &bob.profile.id, &eve.account.id)?,
            service::is_matched(conn, &bob.profile.id, &bob.account.id)?,
        ))
    });
    assert_eq!(matched.unwrap(), (true, true, false, false));
}

#[tokio::test]
async fn accepting_twice_tells_both_once_and_the_request_is_not_mailed_any_more() {
    let world = World::new();
    let (ada, bob) = (world.person("ada", json!({})), world.person("bob", json!({})));
    let asked = world.ask(&ada, &bob.profile.id, start()).unwrap();
    let first = world.accept(&bob, &asked.id, start()).unwrap();
    let second = world.accept(&bob, &asked.id, start() + TimeDelta::days(30)).unwrap();
    assert_eq!(first, second);
    let sent = world.sent(start()).await;
    let [(kind, ada_at, to_ada), (other_kind, bob_at, to_bob)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((kind.as_str(), other_kind), (mails::INTRODUCTION_ACCEPTED, kind));
    assert_eq!((ada_at.as_str(), bob_at.as_str()), ("ada@aihub.test", "bob@aihub.test"));
    assert!(to_ada.contains("bob@aihub.test") && to_bob.contains("ada@aihub.test"));
}

#[tokio::test]
async fn a_private_contact_stays_private() {
    let world = World::new();
    let hidden = json!({"contact": {"email": "secret@bob.test"}, "visibility": {"contact": "private"}});
    let (ada, bob) = (world.person("ada", json!({})), world.person("bob", hidden));
    let asked = world.ask(&ada, &bob.profile.id, start()).unwrap();
    world.accept(&bob, &asked.id, start()).unwrap();
    assert_eq!(world.details(&ada, &asked.id).unwrap().contact, None);
    let sent = world.sent(start()).await;
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|(_, _, text)| !text.contains("secret@bob.test")), "{sent:?}");
}

#[tokio::test]
async fn capacity_counts_open_requests_and_expiry_frees_it() {
    let world = World::new();
    let (ada, eve) = (world.person("ada", json!({})), world.person("eve", json!({})));
    let bob = world.person("bob", json!({"capacity": 1}));
    world.ask(&ada, &bob.profile.id, start()).unwrap();
    let again = world.ask(&ada, &bob.profile.id, start());
    assert!(matches!(again, Err(IntroductionError::Refused(Refusal::AlreadyOpen))));
    let back = world.ask(&bob, &ada.profile.id, start());
    assert!(matches!(back, Err(IntroductionError::Refused(Refusal::AskedByTarget(_)))));
    let full = world.ask(&eve, &bob.profile.id, start());
    assert!(matches!(full, Err(IntroductionError::Refused(Refusal::TargetPaused))));
    // Nobody has noted yet that the first request ran out: asking does.
    let later = start() + LIFETIME;
    world.ask(&eve, &bob.profile.id, later).unwrap();
    let sent = world.sent(later).await;
    let expired = sent.iter().filter(|(kind, ..)| kind == mails::INTRODUCTION_EXPIRED);
    assert_eq!(
        expired.map(|(_, to, _)| to.as_str()).collect::<Vec<_>>(),
        ["ada@aihub.test", "bob@aihub.test"]
    );
    assert_eq!(world.write(move |conn| service::expire_due(conn, later)).unwrap(), 0);
    let end = later + LIFETIME;
    assert_eq!(world.write(move |conn| service::expire_due(conn, end)).unwrap(), 1);
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_open_request_of_a_pair() {
    let world = World::new();
    let (ada, bob) = (world.person("ada", json!({})), world.person("bob", json!({})));
    world.ask(&ada, &bob.profile.id, start()).unwrap();
    let twin = Introduction::new(
        start(),
        &ada.account.id,
        asked(&ada.profile.id, &bob.profile.id),
        Reason::default(),
    );
    let refused = world.write(move |conn| Ok(store::insert(conn, &twin)?)).unwrap_err();
    let IntroductionError::Database(fault) = refused else { panic!("{refused}") };
    assert!(fault.is_unique("introductions_open_pair"), "{fault}");
}

#[tokio::test]
async fn a_decline_is_told_with_its_reason_and_blocks_the_asker_only() {
    let world = World::new();
    let (ada, bob) = (world.person("ada", json!({})), world.person("bob", json!({})));
    let asked = world.ask(&ada, &bob.profile.id, start()).unwrap();
    let (account, id) = (bob.account.id.clone(), asked.id.clone());
    let message = Some("Please ask again in spring.".to_owned());
    let declined = DeclineIntroduction { code: DeclineCode::NoTime, message };
    let stored = declined.clone();
    world.write(move |conn| service::decline(conn, start(), &account, &id, declined)).unwrap();
    let details = world.details(&ada, &asked.id).unwrap();
    assert_eq!((details.contact, details.introduction.declined), (None, Some(stored)));
    let sent = world.sent(start()).await;
    let [(kind, to, text)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((kind.as_str(), to.as_str()), (mails::INTRODUCTION_DECLINED, "ada@aihub.test"));
    assert!(text.contains("Keine Zeit – Please ask again in spring."), "{text}");
    let blocks =
        |person: &Person| world.db.read_now(|conn| service::blocks(conn, &person.profile.id, start()));
    assert_eq!(blocks(&ada).unwrap(), [(bob.profile.id.clone(), Block::Declined)]);
    assert_eq!(blocks(&bob).unwrap(), []);
    let again = world.ask(&ada, &bob.profile.id, start() + TimeDelta::days(179));
    assert!(matches!(again, Err(IntroductionError::Refused(Refusal::DeclinedUntil(_)))));
    world.ask(&bob, &ada.profile.id, start()).unwrap();
    assert_eq!(blocks(&ada).unwrap(), [(bob.profile.id.clone(), Block::Introduced)]);
}

#[tokio::test]
async fn each_side_tells_once_how_it_went_and_the_first_decides() {
    let world = World::new();
    let (ada, bob) = (world.person("ada", json!({})), world.person("bob", json!({})));
    let asked = world.ask(&ada, &bob.profile.id, start()).unwrap();
    let report = |who: &Person, met: bool| {
        let (account, id) = (who.account.id.clone(), asked.id.clone());
        let outcome = Outcome { met, rating: Some(4), comment: None };
        world.write(move |conn| service::report(conn, start(), &account, &id, &outcome))
    };
    assert!(matches!(report(&ada, true), Err(IntroductionError::Transition(..))));
    world.accept(&bob, &asked.id, start()).unwrap();
    assert_eq!(report(&ada, true).unwrap().status, IntroductionStatus::Met);
    assert_eq!(report(&ada, true).unwrap().status, IntroductionStatus::Met);
    assert!(matches!(report(&ada, false), Err(IntroductionError::AlreadyReported)));
    assert_eq!(world.details(&bob, &asked.id).unwrap().outcome, None);
    assert_eq!(report(&bob, false).unwrap().status, IntroductionStatus::Met);
    assert!(!world.details(&bob, &asked.id).unwrap().outcome.unwrap().met);
    assert!(world.details(&ada, &asked.id).unwrap().outcome.unwrap().met);
}

#[tokio::test]
async fn a_list_holds_what_its_reader_takes_part_in() {
    let world = World::new();
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve"] {
        people.push(world.person(name, json!({})));
    }
    let [ada, bob, eve] = &people[..] else { panic!("three") };
    let to_bob = world.ask(ada, &bob.profile.id, start()).unwrap().id;
    let to_ada = world.ask(eve, &ada.profile.id, start() + TimeDelta::seconds(1)).unwrap().id;
    let listed =
        |who: &Person, role: Option<Side>, profile: Option<&ProfileId>, after: Option<&IntroductionId>| {
            let filter = store::Filter {
                managed_by: who.account.id.clone(),
                role,
                status: Some(IntroductionStatus::Requested),
                profile: profile.cloned(),
            };
            let after = after.map(IntroductionId::as_str);
            let found = world.db.read_now(|conn| service::list(conn, &filter, after, 10)).unwrap();
            found.iter().map(|one| one.id.to_string()).collect::<Vec<_>>()
        };
    assert_eq!(listed(ada, None, None, None), [to_ada.as_str(), to_bob.as_str()]);
    assert_eq!(listed(ada, None, None, Some(&to_ada)), [to_bob.as_str()]);
    assert_eq!(listed(ada, Some(Side::Requester), None, None), [to_bob.as_str()]);
    assert_eq!(listed(ada, Some(Side::Target), None, None), [to_ada.as_str()]);
    assert_eq!(listed(ada, None, Some(&bob.profile.id), None), [to_bob.as_str()]);
    assert_eq!(listed(bob, None, None, None), [to_bob.as_str()]);
    assert_eq!(listed(bob, None, Some(&eve.profile.id), None), Vec::<String>::new());
}

/// A reason in English.
fn said(sentence: &str) -> Reason {
    crate::values::Multilingual([("en".parse().unwrap(), sentence.to_owned())].into())
}
