//! What the search engine does, in process: filling the index, search pages with facets, explained matches, suggestions,
//! concepts of a text;
//! next to plain tantivy, SQLite FTS5 and, where `AIHUB_TEST_POSTGRES_URL` names a server, PostgreSQL.
//!
//! `cargo bench --bench engine`; with PostgreSQL `scripts/with-postgres cargo bench --bench engine`. The number of
//! profiles is `AIHUB_BENCH_PROFILES`, 100,000 where it is not set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a fault ends the measurement"
)]

#[allow(dead_code, reason = "each bench uses its part")]
mod corpus;
#[allow(dead_code, reason = "each bench uses its part")]
mod measure;
mod rivals;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use corpus::{Corpus, Person, Question, Sought, now};
use measure::{Times, milliseconds, rate};
use rivals::{Fts5, Plain, Postgres, Rival, words};
use search_index::matching::{MatchRequest, Matcher};
use search_index::{
    Analysis, Audience, Change, FacetField, Index, Kind, SearchQuery, Searcher, SuggestQuery, WriterOptions,
};

/// Different searches and needs; each is asked once.
const QUESTIONS: usize = 1000;
/// Slow engines are asked fewer.
const SLOW_QUESTIONS: usize = 200;
/// Profiles that are handed over at a time.
const BATCH: usize = 500;
/// Words of a need that the other engines look for; matching chooses its own.
const MOST_WORDS: usize = 30;
const FACETS: [FacetField; 3] = [FacetField::Category, FacetField::Country, FacetField::Sector];

fn main() {
    let size = corpus::size();
    measure::print_machine(size);
    let folder = tempfile::tempdir().unwrap();
    let analysis = Analysis::embedded().unwrap();
    let corpus = Corpus::new(&analysis);
    let mut rivals = rivals(folder.path());
    let searcher = fill(&corpus, size, &analysis, folder.path(), &mut rivals);
    search(&corpus, size, &searcher, &mut rivals);
    matching(&corpus, &analysis, &searcher, &mut rivals);
    suggest(&corpus, size, &searcher);
    vocabulary(&corpus, size, &analysis);
}

fn rivals(folder: &Path) -> Vec<Box<dyn Rival>> {
    let plain = folder.join("plain");
    std::fs::create_dir(&plain).unwrap();
    let mut rivals: Vec<Box<dyn Rival>> = vec![Box::new(Plain::new(&plain)), Box::new(Fts5::new(folder))];
    match std::env::var("AIHUB_TEST_POSTGRES_URL") {
        Ok(server) => rivals.push(Box::new(Postgres::new(&server))),
        Err(_) => println!("without PostgreSQL: AIHUB_TEST_POSTGRES_URL is not set"),
    }
    rivals
}

/// Fills every engine with the same profiles, timing only what the engine does.
fn fill(
    corpus: &Corpus,
    size: usize,
    analysis: &Arc<Analysis>,
    folder: &Path,
    rivals: &mut [Box<dyn Rival>],
) -> Searcher {
    let root = folder.join("index");
    let open = || Index::open(&root, Arc::clone(analysis), WriterOptions::default()).unwrap();
    let index = open();
    let batches = || {
        (0..size).step_by(BATCH).map(|from| {
            (from..size.min(from + BATCH)).map(|number| corpus.person(number)).collect::<Vec<Person>>()
        })
    };
    let mut own = Duration::ZERO;
    for people in batches() {
        let changes = people.iter().map(|person| Change::Put(Box::new(person.document()))).collect();
        own += timed(|| index.apply(changes).unwrap());
    }
    own += timed(|| assert!(index.commit("1").unwrap()));
    own += timed(|| index.close().unwrap());
    let mut rows = vec![filled("aihub", size, own, own)];
    for rival in rivals {
        let mut time = Duration::ZERO;
        for people in batches() {
            time += timed(|| rival.add(&people));
        }
        time += timed(|| rival.finish());
        rows.push(filled(rival.name(), size, time, own));
    }
    let header = ["filling the index", "seconds", "profiles a second", "rate beside aihub's"];
    measure::print("Index rate, with merges to the end", header, rows);
    let index = open();
    let searcher = index.searcher();
    assert_eq!(searcher.count(), size as u64);
    searcher
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn filled(name: &str, size: usize, time: Duration, own: Duration) -> [String; 4] {
    let seconds = format!("{:.1}", time.as_secs_f64());
    [name.to_owned(), seconds, format!("{:.0}", rate(size, time)), measure::ratio(own, time)]
}

const HEADER: [&str; 5] = ["", "p50 ms", "p99 ms", "p50 beside aihub's", "found (mean)"];

/// One line of a comparison; `found` is the mean number found.
fn line(name: &str, times: &Times, base: &Times, found: f64) -> [String; 5] {
    let ratio = measure::ratio(times.median(), base.median());
    let [median, p99] = [times.median(), times.p99()].map(milliseconds);
    [name.to_owned(), median, p99, ratio, format!("{found:.0}")]
}

/// Asks for pages and returns times and the mean number found.
fn pages(
    searcher: &Searcher,
    questions: &[Question],
    shape: impl Fn(SearchQuery) -> SearchQuery,
) -> (Times, f64) {
    let (mut found, mut calls) = (0, 0);
    let times = Times::of(questions.len(), |at| {
        let Question { language, words } = &questions[at];
        let query = SearchQuery {
            language: Some((*language).to_owned()),
            reader_languages: vec![(*language).to_owned()],
            ..SearchQuery::new(words, now())
        };
        let page = searcher.search(&shape(query)).unwrap();
        assert!(!page.hits.is_empty(), "nothing was found for {words}");
        found += page.total;
        calls += 1;
    });
    (times, found as f64 / f64::from(calls))
}

fn search(corpus: &Corpus, size: usize, searcher: &Searcher, rivals: &mut [Box<dyn Rival>]) {
    let questions: Vec<Question> = (0..QUESTIONS).map(|number| corpus.question(number, size)).collect();
    let (base, found) = pages(searcher, &questions, |query| SearchQuery { facets: FACETS.to_vec(), ..query });
    let mut rows = vec![line("aihub", &base, &base, found)];
    for (name, facets) in [("aihub, no facets", &[][..]), ("aihub, all 9 facets", &FacetField::ALL[..])] {
        let (times, found) =
            pages(searcher, &questions, |query| SearchQuery { facets: facets.to_vec(), ..query });
        rows.push(line(name, &times, &base, found));
    }
    let asked: Vec<(&str, Vec<String>)> = questions.iter().map(|q| (q.language, words(&q.words))).collect();
    for rival in rivals {
        rows.push(compare(rival.as_mut(), &asked, &base, |rival, (language, words)| {
            rival.page(language, words)
        }));
    }
    let title = "Search page: 20 hits with excerpts, total, counts of 3 facets";
    measure::print(title, HEADER, rows);
}

/// Asks another engine the same, and fewer questions if it is slow.
fn compare(
    rival: &mut dyn Rival,
    asked: &[(&str, Vec<String>)],
    base: &Times,
    ask: impl Fn(&mut dyn Rival, &(&str, Vec<String>)) -> usize,
) -> [String; 5] {
    let probe = timed(|| assert!(asked[..5].iter().map(|asked| ask(rival, asked)).sum::<usize>() > 0)) / 5;
    let calls = if probe > Duration::from_millis(40) { SLOW_QUESTIONS } else { asked.len() };
    let (mut found, mut done) = (0, 0);
    let times = Times::of(calls.min(asked.len()), |at| {
        found += ask(rival, &asked[at]);
        done += 1;
    });
    line(rival.name(), &times, base, found as f64 / f64::from(done))
}

fn matching(corpus: &Corpus, analysis: &Arc<Analysis>, searcher: &Searcher, rivals: &mut [Box<dyn Rival>]) {
    let needs: Vec<Sought> = (0..QUESTIONS).map(|number| corpus.sought(number)).collect();
    let matcher = Matcher::new(Arc::clone(analysis)).unwrap();
    let (mut considered, mut calls) = (0, 0);
    let base = Times::of(needs.len(), |at| {
        let need = &needs[at];
        let request = MatchRequest {
            want: vec![Kind::Profile],
            languages: vec![need.language.to_owned()],
            limit: 20,
            ..MatchRequest::new(need.document(), now())
        };
        let page = matcher.rank(searcher, &request).unwrap();
        assert_eq!(page.matches.len(), 20);
        assert!(page.matches.iter().all(|found| !found.reason.is_empty()));
        considered += page.considered;
        calls += 1;
    });
    let mut rows =
        vec![line("aihub (found: scored exactly)", &base, &base, considered as f64 / f64::from(calls))];
    let asked: Vec<(&str, Vec<String>)> = needs
        .iter()
        .map(|need| {
            let mut words = words(&need.text);
            words.truncate(MOST_WORDS);
            (need.language, words)
        })
        .collect();
    for rival in rivals {
        rows.push(compare(rival.as_mut(), &asked, &base, |rival, (language, words)| {
            rival.best(language, words)
        }));
    }
    let title = "Matching: explained top 20 of a need of 40 words; the others: best 20 by any of 30 words, unexplained";
    measure::print(title, HEADER, rows);
}

fn suggest(corpus: &Corpus, size: usize, searcher: &Searcher) {
    let prefixes: Vec<(String, &str)> = (0..QUESTIONS)
        .map(|number| {
            let question = corpus.question(number, size);
            (question.words.chars().take(3 + number % 4).collect(), question.language)
        })
        .collect();
    let (mut found, mut calls) = (0, 0);
    let times = Times::of(prefixes.len(), |at| {
        let (prefix, language) = &prefixes[at];
        let query = SuggestQuery {
            prefix: prefix.clone(),
            audience: Audience::Public,
            languages: vec![(*language).to_owned()],
            limit: 10,
            now: now(),
        };
        found += searcher.suggest(&query).unwrap().len();
        calls += 1;
    });
    let row = [
        "10 completions of 3 to 6 letters".to_owned(),
        milliseconds(times.median()),
        milliseconds(times.p99()),
    ];
    measure::print("Suggestions", ["", "p50 ms", "p99 ms"], vec![row]);
    assert!(found > calls, "almost nothing was suggested");
}

/// What a form asks for while somebody writes.
fn vocabulary(corpus: &Corpus, size: usize, analysis: &Analysis) {
    let texts: Vec<(&str, String)> = (0..QUESTIONS).map(|number| long_text(corpus, number)).collect();
    let mut found = 0;
    let annotating = Times::of(texts.len(), |at| {
        let (language, text) = &texts[at];
        found += analysis.annotate(text, Some(language)).len();
    });
    assert!(found > QUESTIONS, "almost no concept was found");
    let prefixes: Vec<(String, &str)> = (0..QUESTIONS)
        .map(|number| {
            let question = corpus.question(number, size);
            (question.words.chars().take(1 + number % 6).collect(), question.language)
        })
        .collect();
    let mut found = 0;
    let completing = Times::of(prefixes.len(), |at| {
        let (prefix, language) = &prefixes[at];
        found += analysis.complete(prefix, &[language], 10).len();
    });
    assert!(found > QUESTIONS, "almost nothing was completed");
    let row = |what: &str, times: &Times| {
        [what.to_owned(), milliseconds(times.median()), milliseconds(times.p99())]
    };
    let rows = vec![
        row("the concepts of a text of 300 words", &annotating),
        row("10 concepts by 1 to 6 letters", &completing),
    ];
    measure::print("Vocabulary", ["", "p50 ms", "p99 ms"], rows);
}

/// Three hundred words in one language.
fn long_text(corpus: &Corpus, number: usize) -> (&'static str, String) {
    let first = corpus.sought(number);
    let more =
        (number + 1..).map(|other| corpus.sought(other)).filter(|other| other.language == first.language);
    let words: Vec<String> = std::iter::once(first.text.clone())
        .chain(more.map(|other| other.text))
        .flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .take(300)
        .collect();
    (first.language, words.join(" "))
}
