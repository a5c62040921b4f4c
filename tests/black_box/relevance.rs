//! Judged cases: for a need in somebody's own words, who of the sample must be on top and who must not. The cases stand in
//! `tests/relevance`, one file a language; whoever wrote them knew the sample and not the ranking.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::common::TestApp;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/relevance");
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sample");
/// How far down a right answer still counts.
const DEPTH: usize = 10;
/// Among so many first answers nobody wants to see one that is out of place.
const FIRST: usize = 3;
/// The suite must not fall below these; raise them when the ranking gets better.
const LEAST_RECIPROCAL_RANK: f64 = 0.75;
const LEAST_FIRST: f64 = 0.63;
const MOST_MISPLACED: usize = 45;

#[derive(Deserialize)]
struct File {
    case: Vec<Case>,
}

/// One need and the judgement on it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    text: String,
    #[serde(default = "profile")]
    want: String,
    #[serde(default = "seeks")]
    mode: String,
    categories: Vec<String>,
    /// One of them must come first.
    best: Vec<String>,
    /// Useful too.
    good: Vec<String>,
    /// Out of place among the first three.
    never: Vec<String>,
}

fn profile() -> String {
    "profile".to_owned()
}

fn seeks() -> String {
    "seeks".to_owned()
}

/// How one case came out.
struct Outcome {
    reciprocal_rank: f64,
    /// Normalised discounted cumulative gain among the first ten: 2 for the best, 1 for what is useful too.
    gain: f64,
    misplaced: bool,
    /// What to tell of a case that did not come out as it should.
    told: Option<String>,
}

#[actix_web::test]
async fn judged_needs_find_who_fits_them() {
    let test = TestApp::start().await;
    test.load_sample().await;
    let keys = keys_by_title();
    let mut outcomes: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
    for (language, cases) in cases() {
        for case in cases {
            let outcome = case.judge(&test, &keys, &language).await;
            outcomes.entry(language.clone()).or_default().push(outcome);
        }
    }
    for outcome in outcomes.values().flatten() {
        outcome.told.iter().for_each(|told| println!("{told}"));
    }
    for (language, outcomes) in &outcomes {
        println!("{language}: {}", summary(outcomes.iter()));
    }
    let all = || outcomes.values().flatten();
    println!("all {} cases: {}", all().count(), summary(all()));
    assert!(mean(all()) >= LEAST_RECIPROCAL_RANK);
    assert!(share_first(all()) >= LEAST_FIRST);
    assert!(all().filter(|outcome| outcome.misplaced).count() <= MOST_MISPLACED);
}

/// The cases by language.
fn cases() -> BTreeMap<String, Vec<Case>> {
    let read = |(path, text): (PathBuf, String)| (stem(&path), toml::from_str::<File>(&text).unwrap().case);
    files(CASES).map(read).collect()
}

fn files(folder: &str) -> impl Iterator<Item = (PathBuf, String)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The keys of everything in the sample, by its profile's name and each of its titles.
fn keys_by_title() -> HashMap<(String, String), String> {
    let lines: String = files(SAMPLE).map(|(_, text)| text).collect();
    let mut keys = HashMap::new();
    for record in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let titles: Vec<String> = match &record["title"] {
            Value::Object(titles) => titles.values().map(text).collect(),
            _ => vec![text(&record["name"])],
        };
        for title in titles {
            keys.insert((text(&record["record"]), title), text(&record["key"]));
        }
    }
    keys
}

impl Case {
    async fn judge(
        &self,
        test: &TestApp,
        keys: &HashMap<(String, String), String>,
        language: &str,
    ) -> Outcome {
        let question = json!({
            "description": { "text": self.text, "language": language }, "want": [self.want], "mode": self.mode,
            "categories": self.categories, "limit": DEPTH
        });
        let answer = test.post("/api/v1/matches", &question).await.expect(200).json();
        let found: Vec<&str> =
            answer["items"].as_array().unwrap().iter().map(|item| key(keys, item)).collect();
        self.outcome(language, &found)
    }

    fn outcome(&self, language: &str, found: &[&str]) -> Outcome {
        let place =
            |wanted: &[String]| found.iter().position(|key| wanted.iter().any(|wanted| wanted == key));
        let best = place(&self.best);
        let misplaced = place(&self.never).filter(|place| *place < FIRST);
        let name = format!("{language}/{}", self.name);
        let told = match (best, misplaced) {
            (Some(0), None) => None,
            _ => Some(format!(
                "{name}: {:?} is at {:?}; first are {:?}",
                self.best,
                best.map(|at| at + 1),
                found.get(..FIRST.min(found.len())).unwrap()
            )),
        };
        Outcome {
            gain: self.gain(found),
            reciprocal_rank: best.map_or(0.0, |at| 1.0 / (at + 1) as f64),
            misplaced: misplaced.is_some(),
            told,
        }
    }
}

impl Case {
    /// Normalised by the best order there is.
    fn gain(&self, found: &[&str]) -> f64 {
        let grade = |key: &str| match key {
            key if self.best.iter().any(|best| best == key) => 2.0,
            key if self.good.iter().any(|good| good == key) => 1.0,
            _ => 0.0,
        };
        let discounted = |grades: &mut dyn Iterator<Item = f64>| -> f64 {
            grades.take(DEPTH).enumerate().map(|(at, grade)| grade / (at as f64 + 2.0).log2()).sum()
        };
        let ideal = discounted(&mut self.best.iter().chain(&self.good).map(|key| grade(key)));
        discounted(&mut found.iter().map(|key| grade(key))) / ideal
    }
}

fn key<'a>(keys: &'a HashMap<(String, String), String>, item: &Value) -> &'a str {
    let title = item["title"]["text"].as_str().unwrap().to_owned();
    &keys[&(item["kind"].as_str().unwrap().to_owned(), title)]
}

fn mean<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> f64 {
    outcomes.clone().map(|outcome| outcome.reciprocal_rank).sum::<f64>() / outcomes.count() as f64
}

fn share_first<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> f64 {
    outcomes.clone().filter(|outcome| outcome.reciprocal_rank == 1.0).count() as f64 / outcomes.count() as f64
}

fn summary<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> String {
    let misplaced = outcomes.clone().filter(|outcome| outcome.misplaced).count();
    let gain = outcomes.clone().map(|outcome| outcome.gain).sum::<f64>() / outcomes.clone().count() as f64;
    format!(
        "mean reciprocal rank {:.3}, nDCG@{DEPTH} {gain:.3}, right at first {:.0} %, somebody out of place among the first \
         {FIRST}: {misplaced}",
        mean(outcomes.clone()),
        100.0 * share_first(outcomes)
    )
}
