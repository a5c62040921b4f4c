//! Copies of lists, kept while several people and an import change everything at random.

use std::cell::Cell;
use std::time::Instant;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::common::{TestApp, with};
use crate::events::organisation;
use crate::import::line;
use crate::players::{Dice, Players};
use crate::replica::{LISTS, Replica, ids_of, readable};

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
        if key.is_multiple_of(2) {
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
async fn keep_reading(copies: &mut [Replica<'_>], progress: &Progress) {
    let mut dice = Dice(11);
    while !progress.is_done() {
        progress.changed.notified().await;
        let which = dice.roll(copies.len());
        for _ in 0..dice.roll(4) {
            copies[which].read(1 + dice.roll(40)).await;
        }
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
    let mut copies: Vec<Replica<'_>> = LISTS.map(|list| Replica::new(&test, None, list)).into();
    for narrowed in [
        "profiles?kind=mentor&country=FR",
        "needs?type=advice",
        &format!("offerings?profile={house}"),
        "events?country=DE&status=scheduled",
        "events?format=online&from=2026-12-10&to=2026-12-31",
    ] {
        copies.push(Replica::new(&test, None, narrowed));
    }
    copies.extend(["profiles", "needs"].map(|list| Replica::new(&test, Some(&eve), list)));
    copies.extend(LISTS.map(|list| Replica::new(&test, Some(&ada), &format!("{list}?managed=true"))));
    copies.extend(
        ["profiles", "offerings?managed=true&status=open"].map(|list| Replica::new(&test, Some(&ada), list)),
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
