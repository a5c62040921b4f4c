//! `aihub evaluate` from its command line: a small corpus of invented companies, files in and out, faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn corpus() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "evaluation", "corpus"].iter().collect()
}

fn evaluate(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aihub")).arg("evaluate").args(arguments).output().unwrap()
}

/// What is printed as JSON.
fn report(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Value {
    let output = evaluate(&[arguments, &[&"--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is said on the way out.
fn complaint(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let output = evaluate(arguments);
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn mean(report: &Value, measure: &str) -> f64 {
    let rows = report["measures"].as_array().unwrap();
    rows.iter().find(|row| row["measure"] == measure).unwrap()["mean"].as_f64().unwrap()
}

/// The documents that a run file ranks for a query, in the order of the file.
fn ranked(run: &Path, query: &str) -> Vec<String> {
    let text = fs::read_to_string(run).unwrap();
    let columns = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    columns.filter(|columns| columns[0] == query).map(|columns| columns[2].to_owned()).collect()
}

fn write_corpus(corpus: &str, queries: &str, judgements: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("qrels")).unwrap();
    fs::write(folder.path().join("corpus.jsonl"), corpus).unwrap();
    fs::write(folder.path().join("queries.jsonl"), queries).unwrap();
    fs::write(folder.path().join("qrels/test.tsv"), judgements).unwrap();
    folder
}

#[test]
fn both_doors_are_measured_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let [search, matching] = ["search.run", "match.run"].map(|name| folder.path().join(name));
    let found = report(&[&"--corpus", &corpus(), &"--run-out", &search]);
    assert_eq!(mean(&found, "MRR"), 1.0);
    assert_eq!(ranked(&search, "pumps"), ["pump-doctors"], "words of one language only");
    assert_eq!(ranked(&search, "wartung"), ["windrad", "pump-doctors"], "a concept in two languages");
    assert_eq!(
        found["notes"],
        serde_json::json!([
            "judged queries without a relevant document, left out: 1",
            "judged documents that the corpus lacks, counted as not found where relevant: 1",
        ])
    );

    let found = report(&[&"--corpus", &corpus(), &"--mode", &"match", &"--run-out", &matching]);
    assert_eq!(ranked(&matching, "pumps")[..2], ["pump-doctors", "windrad"]);
    assert_eq!(ranked(&matching, "elsewhere"), Vec::<String>::new(), "not judged, not asked");
    assert!(!ranked(&matching, "apples").contains(&"harbour".to_owned()), "excluded");
    assert_eq!(ranked(&matching, "apples").len(), 7);
    // Of two relevant documents for `apples` the corpus lacks one: (1 + 1 + ½) / 3.
    assert!((mean(&found, "R@100") - 2.5 / 3.0).abs() < 1e-12);
    assert!(mean(&found, "AUC") > 0.99);

    let judgements = corpus().join("qrels/test.tsv");
    let again = report(&[&"--run", &matching, &"--qrels", &judgements, &"--compare", &search]);
    assert_eq!(again["measures"], found["measures"], "the written run says what was measured");
    let recall = &again["comparison"][3];
    assert_eq!((&recall["measure"], &recall["queries"]), (&"R@100".into(), &3.into()));
    assert!((recall["mean"].as_f64().unwrap() - 0.5 / 3.0).abs() < 1e-12);
}

#[test]
fn the_ranking_is_the_same_every_time_and_cut_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one.run", "other.run"].map(|name| folder.path().join(name));
    report(&[&"--corpus", &corpus(), &"--mode", &"match", &"--run-out", &one]);
    report(&[&"--corpus", &corpus(), &"--mode", &"match", &"--run-out", &other]);
    assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap());
    report(&[&"--corpus", &corpus(), &"--mode", &"match", &"--top", &"2", &"--run-out", &other]);
    assert_eq!(ranked(&other, "pumps"), ranked(&one, "pumps")[..2]);
}

#[test]
fn search_reads_on_beyond_its_first_page() {
    let pump = |number| format!("{{\"_id\": \"p{number}\", \"text\": \"A pump of model {number}\"}}\n");
    let documents: String = (0..250).map(pump).collect();
    let folder = write_corpus(&documents, "{\"_id\": \"q\", \"text\": \"pump\"}\n", "q 0 p7 1\n");
    let run = folder.path().join("out.run");
    report(&[&"--corpus", &folder.path(), &"--language", &"en", &"--run-out", &run]);
    let mut found = ranked(&run, "q");
    assert_eq!(found.len(), 250);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 250);
    report(&[&"--corpus", &folder.path(), &"--language", &"en", &"--top", &"120", &"--run-out", &run]);
    assert_eq!(ranked(&run, "q").len(), 120);
}

#[test]
fn a_search_asks_by_the_title_and_matching_by_all() {
    let documents = "{\"_id\": \"drone\", \"text\": \"drones\"}\n{\"_id\": \"pump\", \"text\": \"pumps\"}\n";
    let query = "{\"_id\": \"q\", \"title\": \"Drones\", \"text\": \"Not pumps.\"}\n";
    let folder = write_corpus(documents, query, "q 0 drone 1\n");
    let run = folder.path().join("out.run");
    report(&[&"--corpus", &folder.path(), &"--language", &"en", &"--run-out", &run]);
    assert_eq!(ranked(&run, "q"), ["drone"]);
    report(&[&"--corpus", &folder.path(), &"--language", &"en", &"--mode", &"match", &"--run-out", &run]);
    assert_eq!(ranked(&run, "q"), ["drone", "pump"], "a title weighs more");
}

#[test]
fn needs_are_looked_for_by_what_a_profile_did() {
    let corpus = r#"
{"_id": "bearings", "title": "Advice on predictive maintenance", "text": "Our bearings break.", "metadata": {"kind": "need", "language": "en"}}
{"_id": "capital", "title": "Help with fundraising", "text": "We want to speak to investors.", "metadata": {"kind": "need", "language": "en"}}
"#;
    let query = r#"{"_id": "mender", "text": "An engineer with time to spare.", "metadata": {"language": "de", "cases":
        [{"title": "Vorausschauende Wartung für Züge"}]}}"#
        .replace('\n', "");
    let folder = write_corpus(corpus, &query, "mender 0 bearings 1\nmender 0 capital 0\n");
    let found = report(&[&"--corpus", &folder.path(), &"--mode", &"match"]);
    assert_eq!((mean(&found, "MRR"), mean(&found, "AUC")), (1.0, 1.0));

    let mixed = format!("{corpus}{{\"_id\": \"somebody\", \"text\": \"I am a profile.\"}}\n");
    fs::write(folder.path().join("corpus.jsonl"), mixed).unwrap();
    let said = complaint(&[&"--corpus", &folder.path()]);
    assert!(said.contains("corpus.jsonl, line 4: profiles and needs cannot"), "{said}");
}

#[test]
fn faults_are_named_and_end_with_a_failure() {
    let folder = write_corpus("{\"_id\": \"d\", \"text\": \"x\"}\nnot JSON\n", "", "q 0 d 1\n");
    let said = complaint(&[&"--corpus", &folder.path()]);
    assert!(said.contains("corpus.jsonl, line 2: expected"), "{said}");

    fs::write(folder.path().join("corpus.jsonl"), "{\"_id\": \"d\", \"text\": \"x\"}\n").unwrap();
    let said = complaint(&[&"--corpus", &folder.path()]);
    assert!(said.contains("queries.jsonl lacks the query `q`"), "{said}");

    fs::write(folder.path().join("queries.jsonl"), "{\"_id\": \"q\", \"text\": \" \"}\n").unwrap();
    let said = complaint(&[&"--corpus", &folder.path()]);
    assert!(said.contains("queries.jsonl, line 1: the query has no text"), "{said}");

    fs::write(folder.path().join("qrels/test.tsv"), "q 0 d 0\n").unwrap();
    let said = complaint(&[&"--corpus", &folder.path()]);
    assert!(said.contains("test.tsv judges no document as relevant"), "{said}");

    let said = complaint(&[&"--corpus", &folder.path(), &"--split", &"dev"]);
    assert!(said.contains("dev.tsv: No such file"), "{said}");

    for usage in
        [&[] as &[&dyn AsRef<std::ffi::OsStr>], &[&"--run", &"a"], &[&"--corpus", &"a", &"--top", &"0"]]
    {
        assert!(complaint(usage).contains("error:"));
    }
}
