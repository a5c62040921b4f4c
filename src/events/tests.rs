//! Events in a database of their own: lists, mails, and the links in them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tempfile::TempDir;
use utoipa_actix_web::AppExt;

use super::model::samples::{at, content, now};
use super::model::{Event, EventContent, EventError, EventStatus};
use super::service;
use super::steps::{CancelEvent, RescheduleEvent, Step};
use super::store::{self, Filter};
use crate::accounts::{self, Account, Caller, Tokens};
use crate::clock::Clock;
use crate::db::{Conn, Db, DbError, Part};
use crate::http::capacity::Capacity;
use crate::http::contract::Contract;
use crate::ids::{EventId, MailId, ProfileId};
use crate::mail::{self, Letter, Queued};
use crate::profiles::{self, Profile, ProfileContent};
use crate::values::Format;

/// A hub with a follower, a start-up, and somebody who owns both.
struct House {
    db: Db,
    tokens: Tokens,
    owner: Account,
    follower: Account,
    hub: Profile,
    startup: Profile,
    _folder: TempDir,
}

fn account(conn: &mut Conn, name: &str) -> Account {
    let (address, language) = (format!("{name}@house.example"), "fr".parse().unwrap());
    accounts::ensure(conn, now(), &address, name, &language, None).unwrap()
}

fn profile(conn: &mut Conn, kind: &str, owner: &Account) -> Profile {
    let content: ProfileContent = serde_json::from_value(json!({
        "kind": kind, "name": "Haus Nord", "summary": {"en": "A house"}, "languages": ["de"], "country": "AT",
    }))
    .unwrap();
    profiles::put_imported(conn, now(), None, Some(&owner.id), content, true).unwrap()
}

impl House {
    fn new() -> House {
        let folder = TempDir::new().unwrap();
        let db = Db::connect(&format!("sqlite://{}", folder.path().join("a.db").display()), 2).unwrap();
        db.migrate().unwrap();
        let made = db.clone();
        db.write_now(move |conn| {
            let (owner, follower) = (account(conn, "owner"), account(conn, "follower"));
            let (hub, startup) = (profile(conn, "hub", &owner), profile(conn, "startup", &owner));
            profiles::follow(conn, now(), &hub, &follower.id).unwrap();
            let tokens = Tokens::load(conn, now(), "http://localhost/", TimeDelta::minutes(5)).unwrap();
            Ok::<_, DbError>(House { db: made, tokens, owner, follower, hub, startup, _folder: folder })
        })
        .unwrap()
    }

    fn write<T: Send + 'static>(&self, work: impl FnOnce(&mut Conn) -> T + Send + 'static) -> T {
        self.db.write_now(|conn| Ok::<_, DbError>(work(conn))).unwrap()
    }

    fn content(&self) -> EventContent {
        EventContent { profile: self.hub.id.clone(), ..content() }
    }

    fn import(&self, known: Option<EventId>, content: EventContent) -> Result<Event, EventError> {
        self.write(move |conn| service::put_imported(conn, now(), known.as_ref(), content))
    }

    fn draft(&self) -> Event {
        let event = Event::new(now(), self.content());
        self.write(move |conn| {
            store::insert(conn, &event).unwrap();
            event
        })
    }

    fn step(&self, event: Event, step: Step) -> Event {
        self.write(move |conn| service::step(conn, now(), event, step)).unwrap()
    }

    fn list(&self, filter: Filter) -> Vec<EventId> {
        let listed = self.write(move |conn| service::list(conn, &filter, Part::After(None, 100))).unwrap();
        listed.into_iter().map(|event| event.id).collect()
    }

    /// Kinds of all queued mails, in their alphabet.
    fn mails(&self) -> Vec<String> {
        let queued = self.write(|conn| mail::list(conn, None, None, 100)).unwrap();
        let mut kinds: Vec<_> = queued.into_iter().map(|mail| mail.kind).collect();
        kinds.sort();
        kinds
    }

    fn compose(&self, kind: &str, keys: serde_json::Value, to: &Account) -> Option<Letter> {
        let (tokens, to) = (self.tokens.clone(), to.clone());
        let mail = Queued { id: MailId::new(now()), kind: kind.to_owned(), account: to.id.clone(), keys };
        self.write(move |conn| super::compose(conn, now(), &tokens, &to, &mail)).unwrap()
    }
}

fn moved(hours: i64, content: EventContent) -> EventContent {
    let by = TimeDelta::hours(hours);
    EventContent { starts_at: content.starts_at + by, ends_at: content.ends_at + by, ..content }
}

#[test]
fn a_list_is_narrowed_by_time_place_language_and_topic() {
    let house = House::new();
    let here = house.import(None, house.content()).unwrap().id;
    let mut elsewhere = moved(24, house.content());
    elsewhere.languages = vec!["fr".parse().unwrap(), "fr".parse().unwrap()];
    elsewhere.concepts = serde_json::from_value(json!(["computer_vision"])).unwrap();
    let venue = elsewhere.venue.as_mut().unwrap();
    (venue.city, venue.country) = ("Évry".to_owned(), "FR".parse().unwrap());
    let elsewhere = house.import(None, elsewhere).unwrap().id;
    let online = house.content();
    let online = EventContent { format: Format::Online, venue: None, ..moved(-24, online) };
    let online = house.import(None, online).unwrap().id;

    let all = Filter::default;
    let both = [online.clone(), here.clone(), elsewhere.clone()];
    assert_eq!(house.list(all()), both);
    let narrowed = [
        (Filter { from: Some(at("2026-11-24T14:59:59Z")), ..all() }, &both[1..]),
        (Filter { from: Some(at("2026-11-24T15:00:00Z")), ..all() }, &both[2..]),
        (Filter { to: Some(at("2026-11-24T08:00:00Z")), ..all() }, &both[..1]),
        (Filter { countries: vec!["AT".parse().unwrap(), "DE".parse().unwrap()], ..all() }, &both[1..2]),
        (Filter { city: Some("éVRY".to_owned()), ..all() }, &both[2..]),
        (Filter { languages: vec!["fr".parse().unwrap()], ..all() }, &both[2..]),
        (
            Filter { concepts: serde_json::from_value(json!(["computer_vision"])).unwrap(), ..all() },
            &both[2..],
        ),
        (Filter { formats: vec![Format::OnSite], ..all() }, &both[1..]),
        (Filter { profile: Some(house.hub.id.clone()), ..all() }, &both[..]),
        (Filter { profile: Some(house.startup.id.clone()), ..all() }, &[]),
    ];
    for (filter, expected) in narrowed {
        let told = format!("{filter:?}");
        assert_eq!(house.list(filter), expected, "{told}");
    }
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let house = House::new();
    for hours in [5, 0, 5, 5, 2] {
        house.import(None, moved(hours, house.content())).unwrap();
    }
    let expected = house.list(Filter::default());
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let from = cursor.take();
        let part = Part::After(from, 2);
        let page = house.write(move |conn| service::list(conn, &Filter::default(), part)).unwrap();
        let Some(last) = page.last() else { break };
        cursor = Some((last.content.starts_at, last.id.clone()));
        seen.extend(page.into_iter().map(|event| event.id));
    }
    assert_eq!((seen.len(), seen), (5, expected));
}

#[test]
fn drafts_and_cancelled_events_are_listed_for_those_who_ask_rightly() {
    let house = House::new();
    let draft = house.draft();
    let cancelled = house.import(None, house.content()).unwrap();
    let cancelled = house.step(cancelled, Step::Cancel(CancelEvent { reason: None })).id;
    let given_up = house.step(house.draft(), Step::Cancel(CancelEvent { reason: None })).id;
    let asked = |status, account: Option<&Account>| {
        let managed_by = account.map(|account| account.id.clone());
        let mut found = house.list(Filter { status, managed_by, ..Filter::default() });
        found.sort();
        found
    };
    let mut all = vec![draft.id.clone(), cancelled.clone(), given_up];
    all.sort();
    assert!(asked(None, None).is_empty());
    assert_eq!(asked(Some(EventStatus::Cancelled), None), [cancelled]);
    assert!(asked(Some(EventStatus::Draft), None).is_empty());
    assert_eq!(asked(None, Some(&house.owner)), all);
    assert!(asked(None, Some(&house.follower)).is_empty());
    let visitor = house.write(move |conn| service::visible(conn, &Caller(None), &draft.id));
    assert!(matches!(visitor, Err(EventError::NotFound)));
}

#[test]
fn followers_are_told_what_they_can_plan_by() {
    let house = House::new();
    let event = house.step(house.draft(), Step::Publish);
    assert_eq!(house.mails(), ["event_announced"]);
    let (starts_at, ends_at) = (at("2026-12-01T08:00:00Z"), at("2026-12-01T09:00:00Z"));
    let event = house.step(event, Step::Reschedule(RescheduleEvent { starts_at, ends_at, zone: None }));
    let announced = json!({ "event": event.id });
    let changed = json!({ "event": event.id, "change": { "status": "rescheduled", "starts_at": starts_at } });
    let letter = house.compose("event_changed", changed.clone(), &house.follower).unwrap();
    assert_eq!(letter.context["when"], "1er décembre 2026 à 09:00");
    assert_eq!(letter.context["what"], "rescheduled");
    assert!(letter.unsubscribe.unwrap().starts_with("/links/unfollow?token="));
    assert!(house.compose("event_announced", announced.clone(), &house.follower).is_some());
    assert!(house.compose("event_announced", announced.clone(), &house.owner).is_none());

    let event = house.step(event, Step::Cancel(CancelEvent { reason: None }));
    assert_eq!(house.mails(), ["event_announced", "event_changed", "event_changed"]);
    assert!(house.compose("event_changed", changed, &house.follower).is_none());
    assert!(house.compose("event_announced", announced, &house.follower).is_none());
    assert_eq!(event.sequence, 3);
}

#[test]
fn an_import_announces_nothing_and_knows_its_own() {
    let house = House::new();
    let event = house.import(None, house.content()).unwrap();
    assert_eq!((event.status, event.sequence), (EventStatus::Scheduled, 0));
    let again = house.import(Some(event.id.clone()), moved(1, house.content())).unwrap();
    assert_eq!((again.id, again.status, again.sequence), (event.id, EventStatus::Rescheduled, 1));
    let past = house.import(None, moved(-24 * 100, house.content())).unwrap();
    assert_eq!(past.status, EventStatus::Held);
    let startup = EventContent { profile: house.startup.id.clone(), ..house.content() };
    assert!(matches!(house.import(None, startup), Err(EventError::NoEvents(_))));
    let nobody = EventContent { profile: ProfileId::new(now()), ..house.content() };
    assert!(matches!(house.import(None, nobody), Err(EventError::Profile(_))));
    assert!(house.mails().is_empty());
}

#[test]
fn time_holds_each_event_once() {
    let house = House::new();
    let first = house.import(None, house.content()).unwrap();
    let postponed = house.import(None, house.content()).unwrap();
    house.step(postponed, Step::Postpone);
    house.draft();
    let hold = |at: DateTime<Utc>| house.write(move |conn| service::hold_due(conn, at)).unwrap();
    let over = content().ends_at;
    assert_eq!(hold(over - TimeDelta::seconds(1)), 0);
    assert_eq!(hold(over), 1);
    assert_eq!(hold(over), 0);
    let held = house.write(move |conn| service::get(conn, &first.id)).unwrap();
    assert_eq!((held.status, held.sequence), (EventStatus::Held, 0));
}

/// Sends a request as somebody, and reads status, body and `ETag` of the answer.
macro_rules! send {
    ($app:expr, $token:expr, $request:expr) => {{
        let request = $request.insert_header(("authorization", format!("Bearer {}", $token)));
        let response = call_service($app, request.to_request()).await;
        let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        (status, String::from_utf8(read_body(response).await.to_vec()).unwrap(), tag.unwrap_or_default())
    }};
}

#[actix_web::test]
async fn an_event_lives_through_its_routes() {
    let house = House::new();
    let (app, _) = App::new()
        .into_utoipa_app()
        .app_data(web::Data::new(house.db.clone()))
        .app_data(web::Data::new(house.tokens.clone()))
        .app_data(web::Data::new(Clock::fixed(now())))
        .app_data(web::Data::new(Contract::new(&crate::app::openapi()).unwrap()))
        .app_data(web::Data::new(Capacity::new(64, std::time::Duration::from_secs(10))))
        .configure(super::routes::configure)
        .split_for_parts();
    let app = init_service(app).await;
    let owner = house.tokens.issue(&house.owner, now()).unwrap();
    let stranger = house.tokens.issue(&house.follower, now()).unwrap();
    let create = || TestRequest::post().uri("/events").set_json(house.content());

    assert_eq!(send!(&app, stranger, create()).0, 403);
    let startups = EventContent { profile: house.startup.id.clone(), ..house.content() };
    assert_eq!(send!(&app, owner, TestRequest::post().uri("/events").set_json(startups)).0, 409);
    let (status, body, _) = send!(&app, owner, create());
    assert_eq!(status, 201, "{body}");
    let view: serde_json::Value = serde_json::from_str(&body).unwrap();
    let path = format!("/events/{}", view["id"].as_str().unwrap());
    let post = |step: &str| TestRequest::post().uri(&format!("{path}/{step}"));

    assert_eq!(send!(&app, stranger, TestRequest::get().uri(&path)).0, 404);
    assert_eq!(send!(&app, stranger, post("publish")).0, 404);
    assert_eq!(send!(&app, owner, post("publish")).0, 200);
    assert_eq!(send!(&app, owner, post("publish")).0, 409);
    assert_eq!(send!(&app, stranger, post("postpone")).0, 403);
    let (status, _, tag) = send!(&app, stranger, TestRequest::get().uri(&path));
    assert_eq!(status, 200);
    let patch = |change: serde_json::Value| {
        TestRequest::patch().uri(&path).insert_header(("if-match", tag.as_str())).set_json(change)
    };
    let (status, body, _) = send!(&app, owner, patch(json!({ "ends_at": "2026-11-24T16:00:00Z" })));
    assert!(status == 409 && body.contains("invalid_transition") && body.contains("/reschedule"), "{body}");
    let (status, body, _) = send!(&app, owner, patch(json!({ "venue": { "city": "Graz" }, "capacity": 0 })));
    assert!(status == 422 && body.contains("/capacity"), "{body}");
    assert_eq!(send!(&app, owner, patch(json!({ "venue": { "city": "Graz" }, "url": null }))).0, 200);
    let past =
        json!({ "starts_at": "2026-10-01T08:00:00Z", "ends_at": "2026-10-01T07:00:00Z", "zone": "Mars" });
    let (status, body, _) = send!(&app, owner, post("reschedule").set_json(past));
    assert_eq!(status, 422);
    assert!(body.contains("/zone") && body.contains("/ends_at"), "{body}");
    let (status, body, _) =
        send!(&app, owner, post("move-online").set_json(json!({ "url": "https://hub.example/meeting" })));
    assert!(status == 200 && body.contains("moved_online") && !body.contains("Graz"), "{body}");
    let (status, body, _) = send!(&app, stranger, TestRequest::get().uri(&format!("{path}/calendar.ics")));
    assert!(status == 200 && body.contains("SEQUENCE:3\r\n"), "{body}");
    assert_eq!(send!(&app, owner, post("cancel").set_json(json!({ "reason": "two\nlines" }))).0, 422);
    assert_eq!(send!(&app, owner, post("cancel").set_json(json!({}))).0, 200);

    for (query, status, items) in [
        ("", 200, 0),
        ("?status=cancelled&from=2026-11-24&to=2026-11-24&format=online", 200, 1),
        ("?status=cancelled&to=2026-11-23", 200, 0),
        ("?managed=true&limit=1", 200, 1),
        ("?status=draft", 403, 0),
        ("?from=soon", 400, 0),
        ("?from=-262143-01-01", 400, 0),
        ("?cursor=AAAA", 400, 0),
        ("?country=XX", 400, 0),
    ] {
        let (found, body, _) = send!(&app, owner, TestRequest::get().uri(&format!("/events{query}")));
        assert_eq!(found, status, "{query}: {body}");
        assert_eq!(body.matches("\"status\":\"cancelled\"").count(), items, "{query}: {body}");
    }
}

#[actix_web::test]
async fn a_link_ends_the_mails_by_a_click_and_not_by_opening_it() {
    let house = House::new();
    let event = house.import(None, house.content()).unwrap();
    let letter = house.compose("event_announced", json!({ "event": event.id }), &house.follower).unwrap();
    let path = letter.unsubscribe.unwrap();
    let (app, _) = App::new()
        .into_utoipa_app()
        .app_data(web::Data::new(house.db.clone()))
        .app_data(web::Data::new(house.tokens.clone()))
        .app_data(web::Data::new(Clock::fixed(now())))
        .configure(super::links::configure)
        .split_for_parts();
    let app = init_service(app).await;
    let follows = || {
        let (hub, account) = (house.hub.id.clone(), house.follower.id.clone());
        house.write(move |conn| profiles::is_follower(conn, &hub, &account)).unwrap()
    };

    let opened = TestRequest::get().uri(&path).insert_header(("accept-language", "de")).to_request();
    let page = call_service(&app, opened).await;
    assert_eq!(page.status(), StatusCode::OK);
    let html = String::from_utf8(read_body(page).await.to_vec()).unwrap();
    assert!(html.contains("Haus Nord") && html.contains("Diese E-Mails beenden"), "{html}");
    assert!(html.contains(&format!("action=\"{path}\"")), "{html}");
    assert!(follows());

    // What a mail program's own button sends, twice.
    for _ in 0..2 {
        let clicked = TestRequest::post().uri(&path).set_payload("List-Unsubscribe=One-Click");
        assert_eq!(call_service(&app, clicked.to_request()).await.status(), StatusCode::OK);
        assert!(!follows());
    }
    let broken = TestRequest::post().uri(&format!("{path}x")).to_request();
    assert_eq!(call_service(&app, broken).await.status(), StatusCode::GONE);
}
