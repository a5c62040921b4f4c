#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::document::Audience;
use crate::testing::{analysis, by_visitor, document, index, options, passage, put};
use crate::vocabulary::{Sources, Vocabulary};

fn open(folder: &TempDir) -> Index {
    Index::open(folder.path(), analysis(), options()).unwrap()
}

fn ids(index: &Index, text: &str) -> Vec<String> {
    let page = index.searcher().search(&by_visitor(text)).unwrap();
    page.hits.into_iter().map(|hit| hit.id).collect()
}

#[test]
fn a_commit_makes_changes_and_position_visible_together() {
    let folder = TempDir::new().unwrap();
    let index = index(folder.path(), &[]);
    index.apply(vec![put(&document("prf_1", "en", "Anna", "robots"))]).unwrap();
    assert!(ids(&index, "robots").is_empty());
    assert!(index.commit("7").unwrap());
    assert_eq!(ids(&index, "robots"), ["prf_1"]);
    assert_eq!(index.searcher().position().as_deref(), Some("7"));
}

#[test]
fn the_position_survives_reopening() {
    let folder = TempDir::new().unwrap();
    index(folder.path(), &[document("prf_1", "en", "Anna", "robots")]).close().unwrap();
    let index = open(&folder);
    assert_eq!(index.position().as_deref(), Some("1"));
    assert_eq!(ids(&index, "robots"), ["prf_1"]);
}

#[test]
fn what_was_not_committed_is_gone_after_a_crash_and_the_position_says_so() {
    let folder = TempDir::new().unwrap();
    let index = index(folder.path(), &[document("prf_1", "en", "Anna", "robots")]);
    index.apply(vec![put(&document("prf_2", "en", "Bert", "robots"))]).unwrap();
    drop(index); // as a kill would: nothing is flushed
    let index = open(&folder);
    assert_eq!(index.position().as_deref(), Some("1"));
    assert_eq!(ids(&index, "robots"), ["prf_1"]);
}

#[test]
fn putting_replaces_and_removing_removes_by_kind_and_id() {
    let folder = TempDir::new().unwrap();
    let index = index(folder.path(), &[document("x_1", "en", "Anna", "robots")]);
    let need = Document { kind: Kind::Need, ..document("x_1", "en", "Anna's need", "robots") };
    index
        .apply(vec![
            put(&document("x_1", "en", "Anna", "drones")),
            put(&need),
            put(&document("x_2", "en", "Bert", "drones")),
            Change::Remove { kind: Kind::Profile, id: "x_2".to_owned() },
            Change::Remove { kind: Kind::Profile, id: "unknown".to_owned() },
        ])
        .unwrap();
    index.commit("2").unwrap();
    assert_eq!(ids(&index, "drones"), ["x_1"]);
    assert_eq!(index.searcher().count(), 2);
    let searcher = index.searcher();
    assert_eq!(searcher.document(Kind::Need, "x_1").unwrap(), Some(need));
    assert_eq!(searcher.document(Kind::Profile, "x_2").unwrap(), None);
}

#[test]
fn applying_the_same_changes_again_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let documents = [document("prf_1", "en", "Anna", "robots")];
    let index = index(folder.path(), &documents);
    for position in ["1", "2", "3"] {
        index.apply(documents.iter().map(put).collect()).unwrap();
        index.commit(position).unwrap();
    }
    assert_eq!(index.searcher().count(), 1);
}

#[test]
fn a_commit_of_nothing_new_is_skipped() {
    let folder = TempDir::new().unwrap();
    let index = open(&folder);
    assert!(index.commit("1").unwrap(), "an empty source still completes an index");
    assert!(!index.commit("1").unwrap());
    assert!(index.commit("2").unwrap());
    assert_eq!(index.position().as_deref(), Some("2"));
}

#[test]
fn an_index_that_is_being_filled_answers_nothing() {
    let folder = TempDir::new().unwrap();
    let index = open(&folder);
    index.apply(vec![put(&document("prf_1", "en", "Anna", "robots"))]).unwrap();
    let searcher = index.searcher();
    let unanswered = |error: IndexError| assert!(matches!(error, IndexError::Incomplete), "{error}");
    unanswered(searcher.search(&by_visitor("robots")).err().unwrap());
    unanswered(searcher.document(Kind::Profile, "prf_1").err().unwrap());
    drop(index);
    assert_eq!(open(&folder).position(), None, "what was not finished starts again");
}

#[test]
fn clearing_makes_the_index_incomplete() {
    let folder = TempDir::new().unwrap();
    let index = index(folder.path(), &[document("prf_1", "en", "Anna", "robots")]);
    index.clear().unwrap();
    assert_eq!((index.searcher().count(), index.position()), (0, None));
    drop(index);
    assert_eq!(open(&folder).position(), None);
}

/// What another version of the program would open.
fn open_otherwise(folder: &TempDir) -> Index {
    let other = Arc::new(Analysis::new(Arc::new(Vocabulary::parse(Sources::default()).unwrap())));
    Index::open(folder.path(), other, options()).unwrap()
}

#[test]
fn another_vocabulary_rebuilds_beside_the_old_index_until_complete() {
    let folder = TempDir::new().unwrap();
    index(folder.path(), &[document("prf_1", "en", "Anna", "robots")]).close().unwrap();
    let index = open_otherwise(&folder);
    assert_eq!((index.position(), fs::read_dir(folder.path()).unwrap().count()), (None, 2));
    index.commit("1").unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_old_version_serves_and_follows_while_the_new_one_fills_and_goes_with_it() {
    let folder = TempDir::new().unwrap();
    let old = index(folder.path(), &[document("prf_1", "en", "Anna", "robots")]);
    let new = open_otherwise(&folder);
    new.apply(vec![put(&document("prf_1", "en", "Anna", "robots"))]).unwrap();
    new.commit("1").unwrap();
    old.apply(vec![put(&document("prf_2", "en", "Bert", "robots"))]).unwrap();
    old.commit("2").unwrap();
    assert_eq!((ids(&old, "robots").len(), ids(&new, "robots").len()), (2, 1));
    old.close().unwrap();
    new.close().unwrap();
    assert_eq!(open_otherwise(&folder).position().as_deref(), Some("1"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_with_foreign_files_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("thesis.doc"), "years of work").unwrap();
    let error = Index::open(folder.path(), analysis(), options()).err().unwrap();
    assert!(error.to_string().contains("thesis.doc"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_second_writer_is_refused() {
    let folder = TempDir::new().unwrap();
    let _first = open(&folder);
    let second = Index::open(folder.path(), analysis(), options()).err().unwrap();
    assert!(matches!(second, IndexError::Locked(_)), "{second}");
}

#[test]
fn searchers_can_be_shared_and_follow_the_commits() {
    let folder = TempDir::new().unwrap();
    let index = index(folder.path(), &[]);
    let searcher = index.searcher();
    let other = searcher.clone();
    let mut restricted = document("prf_1", "en", "Anna", "robots");
    restricted.texts.push(passage("en", "drones", Audience::Members));
    index.apply(vec![put(&restricted)]).unwrap();
    index.commit("2").unwrap();
    let found = std::thread::spawn(move || other.search(&by_visitor("robots")).unwrap().total);
    assert_eq!(found.join().unwrap(), 1);
    assert_eq!(searcher.count(), 1);
}

#[test]
fn a_damaged_index_is_replaced_by_an_empty_one() {
    let folder = TempDir::new().unwrap();
    index(folder.path(), &[document("prf_1", "en", "Anna", "robots")]).close().unwrap();
    let inner = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    fs::write(inner.join("meta.json"), "{ half a").unwrap();
    let index = open(&folder);
    assert_eq!((index.position(), index.searcher().count()), (None, 0));
}

#[test]
fn a_point_that_is_none_does_no_harm() {
    let folder = TempDir::new().unwrap();
    let mut odd = document("prf_1", "en", "Anna", "robots");
    odd.place.point = Some((f64::NAN, 16.0));
    let index = index(folder.path(), &[odd]);
    assert_eq!(ids(&index, "robots"), ["prf_1"]);
}
