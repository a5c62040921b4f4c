#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::vocabulary::Sources;

const VOCABULARY: &str = r#"
    artificial_intelligence = { labels = { en = ["artificial intelligence", "AI"], de = ["künstliche Intelligenz", "KI"], fr = ["intelligence artificielle", "IA"] } }
    computer_vision = { parent = "artificial_intelligence", labels = { en = ["computer vision", "CV"], de = ["Bildverarbeitung", "maschinelles Sehen"], fr = ["traitement d'images", "vision par ordinateur"] } }
    machine_learning = { parent = "artificial_intelligence", labels = { en = ["machine learning", "ML"], de = ["maschinelles Lernen"] } }
    predictive_maintenance = { labels = { en = ["predictive maintenance"], de = ["vorausschauende Wartung"], fr = ["maintenance prédictive"], pl = ["predykcyjne utrzymanie ruchu"] } }
    planning = { labels = { en = ["planning"], de = ["Planung"] } }
    maintenance = { labels = { en = ["maintenance"], de = ["Wartung", "Instandhaltung"] } }
    internet_of_things = { labels = { en = ["internet of things", "IoT"] } }
    human_in_the_loop = { labels = { en = ["human in the loop"] } }
    robotics = { labels = { en = ["robotics"], de = ["Robotik", "Roboter"] } }
"#;

fn analysis() -> Analysis {
    Analysis::new(Arc::new(
        Vocabulary::parse(Sources { trees: &[VOCABULARY], ..Sources::default() }).unwrap(),
    ))
}

fn terms(language: &str, text: &str) -> Vec<String> {
    analysis().terms(Language::from_code(language), text)
}

fn concepts(text: &str, language: Option<&str>) -> Vec<String> {
    analysis().annotate(text, language).into_iter().map(|found| found.concept).collect()
}

#[test]
fn one_word_has_one_form_in_each_language() {
    let same = [
        ("de", vec!["Häuser", "Haeuser", "Hauser", "HÄUSER", "Haus"]),
        ("de", vec!["Straße", "Strasse", "Straßen"]),
        ("en", vec!["connection", "connections", "Connected"]),
        ("fr", vec!["prédictive", "predictive", "prédictives", "l'prédictive"]),
        ("it", vec!["intelligenza", "dell'intelligenza", "l’intelligenza"]),
        ("pl", vec!["łódź", "łodź"]),
        ("el", vec!["νοημοσύνη", "ΝΟΗΜΟΣΥΝΗ"]),
        ("xx", vec!["Çelik", "celik"]),
    ];
    for (language, words) in same {
        let forms: Vec<Vec<String>> = words.iter().map(|word| terms(language, word)).collect();
        assert!(forms.iter().all(|form| *form == forms[0]), "{language}: {words:?} {forms:?}");
        assert_eq!(forms[0].len(), 1, "{language}: {words:?} {forms:?}");
    }
}

#[test]
fn stop_words_go_and_technologies_stay() {
    assert_eq!(terms("en", "We are the experts in C++ and R&D"), ["expert", "c++", "r&d"]);
    assert_eq!(terms("de", "Wir sind die Experten für C#"), ["expert", "c#"]);
    assert_eq!(terms("pl", "jesteśmy dla firm").len(), 1);
    assert_eq!(terms("bg", "и за индустрията"), ["индустр"]);
}

#[test]
fn every_language_has_stop_words() {
    for language in Language::ALL {
        let count = stop_words::filters(language).len();
        assert_eq!(count == 0, language == Language::OTHER, "{}", language.code());
    }
}

#[test]
fn compounds_keep_their_form_and_give_their_parts() {
    let found = terms("de", "Bildverarbeitungssystem");
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], terms("de", "Bildverarbeitung")[0]);
    let found = terms("de", "Wartungsplanung");
    assert_eq!(found[1..], [terms("de", "Wartung")[0].clone(), terms("de", "Planung")[0].clone()]);
    assert_eq!(terms("de", "Wartungen").len(), 1);
    assert_eq!(terms("en", "Wartungsplanung").len(), 1);
}

#[test]
fn names_keep_every_word_and_both_spellings() {
    let tokens = analysis().name_tokens("Die Müller AG");
    let found: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(found, ["die", "muller", "mueller", "ag"]);
    assert_eq!(tokens[1].position, tokens[2].position);
}

#[test]
fn offsets_point_into_the_text() {
    let text = "Für dell'Häuser";
    let tokens = analysis().tokens(Language::from_code("de"), text);
    let last = tokens.last().unwrap();
    assert_eq!(&text[last.offset_from..last.offset_to], "dell'Häuser");
}

#[test]
fn concepts_are_found_across_languages_and_inflections() {
    let expected = ["predictive_maintenance"];
    assert_eq!(concepts("vorausschauender Wartungen bedarf es", Some("de")), expected);
    assert_eq!(concepts("Nous faisons de la maintenance prédictive.", Some("fr")), expected);
    assert_eq!(concepts("Wir machen Predictive Maintenance.", Some("de")), expected);
    assert_eq!(concepts("traitement des images médicales", Some("fr")), ["computer_vision"]);
    assert_eq!(concepts("Robotik und Planung", None), ["robotics", "planning"]);
}

#[test]
fn the_longest_label_wins() {
    assert_eq!(concepts("predictive maintenance", Some("en")), ["predictive_maintenance"]);
    assert_eq!(concepts("maintenance that is predictive", Some("en")), ["maintenance"]);
    assert_eq!(concepts("a human-in-the-loop process", Some("en")), ["human_in_the_loop"]);
}

#[test]
fn a_label_does_not_cross_the_end_of_a_sentence() {
    assert!(concepts("This is a machine. Learning is fun.", Some("en")).is_empty());
}

#[test]
fn concepts_are_found_inside_compounds() {
    let found = analysis().annotate("Unser Bildverarbeitungssystem", Some("de"));
    assert_eq!(found[0].concept, "computer_vision");
    assert_eq!(found[0].words, "Bildverarbeitungssystem");
    assert_eq!(concepts("Wartungsplanung", Some("de")), ["maintenance", "planning"]);
}

#[test]
fn short_abbreviations_must_be_written_in_capitals() {
    assert_eq!(concepts("AI for IOT and IoT", Some("en")).len(), 3);
    assert_eq!(concepts("We need ML, AIs", Some("en")).len(), 2);
    assert!(concepts("ai miei clienti, ml, iot", Some("it")).is_empty());
    assert_eq!(concepts("l'IA", Some("fr")), ["artificial_intelligence"]);
    assert_eq!(concepts("KI-Strategie", Some("de")), ["artificial_intelligence"]);
}

#[test]
fn languages_are_detected_where_the_author_stated_none() {
    let analysis = analysis();
    let german = "Wir suchen jemanden, der uns bei der Wartung unserer Maschinen berät.";
    let polish = "Szukamy mentora, który pomoże nam wdrożyć utrzymanie ruchu w fabryce.";
    assert_eq!(analysis.language(None, german).code(), "de");
    assert_eq!(analysis.language(None, polish).code(), "pl");
    assert_eq!(analysis.language(Some("fr-BE"), german).code(), "fr");
    assert_eq!(analysis.language(None, "42"), Language::OTHER);
    assert_eq!(analysis.language(Some("tlh"), german), Language::OTHER);
}

#[test]
fn every_label_of_the_embedded_vocabulary_is_found_in_its_own_language() {
    let analysis = Analysis::embedded().unwrap();
    let mut lost = Vec::new();
    for concept in analysis.vocabulary().iter() {
        for language in concept.languages() {
            for label in concept.labels(language) {
                let found = analysis.annotate(label, Some(language));
                if !found.iter().any(|found| found.concept == concept.id) {
                    let instead: Vec<_> = found.into_iter().map(|found| found.concept).collect();
                    lost.push(format!("{language} {label} of {}: {instead:?}", concept.id));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{} labels are lost:\n{}", lost.len(), lost.join("\n"));
}

#[test]
fn the_fingerprint_follows_the_vocabulary() {
    let other = Analysis::new(Arc::new(Vocabulary::parse(Sources::default()).unwrap()));
    assert_eq!(analysis().fingerprint(), analysis().fingerprint());
    assert_ne!(analysis().fingerprint(), other.fingerprint());
}

#[test]
#[ignore = "a measurement: cargo test --release -p search-index -- --ignored --nocapture speed"]
fn speed_of_annotation() {
    let analysis = Analysis::embedded().unwrap();
    let text = "Wir bieten vorausschauende Wartung und Bildverarbeitungssysteme für Betriebe an. ".repeat(30);
    let start = Instant::now();
    for _ in 0..100 {
        assert!(!analysis.annotate(&text, Some("de")).is_empty());
    }
    println!("{} words: {:?} each", text.split(' ').count(), start.elapsed() / 100);
}

proptest! {
    #[test]
    fn any_text_is_read_safely(text in "\\PC{0,80}", language in "[a-z]{2}") {
        let analysis = analysis();
        let language = Language::from_code(&language);
        for token in analysis.tokens(language, &text) {
            prop_assert!(text.get(token.offset_from..token.offset_to).is_some());
        }
        for found in analysis.annotate(&text, None) {
            prop_assert_eq!(text.get(found.start..found.end), Some(found.words.as_str()));
        }
    }
}
