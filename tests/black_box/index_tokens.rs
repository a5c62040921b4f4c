//! Who has written something finds it: in every process, under load, or is told to wait.
use std::time::{Duration, Instant};

use aihub::app::App;
use aihub::mail::{Memory, Transport};
use futures_util::future::join_all;
use reqwest::{Client, Method};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::common::{Member, Reply, TestApp, ids, mentor, startup, with};
use crate::operations::id;

/// What works behind the answers of a service, until it is stopped.
struct Background {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    fn of(app: &App) -> Background {
        let (stop, stopped) = watch::channel(false);
        Background { tasks: app.start_background(&stopped), stop }
    }

    async fn end(self) {
        self.stop.send_replace(true);
        join_all(self.tasks).await.into_iter().for_each(Result::unwrap);
    }
}

/// Asks with a token.
async fn ask(test: &TestApp, base: &str, token: &str, path: &str) -> Reply {
    let request = Client::new().get(format!("{base}{path}")).header("index-token", token);
    test.send(request).await
}

#[track_caller]
fn token(reply: &Reply) -> String {
    let token = reply.header("index-token");
    assert!(!token.is_empty(), "{:?}", reply.headers);
    token.to_owned()
}

/// The profiles of this name that are found by who sends the token.
async fn found(test: &TestApp, base: &str, token: &str, name: &str) -> Vec<String> {
    let page = ask(test, base, token, &format!("/api/v1/search?kind=profile&q={name}")).await;
    ids(&page.expect(200).json())
}

/// A word that nobody else has, and that is not similar to another one.
fn word(writer: usize, round: usize, version: u64) -> String {
    let mut seed = (writer as u64 * 64 + round as u64) * 2 + version + 1;
    let letters = (0..12).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((seed >> 33) % 26).unwrap())
    });
    letters.collect()
}

/// Writes and looks at once, `rounds` times, at the services at `bases` in turn.
async fn write_and_look(member: &Member<'_>, bases: &[String], writer: usize, rounds: usize) {
    let test = member.test;
    for round in 0..rounds {
        let base = &bases[round % bases.len()];
        let (name, other) = (word(writer, round, 0), word(writer, round, 1));
        let body = with(startup(), json!({ "name": name }));
        let draft = member.post("/api/v1/profiles", &body).await.expect(201);
        let path = draft.header("location").to_owned();
        let (id, nobody) = (id(&draft.json()), Vec::<String>::new());
        assert_eq!(found(test, base, &token(&draft), &name).await, nobody, "a draft is not found");
        let published = member.act(&format!("{path}/publish")).await.expect(200);
        assert_eq!(found(test, base, &token(&published), &name).await, [id.as_str()]);
        let change = json!({ "name": other });
        let renamed = member.patch_version(&path, published.header("etag"), &change).await.expect(200);
        assert_eq!(found(test, base, &token(&renamed), &other).await, [id.as_str()]);
        assert_eq!(found(test, base, &token(&renamed), &name).await, nobody, "its old name is forgotten");
        let suggestions = format!("/api/v1/search/suggestions?q={other}");
        let suggested = ask(test, base, &token(&renamed), &suggestions).await.expect(200).json();
        assert_eq!(suggested["items"][0]["text"], other);
        let archived = member.act(&format!("{path}/archive")).await.expect(200);
        assert_eq!(found(test, base, &token(&archived), &other).await, nobody);
    }
}

#[actix_web::test]
async fn every_writer_finds_at_once_what_he_wrote_in_every_process() {
    let test = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = test.app.config.clone();
    config.index_folder = folder.path().join("second");
    let other = App::open(config, test.clock.clone(), Transport::Memory(Memory::default())).unwrap();
    let (server, address) = other.serve(1).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let mut members = Vec::new();
    for writer in 0..6 {
        members.push(test.member(&format!("ada{writer}@example.eu")).await);
    }
    let backgrounds = [Background::of(&test.app), Background::of(&other)];
    let bases = [test.base.clone(), format!("http://{address}")];
    let began = Instant::now();
    let writers =
        members.iter().enumerate().map(|(writer, member)| write_and_look(member, &bases, writer, 4));
    join_all(writers).await;
    println!("6 writers, 24 profiles, 144 questions: {:?}", began.elapsed());
    for background in backgrounds {
        background.end().await;
    }
    handle.stop(true).await;
}

#[actix_web::test]
async fn matches_and_explanations_see_the_write_too() {
    let test = TestApp::start().await;
    let claire = test.member("claire@mentor.example").await;
    let background = Background::of(&test.app);
    let id = claire.profile(&mentor()).await;
    let patched =
        claire.patch(&format!("/api/v1/profiles/{id}"), &json!({ "city": "Nantes" })).await.expect(200);
    let question = json!({ "description": { "text": "maintenance prédictive de broches" } });
    let explain = json!({ "candidate": id, "question": question });
    for (path, body) in [("/api/v1/matches", &question), ("/api/v1/matches/explanation", &explain)] {
        let request = test.request(Method::POST, path).header("index-token", token(&patched));
        let answer = test.send(request.json(body)).await.expect(200);
        assert!(answer.text.contains(&id), "{path}: {}", answer.text);
    }
    background.end().await;
}

#[actix_web::test]
async fn who_asks_before_the_index_is_there_waits_and_is_told_to_come_again() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    test.settle().await;
    // Nobody follows the feed here but `settle`.
    let draft = ada.post("/api/v1/profiles", &startup()).await.expect(201);
    let id = draft.json()["id"].as_str().unwrap().to_owned();
    let published = ada.act(&format!("/api/v1/profiles/{id}/publish")).await.expect(200);
    let (asked, base) = (token(&published), test.base.clone());
    test.get("/api/v1/search").await.expect(200);
    let began = Instant::now();
    let late = ask(&test, &base, &asked, "/api/v1/search?q=schwingwerk").await;
    assert!((5..20).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert!(late.header("retry-after").parse::<u32>().unwrap() > 0);
    late.expect_problem(503, "unavailable");
    let waiting = ask(&test, &base, &asked, "/api/v1/search?q=schwingwerk");
    let settling = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        test.settle().await;
    };
    let (answer, ()) = futures_util::future::join(waiting, settling).await;
    assert_eq!(answer.expect(200).json()["total"], 1);
    // An older token is covered by what came later.
    ask(&test, &base, &token(&draft), "/api/v1/search").await.expect(200);
}

#[actix_web::test]
async fn a_token_that_is_not_of_this_database_is_refused() {
    let (test, stranger) = (TestApp::start().await, TestApp::start().await);
    let (ada, eve) = (test.member("ada@example.eu").await, stranger.member("eve@example.eu").await);
    let own = token(&ada.post("/api/v1/profiles", &startup()).await.expect(201));
    let foreign = token(&eve.post("/api/v1/profiles", &startup()).await.expect(201));
    test.settle().await;
    let (incarnation, place) = own.split_once('@').unwrap();
    let (tx, seq) = place.split_once('.').unwrap();
    let [tx, seq] = [tx, seq].map(|number| number.parse::<i64>().unwrap());
    let later = if tx == 0 { format!("0.{}", seq + 1_000_000) } else { format!("{}.{seq}", tx + 1_000_000) };
    let ahead = format!("{incarnation}@{later}");
    let negative = format!("{incarnation}@-1.-1");
    for wrong in
        [&foreign, &ahead, &negative, "", "x", "@", "@0.0", "ü", &format!("{own} "), &own.replace('@', "")]
    {
        // A space at the end never arrives.
        let reply = ask(&test, &test.base, wrong.trim_end(), "/api/v1/search").await;
        if wrong.trim_end() == own {
            reply.expect(200);
        } else {
            reply.expect_problem(400, "malformed_header");
        }
    }
}

#[actix_web::test]
async fn a_write_that_nothing_searched_knows_of_has_no_token() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let id = ada.profile(&with(startup(), json!({ "kind": "organisation" }))).await;
    let followed = ada.put(&format!("/api/v1/profiles/{id}/follow")).await.expect(204);
    let renamed = ada.patch("/api/v1/accounts/me", &json!({ "display_name": "Ada" })).await.expect(200);
    let read = ada.get(&format!("/api/v1/profiles/{id}")).await.expect(200);
    let refused = ada.act(&format!("/api/v1/profiles/{id}/approve")).await.expect(403);
    for reply in [followed, renamed, read, refused] {
        assert_eq!(reply.header("index-token"), "", "{}", reply.text);
    }
}
