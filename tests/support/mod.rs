//! The program itself as a process, in a folder of its own: for what cannot be seen from inside.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod contract;
pub mod database;
pub mod raw;
pub mod relay;
pub mod smtp;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aihub::accounts::{self, Account};
use aihub::app::App;
use aihub::clock::Clock;
use aihub::config::Config;
use aihub::db::Conn;
use aihub::mail::Transport;
use contract::Exchange;
use database::EmptyDatabase;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// A database, a folder with an index and a folder for mails, and the settings to run the program there.
pub struct House {
    pub folder: TempDir,
    pub database: EmptyDatabase,
    settings: Vec<(String, String)>,
}

impl House {
    pub fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let house = House { folder, database: EmptyDatabase::create(), settings: Vec::new() };
        let database = house.database.url();
        let (index, mails) = (house.path("index"), house.path("mails"));
        house
            .with("DATABASE_URL", &database)
            .with("INDEX_FOLDER", &index.display().to_string())
            .with("MAIL_FOLDER", &mails.display().to_string())
            .with("LISTEN", "127.0.0.1:0")
            .with("REQUESTS_PER_MINUTE", "1000000")
            .with("SECRETS_PER_MINUTE", "1000000")
            .with("ACCESS_TOKEN_MINUTES", "60")
    }

    /// With this variable; the prefix is added.
    pub fn with(self, name: &str, value: &str) -> House {
        self.with_variable(&format!("AIHUB_{name}"), value)
    }

    pub fn with_variable(mut self, name: &str, value: &str) -> House {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aihub"));
        command.args(arguments).current_dir(self.folder.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AIHUB_")) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().cloned());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that fails, and returns what it said. It fails in good order: no panic, no signal.
    #[track_caller]
    pub fn run_to_failure(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// Starts the server and waits until it listens.
    pub fn serve(&self) -> Server {
        self.start(self.command(&["serve"]))
    }

    /// The same with a command that starts the server in another way.
    pub fn start(&self, mut command: Command) -> Server {
        let log = self.path("serve.log");
        let written = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(written).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening at ").and_then(|rest| rest.split(',').next());
        let Some(base) = address.map(str::to_owned) else {
            let _ = child.kill();
            panic!("it does not listen: {line}{}", std::fs::read_to_string(&log).unwrap());
        };
        Server { child: Mutex::new(child), base, log, http: Client::new(), _out: out }
    }

    /// The service inside this process, with this clock, after no server runs here any more.
    pub fn open(&self, clock: Clock) -> App {
        let mut config = Config::load(None).expect("no AIHUB_* variable disturbs the tests");
        config.database_url = self.database.url();
        config.index_folder = self.path("index");
        config.access_token_lifetime = chrono::TimeDelta::hours(1);
        App::open(config, clock, Transport::Folder(self.path("mails"))).unwrap()
    }
}

/// A verified account, and an access token for it.
pub fn account(app: &App, email: &str) -> (Account, String) {
    let (now, address) = (app.clock.now(), email.to_owned());
    let name = email.split('@').next().unwrap().to_owned();
    let language = "en".parse().unwrap();
    let ensure = move |conn: &mut Conn| accounts::ensure(conn, now, &address, &name, &language, None);
    let account = app.db.write_now(ensure).unwrap();
    let token = app.tokens.issue(&account, now).unwrap();
    (account, token)
}

/// A server that runs. It ends with this value, in the way of `kill -9`.
pub struct Server {
    child: Mutex<Child>,
    pub base: String,
    log: PathBuf,
    http: Client,
    _out: BufReader<ChildStdout>,
}

impl Server {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).timeout(Duration::from_secs(30))
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).bearer_auth(token)).await.unwrap().expect(200)
    }

    /// Waits until the index has been built, as it is at the first start.
    pub async fn ready(&self) {
        let began = Instant::now();
        while Answer::of(self.request(Method::GET, "/health/ready")).await.unwrap().status != 200 {
            assert!(began.elapsed() < Duration::from_secs(60), "it does not get ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All items of a list, page by page.
    pub async fn list(&self, path: &str, token: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let place = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let address = format!("{path}{sign}limit=100{place}");
            let request = self.request(Method::GET, &address).bearer_auth(token);
            let page = Answer::of(request).await.unwrap().expect(200).body;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Resident memory in MiB, as Linux counts it.
    pub fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim_end_matches("kB").trim().parse::<usize>().unwrap() / 1024
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    fn id(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Ends it at once, whatever it is doing.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Asks it to end, and waits for that; returns how it ended and how long that took.
    pub async fn terminate(&self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        assert!(Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap().success());
        loop {
            let ended = self.child.lock().unwrap().try_wait().unwrap();
            if let Some(status) = ended {
                return (status, asked.elapsed());
            }
            assert!(asked.elapsed() < Duration::from_secs(60), "it does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An answer of a server, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    /// Null where there is none, or not as JSON.
    pub body: Value,
}

impl Answer {
    /// Sends the request, and holds the answer against the contract.
    ///
    /// # Errors
    /// If the server ended before the answer did: then nobody knows whether it did what was asked.
    pub async fn of(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let (client, request) = request.build_split();
        let request = request?;
        let (method, path) = contract::asked(&request);
        let response = client.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await?;
        contract::check(&Exchange { method: &method, path: &path, status, headers: &headers, body: &body });
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Answer { status: status.as_u16(), headers, body })
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Waits until the condition holds. The bound is above every pause of the service: a mail whose sender was cut off waits for
/// the end of its lease.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(180), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The mails in a folder, as they would travel, with soft line breaks undone; nothing if there is no folder.
pub fn mails(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mails = paths.filter(|path| path.extension().is_some_and(|end| end == "eml"));
    mails.map(|path| std::fs::read_to_string(path).unwrap().replace("=\r\n", "")).collect()
}
