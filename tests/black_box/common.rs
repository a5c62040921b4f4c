//! The whole service for a test: real routes over HTTP, a database and an index of its own, mail in memory, a clock that
//! the test sets.
//!
//! Nothing sleeps: `settle` runs what works behind the answers until there is
//! nothing left to do.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use aihub::app::App;
use aihub::clock::Clock;
use aihub::config::Config;
use aihub::db::{Conn, DbError};
use aihub::demo;
use aihub::mail::{Memory, Sent, Transport};
use chrono::{DateTime, Utc};
use diesel::RunQueryDsl;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::contract::{self, Exchange};
use crate::support::database::EmptyDatabase;

/// When every test begins: a Monday in winter.
pub fn start() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

pub const PASSWORD: &str = "seven green teapots hum";

pub struct TestApp {
    pub app: App,
    pub clock: Clock,
    pub mails: Memory,
    pub base: String,
    pub folder: TempDir,
    http: Client,
    database: EmptyDatabase,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|fault| panic!("{fault} in {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The reply, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Checks that it is a problem with this code, in the one form of problems.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/problems/{code}"));
        assert!(problem["instance"].as_str().is_some_and(|id| id.len() == 26), "{problem}");
        problem
    }
}

impl TestApp {
    pub async fn start() -> TestApp {
        TestApp::start_with(|_| {}).await
    }

    /// Starts with settings of its own.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> TestApp {
        TestApp::start_sending(change, |_, memory| Transport::Memory(memory)).await
    }

    /// Starts with settings and a way out for mail of its own.
    pub async fn start_sending(
        change: impl FnOnce(&mut Config),
        transport: impl FnOnce(&Config, Memory) -> Transport,
    ) -> TestApp {
        let folder = tempfile::tempdir().unwrap();
        let database = EmptyDatabase::create();
        let mut config = Config::load(None).expect("no AIHUB_* variable disturbs the tests");
        config.database_url = database.url();
        config.database_connections = 4;
        config.index_folder = folder.path().join("index");
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.requests_per_minute = 1_000_000.try_into().unwrap();
        config.secrets_per_minute = 1_000_000.try_into().unwrap();
        change(&mut config);
        let (clock, mails) = (Clock::fixed(start()), Memory::default());
        let transport = transport(&config, mails.clone());
        let app = App::open(config, clock.clone(), transport).unwrap();
        let (server, address) = app.serve(1).unwrap();
        actix_web::rt::spawn(server);
        let test = TestApp {
            app,
            clock,
            mails,
            base: format!("http://{address}"),
            folder,
            http: client(),
            database,
        };
        test.settle().await;
        test
    }

    /// Loads what the demo shows.
    pub async fn load_sample(&self) {
        let app = self.app.clone();
        let report = tokio::task::spawn_blocking(move || demo::load(&app, &|_| {})).await.unwrap().unwrap();
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        self.settle().await;
    }

    /// Indexes every change and sends every mail that is due.
    pub async fn settle(&self) {
        self.app.mailer.drain().await;
        let follower = std::sync::Arc::clone(&self.app.follower);
        tokio::task::spawn_blocking(move || {
            while !follower.db.read_now(all_is_readable).unwrap() {
                std::thread::yield_now();
            }
            follower.catch_up()
        })
        .await
        .unwrap()
        .unwrap();
    }

    /// Moves the clock, ends what has run out, and settles.
    pub async fn advance(&self, by: chrono::TimeDelta) {
        self.clock.set(self.clock.now() + by);
        let now = self.clock.now();
        aihub::app::upkeep(&self.app.db, now).await;
        self.settle().await;
    }

    /// Moves the clock by a second, so that what is made next is younger than what was made before.
    pub fn tick(&self) {
        self.clock.set(self.clock.now() + chrono::TimeDelta::seconds(1));
    }

    /// Ids of a list's items, page by page as its links lead.
    pub async fn pages(&self, path: &str) -> Vec<Vec<String>> {
        let (mut pages, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next.take() {
            let reply = self.get(&path).await.expect(200);
            pages.push(ids(&reply.json()));
            next = reply
                .header("link")
                .strip_prefix('<')
                .and_then(|rest| rest.split('>').next())
                .map(str::to_owned);
        }
        pages
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends the request, and holds the answer against the contract.
    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let request = request.build().unwrap();
        let (method, path) = contract::asked(&request);
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        contract::check(&Exchange { method: &method, path: &path, status, headers: &headers, body: &body });
        Reply { status, headers, text: String::from_utf8_lossy(&body).into_owned() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// The mails sent to an address since the last call, oldest first; others stay.
    pub async fn mails_to(&self, address: &str) -> Vec<Sent> {
        self.settle().await;
        self.mails.sent().into_iter().filter(|mail| mail.to == address).collect()
    }

    /// The one mail of this kind to an address.
    #[track_caller]
    pub fn mail(&self, address: &str, kind: &str) -> Sent {
        let found: Vec<_> =
            self.mails.sent().into_iter().filter(|mail| mail.to == address && mail.kind == kind).collect();
        assert_eq!(found.len(), 1, "mails of kind {kind} to {address}: {}", found.len());
        found.into_iter().next().unwrap()
    }

    /// Registers, follows the link of the mail, and logs in.
    pub async fn member(&self, email: &str) -> Member<'_> {
        let body = json!({
            "email": email, "password": PASSWORD, "display_name": email.split('@').next().unwrap(),
            "language": "en", "accepted_terms": "2026-11"
        });
        self.post("/api/v1/accounts", &body).await.expect(202);
        self.settle().await;
        let token = link_token(&self.mail(email, "verify_email"));
        self.post("/api/v1/accounts/verification", &json!({ "token": token })).await.expect(200);
        self.login(email).await
    }

    pub async fn login(&self, email: &str) -> Member<'_> {
        let body = json!({ "email": email, "password": PASSWORD });
        let session = self.post("/api/v1/sessions", &body).await.expect(200).json();
        Member {
            test: self,
            email: email.to_owned(),
            id: session["account"]["id"].as_str().unwrap().to_owned(),
            token: session["access_token"].as_str().unwrap().to_owned(),
            refresh_token: session["refresh_token"].as_str().unwrap().to_owned(),
        }
    }

    /// A member who looks after the service.
    pub async fn administrator(&self) -> Member<'_> {
        let email = "admin@test.example";
        self.member(email).await;
        let now = self.clock.now();
        self.app.db.write(move |conn| aihub::accounts::grant_administrator(conn, now, email)).await.unwrap();
        self.login(email).await
    }
}

/// Follows no redirection, and lets go of an idle connection well before the server does.
fn client() -> Client {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none());
    client.pool_idle_timeout(Duration::from_secs(1)).build().unwrap()
}

/// Whether the feed can be read to its end. PostgreSQL numbers transactions across all databases of a server, so another
/// test's open transaction holds back the entries of this one for as long as it lasts.
pub fn all_is_readable(conn: &mut Conn) -> Result<bool, DbError> {
    let Conn::Postgres(conn) = conn else { return Ok(true) };
    let readable = "NOT EXISTS (SELECT FROM changes WHERE tx >= pg_snapshot_xmin(pg_current_snapshot()))";
    Ok(diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(readable)).get_result(conn)?)
}

impl Drop for TestApp {
    /// Nothing is left over: no mail is due that was not sent.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let counts = self.app.db.read_now(aihub::mail::counts).unwrap();
        let left: Vec<_> =
            counts.iter().filter(|(status, count)| *count > 0 && status.code() == "sending").collect();
        assert!(left.is_empty(), "mails were left in the middle: {left:?}");
    }
}

/// What stands behind `token=` in a mail.
#[track_caller]
pub fn link_token(mail: &Sent) -> String {
    let text = &mail.content.text;
    let start = text.find("token=").unwrap_or_else(|| panic!("no link in {text}")) + "token=".len();
    text[start..].split_whitespace().next().unwrap().to_owned()
}

/// Ids of a page's items.
#[track_caller]
pub fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap_or_else(|| panic!("no page: {page}"));
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The faults that a problem names, each as its pointer and its code.
#[track_caller]
pub fn faults(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors: {problem}"));
    errors
        .iter()
        .map(|fault| format!("{} {}", fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap()))
        .collect()
}

/// The object with some members set to other values.
pub fn with(mut object: Value, members: Value) -> Value {
    if let (Some(target), Value::Object(members)) = (object.as_object_mut(), members) {
        target.extend(members);
    }
    object
}

/// Somebody who is logged in.
pub struct Member<'a> {
    pub test: &'a TestApp,
    pub email: String,
    pub id: String,
    pub token: String,
    pub refresh_token: String,
}

impl Member<'_> {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.test.request(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.test.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.test.send(self.request(Method::POST, path).json(body)).await
    }

    /// A POST without a body.
    pub async fn act(&self, path: &str) -> Reply {
        self.test.send(self.request(Method::POST, path)).await
    }

    pub async fn put(&self, path: &str) -> Reply {
        self.test.send(self.request(Method::PUT, path)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.test.send(self.request(Method::DELETE, path)).await
    }

    /// A merge patch of the version that is stored now.
    pub async fn patch(&self, path: &str, patch: &Value) -> Reply {
        let etag = self.get(path).await.expect(200).header("etag").to_owned();
        self.patch_version(path, &etag, patch).await
    }

    pub async fn patch_version(&self, path: &str, etag: &str, patch: &Value) -> Reply {
        let request = self
            .request(Method::PATCH, path)
            .header("if-match", etag)
            .header("content-type", "application/merge-patch+json");
        self.test.send(request.body(patch.to_string())).await
    }

    /// Creates and publishes a profile; returns its id.
    pub async fn profile(&self, content: &Value) -> String {
        let draft = self.post("/api/v1/profiles", content).await.expect(201).json();
        let id = draft["id"].as_str().unwrap().to_owned();
        self.act(&format!("/api/v1/profiles/{id}/publish")).await.expect(200);
        id
    }

    /// Creates a need; returns its id.
    pub async fn need(&self, profile: &str, title: &str, description: &str) -> String {
        let body = json!({
            "profile": profile, "type": "mentoring", "title": { "de": title }, "description": { "de": description }
        });
        let need = self.post("/api/v1/needs", &body).await.expect(201).json();
        need["id"].as_str().unwrap().to_owned()
    }
}

/// A German start-up.
pub fn startup() -> Value {
    json!({
        "kind": "startup", "name": "Schwingwerk", "languages": ["de", "en"], "country": "DE", "region": "DE11",
        "city": "Stuttgart", "stage": "pilot", "size": "micro", "sectors": ["C"],
        "summary": { "de": "Wir messen Schwingungen an Werkzeugmaschinen." },
        "contact": { "name": "Doris Probe", "email": "doris@schwingwerk.example", "phone": "+49 711 123456" }
    })
}

/// A French mentor for predictive maintenance.
pub fn mentor() -> Value {
    json!({
        "kind": "mentor", "name": "Claire Exemple", "languages": ["fr", "en"], "country": "FR", "city": "Lyon",
        "summary": { "fr": "J'aide les jeunes entreprises à mettre en place la maintenance prédictive." },
        "description": { "fr": "Vingt ans de surveillance vibratoire et de détection d'anomalies." },
        "track_record": [{
            "title": { "fr": "Maintenance prédictive de broches chez un équipementier" },
            "description": { "fr": "Les arrêts non planifiés ont baissé de 40 %." }, "sectors": ["C"], "year": 2024
        }],
        "seeks": { "text": { "fr": "Des start-up industrielles en phase pilote." }, "stages": ["pilot"] },
        "capacity": 3,
        "contact": { "name": "Claire Exemple", "email": "claire@mentor.example" }
    })
}

/// A hub of Vienna.
pub fn hub() -> Value {
    json!({
        "kind": "hub", "name": "Test Hub Wien", "languages": ["de", "en"], "country": "AT", "city": "Wien",
        "summary": { "en": "Advice, training and testing for small companies." }
    })
}
