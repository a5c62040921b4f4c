//! Small documents and indexes for the tests of this crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Analysis, Audience, Change, Document, Face, Index, Kind, Passage, Place, SearchQuery, Sources,
    Vocabulary, WriterOptions,
};

pub(crate) const VOCABULARY: &str = r#"
    artificial_intelligence = { labels = { en = ["artificial intelligence", "AI"], de = ["künstliche Intelligenz", "KI"] } }
    computer_vision = { parent = "artificial_intelligence", labels = { en = ["computer vision", "CV"], de = ["Bildverarbeitung"], fr = ["vision par ordinateur"] } }
    predictive_maintenance = { labels = { en = ["predictive maintenance"], de = ["vorausschauende Wartung"], fr = ["maintenance prédictive"] } }
    blockchain = { labels = { en = ["blockchain"] } }
"#;

pub(crate) fn analysis() -> Arc<Analysis> {
    Arc::new(Analysis::new(Arc::new(
        Vocabulary::parse(Sources { trees: &[VOCABULARY], ..Sources::default() }).unwrap(),
    )))
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) fn passage(language: &str, text: &str, audience: Audience) -> Passage {
    let language = (!language.is_empty()).then(|| language.to_owned());
    Passage { language, text: text.to_owned(), audience }
}

/// A public mentor's profile with a title and one text.
pub(crate) fn document(id: &str, language: &str, title: &str, text: &str) -> Document {
    let text = passage(language, text, Audience::Public);
    Document {
        id: id.to_owned(),
        kind: Kind::Profile,
        category: "mentor".to_owned(),
        profile: id.to_owned(),
        audience: Audience::Public,
        titles: vec![passage(language, title, Audience::Public)],
        texts: vec![text.clone()],
        seeks: Face::default(),
        offers: Face { passages: vec![text], ..Face::default() },
        place: Place::default(),
        sectors: Vec::new(),
        stage: None,
        size: None,
        languages: Vec::new(),
        formats: Vec::new(),
        paused: false,
        created_at: now() - TimeDelta::days(1),
        updated_at: now() - TimeDelta::days(1),
        starts_at: None,
        ends_at: None,
    }
}

pub(crate) fn put(document: &Document) -> Change {
    Change::Put(Box::new(document.clone()))
}

pub(crate) fn options() -> WriterOptions {
    WriterOptions { memory: 16 * 1024 * 1024, threads: 1 }
}

/// An index of these documents at position `1`.
pub(crate) fn index(folder: &Path, documents: &[Document]) -> Index {
    let index = Index::open(folder, analysis(), options()).unwrap();
    index.apply(documents.iter().map(put).collect()).unwrap();
    index.commit("1").unwrap();
    index
}

pub(crate) fn by_visitor(text: &str) -> SearchQuery {
    SearchQuery::new(text, now())
}

pub(crate) fn by_member(text: &str) -> SearchQuery {
    SearchQuery { audience: Audience::Members, ..by_visitor(text) }
}
