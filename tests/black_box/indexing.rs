//! The index equals the database, whatever happened, and is made anew where it can't be followed.

use std::path::Path;
use std::sync::Arc;

use aihub::app::App;
use aihub::indexing::Follower;
use aihub::mail::{Memory, Transport};
use chrono::TimeDelta;
use search_index::{Index, Kind, Searcher, WriterOptions};
use serde_json::json;

use crate::common::{TestApp, mentor, startup, with};
use crate::players::{Dice, Players};

/// Opens an index of its own that follows the database of a test.
fn follower(test: &TestApp, folder: &Path) -> Follower {
    let options = WriterOptions { memory: 16 << 20, threads: 1 };
    let original = &test.app.follower;
    let index = Index::open(folder, Arc::clone(original.index.analysis()), options).unwrap();
    let (db, source, clock) = (original.db.clone(), Arc::clone(&original.source), original.clock.clone());
    Follower::new(db, Arc::new(index), source, clock)
}

/// Lets go of an index, so that its folder can be opened again.
fn close(follower: Follower) {
    let Follower { index, .. } = follower;
    Arc::into_inner(index).expect("nobody else holds the index").close().unwrap();
}

/// Checks that an index holds exactly what one that is built of the database now holds.
fn equals_a_fresh_one(test: &TestApp, searcher: &Searcher, ids: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let fresh = follower(test, folder.path());
    fresh.rebuild(&mut |_, _| {}).unwrap();
    let built = fresh.index.searcher();
    assert_eq!(searcher.count(), built.count(), "the number of documents");
    let mut known = 0;
    for kind in Kind::ALL {
        for id in ids {
            let [followed, built] = [searcher, &built].map(|searcher| searcher.document(kind, id).unwrap());
            known += u64::from(built.is_some());
            assert_eq!(followed, built, "{kind} {id}");
        }
    }
    assert_eq!(known, built.count(), "every document was compared");
}

#[actix_web::test]
async fn after_any_sequence_of_changes_the_index_equals_a_fresh_one() {
    let test = TestApp::start_with(|config| config.access_token_lifetime = TimeDelta::days(10_000)).await;
    for seed in [1, 2026] {
        let (member, admin) = (
            test.member(&format!("ada{seed}@example.eu")).await,
            match seed {
                1 => test.administrator().await,
                _ => test.login("admin@test.example").await,
            },
        );
        let profiles = vec![member.profile(&with(startup(), json!({ "kind": "organisation" }))).await];
        let mut players = Players::new(&test, member, admin, Dice(seed), profiles);
        for round in 0..200 {
            players.act().await;
            if players.dice.roll(10) == 0 {
                test.settle().await;
            }
            if round % 60 == 59 {
                test.advance(TimeDelta::days(players.dice.roll(150) as i64)).await;
            }
        }
        test.settle().await;
        assert!(players.done > 80, "seed {seed}: too few of the acts succeeded: {}", players.done);
        assert!(test.app.searcher.count() > 5, "seed {seed}");
        let mut ids = players.ids();
        let others = test.pages("/api/v1/search?limit=100").await.concat();
        ids.extend(others.into_iter().filter(|id| !players.ids().contains(id)));
        equals_a_fresh_one(&test, &test.app.searcher, &ids);
    }
}

#[actix_web::test]
async fn a_reopened_index_continues_where_it_stood() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let first = ada.profile(&startup()).await;
    let folder = tempfile::tempdir().unwrap();
    let before = follower(&test, folder.path());
    before.catch_up().unwrap();
    assert_eq!(before.catch_up().unwrap(), 0);
    let position = before.index.position().unwrap();
    close(before);
    let second = ada.profile(&mentor()).await;
    ada.patch(&format!("/api/v1/profiles/{first}"), &json!({ "name": "Schwingwerk Zwei" })).await.expect(200);
    test.settle().await;
    let after = follower(&test, folder.path());
    assert_eq!(after.index.position().unwrap(), position, "the position is kept with the index");
    let searcher = after.index.searcher();
    assert!(searcher.document(Kind::Profile, &first).unwrap().is_some(), "what was indexed is found at once");
    // A draft, its publication and a patch: a rebuild would count rows instead.
    assert_eq!(after.catch_up().unwrap(), 3);
    let renamed = searcher.document(Kind::Profile, &first).unwrap().unwrap();
    assert_eq!(renamed.titles[0].text, "Schwingwerk Zwei");
    equals_a_fresh_one(&test, &searcher, &[first, second]);
}

#[actix_web::test]
async fn two_services_on_one_database_both_see_a_change() {
    let test = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = test.app.config.clone();
    config.index_folder = folder.path().join("second");
    let other = App::open(config, test.clock.clone(), Transport::Memory(Memory::default())).unwrap();
    other.follower.catch_up().unwrap();
    let ada = test.member("ada@example.eu").await;
    let id = ada.profile(&startup()).await;
    test.settle().await;
    other.follower.catch_up().unwrap();
    for app in [&test.app, &other] {
        let found = app.searcher.document(Kind::Profile, &id).unwrap().unwrap();
        assert_eq!(found.titles[0].text, "Schwingwerk");
    }
    ada.act(&format!("/api/v1/profiles/{id}/archive")).await.expect(200);
    test.settle().await;
    other.follower.catch_up().unwrap();
    for app in [&test.app, &other] {
        assert_eq!(app.searcher.document(Kind::Profile, &id).unwrap(), None);
    }
}

#[actix_web::test]
async fn an_index_that_stands_before_the_trimmed_feed_is_rebuilt() {
    let test = TestApp::start_with(|config| config.access_token_lifetime = TimeDelta::days(100)).await;
    let ada = test.member("ada@example.eu").await;
    let kept = ada.profile(&startup()).await;
    let folder = tempfile::tempdir().unwrap();
    let old = follower(&test, folder.path());
    old.catch_up().unwrap();
    close(old);
    let (gone, new) = (kept, ada.profile(&mentor()).await);
    ada.act(&format!("/api/v1/profiles/{gone}/archive")).await.expect(200);
    test.settle().await;
    test.advance(TimeDelta::days(31)).await;
    assert_eq!(test.app.follower.catch_up().unwrap(), 0, "who stands at the end has lost nothing");
    let old = follower(&test, folder.path());
    assert!(old.index.searcher().document(Kind::Profile, &gone).unwrap().is_some());
    old.catch_up().unwrap();
    assert_eq!(old.catch_up().unwrap(), 0, "once");
    equals_a_fresh_one(&test, &old.index.searcher(), &[gone, new]);
}

#[actix_web::test]
async fn an_index_that_is_ahead_of_the_feed_is_rebuilt() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let id = ada.profile(&startup()).await;
    let folder = tempfile::tempdir().unwrap();
    let ahead = follower(&test, folder.path());
    ahead.catch_up().unwrap();
    // As after a restored backup: the index has followed more than the database now tells of.
    let position = ahead.index.position().unwrap();
    let (incarnation, place) = position.split_once('@').unwrap();
    let (tx, seq) = place.split_once('.').unwrap();
    let [tx, seq] = [tx, seq].map(|number| number.parse::<i64>().unwrap());
    let later = if tx == 0 { format!("0.{}", seq + 1_000_000) } else { format!("{}.{seq}", tx + 1_000_000) };
    ahead.index.commit(&format!("{incarnation}@{later}")).unwrap();
    ada.patch(&format!("/api/v1/profiles/{id}"), &json!({ "name": "Schwingwerk Zwei" })).await.expect(200);
    ahead.catch_up().unwrap();
    equals_a_fresh_one(&test, &ahead.index.searcher(), &[id]);
}

#[actix_web::test]
async fn an_index_of_another_database_is_rebuilt() {
    let (one, two) = (TestApp::start().await, TestApp::start().await);
    let stranger = one.member("ada@example.eu").await.profile(&startup()).await;
    let folder = tempfile::tempdir().unwrap();
    let index = follower(&one, folder.path());
    index.catch_up().unwrap();
    assert!(index.index.searcher().document(Kind::Profile, &stranger).unwrap().is_some());
    close(index);
    let own = two.member("eve@example.eu").await.profile(&mentor()).await;
    let index = follower(&two, folder.path());
    index.catch_up().unwrap();
    assert_eq!(index.index.searcher().document(Kind::Profile, &stranger).unwrap(), None);
    equals_a_fresh_one(&two, &index.index.searcher(), &[own, stranger]);
}

#[actix_web::test]
async fn a_folder_that_is_not_an_index_is_refused_and_left_alone() {
    let test = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("holiday.jpg");
    std::fs::write(&photo, "a beach").unwrap();
    let open = |folder: &Path| {
        let mut config = test.app.config.clone();
        config.index_folder = folder.to_owned();
        let opened = App::open(config, test.clock.clone(), Transport::Memory(Memory::default()));
        opened.err().expect("must be refused").to_string()
    };
    let refused = open(folder.path());
    assert!(
        refused.contains("holiday.jpg") && refused.contains(&folder.path().display().to_string()),
        "{refused}"
    );
    assert_eq!(std::fs::read_to_string(&photo).unwrap(), "a beach");
    let shared = open(&test.app.config.index_folder);
    assert!(shared.contains("in use by another process"), "{shared}");
    let file = folder.path().join("holiday.jpg");
    assert!(open(&file).starts_with("search index: "));
}

#[actix_web::test]
async fn a_change_is_found_in_its_new_form_only() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let id = ada.profile(&startup()).await;
    test.settle().await;
    ada.patch(&format!("/api/v1/profiles/{id}"), &json!({ "city": "Ulm" })).await.expect(200);
    test.settle().await;
    let found = test.get("/api/v1/search?q=ulm").await.expect(200).json();
    assert_eq!((&found["total"], &found["items"][0]["city"]), (&json!(1), &json!("Ulm")));
    assert_eq!(test.get("/api/v1/search?q=stuttgart").await.json()["total"], 0);
}
