//! Copies of lists that clients keep with `updated_since`: equal to the list after any changes, and silent about what
//! their reader never could see.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::common::{Member, Reply, TestApp, all_is_readable, hub, mentor, startup, with};
use crate::events::{draft, event, id, organisation, published, step};
use crate::import::line;
use crate::players::{Dice, Players};

const BEGINNING: &str = "updated_since=1970-01-01T00:00:00Z";

/// A client that keeps a copy of a list, filters and all.
struct Copy<'a> {
    test: &'a TestApp,
    reader: Option<&'a Member<'a>>,
    /// The list with its filters; ends with `?` or `&`.
    list: String,
    items: BTreeMap<String, Value>,
    /// All ids that came, and those that were said to be gone.
    came: BTreeSet<String>,
    gone: BTreeSet<String>,
    next: Option<String>,
    /// How often it had to begin anew.
    begun_anew: usize,
}

impl<'a> Copy<'a> {
    fn new(test: &'a TestApp, reader: Option<&'a Member<'a>>, list: &str) -> Copy<'a> {
        let sign = if list.contains('?') { '&' } else { '?' };
        Copy {
            test,
            reader,
            list: format!("/api/v1/{list}{sign}"),
            items: BTreeMap::new(),
            came: BTreeSet::new(),
            gone: BTreeSet::new(),
            next: None,
            begun_anew: 0,
        }
    }

    async fn ask(&self, parameters: &str) -> Reply {
        let path = format!("{}{parameters}", self.list);
        match self.reader {
            Some(member) => member.get(&path).await,
            None => self.test.get(&path).await,
        }
    }

    /// Asks for the next page, or for the first one.
    async fn next(&self, limit: usize) -> Reply {
        let place = self.next.as_ref().map_or(BEGINNING.to_owned(), |next| format!("cursor={next}"));
        self.ask(&format!("{place}&limit={limit}")).await
    }

    /// Reads a page into the copy; says whether there may be more.
    async fn read(&mut self, limit: usize) -> bool {
        let reply = self.next(limit).await;
        if reply.status == 410 {
            reply.expect_problem(410, "copy_outdated");
            (self.next, self.begun_anew) = (None, self.begun_anew + 1);
            self.items.clear();
            return true;
        }
        let reply = reply.expect(200);
        let page = reply.json();
        let (items, gone) = (page["items"].as_array().unwrap(), page["gone"].as_array().unwrap());
        assert!(items.len() + gone.len() <= limit);
        for item in items {
            let id = item["id"].as_str().unwrap().to_owned();
            self.came.insert(id.clone());
            self.items.insert(id, item.clone());
        }
        for gone in gone {
            let id = gone["id"].as_str().unwrap();
            self.items.remove(id);
            self.gone.insert(id.to_owned());
        }
        self.next = Some(page["next"].as_str().unwrap().to_owned());
        let more = !items.is_empty() || !gone.is_empty();
        assert_eq!(reply.header("link").is_empty(), !more, "links end where the copy is up to date");
        more
    }

    /// Reads until there is nothing new.
    async fn catch_up(&mut self) {
        while self.read(100).await {}
    }

    /// What is new, as the ids that came and those that went, in their order.
    async fn news(&mut self) -> (Vec<String>, Vec<String>) {
        readable(self.test).await;
        self.came.clear();
        self.gone.clear();
        self.catch_up().await;
        [&self.came, &self.gone].map(|ids| ids.iter().cloned().collect()).into()
    }

    /// Checks that it is what the list shows now. Events that are over leave a list by themselves, but no copy.
    async fn equals_the_list(&self) {
        let mut listed = BTreeMap::new();
        let by_time = self.list.contains("/events") && !self.list.contains("from=");
        let always = if by_time { "from=1900-01-01&" } else { "" };
        let mut place = String::new();
        loop {
            let page = self.ask(&format!("{always}limit=100{place}")).await.expect(200).json();
            assert!(page.get("gone").is_none(), "a list tells of nothing that is gone");
            for item in page["items"].as_array().unwrap() {
                listed.insert(item["id"].as_str().unwrap().to_owned(), item.clone());
            }
            let Some(next) = page["next"].as_str() else { break };
            place = format!("&cursor={next}");
        }
        let ids = |items: &BTreeMap<String, Value>| items.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&self.items), ids(&listed), "{}", self.list);
        for (id, item) in &listed {
            assert_eq!(&self.items[id], item, "{} {id}", self.list);
        }
    }
}

/// The lists that can be followed.
const LISTS: [&str; 4] = ["profiles", "needs", "offerings", "events"];
/// How many changes the copies go through.
const CHANGES: usize = 10_000;
/// Lines of an import at a time.
const LINES: usize = 40;

/// A source that says something else of its records again and again.
struct Feed {
    dice: Dice,
    owner: String,
}

impl Feed {
    fn text(&mut self) -> Value {
        json!({ "en": format!("Say {}", self.dice.roll(1_000_000)) })
    }

    /// What one of its records now is.
    fn line(&mut self) -> Value {
        let country = *self.dice.pick(&["AT", "DE", "FR"]);
        let kind = *self.dice.pick(&["advice", "training", "funding"]);
        let (text, key) = (self.text(), self.dice.roll(60));
        let body = json!({ "profile": format!("p{}", key % 9 * 3), "title": text, "description": text });
        match self.dice.roll(4) {
            0 => self.profile(key % 27, country),
            1 => {
                let days = 1 + self.dice.roll(30);
                line("need", &format!("n{key}"), with(body, json!({ "type": kind, "expires_in_days": days })))
            }
            2 => line("offering", &format!("o{key}"), with(body, json!({ "type": kind }))),
            _ => {
                let day = format!("2026-12-{:02}", 1 + self.dice.roll(28));
                let place = json!({
                    "starts_at": format!("{day}T08:00:00Z"), "ends_at": format!("{day}T10:00:00Z"),
                    "zone": "Europe/Vienna", "languages": ["en"], "format": "on_site",
                    "venue": { "city": "Irgendwo", "country": country }
                });
                line("event", &format!("e{key}"), with(body, place))
            }
        }
    }

    /// Every third is an organisation, which may have events; every other one is managed by somebody.
    fn profile(&mut self, key: usize, country: &str) -> Value {
        let kind = ["organisation", "mentor", "startup"][key % 3];
        let level = *self.dice.pick(&["public", "members", "matched", "private"]);
        let mut body = json!({
            "kind": kind, "name": format!("Number {key}"), "languages": ["en"], "country": country,
            "summary": self.text(), "description": self.text(), "visibility": { "description": level }
        });
        if key % 2 == 0 {
            body["owner"] = json!(self.owner);
        }
        line("profile", &format!("p{key}"), body)
    }
}

/// What is counted while the copies are kept.
#[derive(Default)]
struct Progress {
    changes: Cell<usize>,
    met: Cell<usize>,
    /// Tells the reader that something has changed.
    changed: Notify,
}

impl Progress {
    fn add(&self, changes: usize) {
        self.changes.set(self.changes.get() + changes);
        self.changed.notify_one();
    }

    fn is_done(&self) -> bool {
        self.changes.get() >= CHANGES
    }
}

/// Imports until enough has changed, and lets a week pass now and then.
async fn keep_importing(test: &TestApp, mut feed: Feed, progress: &Progress) {
    for week in 1..=3 {
        while progress.changes.get() < CHANGES * week / 3 {
            let lines = (0..LINES).map(|_| feed.line()).collect();
            progress.add(import(test, lines).await);
        }
        test.clock.set(test.clock.now() + TimeDelta::days(7));
        aihub::app::upkeep(&test.app.db, test.clock.now()).await;
    }
}

async fn import(test: &TestApp, lines: Vec<Value>) -> usize {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let app = test.app.clone();
    let done = tokio::task::spawn_blocking(move || app.import("feed", &text, &|_| {})).await.unwrap();
    let report = done.unwrap();
    // On PostgreSQL somebody else may have changed the same thing meanwhile.
    let mut faults = report.refused.iter().flat_map(|refused| &refused.faults);
    assert!(faults.all(|fault| fault.code == "stale_version"), "{:?}", report.refused);
    report.created + report.updated
}

/// One side asks the other for an introduction, which accepts it. Refusals are part of the game.
async fn introduce(asking: &Players<'_>, asked: &Players<'_>, dice: &mut Dice) -> bool {
    let body = json!({
        "requester": dice.pick(&asking.profiles), "target": dice.pick(&asked.profiles), "note": "An hour, please."
    });
    let reply = asking.member.post("/api/v1/introductions", &body).await;
    if reply.status != 201 {
        return false;
    }
    let path = format!("/api/v1/introductions/{}", reply.json()["id"].as_str().unwrap());
    asked.member.act(&format!("{path}/accept")).await.status == 200
}

/// Two do random things, and now and then meet.
async fn keep_playing(mut one: Players<'_>, mut other: Players<'_>, progress: &Progress) {
    let mut dice = Dice(7);
    while !progress.is_done() {
        let before = one.done + other.done;
        tokio::join!(one.act(), other.act());
        progress.add(one.done + other.done - before);
        if dice.roll(8) == 0 && introduce(&one, &other, &mut dice).await {
            progress.met.set(progress.met.get() + 1);
        }
    }
}

/// Reads pages of random copies whenever something has changed.
async fn keep_reading(copies: &mut [Copy<'_>], progress: &Progress) {
    let mut dice = Dice(11);
    while !progress.is_done() {
        progress.changed.notified().await;
        let which = dice.roll(copies.len());
        for _ in 0..dice.roll(4) {
            copies[which].read(1 + dice.roll(40)).await;
        }
    }
}

/// Waits until everything that has been committed can be read in the feed.
async fn readable(test: &TestApp) {
    while !test.app.db.read(all_is_readable).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn copies_that_follow_ten_thousand_random_changes_end_equal_to_the_lists() {
    let test = TestApp::start_with(|config| config.access_token_lifetime = TimeDelta::days(10_000)).await;
    let admin = test.administrator().await;
    let (ada, bob, eve) = (
        test.member("ada@example.eu").await,
        test.member("bob@example.eu").await,
        test.member("eve@example.eu").await,
    );
    let mut feed = Feed { dice: Dice(3), owner: ada.email.clone() };
    import(&test, (0..27).map(|key| feed.profile(key, "AT")).collect()).await;
    // What was imported for her takes part in the game.
    let houses = ids_of(&ada.get("/api/v1/profiles?managed=true&kind=organisation").await);
    let house = houses[0].clone();
    let mut copies: Vec<Copy<'_>> = LISTS.map(|list| Copy::new(&test, None, list)).into();
    for narrowed in [
        "profiles?kind=mentor&country=FR",
        "needs?type=advice",
        &format!("offerings?profile={house}"),
        "events?country=DE&status=scheduled",
        "events?format=online&from=2026-12-10&to=2026-12-31",
    ] {
        copies.push(Copy::new(&test, None, narrowed));
    }
    copies.extend(["profiles", "needs"].map(|list| Copy::new(&test, Some(&eve), list)));
    copies.extend(LISTS.map(|list| Copy::new(&test, Some(&ada), &format!("{list}?managed=true"))));
    copies.extend(
        ["profiles", "offerings?managed=true&status=open"].map(|list| Copy::new(&test, Some(&ada), list)),
    );

    let mut players = Vec::new();
    for (member, houses, seed) in [(&ada, houses, 1), (&bob, vec![organisation(&bob).await], 2)] {
        let (member, admin) = (test.login(&member.email).await, test.login(&admin.email).await);
        players.push(Players::new(&test, member, admin, Dice(seed), houses));
    }
    let (other, one) = (players.pop().unwrap(), players.pop().unwrap());
    let (began, progress) = (Instant::now(), Progress::default());
    tokio::join!(
        keep_importing(&test, feed, &progress),
        keep_playing(one, other, &progress),
        keep_reading(&mut copies, &progress)
    );
    println!("{} changes in {:?}", progress.changes.get(), began.elapsed());
    assert!(progress.met.get() > 0, "nobody met");
    readable(&test).await;
    let (mut things, mut gone) = (0, 0);
    for copy in &mut copies {
        copy.catch_up().await;
        copy.equals_the_list().await;
        println!("{} {} things, {} were gone", copy.list, copy.items.len(), copy.gone.len());
        assert_eq!(copy.begun_anew, 0, "{}", copy.list);
        (things, gone) = (things + copy.items.len(), gone + copy.gone.len());
    }
    assert!(things > 300 && gone > 150, "{things} things, {gone} gone");
}

/// Copies of all lists that a visitor keeps.
async fn visitor(test: &TestApp) -> [Copy<'_>; 4] {
    readable(test).await;
    let mut copies = LISTS.map(|list| Copy::new(test, None, list));
    for copy in &mut copies {
        copy.catch_up().await;
    }
    copies
}

/// What is new for all of these copies: what came, and what went.
async fn news(copies: &mut [Copy<'_>; 4]) -> [(Vec<String>, Vec<String>); 4] {
    let [profiles, needs, offerings, events] = copies;
    [profiles.news().await, needs.news().await, offerings.news().await, events.news().await]
}

fn came(ids: &[&str]) -> (Vec<String>, Vec<String>) {
    (ids.iter().map(|id| (*id).to_owned()).collect(), Vec::new())
}

fn went(ids: &[&str]) -> (Vec<String>, Vec<String>) {
    let (ids, none) = came(ids);
    (none, ids)
}

/// A draft of an offering; returns its id.
async fn offering(member: &Member<'_>, profile: &str) -> String {
    let body = json!({
        "profile": profile, "type": "advice", "title": { "en": "Advice" }, "description": { "en": "An hour." }
    });
    member.post("/api/v1/offerings", &body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn no_tombstone_tells_of_what_its_reader_never_could_see() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let mut copies = visitor(&test).await;
    let mut member = Copy::new(&test, Some(&eve), "profiles");
    let mut own = Copy::new(&test, Some(&ada), "profiles?managed=true");
    let body = with(hub(), json!({ "kind": "organisation" }));
    let house =
        ada.post("/api/v1/profiles", &body).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let profile = format!("/api/v1/profiles/{house}");
    let need = ada.need(&house, "Mentor gesucht", "Wer hilft?").await;
    let hidden = offering(&ada, &house).await;
    let (meeting, dropped) = (draft(&ada, &event(&house)).await, draft(&ada, &event(&house)).await);
    ada.patch(&profile, &json!({ "city": "Linz" })).await.expect(200);
    ada.act(&format!("{profile}/archive")).await.expect(200);
    step(&ada, &dropped, "cancel").await.expect(200);
    assert_eq!(news(&mut copies).await, [came(&[]), came(&[]), came(&[]), came(&[])]);
    assert_eq!(member.news().await, came(&[]));
    assert_eq!(own.news().await, came(&[&house]));

    ada.act(&format!("{profile}/publish")).await.expect(200);
    step(&ada, &meeting, "publish").await.expect(200);
    let meeting = id(&meeting);
    assert_eq!(news(&mut copies).await, [came(&[&house]), came(&[&need]), came(&[]), came(&[&meeting])]);

    // What belongs to it goes with it; what happens in the dark afterwards is nobody else's business.
    ada.act(&format!("{profile}/archive")).await.expect(200);
    assert_eq!(news(&mut copies).await, [went(&[&house]), went(&[&need]), came(&[]), went(&[&meeting])]);
    ada.patch(&profile, &json!({ "city": "Graz" })).await.expect(200);
    ada.act(&format!("/api/v1/needs/{need}/meet")).await.expect(200);
    ada.act(&format!("/api/v1/offerings/{hidden}/open")).await.expect(200);
    ada.act(&format!("/api/v1/offerings/{hidden}/close")).await.expect(200);
    step(&ada, &format!("/api/v1/events/{meeting}"), "cancel").await.expect(200);
    assert_eq!(news(&mut copies).await, [came(&[]), came(&[]), came(&[]), came(&[])]);
    assert_eq!(own.news().await, came(&[&house]));

    ada.act(&format!("{profile}/publish")).await.expect(200);
    // Cancelled meanwhile: it is public, though this list does not show it.
    assert_eq!(news(&mut copies).await, [came(&[&house]), came(&[]), came(&[]), went(&[&meeting])]);
    member.catch_up().await;
    own.catch_up().await;
    for copy in copies.iter().chain([&member, &own]) {
        copy.equals_the_list().await;
    }
}

#[actix_web::test]
async fn the_filters_of_a_list_hold_in_its_copy() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let (house, other) = (organisation(&ada).await, organisation(&ada).await);
    let firm = ada.profile(&startup()).await;
    let mut german = Copy::new(&test, None, "profiles?country=DE&kind=startup");
    let mut french = Copy::new(&test, None, "profiles?kind=startup&country=FR");
    assert_eq!((german.news().await, french.news().await), (came(&[&firm]), came(&[])));
    let moved = json!({ "country": "FR", "region": null });
    ada.patch(&format!("/api/v1/profiles/{firm}"), &moved).await.expect(200);
    assert_eq!((german.news().await, french.news().await), (went(&[&firm]), came(&[&firm])));

    let mut advice = Copy::new(&test, None, "needs?type=advice");
    let need = ada.need(&firm, "Rat gesucht", "Wer hilft?").await;
    ada.patch(&format!("/api/v1/needs/{need}"), &json!({ "type": "advice" })).await.expect(200);
    assert_eq!(advice.news().await, came(&[&need]));
    ada.patch(&format!("/api/v1/needs/{need}"), &json!({ "type": "funding" })).await.expect(200);
    assert_eq!(advice.news().await, went(&[&need]));

    let mut scheduled = Copy::new(&test, None, "events?status=scheduled&country=AT");
    let mut of_other = Copy::new(&test, None, &format!("events?profile={other}"));
    let day = published(&ada, &event(&house)).await;
    assert_eq!((scheduled.news().await, of_other.news().await), (came(&[&id(&day)]), came(&[])));
    step(&ada, &day, "reschedule").await.expect(200);
    assert_eq!((scheduled.news().await, of_other.news().await), (went(&[&id(&day)]), came(&[])));
    let next = published(&ada, &event(&other)).await;
    assert_eq!((scheduled.news().await, of_other.news().await), (came(&[&id(&next)]), came(&[&id(&next)])));

    let mut open = Copy::new(&test, Some(&ada), "offerings?managed=true&status=open");
    let mut all = Copy::new(&test, Some(&ada), "offerings?managed=true");
    let offered = offering(&ada, &firm).await;
    assert_eq!((open.news().await, all.news().await), (came(&[]), came(&[&offered])));
    ada.act(&format!("/api/v1/offerings/{offered}/open")).await.expect(200);
    assert_eq!((open.news().await, all.news().await), (came(&[&offered]), came(&[&offered])));
    ada.act(&format!("/api/v1/offerings/{offered}/close")).await.expect(200);
    assert_eq!((open.news().await, all.news().await), (went(&[&offered]), came(&[&offered])));
}

#[actix_web::test]
async fn who_has_met_sees_more_in_his_copy_and_nobody_else_hears_of_it() {
    let test = TestApp::start().await;
    let (ada, claire) = (test.member("ada@example.eu").await, test.member("claire@example.eu").await);
    let firm = ada.profile(&startup()).await;
    let hidden = json!({ "visibility": { "description": "matched" } });
    let helper = claire.profile(&with(mentor(), hidden)).await;
    let mut copies = visitor(&test).await;
    let mut seen = Copy::new(&test, Some(&ada), "profiles");
    assert_eq!(seen.news().await.0.len(), 2);
    assert_eq!(seen.items[&helper].get("description"), None);
    let body = json!({ "requester": firm, "target": helper, "note": "An hour, please." });
    let asked = ada.post("/api/v1/introductions", &body).await.expect(201).json();
    assert_eq!(seen.news().await, came(&[]));
    let path = format!("/api/v1/introductions/{}", asked["id"].as_str().unwrap());
    claire.act(&format!("{path}/accept")).await.expect(200);
    assert_eq!(seen.news().await, came(&[&helper]));
    assert!(seen.items[&helper]["description"]["fr"].is_string(), "{:?}", seen.items[&helper]);
    assert_eq!(news(&mut copies).await, [came(&[]), came(&[]), came(&[]), came(&[])]);
    // Who is not published has met nobody any more.
    ada.act(&format!("/api/v1/profiles/{firm}/archive")).await.expect(200);
    assert_eq!(seen.news().await, (vec![helper.clone()], vec![firm]));
    assert_eq!(seen.items[&helper].get("description"), None);
    seen.equals_the_list().await;
}

#[actix_web::test]
async fn a_copy_begins_anew_when_its_reader_becomes_somebody_else() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.member("ada@example.eu").await, test.member("bob@example.eu").await);
    let admin = test.administrator().await;
    let body =
        with(hub(), json!({ "visibility": { "description": "hub" }, "description": { "en": "For hubs." } }));
    let house = ada.profile(&body).await;
    ada.need(&house, "Mentor gesucht", "Wer hilft?").await;
    let mut seen = Copy::new(&test, Some(&bob), "profiles");
    let mut managed = Copy::new(&test, Some(&bob), "needs?managed=true");
    let mut needs = Copy::new(&test, Some(&bob), "needs");
    let mut owner = Copy::new(&test, Some(&ada), "profiles");
    for copy in [&mut seen, &mut managed, &mut needs, &mut owner] {
        copy.catch_up().await;
    }
    // Approved, the house makes its owner one of the staff of hubs.
    admin.act(&format!("/api/v1/profiles/{house}/approve")).await.expect(200);
    let staff = format!("/api/v1/profiles/{house}/staff");
    ada.post(&staff, &json!({ "email": bob.email })).await.expect(204);
    for (copy, begun_anew) in [(&mut seen, 1), (&mut managed, 1), (&mut needs, 0), (&mut owner, 1)] {
        copy.news().await;
        copy.equals_the_list().await;
        assert_eq!((copy.begun_anew, copy.items.len()), (begun_anew, 1), "{}", copy.list);
    }
    ada.delete(&format!("{staff}/{}", bob.id)).await.expect(204);
    for (copy, begun_anew, things) in [(&mut seen, 2, 1), (&mut managed, 2, 0), (&mut needs, 0, 1)] {
        copy.news().await;
        copy.equals_the_list().await;
        assert_eq!((copy.begun_anew, copy.items.len()), (begun_anew, things), "{}", copy.list);
    }
    // What he makes himself leaves his copies as they are.
    let own = bob.profile(&startup()).await;
    let need = bob.need(&own, "Mentor gesucht", "Wer hilft?").await;
    assert_eq!((seen.news().await, managed.news().await), (came(&[&own]), came(&[&need])));
    assert_eq!((seen.begun_anew, managed.begun_anew), (2, 2));
    // A cursor is of use to its own reader only, where readers see different things.
    let place = |copy: &Copy<'_>| format!("{}cursor={}", copy.list, copy.next.as_ref().unwrap());
    test.get(&place(&seen)).await.expect_problem(410, "copy_outdated");
    ada.get(&place(&managed)).await.expect_problem(410, "copy_outdated");
    test.get(&place(&needs)).await.expect(200);
}

#[actix_web::test]
async fn a_copy_that_is_too_old_or_of_another_database_is_outdated() {
    let test = TestApp::start_with(|config| config.access_token_lifetime = TimeDelta::days(100)).await;
    let began = test.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let ada = test.member("ada@example.eu").await;
    let firm = ada.profile(&startup()).await;
    let [mut copy, ..] = visitor(&test).await;
    let since = |time: &str| format!("/api/v1/profiles?updated_since={time}");
    assert_eq!(ids_of(&test.get(&since(&began)).await), [firm.clone()]);
    assert_eq!(
        ids_of(&test.get(&since("2020-01-01T00:00:00Z")).await),
        [firm.clone()],
        "nothing is forgotten yet"
    );
    ada.act(&format!("/api/v1/profiles/{firm}/archive")).await.expect(200);
    readable(&test).await;
    test.advance(TimeDelta::days(31)).await;
    copy.next(20).await.expect_problem(410, "copy_outdated");
    test.get(&since(&began)).await.expect_problem(410, "copy_outdated");
    let lately = (test.clock.now() - TimeDelta::days(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert_eq!(ids_of(&test.get(&since(&lately)).await), [""; 0]);
    copy.catch_up().await;
    assert_eq!((copy.begun_anew, copy.items.len()), (1, 0));
    copy.equals_the_list().await;
    let other = TestApp::start().await;
    let foreign = Copy { next: copy.next.clone(), ..Copy::new(&other, None, "profiles") };
    foreign.next(20).await.expect_problem(410, "copy_outdated");
}

#[track_caller]
fn ids_of(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    crate::common::ids(&reply.json())
}

#[actix_web::test]
async fn a_later_moment_leaves_out_what_is_older() {
    let test = TestApp::start_with(|config| config.access_token_lifetime = TimeDelta::days(1)).await;
    let ada = test.member("ada@example.eu").await;
    let at = |test: &TestApp| test.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let old = ada.profile(&startup()).await;
    let later = TimeDelta::minutes(11);
    test.clock.set(test.clock.now() + later);
    let middle = ada.profile(&mentor()).await;
    let noon = at(&test);
    test.clock.set(test.clock.now() + later);
    let new = ada.profile(&startup()).await;
    readable(&test).await;
    let since = async |time: &str| ids_of(&test.get(&format!("/api/v1/profiles?updated_since={time}")).await);
    assert_eq!(since(&noon).await, [new.clone(), middle]);
    assert_eq!(since(&at(&test)).await, [new]);
    test.clock.set(test.clock.now() + later);
    assert_eq!(since(&at(&test)).await, [""; 0]);
    ada.act(&format!("/api/v1/profiles/{old}/archive")).await.expect(200);
    readable(&test).await;
    let page = test.get(&format!("/api/v1/profiles?updated_since={}", at(&test))).await.expect(200).json();
    assert_eq!(
        (&page["items"], &page["gone"]),
        (&json!([]), &json!([{ "id": old, "at": test.clock.now() }]))
    );
    assert_eq!(since("2200-01-01T00:00:00Z").await, [""; 0], "a time to come is now");
}

#[actix_web::test]
async fn cursors_belong_to_their_list_and_its_filters() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    for _ in 0..2 {
        test.tick();
        ada.profile(&startup()).await;
    }
    let page = test.get("/api/v1/profiles?limit=1").await.expect(200).json();
    assert!(page.get("gone").is_none());
    let ordinary = page["next"].as_str().unwrap();
    let mut copy = Copy::new(&test, None, "profiles?country=DE&kind=startup");
    copy.read(1).await;
    let cursor = copy.next.clone().unwrap();
    // In the middle of the first reading and afterwards alike.
    for _ in 0..2 {
        for wrong in [
            format!("profiles?country=DE&cursor={cursor}"),
            format!("profiles?country=FR&kind=startup&cursor={cursor}"),
            format!("needs?cursor={cursor}"),
            format!("profiles?{BEGINNING}&cursor={ordinary}"),
            format!("profiles?{BEGINNING}&limit=0"),
            "profiles?updated_since=yesterday".to_owned(),
            "profiles?updated_since=2026-11-23".to_owned(),
            "profiles?cursor=fn5-fn4".to_owned(),
        ] {
            test.get(&format!("/api/v1/{wrong}")).await.expect_problem(400, "malformed_query");
        }
        ada.get(&format!("/api/v1/introductions?cursor={cursor}"))
            .await
            .expect_problem(400, "malformed_query");
        copy.catch_up().await;
    }
    let same = format!("/api/v1/profiles?kind=startup&{BEGINNING}&cursor={cursor}&country=DE");
    assert_eq!(
        ids_of(&test.get(&same).await).len(),
        1,
        "the second page, in whatever order the filters stand"
    );
    test.get("/api/v1/needs?managed=true&updated_since=1970-01-01T00:00:00Z")
        .await
        .expect_problem(401, "token_missing");
}

#[actix_web::test]
async fn what_commits_late_is_not_missed() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let mut copy = Copy::new(&test, None, "profiles");
    copy.catch_up().await;
    let ((begun, has_begun), (go, may_go)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    let (app, now) = (test.app.clone(), test.clock.now());
    let content = serde_json::from_value(mentor()).unwrap();
    let slow = std::thread::spawn(move || {
        app.db.write_now(move |conn| {
            let profile = aihub::profiles::put_imported(conn, now, None, None, content, false)?;
            begun.send(()).unwrap();
            may_go.recv().unwrap();
            Ok::<_, aihub::profiles::ProfileError>(profile.id.to_string())
        })
    });
    has_begun.recv().unwrap();
    // SQLite lets nobody else write meanwhile.
    if test.app.config.database_url.starts_with("postgres") {
        ada.profile(&startup()).await;
    }
    while copy.read(20).await {}
    assert_eq!(copy.items.len(), 0, "what comes after an open transaction waits for it");
    go.send(()).unwrap();
    let late = slow.join().unwrap().unwrap();
    readable(&test).await;
    copy.catch_up().await;
    assert!(copy.items.contains_key(&late));
    copy.equals_the_list().await;
}
