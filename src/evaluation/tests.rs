//! The measures against numbers from elsewhere and against what must hold of any answer; files read and written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::compare::paired_bootstrap;
use super::corpus::{Record, RecordKind, each_record};
use super::input::{EvaluationError, LineError};
use super::measures::{Answer, Measure};
use super::report::Report;
use super::trec::{Retrieved, Run, read_judgements};

/// Computed with `trec_eval` (through pytrec_eval-terrier 0.5.11), AUC with scikit-learn's `roc_auc_score`, in the order
/// of [`Measure::ALL`].
#[rustfmt::skip]
const REFERENCE: [(&str, [f64; 8], Option<f64>); 5] = [
    ("q1", [0.042827309444, 0.097979624542, 0.1, 0.625, 0.2, 0.0, 1.0, 1.0], Some(0.484375)),
    ("q2", [0.460372977568, 0.390909090909, 0.1, 1.0, 0.5, 0.0, 1.0, 1.0], Some(0.708333333333)),
    ("q3", [0.638787886480, 0.333333333333, 0.033333333333, 0.333333333333, 1.0, 1.0, 1.0, 1.0], Some(0.5)),
    ("q5", [0.444903661748, 0.268253968254, 0.133333333333, 0.571428571429, 0.333333333333, 0.0, 1.0, 1.0], None),
    // Judged, and not in the run.
    ("q6", [0.0; 8], Some(0.5)),
];

fn reference(extension: &str) -> PathBuf {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "evaluation"].iter().collect();
    folder.join("reference").with_extension(extension)
}

#[test]
fn the_values_are_those_of_trec_eval() {
    let run = Run::read(&reference("run")).unwrap();
    let judgements = read_judgements(&reference("qrels")).unwrap();
    for (query, expected, auc) in REFERENCE {
        let answer = Answer::new(run.of(query), &judgements[query]);
        let expected = expected.into_iter().map(Some).chain([auc]);
        for (measure, expected) in Measure::ALL.into_iter().zip(expected) {
            let (found, expected) = (measure.of(&answer), expected.map(|value| (value * 1e9).round()));
            assert_eq!(found.map(|value| (value * 1e9).round()), expected, "{measure:?} of {query}");
        }
    }
}

#[test]
fn means_pass_over_queries_without_a_relevant_document_and_say_so() {
    let run = Run::read(&reference("run")).unwrap();
    let judgements = read_judgements(&reference("qrels")).unwrap();
    let report = Report::new(&run, &judgements, Some(&run));
    let expected: f64 = REFERENCE.iter().map(|(_, values, _)| values[0]).sum::<f64>() / 5.0;
    let ndcg = &report.measures[0];
    assert_eq!((ndcg.measure, ndcg.queries), ("nDCG@10", 5));
    assert!((ndcg.mean.unwrap() - expected).abs() < 1e-9);
    let squares: f64 = REFERENCE.iter().map(|(_, values, _)| (values[0] - expected).powi(2)).sum();
    assert!((ndcg.standard_error.unwrap() - (squares / 4.0).sqrt() / 5_f64.sqrt()).abs() < 1e-9);
    assert_eq!(report.measures[8].queries, 4, "one query has nothing that was judged irrelevant");
    assert_eq!(
        report.notes,
        [
            "queries of the run without judgements, left out: 1",
            "judged queries without an answer in the run, counted as nothing found: 1",
            "queries of the run compared with without judgements, left out: 1",
            "judged queries without an answer in the run compared with, counted as nothing found: 1",
            "judged queries without a relevant document, left out: 1",
        ]
    );
    let comparison = report.comparison.unwrap();
    assert!(comparison.iter().all(|row| row.difference.mean == 0.0 && row.difference.p == 1.0));
    assert_eq!(comparison.len(), 9);
}

/// Some documents of one query: their scores, and the grades of those that were judged.
fn answers() -> impl Strategy<Value = (Vec<Retrieved>, BTreeMap<String, i64>)> {
    let scores = prop::collection::btree_map("[a-z]{1,2}", (0u8..20).prop_map(f32::from), 0..60);
    let grades = prop::collection::btree_map("[a-z]{1,2}", -1i64..4, 1..40);
    (scores, grades).prop_map(|(scores, grades)| {
        let retrieved = |(document, score)| Retrieved { document, score };
        (scores.into_iter().map(retrieved).collect(), grades)
    })
}

/// The answer as a run orders it.
fn ordered(answer: Vec<Retrieved>) -> Vec<Retrieved> {
    let mut run = Run::default();
    run.insert("q".to_owned(), answer);
    run.of("q").to_vec()
}

fn values(answer: Vec<Retrieved>, grades: &BTreeMap<String, i64>) -> Vec<Option<f64>> {
    let answer = Answer::new(&ordered(answer), grades);
    Measure::ALL.map(|measure| measure.of(&answer)).to_vec()
}

/// The judged documents in the order of their grades, without ties.
fn perfect(grades: &BTreeMap<String, i64>) -> Vec<Retrieved> {
    let mut best: Vec<_> = grades.iter().map(|(document, grade)| (*grade, document.clone())).collect();
    best.sort();
    let retrieved = |(place, (_, document))| Retrieved { document, score: f32::from(place) };
    (0u16..).zip(best).map(retrieved).collect()
}

proptest! {
    #[test]
    fn every_value_is_between_nothing_and_one((answer, grades) in answers()) {
        let relevant = grades.values().any(|grade| *grade > 0);
        for (measure, value) in Measure::ALL.into_iter().zip(values(answer, &grades)) {
            prop_assert!(value.is_none_or(|value| (0.0..=1.0 + 1e-12).contains(&value)));
            prop_assert!(value.is_some() == relevant || measure == Measure::AreaUnderCurve);
        }
    }

    #[test]
    fn the_best_order_earns_one((_, grades) in answers()) {
        let relevant = grades.values().filter(|grade| **grade > 0).count();
        prop_assume!(relevant > 0);
        for (measure, value) in Measure::ALL.into_iter().zip(values(perfect(&grades), &grades)) {
            let most = if measure == Measure::Precision30 { relevant.min(30) as f64 / 30.0 } else { 1.0 };
            prop_assert!(value.is_none_or(|value| (value - most).abs() < 1e-12), "{measure:?}: {value:?}");
        }
    }

    #[test]
    fn only_the_order_of_scores_counts((answer, grades) in answers()) {
        let stretched = answer.iter().rev().map(|found| Retrieved { score: found.score * 3.0 - 7.0, ..found.clone() });
        prop_assert_eq!(values(stretched.collect(), &grades), values(answer, &grades));
    }

    #[test]
    fn what_nobody_judged_is_worth_what_is_irrelevant((answer, mut grades) in answers()) {
        prop_assume!(grades.values().any(|grade| *grade > 0));
        let before = values(answer.clone(), &grades);
        grades.retain(|_, grade| *grade > 0);
        let after = values(answer, &grades);
        prop_assert_eq!(&before[..8], &after[..8]);
        prop_assert_eq!(after[8], None);
    }

    #[test]
    fn one_more_relevant_document_on_top_never_harms((answer, grades) in answers()) {
        let before = values(answer.clone(), &grades);
        let first = grades.iter().filter(|(_, grade)| **grade > 0).max_by_key(|(_, grade)| **grade);
        prop_assume!(first.is_some());
        let first = first.unwrap().0;
        let mut better: Vec<Retrieved> =
            answer.into_iter().filter(|found| found.document != *first).collect();
        better.push(Retrieved { document: first.clone(), score: 100.0 });
        for (before, after) in before.into_iter().zip(values(better, &grades)) {
            prop_assert!(after >= before.map(|value| value - 1e-12));
        }
    }

    #[test]
    fn turning_all_scores_round_turns_the_curve((answer, mut grades) in answers()) {
        let known: BTreeSet<&str> = answer.iter().map(|found| found.document.as_str()).collect();
        grades.retain(|document, _| known.contains(document.as_str()));
        let turned = answer.iter().map(|found| Retrieved { score: -found.score, ..found.clone() }).collect();
        let (one, other) = (values(answer.clone(), &grades)[8], values(turned, &grades)[8]);
        prop_assert!(one.zip(other).is_none_or(|(one, other)| (one + other - 1.0).abs() < 1e-12));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn turning_a_comparison_round_turns_its_sign(differences in prop::collection::vec(-1.0f64..1.0, 2..20)) {
        let turned: Vec<f64> = differences.iter().map(|difference| -difference).collect();
        let (one, other) = (paired_bootstrap(&differences).unwrap(), paired_bootstrap(&turned).unwrap());
        prop_assert!(one.interval[0] <= one.mean && one.mean <= one.interval[1]);
        prop_assert!((0.0..=1.0).contains(&one.p) && one.p > 0.0);
        prop_assert!((one.mean + other.mean).abs() < 1e-12 && (one.p - other.p).abs() < 1e-3);
    }
}

#[test]
fn the_bootstrap_agrees_with_the_normal_distribution_where_that_holds() {
    // 200 values evenly spread around 0.1 with a standard deviation of 1: that of the mean is 0.0707.
    let values: Vec<f64> =
        (0..200).map(|i| 0.1 + 3_f64.sqrt() * (f64::from(2 * i + 1) / 200.0 - 1.0)).collect();
    let found = paired_bootstrap(&values).unwrap();
    assert!((found.mean - 0.1).abs() < 1e-12);
    assert!((found.interval[0] - (0.1 - 1.96 * 0.0707)).abs() < 0.01, "{found:?}");
    assert!((found.interval[1] - (0.1 + 1.96 * 0.0707)).abs() < 0.01, "{found:?}");
    // P(|Z| ≥ 0.1 / 0.0707) is 0.157.
    assert!((found.p - 0.157).abs() < 0.02, "{found:?}");
    assert_eq!(paired_bootstrap(&[0.5]), None);
    assert_eq!(paired_bootstrap(&[0.0; 5]).unwrap().p, 1.0);
    assert!(paired_bootstrap(&[0.5, 0.4, 0.6, 0.5]).unwrap().p < 0.001);
}

#[test]
fn a_run_that_was_written_is_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.run");
    let run = Run::read(&reference("run")).unwrap();
    run.write(&path, "aihub").unwrap();
    assert_eq!(Run::read(&path).unwrap(), run);
    let text = fs::read_to_string(&path).unwrap();
    let ranks: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("q2 "))
        .map(|line| line.split(' ').nth(3).unwrap())
        .collect();
    assert_eq!(ranks[..3], ["1", "2", "3"]);
}

/// What is said of the text as a file.
fn complaint<T: std::fmt::Debug>(
    text: &str,
    read: impl Fn(&std::path::Path) -> Result<T, EvaluationError>,
) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, text).unwrap();
    let said = read(&path).unwrap_err().to_string();
    said.strip_prefix(&format!("{}, ", path.display())).unwrap().to_owned()
}

#[test]
fn faulty_lines_are_named() {
    let run = |text| complaint(text, Run::read);
    assert_eq!(
        run("q Q0 d 1 2.5 t\n\nq Q0 e 2 t\n"),
        "line 3: query, Q0, document, rank, score and tag make 6 columns, not 5"
    );
    assert_eq!(run("q Q0 d 1 high t"), "line 1: the score `high` is not a number");
    assert_eq!(run("q Q0 d 1 NaN t"), "line 1: the score `NaN` is not a number");
    assert_eq!(run("q Q0 d 1 2 t\nq Q0 d 2 1 t"), "line 2: `d` is retrieved twice for `q`");
    let judgements = |text| complaint(text, read_judgements);
    assert_eq!(
        judgements("query-id\tcorpus-id\tscore\nq\td\t0.5"),
        "line 2: the grade `0.5` is not a whole number"
    );
    assert_eq!(
        judgements("q d"),
        "line 1: query, document and grade make 3 columns (with 0 second 4), not 2"
    );
    assert_eq!(judgements("q 0 d 1\nq 0 d 0"), "line 2: `d` was judged 1 for `q` before");
    let records = |text| complaint(text, |path| each_record(path, |_| Ok::<(), LineError>(())));
    assert!(records("{\"_id\": \"a\"}").starts_with("line 1: missing field `text`"));
    assert_eq!(
        records("{\"_id\": \"a b\", \"text\": \"\"}"),
        "line 1: the id `a b` is empty or has white space in it"
    );
    assert_eq!(
        records("{\"_id\":\"a\",\"text\":\"\"}\n{\"_id\":\"a\",\"text\":\"\"}"),
        "line 2: the id `a` was used before"
    );
    let language = "{\"_id\":\"a\",\"text\":\"\",\"metadata\":{\"language\":\"german\"}}";
    assert!(records(language).contains("is not an ISO 639-1 language code"), "{}", records(language));
    let missing = Run::read(std::path::Path::new("no/such/file")).unwrap_err().to_string();
    assert!(missing.starts_with("no/such/file: "), "{missing}");
}

#[test]
fn judgements_of_both_forms_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let [trec, beir] = ["a.qrels", "b.tsv"].map(|name| folder.path().join(name));
    fs::write(&trec, "q1 0 a 1\nq1 0 b 0\nq2 0 a 2\n").unwrap();
    fs::write(&beir, "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tb\t0\nq2\ta\t2\n").unwrap();
    let judgements = read_judgements(&trec).unwrap();
    assert_eq!(judgements, read_judgements(&beir).unwrap());
    assert_eq!(judgements["q1"]["b"], 0);
}

#[test]
fn a_record_becomes_what_the_service_would_index() {
    let record = |text: &str| serde_json::from_str::<Record>(text).unwrap();
    let plain = record(r#"{"_id": "1", "title": "", "text": "Pumps", "metadata": {"url": "x"}}"#);
    let plain = plain.document(RecordKind::Profile, None);
    assert!(plain.titles.is_empty() && plain.seeks.passages.is_empty());
    assert_eq!((plain.offers.passages.len(), plain.texts.len()), (1, 1));
    assert_eq!(plain.offers.passages[0].language, None);

    let rich = r#"{"_id": "2", "title": "Pump doctors", "text": "We mend pumps.", "metadata": {"language": "en",
        "country": "AT", "concepts": ["predictive_maintenance"], "cases": [{"title": "Mill", "text": "Pumps of a mill"}]}}"#;
    let german = "de".parse().unwrap();
    let profile = record(rich).document(RecordKind::Profile, Some(&german));
    assert_eq!(profile.offers.cases[0].titles[0].text, "Mill");
    assert_eq!(profile.texts.len(), 3, "what was done is searched too");
    assert_eq!(profile.titles[0].language.as_deref(), Some("en"));
    assert_eq!(profile.place.country.as_deref(), Some("AT"));
    assert_eq!(profile.offers.claims[0].concept, "predictive_maintenance");

    let need = record(rich).document(RecordKind::Need, None);
    assert!(need.offers.passages.is_empty() && need.offers.cases.is_empty());
    assert_eq!((need.seeks.passages.len(), need.seeks.claims.len()), (2, 1));
}
