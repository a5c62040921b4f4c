//! Clients that are slow or too many. (What a whole minute of them does to the program is in tests/pressure.rs.)

use std::sync::mpsc;
use std::time::Duration;

use aihub::db::DbError;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::common::{Reply, TestApp};
use crate::support::raw::Raw;

/// A service that waits one second for a head, and one for a body; with connections that are kept for long.
async fn impatient() -> TestApp {
    TestApp::start_with(|config| config.client_timeout = Duration::from_secs(1)).await
}

fn post(path: &str, media_type: &str, length: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {media_type}\r\n{length}\r\n\r\n")
}

/// Checks that a whole connection said that the body took too long, and nothing else.
#[track_caller]
fn expect_request_timeout(said: &str) {
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said}"));
    let head = head.to_lowercase();
    assert!(head.starts_with("http/1.1 408 "), "{said}");
    assert!(head.contains("connection: close") && head.contains("application/problem+json"), "{said}");
    let problem: Value = serde_json::from_str(body).unwrap_or_else(|fault| panic!("{fault} in {said}"));
    assert_eq!(problem["code"], "request_timeout");
}

#[actix_web::test]
async fn a_body_that_takes_too_long_is_refused_and_ends_the_connection() {
    let test = impatient().await;
    let json = "application/json";
    let half = post("/api/v1/sessions", json, "Content-Length: 60") + "{\"email\":";
    let chunked = post("/api/v1/sessions", json, "Transfer-Encoding: chunked") + "9\r\n{\"email\":\r\n";
    let form =
        post("/links/verify-email", "application/x-www-form-urlencoded", "Content-Length: 60") + "token=";
    for sent in [&half, &chunked, &form] {
        let mut silent = Raw::connect(&test.base).await;
        assert!(silent.send(sent).await);
        expect_request_timeout(&silent.rest().await);
    }
    let mut slow = Raw::connect(&test.base).await;
    assert!(slow.send(&half).await);
    // The refusal may be lost with the connection: the client was still sending.
    let said = slow.dribble(" ").await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
}

#[actix_web::test]
async fn a_slow_head_is_cut_off_be_it_the_first_or_a_later_one() {
    let test = impatient().await;
    let mut silent = Raw::connect(&test.base).await;
    assert_eq!(silent.rest().await, "");
    let mut first = Raw::connect(&test.base).await;
    assert!(first.send("GET /health/live HTTP/1.1\r\nX-Long: ").await);
    assert_eq!(first.dribble("x").await, "");

    let mut later = Raw::connect(&test.base).await;
    assert!(later.send("GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n").await);
    assert!(later.answer().await.starts_with("HTTP/1.1 200 "));
    assert!(later.send("GET /health/live HTTP/1.1\r\nX-Long: ").await);
    assert_eq!(later.dribble("x").await, "");
}

#[actix_web::test]
async fn a_connection_that_does_nothing_more_ends() {
    let test = TestApp::start_with(|config| config.keep_alive = Duration::from_secs(1)).await;
    let mut idle = Raw::connect(&test.base).await;
    assert!(idle.send("GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n").await);
    assert!(idle.answer().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(idle.rest().await, "");
}

#[actix_web::test]
async fn a_body_that_nobody_wants_is_not_listened_to_forever() {
    let test = impatient().await;
    let mut endless = Raw::connect(&test.base).await;
    assert!(endless.send(&post("/nowhere", "text/plain", "Transfer-Encoding: chunked")).await);
    let said = endless.dribble("1\r\nx\r\n").await;
    assert!(said.starts_with("HTTP/1.1 404 "), "{said}");
}

#[actix_web::test]
async fn a_client_that_does_not_read_its_answers_is_cut_off() {
    /// More than the buffers between the two take.
    const ANSWERS: usize = 200;
    let test = impatient().await;
    let contract = test.get("/openapi.yaml").await.expect(200).text.len();
    let mut deaf = Raw::connect(&test.base).await;
    assert!(deaf.send(&"GET /openapi.yaml HTTP/1.1\r\nHost: test\r\n\r\n".repeat(ANSWERS)).await);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut read = 0;
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = deaf.0.read(&mut buffer).await {
        read += count;
    }
    assert!(read < ANSWERS * contract, "it waited and sent all {read} bytes");
    test.get("/health/live").await.expect(200);
}

/// Keeps every connection of the database busy until the sender is dropped.
fn occupy(test: &TestApp) -> Vec<mpsc::Sender<()>> {
    let connections = test.app.config.database_connections;
    let (ends, waits): (Vec<_>, Vec<_>) = (0..connections).map(|_| mpsc::channel::<()>()).unzip();
    for end in waits {
        let db = test.app.db.clone();
        actix_web::rt::spawn(async move { db.read(move |_| Ok::<_, DbError>(end.recv().is_err())).await });
    }
    ends
}

#[actix_web::test]
async fn more_than_can_be_worked_on_is_told_to_come_again_at_once() {
    let test = TestApp::start_with(|config| config.requests_at_once = 2).await;
    let busy = occupy(&test);
    // Those that are let in wait for the database; it is free again once the others have been refused.
    let (refusals, mut refused) = tokio::sync::mpsc::unbounded_channel();
    let ask = async |_| {
        let reply = test.get("/api/v1/profiles").await;
        if reply.status == 503 {
            refusals.send(()).unwrap();
        }
        reply
    };
    let watch = async {
        for _ in 0..3 {
            refused.recv().await.unwrap();
        }
        test.get("/health/live").await.expect(200);
        drop(busy);
    };
    let (replies, ()) = tokio::join!(join_all((0..5).map(ask)), watch);
    let (good, refused): (Vec<Reply>, Vec<Reply>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!((good.len(), refused.len()), (2, 3));
    for reply in refused {
        assert_eq!(reply.header("retry-after"), "1");
        reply.expect_problem(503, "unavailable");
    }
    test.get("/api/v1/profiles").await.expect(200);
}

#[actix_web::test]
async fn who_is_slow_to_send_keeps_nobody_else_out() {
    let test = TestApp::start_with(|config| config.requests_at_once = 1).await;
    let body = r#"{"email":"nobody@test.example","password":"seven green teapots hum"}"#;
    let head = post("/api/v1/sessions", "application/json", &format!("Content-Length: {}", body.len()));
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut one = Raw::connect(&test.base).await;
        assert!(one.send(&head).await && one.send(&body[..9]).await);
        slow.push(one);
    }
    // Each is answered, so each had a place once its body was there; and the others wait without one meanwhile.
    for mut one in slow {
        test.get("/api/v1/profiles").await.expect(200);
        assert!(one.send(&body[9..]).await);
        assert!(one.answer().await.contains("credentials_wrong"));
    }
}

#[actix_web::test]
async fn who_goes_away_leaves_his_place() {
    let test = TestApp::start_with(|config| config.requests_at_once = 1).await;
    for _ in 0..3 {
        let mut gone = Raw::connect(&test.base).await;
        assert!(gone.send(&(post("/api/v1/sessions", "application/json", "Content-Length: 60") + "{")).await);
        gone.reset();
        let mut halved = Raw::connect(&test.base).await;
        assert!(halved.send("GET /api/v1/profiles HTTP/1.1\r\nHost: test\r\n\r\n").await);
        drop(halved);
    }
    let mut reply = test.get("/api/v1/profiles").await;
    // The last of them may still be at work.
    while reply.status == 503 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        reply = test.get("/api/v1/profiles").await;
    }
    reply.expect(200);
    let wrong = test.send(test.request(Method::PUT, "/api/v1/profiles")).await;
    wrong.expect_problem(405, "method_not_allowed");
}
