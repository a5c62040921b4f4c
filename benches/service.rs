//! The whole service in this process, with the corpus in its database and its index, and an empty server beside it.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::{HttpResponse, HttpServer, web};
use aihub::app::{App, workers};
use aihub::clock::Clock;
use aihub::config::Config;
use aihub::mail::{Memory, Transport};
use aihub::{accounts, profiles};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::corpus::Corpus;

/// Lines that are imported at a time.
const BATCH: usize = 5000;
/// Who manages all profiles.
const OWNER: &str = "owner@bench.example";

pub struct Service {
    pub app: App,
    pub address: SocketAddr,
    /// Where a server does nothing but answer.
    pub empty: SocketAddr,
    pub ids: Vec<String>,
    /// An access token of the owner.
    pub token: String,
    pub import_time: Duration,
    pub index_time: Duration,
    stop: watch::Sender<bool>,
    handles: Vec<ServerHandle>,
    thread: JoinHandle<()>,
    _folder: TempDir,
}

impl Service {
    pub fn start(corpus: &Corpus, size: usize) -> Service {
        let folder = tempfile::tempdir().unwrap();
        let app =
            App::open(settings(&folder), Clock::system(), Transport::Memory(Memory::default())).unwrap();
        let start = Instant::now();
        for from in (0..size).step_by(BATCH) {
            let records =
                (from..size.min(from + BATCH)).map(|number| corpus.person(number).record(OWNER).to_string());
            let lines: Vec<String> = records.collect();
            let report = app.import("bench", &lines.join("\n"), &|_| {}).unwrap();
            assert!(report.refused.is_empty(), "{}", report.refused[0]);
        }
        let import_time = start.elapsed();
        let start = Instant::now();
        app.follower.catch_up().unwrap();
        let index_time = start.elapsed();
        assert_eq!(app.searcher.count(), size as u64);
        let (stop, stopped) = watch::channel(false);
        let (told, running) = mpsc::channel();
        let served = app.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let background = served.start_background(&stopped);
                let (server, address) = served.serve(workers()).unwrap();
                let empty = HttpServer::new(|| {
                    actix_web::App::new()
                        .service(web::resource("/").to(|| async { HttpResponse::Ok().finish() }))
                });
                let empty = empty.workers(workers()).disable_signals().bind("127.0.0.1:0").unwrap();
                let other = empty.addrs()[0];
                let empty = empty.run();
                told.send((address, other, vec![server.handle(), empty.handle()])).unwrap();
                let (server, empty) = (actix_web::rt::spawn(server), actix_web::rt::spawn(empty));
                server.await.unwrap().unwrap();
                empty.await.unwrap().unwrap();
                for task in background {
                    task.await.unwrap();
                }
            });
        });
        let (address, empty, handles) = running.recv().unwrap();
        let (ids, token) = (ids(&app), token(&app));
        Service {
            app,
            address,
            empty,
            ids,
            token,
            import_time,
            index_time,
            stop,
            handles,
            thread,
            _folder: folder,
        }
    }

    pub fn stop(self) {
        self.stop.send(true).unwrap();
        for handle in &self.handles {
            drop(handle.stop(false));
        }
        self.thread.join().unwrap();
    }
}

/// As they are by default, but without a limit on requests.
fn settings(folder: &TempDir) -> Config {
    let mut config = Config::load(None).expect("no AIHUB_* setting disturbs the measurement");
    config.database_url = format!("sqlite://{}/bench.sqlite", folder.path().display());
    config.index_folder = folder.path().join("index");
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.requests_per_minute = u32::MAX.try_into().unwrap();
    config.access_token_lifetime = chrono::TimeDelta::hours(12);
    config
}

fn ids(app: &App) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    loop {
        let last = ids.last().cloned().unwrap_or_default();
        let more = app.db.read_now(|conn| profiles::list_ids(conn, &last, BATCH as i64)).unwrap();
        if more.is_empty() {
            return ids;
        }
        ids.extend(more);
    }
}

fn token(app: &App) -> String {
    let owner = app.db.read_now(|conn| accounts::find_by_email(conn, OWNER)).unwrap().unwrap();
    app.tokens.issue(&owner, app.clock.now()).unwrap()
}
