//! The server is killed again and again while it is written to. What it acknowledged is there afterwards, the index equals
//! the database, and every mail was written.
//!
//! `AIHUB_TEST_KILLS` says how often; 50 by default.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aihub::clock::Clock;
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::{Error, Method};
use serde_json::{Value, json};
use support::{Answer, House, Server, account, mails};
use tokio::sync::Notify;

/// Writers at once.
const WRITERS: usize = 4;
/// Start-ups of a writer, and mentors whom each of them may ask.
const STARTUPS: usize = 30;
const MENTORS: usize = 20;
/// The server is killed so long after the first write of a round was acknowledged, in milliseconds.
const ROUND: std::ops::Range<u64> = 0..1400;
/// Within this time the first write of a round is acknowledged, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The mentors, all of one account.
struct Mentors {
    token: String,
    ids: Vec<String>,
}

/// An introduction whose request was acknowledged.
struct Asked {
    note: String,
    /// Where it may stand: more than one status, once a step of it was not acknowledged.
    statuses: Vec<&'static str>,
}

/// Somebody who writes until the server is gone, and keeps book of what was acknowledged.
struct Writer {
    name: String,
    token: String,
    mentors: Arc<Mentors>,
    startups: Vec<String>,
    /// Steps that were begun; makes every text unique.
    step: usize,
    /// Version of the first start-up's name that was acknowledged last, and that was sent last.
    named: usize,
    naming: usize,
    /// A need that may have been created or not; it is sent again under the same key.
    unsure: Option<String>,
    needs: Vec<(String, String)>,
    /// The next pair to introduce.
    pair: usize,
    asked: BTreeMap<String, Asked>,
}

impl Writer {
    async fn new(server: &Server, name: String, token: String, mentors: Arc<Mentors>) -> Writer {
        let startups = publish_all(server, &token, "startup", &name, STARTUPS).await;
        let (needs, asked) = (Vec::new(), BTreeMap::new());
        Writer {
            name,
            token,
            mentors,
            startups,
            step: 0,
            named: 0,
            naming: 0,
            unsure: None,
            needs,
            pair: 0,
            asked,
        }
    }

    /// Writes until there is no answer any more.
    async fn write(mut self, server: Arc<Server>, acknowledged: Arc<Notify>) -> Writer {
        loop {
            self.step += 1;
            let written = match self.step % 4 {
                0 => self.rename(&server).await,
                2 => self.need(&server).await,
                _ => self.introduce(&server).await,
            };
            if written.is_err() {
                return self;
            }
            acknowledged.notify_one();
        }
    }

    async fn rename(&mut self, server: &Server) -> Result<(), Error> {
        let path = format!("/api/v1/profiles/{}", self.startups[0]);
        let seen = Answer::of(server.request(Method::GET, &path).bearer_auth(&self.token)).await?.expect(200);
        self.naming += 1;
        let patch = json!({ "name": format!("{} version {}", self.name, self.naming) }).to_string();
        let request = server
            .request(Method::PATCH, &path)
            .bearer_auth(&self.token)
            .header("if-match", seen.header("etag"))
            .header("content-type", "application/merge-patch+json");
        Answer::of(request.body(patch)).await?.expect(200);
        self.named = self.naming;
        Ok(())
    }

    async fn need(&mut self, server: &Server) -> Result<(), Error> {
        let title = self.unsure.take().unwrap_or_else(|| format!("{} need {}", self.name, self.step));
        self.unsure = Some(title.clone());
        let body = json!({
            "profile": self.startups[1], "type": "mentoring", "title": { "en": title },
            "description": { "en": "Half of our vibration warnings are false alarms." }
        });
        let key = title.replace(' ', "-");
        let request = server.request(Method::POST, "/api/v1/needs").bearer_auth(&self.token);
        let created = Answer::of(request.header("idempotency-key", key).json(&body)).await?.expect(201);
        self.needs.push((created.id(), title));
        self.unsure = None;
        Ok(())
    }

    /// Asks twice at the same moment, of which at most one may succeed; then a side takes a step, mostly.
    async fn introduce(&mut self, server: &Server) -> Result<(), Error> {
        let (startup, mentor) = (self.pair / MENTORS, self.pair % MENTORS);
        let note = format!("{}-note-{}-", self.name, self.step);
        let requester = &self.startups[startup % STARTUPS];
        let body = json!({ "requester": requester, "target": self.mentors.ids[mentor], "note": note });
        let ask = || {
            let request = server.request(Method::POST, "/api/v1/introductions").bearer_auth(&self.token);
            Answer::of(request.json(&body))
        };
        let (one, other) = tokio::join!(ask(), ask());
        let mut created = Vec::new();
        for answer in [&one, &other].into_iter().flatten() {
            match answer.status {
                201 => created.push(answer.id()),
                409 => {}
                _ => panic!("{answer:?}"),
            }
        }
        assert!(created.len() <= 1, "two are open for one pair: {created:?}");
        for id in &created {
            self.asked.insert(id.clone(), Asked { note: note.clone(), statuses: vec!["requested"] });
        }
        one?;
        other?;
        match created.pop() {
            Some(id) => self.answer(server, &id).await,
            // An earlier request of this pair, or too many of this start-up, are open from before a kill.
            None => {
                self.pair += 1;
                Ok(())
            }
        }
    }

    async fn answer(&mut self, server: &Server, id: &str) -> Result<(), Error> {
        let sorry = json!({ "code": "no_time", "message": format!("sorry-{}", self.asked[id].note) });
        let (step, status, body, token) = match self.pair % 7 {
            // Stays open.
            6 => {
                self.pair += 1;
                return Ok(());
            }
            5 if rand::random() => ("withdraw", "withdrawn", None, &self.token),
            3 | 4 => ("decline", "declined", Some(sorry), &self.mentors.token),
            _ => ("accept", "accepted", None, &self.mentors.token),
        };
        let path = format!("/api/v1/introductions/{id}/{step}");
        let mut request = server.request(Method::POST, &path).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let statuses = &mut self.asked.get_mut(id).unwrap().statuses;
        // Until it is acknowledged, both may be.
        statuses.push(status);
        Answer::of(request).await?.expect(200);
        *statuses = vec![status];
        // After a withdrawal the same two meet again.
        self.pair += usize::from(status != "withdrawn");
        Ok(())
    }
}

/// Creates and publishes so many profiles; returns their ids.
async fn publish_all(server: &Server, token: &str, kind: &str, owner: &str, count: usize) -> Vec<String> {
    let publish =
        |number| async move { publish(server, token, kind, &format!("{owner} {kind} {number}")).await };
    join_all((0..count).map(publish)).await
}

async fn publish(server: &Server, token: &str, kind: &str, name: &str) -> String {
    let body = json!({
        "kind": kind, "name": name, "languages": ["en"], "country": "AT",
        "summary": { "en": "We measure vibration of machine tools." },
        "contact": { "name": name, "email": "contact@kill.example" }
    });
    let create = server.request(Method::POST, "/api/v1/profiles").bearer_auth(token).json(&body);
    let id = Answer::of(create).await.unwrap().expect(201).id();
    let publish = server.request(Method::POST, &format!("/api/v1/profiles/{id}/publish")).bearer_auth(token);
    Answer::of(publish).await.unwrap().expect(200);
    id
}

/// The writers with all their profiles.
async fn prepare(house: &House) -> Vec<Writer> {
    let app = house.open(Clock::system());
    let (_, token) = account(&app, "mentors@kill.example");
    let names: Vec<String> = (0..WRITERS).map(|number| format!("w{number}")).collect();
    let tokens: Vec<String> =
        names.iter().map(|name| account(&app, &format!("{name}@kill.example")).1).collect();
    drop(app);
    let server = house.serve();
    let ids = publish_all(&server, &token, "mentor", "the", MENTORS).await;
    let mentors = Arc::new(Mentors { token, ids });
    let mut writers = Vec::new();
    for (name, token) in names.into_iter().zip(tokens) {
        writers.push(Writer::new(&server, name, token, Arc::clone(&mentors)).await);
    }
    writers
}

/// Starts, lets everybody write, and kills at a random moment.
async fn round(house: &House, writers: Vec<Writer>) -> Vec<Writer> {
    let (server, acknowledged) = (Arc::new(house.serve()), Arc::new(Notify::new()));
    let writing: Vec<_> = writers
        .into_iter()
        .map(|writer| tokio::spawn(writer.write(Arc::clone(&server), Arc::clone(&acknowledged))))
        .collect();
    tokio::time::timeout(PATIENCE, acknowledged.notified()).await.expect("something is written");
    tokio::time::sleep(Duration::from_millis(rand::random_range(ROUND))).await;
    server.kill();
    let mut writers = Vec::new();
    for writer in writing {
        writers.push(writer.await.unwrap());
    }
    writers
}

/// Lets the followers finish, also with the mails that a killed server had under way, whose lease has to run out.
async fn finish(house: &House) {
    let app = house.open(Clock::fixed(Utc::now() + TimeDelta::minutes(11)));
    let follower = Arc::clone(&app.follower);
    tokio::task::spawn_blocking(move || follower.catch_up()).await.unwrap().unwrap();
    app.mailer.drain().await;
    for (status, count) in app.db.read_now(aihub::mail::counts).unwrap() {
        assert!(count == 0 || matches!(status.code(), "sent" | "dropped"), "{count} mails are {status}");
    }
}

async fn check_needs(server: &Server, writer: &Writer) {
    let stored = server.list("/api/v1/needs?managed=true", &writer.token).await;
    let stored: Vec<(String, String)> =
        stored.iter().map(|need| (text(&need["id"]), text(&need["title"]["en"]))).collect();
    let titles: BTreeSet<_> = stored.iter().map(|(_, title)| title).collect();
    assert_eq!(titles.len(), stored.len(), "a need was created twice");
    for need in &writer.needs {
        assert!(stored.contains(need), "{need:?} was acknowledged and is lost");
    }
    let unsure = usize::from(writer.unsure.is_some());
    assert!(stored.len() <= writer.needs.len() + unsure, "there are needs that nobody asked for");
}

async fn check_name(server: &Server, writer: &Writer) {
    let profile = server.get(&format!("/api/v1/profiles/{}", writer.startups[0]), &writer.token).await;
    let name = text(&profile.body["name"]);
    let version: usize = name.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(
        (writer.named..=writer.naming).contains(&version),
        "{name}, but {} was acknowledged",
        writer.named
    );
}

/// Each is there, in a state that was acknowledged; no state is impossible, and every mail was written.
async fn check_introductions(server: &Server, writers: &[Writer], mails: &[String]) {
    let stored = server.list("/api/v1/introductions", &writers[0].mentors.token).await;
    let by_id: BTreeMap<String, &Value> = stored.iter().map(|one| (text(&one["id"]), one)).collect();
    assert_eq!(by_id.len(), stored.len());
    for (id, asked) in writers.iter().flat_map(|writer| &writer.asked) {
        let found = by_id.get(id).unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        assert_eq!(found["note"], asked.note);
        let status = text(&found["status"]);
        assert!(asked.statuses.contains(&status.as_str()), "{id} is {status}, not {:?}", asked.statuses);
    }
    let mut lasting = BTreeSet::new();
    for one in &stored {
        let (status, note) = (text(&one["status"]), text(&one["note"]));
        let accepted = status == "accepted";
        assert_eq!(one.get("disclosed_at").is_some(), accepted, "{one}");
        assert_eq!(one.get("contact").is_some(), accepted, "{one}");
        if accepted || status == "requested" {
            let pair = (text(&one["requester"]["id"]), text(&one["target"]["id"]));
            assert!(lasting.insert(pair), "the pair of {one} has two");
        }
        check_mails(mails, &status, &note);
    }
}

/// A mail of a request may have been written or, if it was answered first, been dropped; that of an answer was written.
fn check_mails(mails: &[String], status: &str, note: &str) {
    let count = |subject: &str, word: &str| {
        mails.iter().filter(|mail| mail.contains(subject) && mail.contains(word)).count()
    };
    match status {
        "requested" => assert_eq!(count("would like to meet", note), 1, "{note}"),
        "accepted" => assert_eq!(count("you both said yes", note), 2, "{note}"),
        "declined" => assert_eq!(count("this time", &format!("sorry-{note}")), 1, "{note}"),
        _ => assert_eq!(status, "withdrawn"),
    }
}

/// What a search without words finds, in no order.
async fn found(server: &Server, token: &str) -> BTreeSet<String> {
    let hits = server.list("/api/v1/search", token).await;
    let set: BTreeSet<String> = hits.iter().map(Value::to_string).collect();
    assert_eq!(set.len(), hits.len(), "something is found twice");
    set
}

/// The index holds what the database holds, under the names that the database has, and nothing else.
async fn check_index(server: &Server, token: &str, found: &BTreeSet<String>) {
    let mut stored: BTreeSet<(String, String)> = BTreeSet::new();
    for profile in server.list("/api/v1/profiles", token).await {
        stored.insert((text(&profile["id"]), text(&profile["name"])));
    }
    for need in server.list("/api/v1/needs", token).await {
        stored.insert((text(&need["id"]), text(&need["title"]["en"])));
    }
    let indexed: BTreeSet<(String, String)> = found
        .iter()
        .map(|hit| serde_json::from_str::<Value>(hit).unwrap())
        .map(|hit| (text(&hit["id"]), text(&hit["title"])))
        .collect();
    let missing: Vec<_> = stored.difference(&indexed).collect();
    let left: Vec<_> = indexed.difference(&stored).collect();
    assert!(missing.is_empty() && left.is_empty(), "the index lacks {missing:?} and has {left:?} too much");
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let kills: usize = std::env::var("AIHUB_TEST_KILLS").map_or(50, |kills| kills.parse().unwrap());
    let house = House::new();
    let mut writers = prepare(&house).await;
    for _ in 0..kills {
        writers = round(&house, writers).await;
    }
    finish(&house).await;

    let (mails, token) = (mails(&house.path("mails")), writers[0].mentors.token.clone());
    let server = house.serve();
    server.ready().await;
    for writer in &writers {
        check_name(&server, writer).await;
        check_needs(&server, writer).await;
    }
    check_introductions(&server, &writers, &mails).await;
    let followed = found(&server, &token).await;
    check_index(&server, &token, &followed).await;
    let (status, _) = server.terminate().await;
    assert!(status.success());

    let rebuilt = house.run(&["reindex"]);
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let server = house.serve();
    server.ready().await;
    let differences: Vec<_> = found(&server, &token).await.symmetric_difference(&followed).cloned().collect();
    assert!(differences.is_empty(), "a fresh index finds something else: {differences:?}");
    let (needs, asked): (Vec<_>, Vec<_>) = writers.iter().map(|w| (w.needs.len(), w.asked.len())).unzip();
    println!("{kills} kills: needs {needs:?}, introductions {asked:?}, {} mails", mails.len());
    assert!(needs.iter().sum::<usize>() + asked.iter().sum::<usize>() > 0, "nothing was written");
}
