//! The program as a process, where its surroundings fail or somebody ends it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aihub::clock::Clock;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use support::{Answer, House, Server, account, eventually, mails};

fn registration(server: &Server, email: &str) -> RequestBuilder {
    let body = json!({
        "email": email, "password": "seven green teapots hum", "display_name": "Jo", "language": "en",
        "accepted_terms": "2026-11"
    });
    server.request(Method::POST, "/api/v1/accounts").json(&body)
}

#[tokio::test]
async fn a_locked_database_is_a_503_that_passes() {
    let house = House::new();
    let server = house.serve();
    let path = house.path("aihub.sqlite");
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE").unwrap();
    let began = Instant::now();
    let refused = Answer::of(registration(&server, "jo@faults.example")).await.unwrap().expect(503);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert_eq!(refused.body["code"], "unavailable");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(!refused.body.to_string().contains("locked"), "it tells how it works inside: {}", refused.body);
    Answer::of(server.request(Method::GET, "/api/v1/profiles")).await.unwrap().expect(200);

    other.batch_execute("COMMIT").unwrap();
    Answer::of(registration(&server, "jo@faults.example")).await.unwrap().expect(202);
    eventually("the mail was written", || mails(&house.path("mails")).len() == 1).await;
}

#[test]
fn a_database_that_cannot_be_opened_is_named() {
    let house = House::new();
    std::fs::write(house.path("file"), "no folder").unwrap();
    std::fs::write(house.path("text.sqlite"), "this is no database, but a text of some length ".repeat(100))
        .unwrap();
    for name in ["file/aihub.sqlite", "", "text.sqlite"] {
        let path = house.path(name);
        let house = House::new().with("DATABASE_URL", &format!("sqlite://{}", path.display()));
        let said = house.run_to_failure(&["serve"]);
        let named = if name.starts_with("file/") { path.parent().unwrap() } else { &path };
        assert!(said.contains("database") && said.contains(named.to_str().unwrap()), "{name}: {said}");
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_index_is_refused() {
    let house = House::new();
    let server = house.serve();
    let said = house.run_to_failure(&["serve"]);
    assert!(said.contains("is in use by another process"), "{said}");
    assert!(said.contains(house.path("index").to_str().unwrap()), "{said}");
    Answer::of(registration(&server, "jo@faults.example")).await.unwrap().expect(202);
    server.kill();
    drop(house.serve());
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let house = House::new();
    let server = house.serve();
    let address = server.base.strip_prefix("http://").unwrap();
    let said = House::new().with("LISTEN", address).run_to_failure(&["serve"]);
    assert!(said.contains("cannot serve") && said.contains(address), "{said}");
}

#[test]
fn every_fault_of_the_configuration_is_named_at_once() {
    let house = House::new()
        .with("DATABASE_URL", "mysql://somewhere")
        .with("LISTEN", "nowhere")
        .with("PUBLIC_URL", "ftp://hub.example")
        .with("DATABASE_CONNECTIONS", "0")
        .with("MAIL_TRANSPORT", "smtp")
        .with("MAIL_FROM", "nobody")
        .with("SMTP_PORT", "65536")
        .with("SMTP_SECURITY", "perhaps")
        .with("SMTP_PASSWORD", "half of a secret")
        .with("LISTNE", "a typo");
    let said = house.run_to_failure(&["serve"]);
    for name in [
        "database_url",
        "listen",
        "public_url",
        "database_connections",
        "mail_from",
        "smtp_port",
        "smtp_security",
        "smtp_username, smtp_password",
        "listne",
    ] {
        assert!(said.contains(&format!("  - {name}: ")), "{name} is not named in\n{said}");
    }
    assert!(!said.contains("half of a secret"), "{said}");
    assert!(!house.path("index").exists(), "nothing is begun");
}

#[test]
fn a_configuration_file_is_read_and_its_faults_are_named() {
    let house = House::new();
    let file = house.path("aihub.toml");
    let house = house.with_variable("AIHUB_CONFIG_FILE", file.to_str().unwrap());
    std::fs::write(&file, "smtp_timeout_seconds = 5\n").unwrap();
    assert!(house.run(&["config"]).status.success());
    std::fs::write(&file, "body_limit_bytes = 1\nrefresh_token_days = 'many'\n").unwrap();
    let said = house.run_to_failure(&["config"]);
    assert!(said.contains("body_limit_bytes: ") && said.contains("refresh_token_days: "), "{said}");
}

/// Creates needs until there is no answer any more; returns the titles that were acknowledged.
async fn write(server: Arc<Server>, token: String, profile: String, writer: usize) -> Vec<String> {
    let mut written = Vec::new();
    loop {
        let title = format!("writer {writer} need {}", written.len());
        let body = json!({
            "profile": profile, "type": "mentoring", "title": { "en": title }, "description": { "en": "Help" }
        });
        let request = server.request(Method::POST, "/api/v1/needs").bearer_auth(&token).json(&body);
        match Answer::of(request).await {
            Ok(answer) => written.push(answer.expect(201).body["title"]["en"].as_str().unwrap().to_owned()),
            Err(_) => return written,
        }
    }
}

#[tokio::test]
async fn a_server_that_is_asked_to_end_does_so_soon_and_loses_nothing() {
    let house = House::new();
    let app = house.open(Clock::system());
    let (_, token) = account(&app, "jo@faults.example");
    drop(app);
    let server = Arc::new(house.serve());
    let body = json!({
        "kind": "startup", "name": "Schwingwerk", "languages": ["de"], "country": "DE",
        "summary": { "en": "We measure vibration." }
    });
    let create = server.request(Method::POST, "/api/v1/profiles").bearer_auth(&token).json(&body);
    let profile = Answer::of(create).await.unwrap().expect(201).id();
    let publish = server.request(Method::POST, &format!("/api/v1/profiles/{profile}/publish"));
    Answer::of(publish.bearer_auth(&token)).await.unwrap().expect(200);
    let writing: Vec<_> = (0..4)
        .map(|writer| tokio::spawn(write(Arc::clone(&server), token.clone(), profile.clone(), writer)))
        .collect();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (status, took) = server.terminate().await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(took < Duration::from_secs(8), "it took {took:?}");
    assert!(!server.log().contains("ERROR"), "{}", server.log());

    let server = house.serve();
    let stored = server.list("/api/v1/needs?managed=true", &token).await;
    let stored: Vec<&str> = stored.iter().map(|need| need["title"]["en"].as_str().unwrap()).collect();
    let mut count = 0;
    for writer in writing {
        for title in writer.await.unwrap() {
            assert_eq!(stored.iter().filter(|stored| **stored == title).count(), 1, "{title}");
            count += 1;
        }
    }
    assert!(count > 4, "hardly anything was written: {count}");
    assert!(stored.len() <= count + 4);
}
