//! The program as a process, where its surroundings fail or somebody ends it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aihub::clock::Clock;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use support::database::EmptyDatabase;
use support::relay::Relay;
use support::{Answer, House, Server, account, eventually, mails};

fn registration(server: &Server, email: &str) -> RequestBuilder {
    let body = json!({
        "email": email, "password": "seven green teapots hum", "display_name": "Jo", "language": "en",
        "accepted_terms": "2026-11"
    });
    server.request(Method::POST, "/api/v1/accounts").json(&body)
}

/// Another program that keeps the database to itself, until it is dropped.
fn occupy(database: &EmptyDatabase) -> Box<dyn SimpleConnection> {
    match database.file() {
        Some(file) => {
            let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
            conn.batch_execute("PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE").unwrap();
            Box::new(conn)
        }
        None => {
            let mut conn = PgConnection::establish(&database.url()).unwrap();
            conn.batch_execute("BEGIN; LOCK TABLE accounts IN EXCLUSIVE MODE").unwrap();
            Box::new(conn)
        }
    }
}

/// Checks that it says to try again, and nothing of how it works inside.
fn expect_unavailable(answer: Answer) {
    let refused = answer.expect(503);
    assert_eq!(refused.body["code"], "unavailable");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    for word in ["locked", "lock timeout", "connection", "127.0.0.1"] {
        assert!(!refused.body.to_string().contains(word), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_locked_database_is_a_503_that_passes() {
    let house = House::new();
    let server = house.serve();
    let other = occupy(&house.database);
    let began = Instant::now();
    expect_unavailable(Answer::of(registration(&server, "jo@faults.example")).await.unwrap());
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    Answer::of(server.request(Method::GET, "/api/v1/profiles")).await.unwrap().expect(200);

    drop(other);
    Answer::of(registration(&server, "jo@faults.example")).await.unwrap().expect(202);
    eventually("the mail was written", || mails(&house.path("mails")).len() == 1).await;
}

#[tokio::test]
async fn a_postgresql_that_is_lost_is_a_503_until_it_is_back() {
    let house = House::new();
    let EmptyDatabase::Postgres { server, name } = &house.database else { return };
    let upstream = server.rsplit('@').next().unwrap().to_owned();
    let relay = Relay::to(&upstream);
    let url = format!("{server}/{name}").replace(&upstream, &relay.address.to_string());
    let house = House::new().with("DATABASE_URL", &url);
    let server = house.serve();
    server.ready().await;
    Answer::of(registration(&server, "jo@faults.example")).await.unwrap().expect(202);

    relay.cut();
    for _ in 0..3 {
        expect_unavailable(Answer::of(registration(&server, "di@faults.example")).await.unwrap());
    }
    expect_unavailable(Answer::of(server.request(Method::GET, "/health/ready")).await.unwrap());
    Answer::of(server.request(Method::GET, "/health/live")).await.unwrap().expect(200);
    Answer::of(server.request(Method::GET, "/api/v1/search")).await.unwrap().expect(200);

    relay.mend();
    server.ready().await;
    Answer::of(registration(&server, "di@faults.example")).await.unwrap().expect(202);
    eventually("both mails were written", || mails(&house.path("mails")).len() == 2).await;
}

#[tokio::test]
async fn postgresql_is_spoken_to_over_tls_where_the_url_says_so() {
    let house = House::new();
    let EmptyDatabase::Postgres { .. } = &house.database else { return };
    let authority = std::env::var("AIHUB_TEST_POSTGRES_CA").expect("scripts/with-postgres names it");
    let url = house.database.url();
    let verified = |authority: &str| format!("{url}?sslmode=verify-full&sslrootcert={authority}");
    let house = house.with("DATABASE_URL", &verified(&authority));
    let server = house.serve();
    server.ready().await;
    Answer::of(registration(&server, "jo@faults.example")).await.unwrap().expect(202);
    let mut conn = PgConnection::establish(&verified(&authority)).unwrap();
    let clear = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE datname = current_database() AND NOT ssl";
    let clear: i64 = diesel::sql_query(clear).get_result::<Count>(&mut conn).unwrap().count;
    assert_eq!(clear, 0, "connections without TLS");

    let foreign = house.path("foreign.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=127.0.0.1",
            "-keyout",
            "/dev/null",
        ])
        .arg("-out")
        .arg(&foreign)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let said =
        House::new().with("DATABASE_URL", &verified(foreign.to_str().unwrap())).run_to_failure(&["serve"]);
    assert!(said.contains("certificate verify failed"), "{said}");
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
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
