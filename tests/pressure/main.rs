//! Two hundred clients at once, good, bad, slow and gone in the middle; and thousands that do nothing. The program stays
//! up, says what it refuses, keeps what it acknowledged and leaves nothing half done.
//!
//! `AIHUB_TEST_PRESSURE_SECONDS` says how long; 60 by default. Nothing is timed but that slow clients are cut off:
//! latencies are printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod checks;
mod idle;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aihub::clock::Clock;
use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use support::raw::Raw;
use support::{Answer, House, Server, account};
use tokio::io::AsyncReadExt;

/// Kinds of clients, and how many there are of each: 200 together.
const CLIENTS: [(Kind, usize); 14] = [
    (Kind::Search, 40),
    (Kind::Match, 15),
    (Kind::Read, 40),
    (Kind::Write, 35),
    (Kind::WrongPassword, 5),
    (Kind::WrongToken, 8),
    (Kind::BadJson, 8),
    (Kind::TooLarge, 8),
    (Kind::UnknownRoute, 8),
    (Kind::HalfBody, 8),
    (Kind::SlowHead, 5),
    (Kind::SlowSecondHead, 5),
    (Kind::GoneBeforeTheAnswer, 10),
    (Kind::GoneInTheAnswer, 5),
];
const MENTORS: usize = 20;
/// A whole request, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two requests of a client, in milliseconds.
const THINKING: std::ops::Range<u64> = 200..1800;
/// By so much the memory may grow once it is warm, in MiB.
const GROWTH: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Search,
    Match,
    Read,
    Write,
    WrongPassword,
    WrongToken,
    BadJson,
    TooLarge,
    UnknownRoute,
    HalfBody,
    SlowHead,
    SlowSecondHead,
    GoneBeforeTheAnswer,
    GoneInTheAnswer,
}

/// What was sent and never acknowledged: it happened or it did not, but not by half.
struct Unsure {
    writer: usize,
    path: &'static str,
    key: String,
    body: Value,
}

/// What the clients saw.
#[derive(Default)]
struct Book {
    /// How long it took, by kind and by what came of it.
    took: BTreeMap<(Kind, String), Vec<Duration>>,
    /// Acknowledged needs: id and title.
    needs: BTreeSet<(String, String)>,
    /// Acknowledged introductions: id and status.
    introductions: BTreeMap<String, &'static str>,
    unsure: Vec<Unsure>,
}

struct World {
    server: Server,
    until: Instant,
    mentors: Vec<String>,
    mentors_token: String,
    /// Token and start-up of each writer.
    writers: Vec<(String, String)>,
    book: Mutex<Book>,
}

impl World {
    /// Sends until the time is over, and thinks in between.
    async fn client(self: Arc<World>, kind: Kind, number: usize) {
        let mut step = 0;
        while Instant::now() < self.until {
            let began = Instant::now();
            let outcome = self.act(kind, number, step).await;
            self.book.lock().unwrap().took.entry((kind, outcome)).or_default().push(began.elapsed());
            tokio::time::sleep(Duration::from_millis(rand::random_range(THINKING))).await;
            step += 1;
        }
    }

    async fn act(&self, kind: Kind, number: usize, step: usize) -> String {
        match kind {
            Kind::Search => {
                let words = ["vibration", "predictive maintenance", "Schwingungen", "needs", "writer mentor"];
                let path = format!("/api/v1/search?q={}&limit=20", words[(number + step) % words.len()]);
                self.send(self.server.request(Method::GET, &path), &[200]).await
            }
            Kind::Match => {
                let text = "Half of the vibration warnings of our machine tools are false alarms.";
                let body = json!({ "description": { "text": text }, "categories": ["mentor"], "limit": 5 });
                self.send(self.as_writer(number, Method::POST, "/api/v1/matches").json(&body), &[200]).await
            }
            Kind::Read => self.read(number, step).await,
            Kind::Write => self.write(number, step).await,
            Kind::WrongPassword | Kind::WrongToken | Kind::BadJson | Kind::TooLarge | Kind::UnknownRoute => {
                self.mistake(kind, number).await
            }
            Kind::HalfBody | Kind::SlowHead | Kind::SlowSecondHead => self.dawdle(kind).await,
            Kind::GoneBeforeTheAnswer => self.leave_before_the_answer(number, step).await,
            Kind::GoneInTheAnswer => self.leave_in_the_answer().await,
        }
    }

    fn as_writer(&self, number: usize, method: Method, path: &str) -> RequestBuilder {
        let (token, _) = &self.writers[number % self.writers.len()];
        self.server.request(method, path).bearer_auth(token)
    }

    /// Sends and checks that the answer is one of these or a deliberate refusal; returns the status.
    async fn send(&self, request: RequestBuilder, expected: &[u16]) -> String {
        self.ask(request, expected).await.status.to_string()
    }

    async fn ask(&self, request: RequestBuilder, expected: &[u16]) -> Answer {
        let answer = Answer::of(request.timeout(PATIENCE)).await.expect("every request is answered");
        if answer.status == 503 {
            assert_eq!(answer.body["code"], "unavailable", "{answer:?}");
            assert!((1..=60).contains(&answer.header("retry-after").parse().unwrap()), "{answer:?}");
        } else {
            assert!(expected.contains(&answer.status), "{answer:?} instead of {expected:?}");
        }
        answer
    }

    async fn read(&self, number: usize, step: usize) -> String {
        let path = match (number + step) % 4 {
            0 => "/api/v1/profiles?limit=50".to_owned(),
            1 => format!("/api/v1/profiles/{}", self.mentors[step % MENTORS]),
            2 => "/api/v1/needs?limit=50".to_owned(),
            _ => "/api/v1/introductions?limit=20".to_owned(),
        };
        self.send(self.as_writer(number, Method::GET, &path), &[200]).await
    }

    /// A need, sent twice at once under one key; or an introduction and the answer to it.
    async fn write(&self, number: usize, step: usize) -> String {
        if step % 3 == 2 {
            return self.introduce(number, step / 3).await;
        }
        let title = format!("writer {number} need {step}");
        let body = need(&self.writers[number].1, &title);
        let create = || {
            let request = self.as_writer(number, Method::POST, "/api/v1/needs");
            let request = request.header("idempotency-key", title.replace(' ', "-")).json(&body);
            self.ask(request, &[201])
        };
        let (one, other) = tokio::join!(create(), create());
        let ids: BTreeSet<String> =
            [&one, &other].into_iter().filter(|answer| answer.status == 201).map(Answer::id).collect();
        assert!(ids.len() <= 1, "one key made two needs: {ids:?}");
        self.book.lock().unwrap().needs.extend(ids.into_iter().map(|id| (id, title.clone())));
        one.status.to_string()
    }

    async fn introduce(&self, number: usize, step: usize) -> String {
        let mentor = &self.mentors[step % MENTORS];
        let body = introduction(&self.writers[number].1, mentor, &format!("note {number} {step}"));
        let request = self.as_writer(number, Method::POST, "/api/v1/introductions").json(&body);
        let asked = self.ask(request, &[201, 409]).await;
        if asked.status != 201 {
            return asked.status.to_string();
        }
        let id = asked.id();
        self.book.lock().unwrap().introductions.insert(id.clone(), "requested");
        let (verb, status, token) = match step % 4 {
            0 => ("accept", "accepted", &self.mentors_token),
            _ => ("withdraw", "withdrawn", &self.writers[number].0),
        };
        let path = format!("/api/v1/introductions/{id}/{verb}");
        let answer = self.ask(self.server.request(Method::POST, &path).bearer_auth(token), &[200]).await;
        if answer.status == 200 {
            self.book.lock().unwrap().introductions.insert(id, status);
        }
        asked.status.to_string()
    }

    async fn mistake(&self, kind: Kind, number: usize) -> String {
        let post = |path: &str| self.as_writer(number, Method::POST, path);
        let typed =
            |text: String| post("/api/v1/needs").header("content-type", "application/json").body(text);
        match kind {
            Kind::WrongPassword => {
                let body = json!({ "email": "mentors@pressure.example", "password": "guessed at random" });
                self.send(self.server.request(Method::POST, "/api/v1/sessions").json(&body), &[401]).await
            }
            Kind::WrongToken => {
                let request = self.server.request(Method::GET, "/api/v1/introductions");
                self.send(request.bearer_auth("no.real.token"), &[401]).await
            }
            Kind::BadJson => self.send(typed("{\"profile\": ".to_owned()), &[400]).await,
            Kind::TooLarge => self.send(typed("x".repeat(70_000)), &[413]).await,
            _ => self.send(post("/api/v1/nothing/here"), &[404]).await,
        }
    }

    /// Sends a part and waits. It is cut off, or the wait fails.
    async fn dawdle(&self, kind: Kind) -> String {
        let mut raw = Raw::connect(&self.server.base).await;
        match kind {
            Kind::HalfBody => {
                let head =
                    "POST /api/v1/sessions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
                raw.send(&format!("{head}Content-Length: 50\r\n\r\n{{\"email\"")).await;
            }
            Kind::SlowHead => {
                raw.send("GET /api/v1/search HTTP/1.1\r\nX-Slow: ").await;
            }
            _ => {
                raw.send("GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n").await;
                assert!(raw.answer().await.starts_with("HTTP/1.1 200 "));
                raw.send("GET /health/live HTT").await;
            }
        }
        let said = raw.rest().await;
        let status = said.split(' ').nth(1).unwrap_or("cut off");
        assert!(matches!(status, "408" | "cut off"), "{said}");
        status.to_owned()
    }

    /// Sends a whole write and is gone before it is answered, at any moment of it.
    async fn leave_before_the_answer(&self, number: usize, step: usize) -> String {
        let writer = number % self.writers.len();
        let (token, startup) = &self.writers[writer];
        let key = format!("gone-{number}-{step}");
        let (path, body) = match step % 3 {
            0 => ("/api/v1/profiles", profile("startup", &key)),
            1 => ("/api/v1/needs", need(startup, &key)),
            _ => ("/api/v1/introductions", introduction(startup, &self.mentors[step % MENTORS], &key)),
        };
        let text = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        let mut raw = Raw::connect(&self.server.base).await;
        raw.send(&(head + &text)).await;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..200))).await;
        raw.reset();
        self.book.lock().unwrap().unsure.push(Unsure { writer, path, key, body });
        "gone".to_owned()
    }

    async fn leave_in_the_answer(&self) -> String {
        let mut raw = Raw::connect(&self.server.base).await;
        raw.send("GET /openapi.yaml HTTP/1.1\r\nHost: test\r\n\r\n").await;
        let mut first = [0; 9];
        raw.0.read_exact(&mut first).await.unwrap();
        raw.reset();
        "gone".to_owned()
    }
}

fn profile(kind: &str, name: &str) -> Value {
    json!({
        "kind": kind, "name": name, "languages": ["en"], "country": "AT",
        "summary": { "en": "We measure vibration of machine tools." },
        "contact": { "name": name, "email": "contact@pressure.example" }
    })
}

fn need(startup: &str, title: &str) -> Value {
    json!({
        "profile": startup, "type": "mentoring", "title": { "en": title },
        "description": { "en": "Half of our vibration warnings are false alarms." }
    })
}

fn introduction(startup: &str, mentor: &str, note: &str) -> Value {
    json!({ "requester": startup, "target": mentor, "note": note })
}

async fn publish(server: &Server, token: &str, kind: &str, name: &str) -> String {
    let create = server.request(Method::POST, "/api/v1/profiles").bearer_auth(token);
    let id = Answer::of(create.json(&profile(kind, name))).await.unwrap().expect(201).id();
    let publish = server.request(Method::POST, &format!("/api/v1/profiles/{id}/publish"));
    Answer::of(publish.bearer_auth(token)).await.unwrap().expect(200);
    id
}

async fn prepare(house: &House, lasting: Duration) -> World {
    let app = house.open(Clock::system());
    let (_, mentors_token) = account(&app, "mentors@pressure.example");
    let writers = CLIENTS.iter().find(|(kind, _)| *kind == Kind::Write).unwrap().1;
    let tokens: Vec<String> =
        (0..writers).map(|number| account(&app, &format!("w{number}@pressure.example")).1).collect();
    drop(app);
    let server = house.serve();
    server.ready().await;
    let publish_mentor =
        async |number: usize| publish(&server, &mentors_token, "mentor", &format!("Mentor {number}")).await;
    let mentors = join_all((0..MENTORS).map(publish_mentor)).await;
    let publish_startup = async |token: String| {
        let id = publish(&server, &token, "startup", "Start-up").await;
        (token, id)
    };
    let writers = join_all(tokens.into_iter().map(publish_startup)).await;
    let until = Instant::now() + lasting;
    World { server, until, mentors, mentors_token, writers, book: Mutex::default() }
}

/// What the program holds in memory, in MiB.
#[derive(Default)]
struct Memory {
    warm: usize,
    most: usize,
}

/// Watches the memory for as long as it is asked to; by half of the time the program is warm.
async fn watch(server: &Server, lasting: Duration, memory: &Mutex<Memory>) {
    tokio::time::sleep(lasting / 2).await;
    memory.lock().unwrap().warm = server.memory();
    loop {
        let now = server.memory();
        let most = memory.lock().unwrap().most.max(now);
        memory.lock().unwrap().most = most;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn print(book: &mut Book, lasting: Duration) {
    println!("{:<20} {:>8} {:>7} {:>9} {:>9}", "client", "outcome", "count", "p50 ms", "p99 ms");
    let mut all = 0;
    for ((kind, outcome), took) in &mut book.took {
        took.sort();
        all += took.len();
        let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)].as_millis();
        let kind = format!("{kind:?}");
        println!("{kind:<20} {outcome:>8} {:>7} {:>9} {:>9}", took.len(), at(50), at(99));
    }
    println!("{all} in {lasting:?}");
}

#[tokio::test]
async fn two_hundred_clients_of_all_kinds_do_no_harm() {
    let seconds = std::env::var("AIHUB_TEST_PRESSURE_SECONDS").map_or(60, |text| text.parse().unwrap());
    let lasting = Duration::from_secs(seconds);
    let house = House::new().with("CLIENT_TIMEOUT_SECONDS", "2");
    let world = Arc::new(prepare(&house, lasting).await);
    let each = CLIENTS.iter().flat_map(|(kind, count)| (0..*count).map(move |number| (*kind, number)));
    let clients: Vec<_> =
        each.map(|(kind, number)| tokio::spawn(Arc::clone(&world).client(kind, number))).collect();
    assert_eq!(clients.len(), 200);
    let memory = Mutex::new(Memory::default());
    tokio::select! {
        ended = join_all(clients) => ended.into_iter().for_each(Result::unwrap),
        () = watch(&world.server, lasting, &memory) => {}
    }
    let Memory { warm, most } = memory.into_inner().unwrap();

    let mut book = std::mem::take(&mut *world.book.lock().unwrap());
    print(&mut book, lasting);
    println!("resident memory: {warm} MiB when warm, {most} MiB at most");
    assert!(most < warm + GROWTH, "it grew from {warm} to {most} MiB");
    for (kind, _) in CLIENTS {
        assert!(
            book.took.keys().any(|(seen, outcome)| *seen == kind && outcome != "503"),
            "{kind:?} did nothing"
        );
    }
    checks::settle_the_unsure(&world, &book.unsure).await;
    checks::check_what_is_stored(&world, &book).await;
    let (status, _) = world.server.terminate().await;
    assert!(status.success());
    assert!(!world.server.log().contains("panicked"), "{}", world.server.log());
    checks::check_nothing_is_half_done(&house).await;
}
