//! Each problem code can be met from outside: one small scenario a code. That each is documented where it is met is
//! checked of every answer; see `support/contract.rs`.

use std::future::Future;
use std::time::Duration;

use aihub::app::App;
use aihub::config::Config;
use aihub::http::codes::Code;
use aihub::mail::{Memory, Transport};
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Member, PASSWORD, Reply, TestApp, mentor, startup, with};
use crate::support::raw::Raw;

#[actix_web::test]
async fn every_code_can_be_met() {
    let test = TestApp::start().await;
    let stage = Stage {
        test: &test,
        founder: test.member("founder@test.example").await,
        helper: test.member("helper@test.example").await,
    };
    for code in Code::ALL {
        let reply = stage.provoke(*code).await;
        match code.status().as_u16() {
            401 => assert!(reply.header("www-authenticate").starts_with("Bearer realm="), "{reply:?}"),
            405 => assert_eq!(reply.header("allow").split(", ").next(), Some("GET"), "{reply:?}"),
            429 | 503 => {
                assert!((1..=60).contains(&reply.header("retry-after").parse().unwrap()), "{reply:?}")
            }
            _ => {}
        }
        let problem = reply.expect_problem(code.status().as_u16(), code.code());
        assert_eq!(problem["title"], code.title());
    }
    test.settle().await;
}

#[actix_web::test]
async fn a_refused_token_is_told_in_the_challenge() {
    let test = TestApp::start().await;
    let ask = |request: RequestBuilder| test.send(request);
    let missing = ask(test.request(Method::GET, "/api/v1/accounts/me")).await;
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"aihub\"");
    let invalid = ask(test.request(Method::GET, "/api/v1/accounts/me").bearer_auth("nonsense")).await;
    let challenge = "Bearer realm=\"aihub\", error=\"invalid_token\", error_description=\"The access token is not valid\"";
    assert_eq!(invalid.header("www-authenticate"), challenge);
    let managed = test.get("/api/v1/profiles?managed=true").await;
    assert_eq!(managed.header("www-authenticate"), "Bearer realm=\"aihub\"");
    managed.expect_problem(401, "token_missing");
}

struct Stage<'a> {
    test: &'a TestApp,
    founder: Member<'a>,
    helper: Member<'a>,
}

impl Stage<'_> {
    async fn provoke(&self, code: Code) -> Reply {
        let Stage { test, founder, helper } = self;
        match code {
            Code::MalformedJson => self.login_with("application/json", "{").await,
            Code::MalformedQuery => test.get("/api/v1/profiles?limit=1000").await,
            Code::MalformedHeader => self.create_with_key("two words", "A").await,
            Code::BadRequest => {
                let request =
                    test.request(Method::POST, "/api/v1/sessions").header("content-encoding", "gzip");
                test.send(request.header("content-type", "application/json").body("this is not compressed"))
                    .await
            }
            Code::TokenMissing => test.get("/api/v1/accounts/me").await,
            Code::TokenInvalid => {
                test.send(test.request(Method::GET, "/api/v1/accounts/me").bearer_auth("nonsense")).await
            }
            Code::TokenExpired => {
                self.later(TimeDelta::minutes(15), founder.get("/api/v1/accounts/me")).await
            }
            Code::CredentialsWrong => {
                test.post("/api/v1/sessions", &json!({ "email": founder.email, "password": "a guess" })).await
            }
            Code::RefreshTokenInvalid => {
                test.post("/api/v1/sessions/refresh", &json!({ "refresh_token": "x".repeat(40) })).await
            }
            Code::Forbidden => founder.get("/api/v1/mails").await,
            Code::EmailNotVerified => self.publish_unverified().await,
            Code::RouteNotFound => test.get("/api/v1/profile").await,
            Code::NotFound => test.get("/api/v1/profiles/prf_01JDBQZ5W0V6P8R3K2M9XE4T7N").await,
            Code::MethodNotAllowed => test.send(test.request(Method::PUT, "/api/v1/profiles")).await,
            Code::NotAcceptable => {
                test.send(test.request(Method::GET, "/api/v1/profiles").header("accept", "text/csv")).await
            }
            Code::RequestTimeout => self.send_half_a_body().await,
            Code::InvalidTransition => self.withdraw_twice().await,
            Code::IntroductionAlreadyOpen => self.ask_again_after(None).await,
            Code::IntroductionBudgetSpent => self.ask_six().await,
            Code::IntroductionTargetPaused => {
                let target = helper.profile(&with(mentor(), json!({ "capacity": 0 }))).await;
                self.ask(&founder.profile(&startup()).await, &target).await
            }
            Code::IntroductionDeclinedRecently => self.ask_again_after(Some("decline")).await,
            Code::AlreadyIntroduced => self.ask_again_after(Some("accept")).await,
            Code::Conflict => {
                let other = founder.profile(&startup()).await;
                helper.put(&format!("/api/v1/profiles/{other}/follow")).await
            }
            Code::CopyOutdated => {
                // A visitor's copy is not a member's.
                let begun = test.get("/api/v1/needs?updated_since=1970-01-01T00:00:00Z").await.expect(200);
                let next = begun.json()["next"].as_str().unwrap().to_owned();
                founder.get(&format!("/api/v1/needs?cursor={next}")).await
            }
            Code::StaleVersion => founder.patch_version("/api/v1/accounts/me", "\"99\"", &json!({})).await,
            Code::PayloadTooLarge => self.login_with("application/json", &"x".repeat(70_000)).await,
            Code::UnsupportedMediaType => self.login_with("text/plain", "{}").await,
            Code::InvalidFields => self.login_with("application/json", "{}").await,
            Code::LinkInvalid => {
                test.post("/api/v1/accounts/verification", &json!({ "token": "x".repeat(40) })).await
            }
            Code::IntroductionToOneself => {
                let profile = founder.profile(&startup()).await;
                self.ask(&profile, &profile).await
            }
            Code::IdempotencyKeyReused => {
                self.create_with_key("one-key", "A").await.expect(201);
                self.create_with_key("one-key", "B").await
            }
            Code::IfMatchMissing => {
                test.send(founder.request(Method::PATCH, "/api/v1/accounts/me").json(&json!({}))).await
            }
            Code::TooManyRequests => self.spend_the_budget().await,
            Code::Internal => self.read_what_is_damaged().await,
            Code::Unavailable => {
                let neighbour = Neighbour::open(test, |_| {});
                test.send(neighbour.get("/api/v1/search")).await
            }
        }
    }

    async fn login_with(&self, media_type: &str, body: &str) -> Reply {
        let request = self.test.request(Method::POST, "/api/v1/sessions").header("content-type", media_type);
        self.test.send(request.body(body.to_owned())).await
    }

    async fn create_with_key(&self, key: &str, name: &str) -> Reply {
        let request = self.founder.request(Method::POST, "/api/v1/profiles").header("idempotency-key", key);
        self.test.send(request.json(&with(startup(), json!({ "name": name })))).await
    }

    /// Asks when this much time has gone by; then it is as early as before.
    async fn later(&self, by: TimeDelta, reply: impl Future<Output = Reply>) -> Reply {
        let now = self.test.clock.now();
        self.test.clock.set(now + by);
        let reply = reply.await;
        self.test.clock.set(now);
        reply
    }

    async fn publish_unverified(&self) -> Reply {
        let email = "new@test.example";
        let body = json!({
            "email": email, "password": PASSWORD, "display_name": "New", "language": "en", "accepted_terms": "2026-11"
        });
        self.test.post("/api/v1/accounts", &body).await.expect(202);
        let newcomer = self.test.login(email).await;
        let draft = newcomer.post("/api/v1/profiles", &startup()).await.expect(201);
        newcomer.act(&format!("{}/publish", draft.header("location"))).await
    }

    async fn withdraw_twice(&self) -> Reply {
        let profile = self.founder.profile(&startup()).await;
        let need = self.founder.need(&profile, "Wartung", "Wir suchen Hilfe.").await;
        let path = format!("/api/v1/needs/{need}/withdraw");
        self.founder.act(&path).await.expect(200);
        self.founder.act(&path).await
    }

    async fn ask(&self, requester: &str, target: &str) -> Reply {
        let body = json!({ "requester": requester, "target": target, "note": "Guten Tag" });
        self.founder.post("/api/v1/introductions", &body).await
    }

    /// Asks for an introduction, lets the target answer, and asks again.
    async fn ask_again_after(&self, answer: Option<&str>) -> Reply {
        let (asking, target) = (self.founder.profile(&startup()).await, self.helper.profile(&mentor()).await);
        let path = self.ask(&asking, &target).await.expect(201).header("location").to_owned();
        if let Some(answer) = answer {
            let body = if answer == "decline" { json!({ "code": "not_now" }) } else { Value::Null };
            let request = self.helper.request(Method::POST, &format!("{path}/{answer}"));
            let request = if body.is_null() { request } else { request.json(&body) };
            self.test.send(request).await.expect(200);
        }
        self.ask(&asking, &target).await
    }

    async fn ask_six(&self) -> Reply {
        let asking = self.founder.profile(&startup()).await;
        for _ in 0..5 {
            self.ask(&asking, &self.helper.profile(&mentor()).await).await.expect(201);
        }
        self.ask(&asking, &self.helper.profile(&mentor()).await).await
    }

    async fn spend_the_budget(&self) -> Reply {
        let neighbour =
            Neighbour::open(self.test, |config| config.requests_per_minute = 1.try_into().unwrap());
        self.test.send(neighbour.get("/health/live")).await.expect(200);
        self.test.send(neighbour.get("/health/live")).await
    }

    async fn send_half_a_body(&self) -> Reply {
        let neighbour = Neighbour::open(self.test, |config| config.client_timeout = Duration::from_secs(1));
        let mut slow = Raw::connect(&neighbour.base).await;
        let head = "POST /api/v1/sessions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 60";
        assert!(slow.send(&format!("{head}\r\n\r\n{{")).await);
        let answer = slow.rest().await;
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Reply { status, headers, text: text.to_owned() }
    }

    /// Reads a profile while its row holds what the service never wrote.
    async fn read_what_is_damaged(&self) -> Reply {
        let profile = self.founder.profile(&startup()).await;
        self.execute(format!("UPDATE profiles SET content = 'x' || content WHERE id = '{profile}'")).await;
        let reply = self.test.get(&format!("/api/v1/profiles/{profile}")).await;
        self.execute(format!("UPDATE profiles SET content = substr(content, 2) WHERE id = '{profile}'"))
            .await;
        reply
    }

    async fn execute(&self, sql: String) {
        let done: Result<(), aihub::db::DbError> =
            self.test.app.db.write(move |conn| Ok(conn.batch_execute(&sql)?)).await;
        done.unwrap();
    }
}

/// Another process' share of the same service: the same database, with an index of its own that nobody has built.
struct Neighbour {
    base: String,
    _index: TempDir,
}

impl Neighbour {
    fn open(test: &TestApp, change: impl FnOnce(&mut Config)) -> Neighbour {
        let index = tempfile::tempdir().unwrap();
        let mut config = test.app.config.clone();
        config.index_folder = index.path().join("index");
        change(&mut config);
        let app = App::open(config, test.clock.clone(), Transport::Memory(Memory::default())).unwrap();
        let (server, address) = app.serve(1).unwrap();
        actix_web::rt::spawn(server);
        Neighbour { base: format!("http://{address}"), _index: index }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        reqwest::Client::new().get(format!("{}{path}", self.base))
    }
}
