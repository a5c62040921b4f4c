//! What must be true afterwards.

use std::collections::{BTreeMap, BTreeSet};

use aihub::clock::Clock;
use aihub::db::DbError;
use aihub::each_connection;
use chrono::{TimeDelta, Utc};
use diesel::RunQueryDsl;
use reqwest::Method;

use crate::support::House;
use crate::{Book, Unsure, World};

/// What nobody acknowledged is sent again under its key: whether it had happened or not, it happens once.
pub async fn settle_the_unsure(world: &World, unsure: &[Unsure]) {
    for Unsure { writer, path, key, body } in unsure {
        let request = world.as_writer(*writer, Method::POST, path).header("idempotency-key", key).json(body);
        let answer = world.ask(request, &[201, 409]).await;
        assert!(answer.status == 201 || *path == "/api/v1/introductions", "{key}: {answer:?}");
    }
}

/// All that was acknowledged is there, and nothing is there twice.
pub async fn check_what_is_stored(world: &World, book: &Book) {
    let mut needs = BTreeSet::new();
    for (token, _) in &world.writers {
        for one in world.server.list("/api/v1/needs?managed=true", token).await {
            let title = one["title"]["en"].as_str().unwrap().to_owned();
            assert!(needs.insert(title.clone()), "{title} is there twice");
            let id = one["id"].as_str().unwrap().to_owned();
            assert!(title.starts_with("gone-") || book.needs.contains(&(id, title)), "nobody knows of {one}");
        }
        let profiles = world.server.list("/api/v1/profiles?managed=true", token).await;
        let names: BTreeSet<_> = profiles.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), profiles.len(), "a profile is there twice");
    }
    let lost: Vec<_> = book.needs.iter().filter(|(_, title)| !needs.contains(title)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let stored = world.server.list("/api/v1/introductions", &world.mentors_token).await;
    let stored: BTreeMap<_, _> =
        stored.iter().map(|one| (one["id"].as_str().unwrap(), one["status"].as_str().unwrap())).collect();
    for (id, status) in &book.introductions {
        let found = stored.get(id.as_str());
        // A step that was refused may have been taken at the next try, but none is taken back.
        assert!(found == Some(status), "{id} is {found:?} and should be {status}");
    }
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// Nothing stands in the database without what belongs to it, and every mail gets written.
pub async fn check_nothing_is_half_done(house: &House) {
    let app = house.open(Clock::fixed(Utc::now() + TimeDelta::minutes(11)));
    let halves = [
        ("idempotency_keys h WHERE h.status = 0", "keys without an answer"),
        (
            "profiles p WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.profile_id = p.id)",
            "profiles of nobody",
        ),
        (
            "introductions i WHERE NOT EXISTS (SELECT 1 FROM mails m WHERE m.kind = 'introduction_requested' \
             AND m.subject_keys LIKE '%' || i.id || '%')",
            "introductions without a mail",
        ),
        (
            "introductions i WHERE i.status = 'accepted' AND 2 <> (SELECT count(*) FROM mails m \
             WHERE m.kind = 'introduction_accepted' AND m.subject_keys LIKE '%' || i.id || '%')",
            "accepted introductions without both mails",
        ),
        (
            "needs n WHERE NOT EXISTS (SELECT 1 FROM changes c WHERE c.id = n.id)",
            "needs that the index never hears of",
        ),
    ];
    for (from, what) in halves {
        let query = diesel::sql_query(format!("SELECT count(*) AS count FROM {from}"));
        let found: Result<Count, DbError> =
            app.db.read_now(|conn| Ok(each_connection!(conn, c => query.get_result(c))?));
        assert_eq!(found.unwrap().count, 0, "{what}");
    }
    app.mailer.drain().await;
    for (status, count) in app.db.read_now(aihub::mail::counts).unwrap() {
        assert!(count == 0 || matches!(status.code(), "sent" | "dropped"), "{count} mails are {status}");
    }
}
