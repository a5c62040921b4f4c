//! What the whole service does over HTTP, on a real port with SQLite: requests a second and latencies next to an empty
//! actix handler and to the same question in process; and how soon a change is found.
//!
//! `cargo bench --bench http`. The number of profiles is `AIHUB_BENCH_PROFILES`, 100,000 where it is not set. The
//! clients run on the same machine and take their part of its processor.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a fault ends the measurement"
)]

mod client;
#[allow(dead_code, reason = "each bench uses its part")]
mod corpus;
#[allow(dead_code, reason = "each bench uses its part")]
mod measure;
mod service;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aihub::app::workers;
use client::{Client, Load, get, patch, post};
use corpus::{Corpus, Random, now};
use measure::{Times, milliseconds, rate, ratio};
use search_index::matching::MatchRequest;
use search_index::{Analysis, Audience, FacetField, Kind, SearchQuery};
use serde_json::json;
use service::Service;

/// Keep-alive connections at a time.
const CLIENTS: [usize; 2] = [1, 16];
/// How long each kind of request is made.
const DURATION: Duration = Duration::from_secs(4);
/// Different requests of a kind.
const REQUESTS: usize = 1000;
/// Changes a second while freshness is measured.
const CHANGES_A_SECOND: u32 = 50;
/// Changes whose way into the search is timed, at most, and for how long.
const PROBES: usize = 300;
const PROBING: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);
const FACETS: [FacetField; 3] = [FacetField::Category, FacetField::Country, FacetField::Sector];

fn main() {
    let size = corpus::size();
    measure::print_machine(size);
    let corpus = Corpus::new(&Analysis::embedded().unwrap());
    let service = Service::start(&corpus, size);
    println!(
        "imported at {:.0} profiles a second, indexed from the database at {:.0}",
        rate(size, service.import_time),
        rate(size, service.index_time)
    );
    throughput(&service, &corpus, size);
    latency(&service, &corpus, size);
    freshness(&service);
    service.stop();
}

/// A kind of request: its name, where it goes, and the requests themselves.
struct Task {
    name: &'static str,
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
}

fn tasks(service: &Service, corpus: &Corpus, size: usize) -> [Task; 4] {
    let mut random = Random::new(1);
    let mut profile = |_| {
        let id = &service.ids[random.below(service.ids.len())];
        get(&format!("/api/v1/profiles/{id}"))
    };
    let search = |number| {
        let question = corpus.question(number, size);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &question.words).append_pair("q_language", question.language);
        query.extend_pairs(FACETS.iter().map(|facet| ("facet", facet.code())));
        get(&format!("/api/v1/search?{}", query.finish()))
    };
    let matches = |number| {
        let need = corpus.sought(number);
        let description = json!({ "text": need.text, "language": need.language, "country": need.country,
            "languages": [need.language] });
        post("/api/v1/matches", &json!({ "description": description, "want": ["profile"], "limit": 20 }))
    };
    let here = service.address;
    [
        Task { name: "an empty actix handler", address: service.empty, requests: vec![get("/")] },
        Task {
            name: "GET /profiles/{id}",
            address: here,
            requests: (0..REQUESTS).map(&mut profile).collect(),
        },
        Task { name: "GET /search, 3 facets", address: here, requests: (0..REQUESTS).map(search).collect() },
        Task {
            name: "POST /matches, 20 explained",
            address: here,
            requests: (0..REQUESTS).map(matches).collect(),
        },
    ]
}

fn throughput(service: &Service, corpus: &Corpus, size: usize) {
    let tasks = tasks(service, corpus, size);
    for clients in CLIENTS {
        let mut empty = None;
        let mut rows = Vec::new();
        for Task { name, address, requests } in &tasks {
            let Load { times, rate } = client::load(*address, clients, DURATION, requests);
            let empty = *empty.get_or_insert(rate);
            rows.push([
                (*name).to_owned(),
                format!("{rate:.0}"),
                milliseconds(times.median()),
                milliseconds(times.p99()),
                format!("{:.2} ×", rate / empty),
            ]);
        }
        let title = format!("Over HTTP with {clients} client(s), {} workers, SQLite", workers());
        measure::print(
            &title,
            ["", "requests a second", "p50 ms", "p99 ms", "rate beside the empty one"],
            rows,
        );
    }
}

/// The same questions over HTTP and in process, one at a time.
fn latency(service: &Service, corpus: &Corpus, size: usize) {
    let app = &service.app;
    let [.., search, matches] = tasks(service, corpus, size);
    let searched = Times::of(REQUESTS, |number| {
        let question = corpus.question(number, size);
        let query = SearchQuery {
            language: Some(question.language.to_owned()),
            facets: FACETS.to_vec(),
            ..SearchQuery::new(&question.words, now())
        };
        assert!(!app.searcher.search(&query).unwrap().hits.is_empty());
    });
    let matched = Times::of(REQUESTS, |number| {
        let need = corpus.sought(number).document();
        let request = MatchRequest {
            want: vec![Kind::Profile],
            reader: Audience::Public,
            ..MatchRequest::new(need, now())
        };
        assert_eq!(app.matcher.rank(&app.searcher, &request).unwrap().matches.len(), 20);
    });
    let rows = [(search, searched), (matches, matched)].map(|(task, in_process)| {
        let mut client = Client::connect(task.address);
        let over = Times::of(REQUESTS, |number| _ = client.send(&task.requests[number]).expect_ok());
        [
            task.name.to_owned(),
            milliseconds(in_process.median()),
            milliseconds(in_process.p99()),
            milliseconds(over.median()),
            milliseconds(over.p99()),
            ratio(over.median(), in_process.median()),
        ]
    });
    let header =
        ["one client", "in process p50 ms", "p99 ms", "over HTTP p50 ms", "p99 ms", "HTTP / in process"];
    measure::print("In process and over HTTP", header, rows.into());
}

/// The time from an acknowledged change until a search finds it, while others change their profiles too.
fn freshness(service: &Service) {
    let (over, changed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (half, start) = (service.ids.len() / 2, Instant::now());
    let times = std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut client, mut random) = (Client::connect(service.address), Random::new(2));
            for due in 1.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let id = &service.ids[random.below(half)];
                client.send(&change(service, id, &marker(&mut random))).expect_ok();
                changed.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(
                    (Duration::from_secs(1) * due / CHANGES_A_SECOND).saturating_sub(start.elapsed()),
                );
            }
        });
        let times = probe(service, half);
        over.store(true, Ordering::Relaxed);
        times
    });
    let probes = times.len();
    let times = Times::new(times);
    let others = rate(changed.load(Ordering::Relaxed), start.elapsed());
    let row = [
        format!("{probes} changes, while {others:.0} others a second arrive"),
        milliseconds(times.median()),
        milliseconds(times.p99()),
    ];
    let title = "Freshness: from the acknowledged PATCH until a search finds it";
    measure::print(title, ["", "p50 ms", "p99 ms"], vec![row]);
}

/// Changes a profile, searches until it is found, and again.
fn probe(service: &Service, from: usize) -> Vec<Duration> {
    let (mut client, mut random) = (Client::connect(service.address), Random::new(3));
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < PROBES && start.elapsed() < PROBING {
        let id = &service.ids[from + random.below(service.ids.len() - from)];
        let word = marker(&mut random);
        client.send(&change(service, id, &word)).expect_ok();
        let acknowledged = Instant::now();
        let search = get(&format!("/api/v1/search?q={word}"));
        while !client.send(&search).expect_ok().contains(id) {
            assert!(acknowledged.elapsed() < PROBING, "{id} was never found");
            std::thread::sleep(POLL);
        }
        times.push(acknowledged.elapsed());
    }
    times
}

fn change(service: &Service, id: &str, word: &str) -> Vec<u8> {
    patch(&format!("/api/v1/profiles/{id}"), &service.token, &json!({ "summary": { "en": word } }))
}

/// A word that no text has and that is not similar to any other.
fn marker(random: &mut Random) -> String {
    format!("{:016x}", random.next()).bytes().map(|digit| char::from(b'a' + digit % 26)).collect()
}
