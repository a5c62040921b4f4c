#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use proptest::prelude::*;

use crate::{Analysis, Sources, Vocabulary};

const VOCABULARY: &str = r#"
    machine_learning = { labels = { en = ["machine learning", "ML"], el = ["μηχανική μάθηση"], de = ["maschinelles Lernen", "Maschinenlernen"] } }
    machine_vision = { labels = { en = ["machine vision", "industrial machine learning cameras"], de = ["industrielle Bildverarbeitung"] } }
    e_learning = { labels = { en = ["e-learning"], bg = ["електронно обучение"], fr = ["apprentissage en ligne", "e-learning"] } }
    street_lighting = { labels = { en = ["street lighting"], de = ["Straßenbeleuchtung"], fr = ["éclairage public"] } }
    maintenance = { labels = { en = ["maintenance"], fr = ["maintenance"], pl = ["utrzymanie ruchu"] } }
"#;

fn analysis() -> Analysis {
    Analysis::new(Arc::new(
        Vocabulary::parse(Sources { trees: &[VOCABULARY], ..Sources::default() }).unwrap(),
    ))
}

/// What is found, as `concept language label`.
fn complete(typed: &str, languages: &[&str]) -> Vec<String> {
    let analysis = analysis();
    let found = analysis.complete(typed, languages, 10).into_iter();
    found.map(|found| format!("{} {} {}", found.concept.id, found.language, found.label)).collect()
}

#[test]
fn the_beginning_of_any_word_finds_in_any_language() {
    for (typed, found) in [
        ("lear", "e_learning en e-learning"),
        ("μηχαν", "machine_learning el μηχανική μάθηση"),
        ("ΜΑΘΗΣ", "machine_learning el μηχανική μάθηση"),
        ("μάθησης", ""),
        ("обуч", "e_learning bg електронно обучение"),
        ("eclair", "street_lighting fr éclairage public"),
        ("E\u{301}clair", "street_lighting fr éclairage public"),
        ("STRASSEN", "street_lighting de Straßenbeleuchtung"),
        ("straße", "street_lighting de Straßenbeleuchtung"),
        ("e learn", "e_learning en e-learning"),
        ("  machine   vis", "machine_vision en machine vision"),
        ("beleuchtung", ""),
        ("earning", ""),
        (" - ", ""),
        ("", ""),
    ] {
        assert_eq!(complete(typed, &["en"]).first().map_or("", String::as_str), found, "{typed}");
    }
}

#[test]
fn own_languages_come_first_then_preferred_labels_then_beginnings() {
    assert_eq!(
        complete("ma", &["de"]),
        [
            "machine_learning de maschinelles Lernen",
            "maintenance en maintenance",
            "machine_vision en machine vision",
        ]
    );
    assert_eq!(
        complete("mach", &["en"]),
        ["machine_vision en machine vision", "machine_learning en machine learning"],
        "the shorter one first"
    );
    assert_eq!(
        complete("learning", &["en"]),
        [
            "e_learning en e-learning",
            "machine_learning en machine learning",
            "machine_vision en industrial machine learning cameras",
        ],
        "a synonym last"
    );
    assert_eq!(complete("e-l", &["pl", "fr"])[0], "e_learning fr e-learning");
    assert_eq!(complete("main", &["fr"]), ["maintenance fr maintenance"], "each concept once");
    assert_eq!(analysis().complete("ma", &[], 2).len(), 2);
}

proptest! {
    #[test]
    fn every_word_of_every_label_is_found_by_every_beginning(at: usize, cut in 1usize..20) {
        let analysis = analysis();
        let concepts: Vec<_> = analysis.vocabulary().iter().collect();
        let concept = concepts[at % concepts.len()];
        for language in concept.languages() {
            for label in concept.labels(language) {
                for word in label.split([' ', '-']) {
                    let typed: String = word.chars().take(cut).collect();
                    let found = analysis.complete(&typed, &[], 100);
                    prop_assert!(found.iter().any(|found| found.concept == concept), "{typed}");
                }
            }
        }
    }

    #[test]
    fn anything_may_be_typed(typed in "\\PC{0,40}") {
        analysis().complete(&typed, &["en"], 5);
    }
}
