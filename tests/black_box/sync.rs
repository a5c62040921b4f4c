//! Copies of lists that clients keep with `updated_since`: what they hold, and what they never hear of.

use chrono::TimeDelta;
use serde_json::json;

use crate::common::{Member, TestApp, hub, mentor, startup, with};
use crate::events::{draft, event, id, organisation, published, step};
use crate::replica::{BEGINNING, LISTS, Replica, ids_of, readable};

/// Copies of all lists that a visitor keeps.
async fn visitor(test: &TestApp) -> [Replica<'_>; 4] {
    readable(test).await;
    let mut copies = LISTS.map(|list| Replica::new(test, None, list));
    for copy in &mut copies {
        copy.catch_up().await;
    }
    copies
}

/// What is new for all of these copies: what came, and what went.
async fn news(copies: &mut [Replica<'_>; 4]) -> [(Vec<String>, Vec<String>); 4] {
    let [profiles, needs, offerings, events] = copies;
    [profiles.news().await, needs.news().await, offerings.news().await, events.news().await]
}

fn came(ids: &[&str]) -> (Vec<String>, Vec<String>) {
    (ids.iter().map(|id| (*id).to_owned()).collect(), Vec::new())
}

fn went(ids: &[&str]) -> (Vec<String>, Vec<String>) {
    let (ids, none) = came(ids);
    (none, ids)
}

/// A draft of an offering; returns its id.
async fn offering(member: &Member<'_>, profile: &str) -> String {
    let body = json!({
        "profile": profile, "type": "advice", "title": { "en": "Advice" }, "description": { "en": "An hour." }
    });
    member.post("/api/v1/offerings", &body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn no_tombstone_tells_of_what_its_reader_never_could_see() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let mut copies = visitor(&test).await;
    let mut member = Replica::new(&test, Some(&eve), "profiles");
    let mut own = Replica::new(&test, Some(&ada), "profiles?managed=true");
    let body = with(hub(), json!({ "kind": "organisation" }));
    let house =
        ada.post("/api/v1/profiles", &body).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let profile = format!("/api/v1/profiles/{house}");
    let need = ada.need(&house, "Mentor gesucht", "Wer hilft?").await;
    let hidden = offering(&ada, &house).await;
    let (meeting, dropped) = (draft(&ada, &event(&house)).await, draft(&ada, &event(&house)).await);
    ada.patch(&profile, &json!({ "city": "Linz" })).await.expect(200);
    ada.act(&format!("{profile}/archive")).await.expect(200);
    step(&ada, &dropped, "cancel").await.expect(200);
    assert_eq!(news(&mut copies).await, [came(&[]), came(&[]), came(&[]), came(&[])]);
    assert_eq!(member.news().await, came(&[]));
    assert_eq!(own.news().await, came(&[&house]));

    ada.act(&format!("{profile}/publish")).await.expect(200);
    step(&ada, &meeting, "publish").await.expect(200);
    let meeting = id(&meeting);
    assert_eq!(news(&mut copies).await, [came(&[&house]), came(&[&need]), came(&[]), came(&[&meeting])]);

    // What belongs to it goes with it; what happens in the dark afterwards is nobody else's business.
    ada.act(&format!("{profile}/archive")).await.expect(200);
    assert_eq!(news(&mut copies).await, [went(&[&house]), went(&[&need]), came(&[]), went(&[&meeting])]);
    ada.patch(&profile, &json!({ "city": "Graz" })).await.expect(200);
    ada.act(&format!("/api/v1/needs/{need}/meet")).await.expect(200);
    ada.act(&format!("/api/v1/offerings/{hidden}/open")).await.expect(200);
    ada.act(&format!("/api/v1/offerings/{hidden}/close")).await.expect(200);
    step(&ada, &format!("/api/v1/events/{meeting}"), "cancel").await.expect(200);
    assert_eq!(news(&mut copies).await, [came(&[]), came(&[]), came(&[]), came(&[])]);
    assert_eq!(own.news().await, came(&[&house]));

    ada.act(&format!("{profile}/publish")).await.expect(200);
    // Cancelled meanwhile: it is public, though this list does not show it.
    assert_eq!(news(&mut copies).await, [came(&[&house]), came(&[]), came(&[]), went(&[&meeting])]);
    member.catch_up().await;
    own.catch_up().await;
    for copy in copies.iter().chain([&member, &own]) {
        copy.equals_the_list().await;
    }
}

#[actix_web::test]
async fn the_filters_of_a_list_hold_in_its_copy() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let (house, other) = (organisation(&ada).await, organisation(&ada).await);
    let firm = ada.profile(&startup()).await;
    let mut german = Replica::new(&test, None, "profiles?country=DE&kind=startup");
    let mut french = Replica::new(&test, None, "profiles?kind=startup&country=FR");
    assert_eq!((german.news().await, french.news().await), (came(&[&firm]), came(&[])));
    let moved = json!({ "country": "FR", "region": null });
    ada.patch(&format!("/api/v1/profiles/{firm}"), &moved).await.expect(200);
    assert_eq!((german.news().await, french.news().await), (went(&[&firm]), came(&[&firm])));

    let mut advice = Replica::new(&test, None, "needs?type=advice");
    let need = ada.need(&firm, "Rat gesucht", "Wer hilft?").await;
    ada.patch(&format!("/api/v1/needs/{need}"), &json!({ "type": "advice" })).await.expect(200);
    assert_eq!(advice.news().await, came(&[&need]));
    ada.patch(&format!("/api/v1/needs/{need}"), &json!({ "type": "funding" })).await.expect(200);
    assert_eq!(advice.news().await, went(&[&need]));

    let mut scheduled = Replica::new(&test, None, "events?status=scheduled&country=AT");
    let mut of_other = Replica::new(&test, None, &format!("events?profile={other}"));
    let day = published(&ada, &event(&house)).await;
    assert_eq!((scheduled.news().await, of_other.news().await), (came(&[&id(&day)]), came(&[])));
    step(&ada, &day, "reschedule").await.expect(200);
    assert_eq!((scheduled.news().await, of_other.news().await), (went(&[&id(&day)]), came(&[])));
    let next = published(&ada, &event(&other)).await;
    assert_eq!((scheduled.news().await, of_other.news().await), (came(&[&id(&next)]), came(&[&id(&next)])));

    let mut open = Replica::new(&test, Some(&ada), "offerings?managed=true&status=open");
    let mut all = Replica::new(&test, Some(&ada), "offerings?managed=true");
    let offered = offering(&ada, &firm).await;
    assert_eq!((open.news().await, all.news().await), (came(&[]), came(&[&offered])));
    ada.act(&format!("/api/v1/offerings/{offered}/open")).await.expect(200);
    assert_eq!((open.news().await, all.news().await), (came(&[&offered]), came(&[&offered])));
    ada.act(&format!("/api/v1/offerings/{offered}/close")).await.expect(200);
    assert_eq!((open.news().await, all.news().await), (went(&[&offered]), came(&[&offered])));
}

#[actix_web::test]
async fn who_has_met_sees_more_in_his_copy_and_nobody_else_hears_of_it() {
    let test = TestApp::start().await;
    let (ada, claire) = (test.member("ada@example.eu").await, test.member("claire@example.eu").await);
    let firm = ada.profile(&startup()).await;
    let hidden = json!({ "visibility": { "description": "matched" } });
    let helper = claire.profile(&with(mentor(), hidden)).await;
    let mut copies = visitor(&test).await;
    let mut seen = Replica::new(&test, Some(&ada), "profiles");
    assert_eq!(seen.news().await.0.len(), 2);
    assert_eq!(seen.items[&helper].get("description"), None);
    let body = json!({ "requester": firm, "target": helper, "note": "An hour, please." });
    let asked = ada.post("/api/v1/introductions", &body).await.expect(201).json();
    assert_eq!(seen.news().await, came(&[]));
    let path = format!("/api/v1/introductions/{}", asked["id"].as_str().unwrap());
    claire.act(&format!("{path}/accept")).await.expect(200);
    assert_eq!(seen.news().await, came(&[&helper]));
    assert!(seen.items[&helper]["description"]["fr"].is_string(), "{:?}", seen.items[&helper]);
    assert_eq!(news(&mut copies).await, [came(&[]), came(&[]), came(&[]), came(&[])]);
    // Who is not published has met nobody any more.
    ada.act(&format!("/api/v1/profiles/{firm}/archive")).await.expect(200);
    assert_eq!(seen.news().await, (vec![helper.clone()], vec![firm]));
    assert_eq!(seen.items[&helper].get("description"), None);
    seen.equals_the_list().await;
}

#[actix_web::test]
async fn a_copy_begins_anew_when_its_reader_becomes_somebody_else() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.member("ada@example.eu").await, test.member("bob@example.eu").await);
    let admin = test.administrator().await;
    let body =
        with(hub(), json!({ "visibility": { "description": "hub" }, "description": { "en": "For hubs." } }));
    let house = ada.profile(&body).await;
    ada.need(&house, "Mentor gesucht", "Wer hilft?").await;
    let mut seen = Replica::new(&test, Some(&bob), "profiles");
    let mut managed = Replica::new(&test, Some(&bob), "needs?managed=true");
    let mut needs = Replica::new(&test, Some(&bob), "needs");
    let mut owner = Replica::new(&test, Some(&ada), "profiles");
    for copy in [&mut seen, &mut managed, &mut needs, &mut owner] {
        copy.catch_up().await;
    }
    // Approved, the house makes its owner one of the staff of hubs.
    admin.act(&format!("/api/v1/profiles/{house}/approve")).await.expect(200);
    let staff = format!("/api/v1/profiles/{house}/staff");
    ada.post(&staff, &json!({ "email": bob.email })).await.expect(204);
    for (copy, begun_anew) in [(&mut seen, 1), (&mut managed, 1), (&mut needs, 0), (&mut owner, 1)] {
        copy.news().await;
        copy.equals_the_list().await;
        assert_eq!((copy.begun_anew, copy.items.len()), (begun_anew, 1), "{}", copy.list);
    }
    ada.delete(&format!("{staff}/{}", bob.id)).await.expect(204);
    for (copy, begun_anew, things) in [(&mut seen, 2, 1), (&mut managed, 2, 0), (&mut needs, 0, 1)] {
        copy.news().await;
        copy.equals_the_list().await;
        assert_eq!((copy.begun_anew, copy.items.len()), (begun_anew, things), "{}", copy.list);
    }
    // What he makes himself leaves his copies as they are.
    let own = bob.profile(&startup()).await;
    let need = bob.need(&own, "Mentor gesucht", "Wer hilft?").await;
    assert_eq!((seen.news().await, managed.news().await), (came(&[&own]), came(&[&need])));
    assert_eq!((seen.begun_anew, managed.begun_anew), (2, 2));
    // A cursor is of use to its own reader only, where readers see different things.
    let place = |copy: &Replica<'_>| format!("{}cursor={}", copy.list, copy.next.as_ref().unwrap());
    test.get(&place(&seen)).await.expect_problem(410, "copy_outdated");
    ada.get(&place(&managed)).await.expect_problem(410, "copy_outdated");
    test.get(&place(&needs)).await.expect(200);
}

#[actix_web::test]
async fn a_copy_that_is_too_old_or_of_another_database_is_outdated() {
    let test = TestApp::start_with(|config| config.access_token_lifetime = TimeDelta::days(100)).await;
    let began = test.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let ada = test.member("ada@example.eu").await;
    let firm = ada.profile(&startup()).await;
    let [mut copy, ..] = visitor(&test).await;
    let since = |time: &str| format!("/api/v1/profiles?updated_since={time}");
    // Nothing is forgotten yet, so any time is good.
    for time in [&began, "2020-01-01T00:00:00Z"] {
        assert_eq!(ids_of(&test.get(&since(time)).await), std::slice::from_ref(&firm));
    }
    ada.act(&format!("/api/v1/profiles/{firm}/archive")).await.expect(200);
    readable(&test).await;
    test.advance(TimeDelta::days(31)).await;
    copy.next(20).await.expect_problem(410, "copy_outdated");
    test.get(&since(&began)).await.expect_problem(410, "copy_outdated");
    let lately = (test.clock.now() - TimeDelta::days(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert_eq!(ids_of(&test.get(&since(&lately)).await), [""; 0]);
    copy.catch_up().await;
    assert_eq!((copy.begun_anew, copy.items.len()), (1, 0));
    copy.equals_the_list().await;
    let other = TestApp::start().await;
    let mut foreign = Replica::new(&other, None, "profiles");
    foreign.next = copy.next.clone();
    foreign.next(20).await.expect_problem(410, "copy_outdated");
}

#[actix_web::test]
async fn a_later_moment_leaves_out_what_is_older() {
    let test = TestApp::start_with(|config| config.access_token_lifetime = TimeDelta::days(1)).await;
    let ada = test.member("ada@example.eu").await;
    let at = |test: &TestApp| test.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let old = ada.profile(&startup()).await;
    let later = TimeDelta::minutes(11);
    test.clock.set(test.clock.now() + later);
    let middle = ada.profile(&mentor()).await;
    let noon = at(&test);
    test.clock.set(test.clock.now() + later);
    let new = ada.profile(&startup()).await;
    readable(&test).await;
    let since = async |time: &str| ids_of(&test.get(&format!("/api/v1/profiles?updated_since={time}")).await);
    assert_eq!(since(&noon).await, [new.clone(), middle]);
    assert_eq!(since(&at(&test)).await, [new]);
    test.clock.set(test.clock.now() + later);
    assert_eq!(since(&at(&test)).await, [""; 0]);
    ada.act(&format!("/api/v1/profiles/{old}/archive")).await.expect(200);
    readable(&test).await;
    let page = test.get(&format!("/api/v1/profiles?updated_since={}", at(&test))).await.expect(200).json();
    assert_eq!(
        (&page["items"], &page["gone"]),
        (&json!([]), &json!([{ "id": old, "at": test.clock.now() }]))
    );
    assert_eq!(since("2200-01-01T00:00:00Z").await, [""; 0], "a time to come is now");
}

#[actix_web::test]
async fn cursors_belong_to_their_list_and_its_filters() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    for _ in 0..2 {
        test.tick();
        ada.profile(&startup()).await;
    }
    let page = test.get("/api/v1/profiles?limit=1").await.expect(200).json();
    assert!(page.get("gone").is_none());
    let ordinary = page["next"].as_str().unwrap();
    let mut copy = Replica::new(&test, None, "profiles?country=DE&kind=startup");
    copy.read(1).await;
    let cursor = copy.next.clone().unwrap();
    // In the middle of the first reading and afterwards alike.
    for _ in 0..2 {
        for wrong in [
            format!("profiles?country=DE&cursor={cursor}"),
            format!("profiles?country=FR&kind=startup&cursor={cursor}"),
            format!("needs?cursor={cursor}"),
            format!("profiles?{BEGINNING}&cursor={ordinary}"),
            format!("profiles?{BEGINNING}&limit=0"),
            "profiles?updated_since=yesterday".to_owned(),
            "profiles?updated_since=2026-11-23".to_owned(),
            // `~~~~~`, one with a negative position, and NUL
            "profiles?cursor=fn5-fn4".to_owned(),
            format!("profiles?cursor={}", "fjEtMX4tMS4tMX5hfmF-"),
            "profiles?cursor=AA".to_owned(),
        ] {
            test.get(&format!("/api/v1/{wrong}")).await.expect_problem(400, "malformed_query");
        }
        ada.get(&format!("/api/v1/introductions?cursor={cursor}"))
            .await
            .expect_problem(400, "malformed_query");
        copy.catch_up().await;
    }
    let same = format!("/api/v1/profiles?kind=startup&{BEGINNING}&cursor={cursor}&country=DE");
    assert_eq!(
        ids_of(&test.get(&same).await).len(),
        1,
        "the second page, in whatever order the filters stand"
    );
    test.get("/api/v1/needs?managed=true&updated_since=1970-01-01T00:00:00Z")
        .await
        .expect_problem(401, "token_missing");
}

#[actix_web::test]
async fn what_commits_late_is_not_missed() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let mut copy = Replica::new(&test, None, "profiles");
    copy.catch_up().await;
    let ((begun, has_begun), (go, may_go)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    let (app, now) = (test.app.clone(), test.clock.now());
    let content = serde_json::from_value(mentor()).unwrap();
    let slow = std::thread::spawn(move || {
        app.db.write_now(move |conn| {
            let profile = aihub::profiles::put_imported(conn, now, None, None, content, false)?;
            begun.send(()).unwrap();
            may_go.recv().unwrap();
            Ok::<_, aihub::profiles::ProfileError>(profile.id.to_string())
        })
    });
    has_begun.recv().unwrap();
    // SQLite lets nobody else write meanwhile.
    if test.app.config.database_url.starts_with("postgres") {
        ada.profile(&startup()).await;
    }
    while copy.read(20).await {}
    assert_eq!(copy.items.len(), 0, "what comes after an open transaction waits for it");
    go.send(()).unwrap();
    let late = slow.join().unwrap().unwrap();
    readable(&test).await;
    copy.catch_up().await;
    assert!(copy.items.contains_key(&late));
    copy.equals_the_list().await;
}
