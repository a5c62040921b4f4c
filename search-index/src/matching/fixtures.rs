//! Small documents, a small vocabulary and an index of them, for the tests of ranking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use chrono::{DateTime, Duration, TimeZone, Utc};
use tempfile::TempDir;

use super::{Blocker, MatchPage, MatchRequest, Matcher, Placed, Why};
use crate::analysis::Analysis;
use crate::document::{Audience, Case, Claim, Document, Face, Kind, Passage, Place};
use crate::vocabulary::{Sources, Vocabulary};
use crate::writer::{Change, Index, WriterOptions};

const VOCABULARY: &str = r#"
    ai = { labels = { en = ["artificial intelligence"], de = ["künstliche Intelligenz"], fr = ["intelligence artificielle"] } }
    computer_vision = { parent = "ai", labels = { en = ["computer vision"], de = ["Bildverarbeitung"], fr = ["vision par ordinateur"] } }
    object_detection = { parent = "computer_vision", labels = { en = ["object detection"], de = ["Objekterkennung"], fr = ["détection d'objets"] } }
    predictive_maintenance = { labels = { en = ["predictive maintenance"], de = ["vorausschauende Wartung"], fr = ["maintenance prédictive"] } }
    fundraising = { labels = { en = ["fundraising"], de = ["Kapitalbeschaffung"], fr = ["levée de fonds"] } }
"#;

pub(super) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap()
}

pub(super) fn text(language: &str, text: &str) -> Passage {
    Passage { language: Some(language.to_owned()), text: text.to_owned(), audience: Audience::Public }
}

pub(super) fn members_only(mut passage: Passage) -> Passage {
    passage.audience = Audience::Members;
    passage
}

pub(super) fn claim(concept: &str, audience: Audience) -> Claim {
    Claim { concept: concept.to_owned(), audience }
}

pub(super) fn case(key: &str, title: Passage, body: Passage) -> Case {
    Case {
        key: key.to_owned(),
        titles: vec![title],
        texts: vec![body],
        claims: vec![],
        sectors: vec![],
        year: Some(2024),
        audience: Audience::Public,
    }
}

pub(super) fn document(id: &str, kind: Kind, category: &str) -> Document {
    Document {
        id: id.to_owned(),
        kind,
        category: category.to_owned(),
        profile: id.to_owned(),
        audience: Audience::Public,
        titles: vec![text("en", id)],
        texts: vec![],
        seeks: Face::default(),
        offers: Face::default(),
        place: Place::default(),
        sectors: vec![],
        stage: None,
        size: None,
        languages: vec![],
        formats: vec![],
        paused: false,
        created_at: now() - Duration::days(100),
        updated_at: now() - Duration::days(10),
        starts_at: None,
        ends_at: None,
    }
}

pub(super) fn mentor(id: &str, language: &str, words: &str) -> Document {
    let mut mentor = document(id, Kind::Profile, "mentor");
    mentor.offers.passages.push(text(language, words));
    mentor
}

pub(super) fn need(language: &str, words: &str) -> Document {
    let mut need = document("ned_1", Kind::Need, "mentoring");
    need.profile = "prf_founder".to_owned();
    need.titles.clear();
    need.seeks.passages.push(text(language, words));
    need
}

pub(super) struct World {
    _folder: TempDir,
    index: Index,
    matcher: Matcher,
}

impl World {
    pub(super) fn with(documents: Vec<Document>) -> World {
        let vocabulary =
            Arc::new(Vocabulary::parse(Sources { trees: &[VOCABULARY], ..Sources::default() }).unwrap());
        let analysis = Arc::new(Analysis::new(vocabulary));
        let folder = TempDir::new().unwrap();
        let options = WriterOptions { threads: 1, ..WriterOptions::default() };
        let index = Index::open(folder.path(), Arc::clone(&analysis), options).unwrap();
        let changes = documents.into_iter().map(|document| Change::Put(Box::new(document)));
        index.apply(changes.collect()).unwrap();
        index.commit("1").unwrap();
        World { _folder: folder, index, matcher: Matcher::new(analysis).unwrap() }
    }

    pub(super) fn analysis(&self) -> &Analysis {
        self.index.analysis()
    }

    pub(super) fn rank(&self, request: &MatchRequest) -> MatchPage {
        self.matcher.rank(&self.index.searcher(), request).unwrap()
    }

    pub(super) fn order(&self, request: &MatchRequest) -> Vec<Placed> {
        self.matcher.order(&self.index.searcher(), request).unwrap()
    }

    pub(super) fn why(&self, request: &MatchRequest, id: &str) -> Option<Why> {
        self.matcher.why(&self.index.searcher(), request, id).unwrap()
    }

    pub(super) fn blocker(&self, request: &MatchRequest, id: &str) -> Option<Blocker> {
        let why = self.why(request, id).unwrap();
        assert_eq!(why.rank.is_none(), why.blocker.is_some());
        why.blocker
    }
}

pub(super) fn ask(seeker: Document) -> MatchRequest {
    MatchRequest::new(seeker, now())
}

pub(super) fn ids(page: &MatchPage) -> Vec<&str> {
    page.matches.iter().map(|found| found.id.as_str()).collect()
}
