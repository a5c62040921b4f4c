#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

const TREE: &str = r#"
    vision = { parent = "ai", labels = { en = ["computer vision", "CV"] } }
    ai = { eu = ["eurovoc:3030"], labels = { en = ["artificial intelligence"] } }
    detection = { parent = "vision", labels = { en = ["object detection"] } }
"#;

const GERMAN: &str = r#"
    ai = ["künstliche Intelligenz"]
    vision = ["Bildverarbeitung"]
"#;

fn tree() -> Vocabulary {
    Vocabulary::parse(Sources { trees: &[TREE], labels: &[("de", GERMAN)], ..Sources::default() }).unwrap()
}

fn ids(concepts: Vec<&Concept>) -> Vec<&str> {
    concepts.into_iter().map(|c| c.id.as_str()).collect()
}

#[test]
fn the_embedded_vocabulary_has_no_fault() {
    let vocabulary = Vocabulary::embedded().unwrap();
    assert!(vocabulary.len() >= 300, "only {} concepts", vocabulary.len());
    for (language, _) in LABELS {
        let gaps = vocabulary.gaps(language);
        assert!(gaps.is_empty(), "without a label in {language}: {gaps:?}");
    }
}

#[test]
fn the_tree_can_be_walked_both_ways() {
    let vocabulary = tree();
    assert_eq!(ids(vocabulary.ancestors("detection")), ["vision", "ai"]);
    assert_eq!(ids(vocabulary.children("ai")), ["vision"]);
    assert_eq!(ids(vocabulary.descendants("ai")), ["vision", "detection"]);
    assert!(vocabulary.ancestors("nothing").is_empty());
}

#[test]
fn labels_fall_back_to_english() {
    let vocabulary = tree();
    assert_eq!(vocabulary.label("vision", &["de"]), Some("Bildverarbeitung"));
    assert_eq!(vocabulary.label("detection", &["fr", "de"]), Some("object detection"));
    assert_eq!(vocabulary.label("nothing", &["de"]), None);
    let naming = vocabulary.concept("vision").unwrap().naming(&["fr"]);
    assert_eq!(
        (naming.language, naming.label, naming.synonyms),
        ("en", "computer vision", &["CV".to_owned()][..])
    );
}

#[test]
fn numbers_and_fingerprint_do_not_depend_on_the_order_of_sources() {
    let more = "speech = { labels = { en = [\"speech\"] } }";
    let one = Vocabulary::parse(Sources { trees: &[TREE, more], ..Sources::default() }).unwrap();
    let other = Vocabulary::parse(Sources { trees: &[more, TREE], ..Sources::default() }).unwrap();
    assert_eq!(one.fingerprint(), other.fingerprint());
    assert_eq!(one.number("vision"), other.number("vision"));
    assert_ne!(
        one.fingerprint(),
        Vocabulary::parse(Sources { trees: &[TREE], ..Sources::default() }).unwrap().fingerprint()
    );
}

#[test]
fn every_fault_is_named_at_once() {
    let faulty = r#"
        Bad = { labels = { en = ["bad"] } }
        twin = { labels = { en = ["twin"] } }
        orphan = { parent = "nobody", labels = { en = ["Twin", " "] } }
        hen = { parent = "egg", labels = { en = ["hen"] } }
        egg = { parent = "hen", labels = { en = ["egg"] } }
    "#;
    let twin = "twin = { labels = { de = [\"Zwilling\"] } }";
    let trees = [faulty, "not toml", twin];
    let labels = [("fr", "stranger = [\"inconnu\"]"), ("it", "no = toml")];
    let faults = Vocabulary::parse(Sources { trees: &trees, labels: &labels, ..Sources::default() })
        .unwrap_err()
        .faults;
    let has = |test: fn(&VocabularyFault) -> bool| faults.iter().any(test);
    assert!(has(|f| matches!(f, VocabularyFault::Unreadable { source, .. } if source == "tree 1")));
    assert!(has(|f| matches!(f, VocabularyFault::Unreadable { source, .. } if source == "labels it")));
    assert!(has(|f| matches!(f, VocabularyFault::BadId(id) if id == "Bad")));
    assert!(has(|f| matches!(f, VocabularyFault::DuplicateId(id) if id == "twin")));
    assert!(has(|f| matches!(f, VocabularyFault::NoEnglishLabel(id) if id == "twin")));
    assert!(has(|f| matches!(f, VocabularyFault::UnknownConcept { concept, .. } if concept == "stranger")));
    assert!(has(|f| matches!(f, VocabularyFault::UnknownParent { .. })));
    assert!(has(|f| matches!(f, VocabularyFault::EmptyLabel { .. })));
    assert!(has(|f| matches!(f, VocabularyFault::AmbiguousLabel { .. })));
    assert_eq!(faults.iter().filter(|f| matches!(f, VocabularyFault::Cycle(_))).count(), 2);
}
