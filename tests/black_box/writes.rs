//! What holds for every write, at every operation of the contract: a key makes a repetition harmless, a version is changed
//! only by who has read it, a patch removes what it sets to null and leaves what it does not name.
use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::common::{Member, Reply, TestApp, faults, ids, startup, with};
use crate::operations::{World, id, operations, operations_of};

async fn create(member: &Member<'_>, path: &str, key: &str, body: &Value) -> Reply {
    let request = member.request(Method::POST, path).header("idempotency-key", key);
    member.test.send(request.json(body)).await
}

/// What a repeated answer repeats.
fn essence(reply: &Reply) -> [String; 4] {
    [&reply.text, reply.header("location"), reply.header("etag"), reply.header("index-token")]
        .map(str::to_owned)
}

#[actix_web::test]
async fn a_key_that_is_sent_many_times_at_once_works_once() {
    let test = TestApp::start().await;
    let world = World::fill(&test).await;
    let mut tried = 0;
    for operation in operations().into_iter().filter(|operation| operation.takes("header", "Idempotency-Key"))
    {
        let (path, body) = (operation.path.as_str(), world.body(&operation.path));
        let list = format!("{path}?limit=100{}", managed(path));
        let before = ids(&world.admin.get(&list).await.expect(200).json()).len();
        let replies = join_all((0..8).map(|_| create(&world.admin, path, path, &body))).await;
        let first = essence(&replies[0]);
        assert!(
            first[0].contains("\"id\"") && !first[1].is_empty() && !first[3].is_empty(),
            "{operation}: {first:?}"
        );
        let mut replayed = 0;
        for reply in replies {
            assert_eq!((reply.status.as_u16(), essence(&reply)), (201, first.clone()), "{operation}");
            replayed += usize::from(reply.header("idempotency-replayed") == "true");
        }
        assert_eq!(replayed, 7, "{operation}");
        let things = world.admin.get(&list).await.expect(200).json();
        assert_eq!(ids(&things).len(), before + 1, "{operation}");
        let member = if path.ends_with("introductions") { "note" } else { "name" };
        let other = match path {
            "/api/v1/profiles" | "/api/v1/introductions" => with(body.clone(), json!({ member: "Another" })),
            _ => with(body.clone(), json!({ "title": { "en": "Another" } })),
        };
        let reused = create(&world.admin, path, path, &other).await;
        reused.expect_problem(422, "idempotency_key_reused");
        tried += 1;
    }
    assert!(tried >= 5, "{tried}");
    // A key is its sender's own, and is forgotten after a day.
    let mine = create(&world.admin, PROFILES, PROFILES, &startup()).await.expect(201);
    let theirs = create(&world.other, PROFILES, PROFILES, &startup()).await.expect(201);
    assert_eq!((mine.header("idempotency-replayed"), theirs.header("idempotency-replayed")), ("true", ""));
    test.clock.set(test.clock.now() + TimeDelta::hours(24) + TimeDelta::seconds(1));
    let again = test.login("claire@mentor.example").await;
    let later = create(&again, PROFILES, PROFILES, &startup()).await.expect(201);
    assert_eq!(later.header("idempotency-replayed"), "");
    for wrong in ["", "a key", "ключ", &"x".repeat(101)] {
        create(&again, PROFILES, wrong, &startup()).await.expect_problem(400, "malformed_header");
    }
}

const PROFILES: &str = "/api/v1/profiles";

/// What makes a list show all that its reader manages.
fn managed(path: &str) -> &'static str {
    if path.ends_with("introductions") { "" } else { "&managed=true" }
}

#[test]
fn every_creation_takes_a_key() {
    let creations: Vec<_> = operations().into_iter().filter(|operation| operation.answers("201")).collect();
    assert!(creations.len() >= 5);
    for operation in creations {
        assert!(operation.takes("header", "Idempotency-Key"), "{operation}");
    }
}

/// The bytes of a creation of a profile.
fn bytes(member: &Member<'_>, key: &str) -> Vec<u8> {
    let body = startup().to_string();
    let head = format!(
        "POST {PROFILES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        member.token,
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

#[actix_web::test]
async fn an_answer_that_was_lost_is_given_again() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let address = test.base.strip_prefix("http://").unwrap();
    let own = format!("{PROFILES}?managed=true&limit=100");
    // It is committed, and then nobody is there to read the answer.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&bytes(&ada, "lost")).await.unwrap();
    let mut made = Vec::new();
    while made.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        made = ids(&ada.get(&own).await.expect(200).json());
    }
    drop(stream);
    let again = create(&ada, PROFILES, "lost", &startup()).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), id(&again.json())), ("true", made[0].clone()));
    // The sender goes away at any moment: whether it was done then or is done now, it is done once.
    for round in 0..24_u64 {
        let key = format!("cut-{round}");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&bytes(&ada, &key)).await.unwrap();
        tokio::time::sleep(Duration::from_micros(round * 200)).await;
        drop(stream);
        create(&ada, PROFILES, &key, &startup()).await.expect(201);
    }
    assert_eq!(ids(&ada.get(&own).await.expect(200).json()).len(), 25);
}

#[actix_web::test]
async fn a_failure_is_not_kept_for_its_key() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let bad = with(startup(), json!({ "name": "" }));
    create(&ada, PROFILES, "again", &bad).await.expect_problem(422, "invalid_fields");
    let good = create(&ada, PROFILES, "again", &startup()).await.expect(201);
    assert_eq!(good.header("idempotency-replayed"), "");
}

#[actix_web::test]
async fn only_the_version_that_was_read_is_changed() {
    let test = TestApp::start().await;
    let world = World::fill(&test).await;
    let admin = &world.admin;
    for operation in operations_of(Method::PATCH) {
        assert!(operation.takes("header", "If-Match"), "{operation}");
        let path = world.address(&operation);
        let patch = |tag: &str| {
            let change = change(&operation.path);
            let path = path.clone();
            let tag = tag.to_owned();
            async move { admin.patch_version(&path, &tag, &change).await }
        };
        let request = admin.request(Method::PATCH, &path).json(&change(&operation.path));
        test.send(request).await.expect_problem(428, "if_match_missing");
        let first = admin.get(&path).await.expect(200);
        let tag = first.header("etag");
        for stale in ["\"0\"", "\"999\"", "\"other\"", "nonsense", "\"\"", &format!("W/{tag}")] {
            patch(stale).await.expect_problem(412, "stale_version");
        }
        assert_eq!(admin.get(&path).await.text, first.text, "{operation}: nothing has changed");
        let changed = patch(tag).await.expect(200);
        let next = changed.header("etag").to_owned();
        assert_ne!(next, tag, "{operation}");
        patch(tag).await.expect_problem(412, "stale_version");
        let tag = patch(&format!("{tag}, {next}")).await.expect(200).header("etag").to_owned();
        patch("*").await.expect(200);
        patch(&tag).await.expect_problem(412, "stale_version");
        // Of those who read the same version, one changes it.
        let tag = admin.get(&path).await.header("etag").to_owned();
        let replies = join_all((0..6).map(|_| patch(&tag))).await;
        let good = replies.iter().filter(|reply| reply.status == 200).count();
        let stale = replies.iter().filter(|reply| reply.status == 412).count();
        assert_eq!((good, stale), (1, 5), "{operation}");
    }
}

/// What DELETE takes away has no version: each is a relation that is there or not, or a session that ends. A new one that
/// deletes a thing with a version must take `If-Match`.
#[test]
fn only_what_has_no_version_is_deleted_without_one() {
    let without: BTreeSet<String> = operations_of(Method::DELETE)
        .into_iter()
        .filter(|operation| !operation.takes("header", "If-Match"))
        .map(|operation| operation.path)
        .collect();
    let known = ["/api/v1/profiles/{id}/follow", "/api/v1/profiles/{id}/staff/{account}", "/api/v1/sessions"];
    assert_eq!(without, known.map(str::to_owned).into());
}

/// A change that is always good.
fn change(path: &str) -> Value {
    match path {
        "/api/v1/accounts/me" => json!({ "display_name": "Another name" }),
        "/api/v1/profiles/{id}" => json!({ "city": "Ulm" }),
        "/api/v1/needs/{id}" | "/api/v1/offerings/{id}" | "/api/v1/events/{id}" => {
            json!({ "title": { "en": "Another title" } })
        }
        other => panic!("{other}: no change is known"),
    }
}

/// A member that may be absent with a value for it, and one that must be there.
fn members(path: &str) -> (Option<(&'static str, Value)>, &'static str) {
    match path {
        "/api/v1/accounts/me" => (None, "display_name"),
        "/api/v1/profiles/{id}" => (Some(("city", json!("Ulm"))), "name"),
        "/api/v1/needs/{id}" => (Some(("sectors", json!(["C"]))), "title"),
        "/api/v1/offerings/{id}" => (Some(("url", json!("https://house.example/"))), "title"),
        "/api/v1/events/{id}" => (Some(("capacity", json!(12))), "title"),
        other => panic!("{other}: no members are known"),
    }
}

/// Without what every change changes.
fn lasting(mut view: Value) -> Value {
    for member in ["updated_at", "confirmed_at", "expires_at"] {
        view.as_object_mut().unwrap().remove(member);
    }
    view
}

#[actix_web::test]
async fn null_removes_and_what_is_absent_stays() {
    let test = TestApp::start().await;
    let world = World::fill(&test).await;
    for operation in operations_of(Method::PATCH) {
        let (path, (optional, required)) = (world.address(&operation), members(&operation.path));
        let patch = |change: Value| {
            let path = &path;
            let admin = &world.admin;
            async move { admin.patch(path, &change).await }
        };
        let before = lasting(world.admin.get(&path).await.json());
        assert_eq!(
            lasting(patch(json!({})).await.expect(200).json()),
            before,
            "{operation}: {{}} changes nothing"
        );
        let removed = patch(json!({ required: null })).await.expect_problem(422, "invalid_fields");
        assert_eq!(faults(&removed)[0], format!("/{required} required"), "{operation}");
        let unknown = patch(json!({ "no_such_member": null })).await;
        assert!(unknown.status == 200 || unknown.status == 422, "{operation}: {}", unknown.text);
        let wrong = patch(json!({ "no_such_member": 1 })).await.expect_problem(422, "invalid_fields");
        assert_eq!(faults(&wrong), ["/no_such_member unknown_field"], "{operation}");
        for body in [json!([]), json!("x"), json!(null)] {
            patch(body).await.expect_problem(422, "invalid_fields");
        }
        assert_eq!(
            lasting(world.admin.get(&path).await.json()),
            before,
            "{operation}: what is refused is not done"
        );
        let Some((name, value)) = optional else { continue };
        let with_it = patch(json!({ name: value })).await.expect(200).json();
        assert_eq!(with_it[name], value, "{operation}");
        let without = patch(json!({ name: null })).await.expect(200).json();
        let left = &without[name];
        assert!(left.is_null() || left == &json!([]), "{operation}: {left}");
        let others = |view: &Value| {
            let mut view = lasting(view.clone());
            view.as_object_mut().unwrap().remove(name);
            view
        };
        assert_eq!(others(&with_it), others(&before), "{operation}: the others stay");
        assert_eq!(others(&without), others(&before), "{operation}: the others stay");
        // What is inside a member is patched, too.
        if before["title"].is_object() {
            let two = patch(json!({ "title": { "pl": "Tytuł" } })).await.expect(200).json();
            assert_eq!(two["title"], with(before["title"].clone(), json!({ "pl": "Tytuł" })), "{operation}");
            let one = patch(json!({ "title": { "pl": null } })).await.expect(200).json();
            assert_eq!(one["title"], before["title"], "{operation}");
        }
    }
}
