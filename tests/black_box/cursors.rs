//! Every list of the contract stays in order under its reader, while others insert and delete.
use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Member, Reply, TestApp, ids, mentor, startup, with};
use crate::events;
use crate::operations::{id, operations_of};

/// Somebody who fills and empties a list.
struct Others<'a> {
    test: &'a TestApp,
    member: Member<'a>,
    made: usize,
}

/// How a list is read, and how others change it.
struct List {
    path: &'static str,
    query: &'static str,
    /// Whether what is there can leave the list.
    shrinks: bool,
}

/// Search by relevance is no list: what a word weighs depends on all that is there.
const LISTS: [List; 8] = [
    List { path: "/api/v1/profiles", query: "", shrinks: true },
    List { path: "/api/v1/needs", query: "", shrinks: true },
    List { path: "/api/v1/offerings", query: "", shrinks: true },
    List { path: "/api/v1/events", query: "", shrinks: true },
    List { path: "/api/v1/introductions", query: "status=requested", shrinks: true },
    // Nothing takes a mail away again.
    List { path: "/api/v1/mails", query: "", shrinks: false },
    List { path: "/api/v1/search", query: "sort=date", shrinks: true },
    // It stays as it is while the service runs.
    List { path: "/api/v1/vocabulary/concepts", query: "parent=machine_learning", shrinks: false },
];

impl Others<'_> {
    /// Adds one more; `early` events take place before those that are there, others after them.
    async fn insert(&mut self, list: &List, early: bool) {
        self.made += 1;
        self.test.tick();
        let (made, member) = (self.made, &self.member);
        let text = json!({ "en": format!("Number {made}") });
        match list.path {
            "/api/v1/profiles" | "/api/v1/search" => drop(member.profile(&startup()).await),
            "/api/v1/needs" => {
                let profile = self.home(&startup()).await;
                member.need(&profile, "Wartung", "Spindeln fallen aus.").await;
            }
            "/api/v1/offerings" => {
                let profile = self.home(&mentor()).await;
                let body =
                    json!({ "profile": profile, "type": "advice", "title": text, "description": text });
                let path = member.post(list.path, &body).await.expect(201).header("location").to_owned();
                member.act(&format!("{path}/open")).await.expect(200);
            }
            "/api/v1/events" => {
                let house = self.home(&with(startup(), json!({ "kind": "organisation" }))).await;
                let month = if early { "2026-12" } else { "2027-01" };
                let day = 1 + made % 27;
                let times = json!({ "starts_at": format!("{month}-{day:02}T08:00:00Z"),
                    "ends_at": format!("{month}-{day:02}T09:00:00Z") });
                events::published(member, &with(events::event(&house), times)).await;
            }
            "/api/v1/introductions" => {
                let (asking, asked) = (member.profile(&startup()).await, member.profile(&mentor()).await);
                let body = json!({ "requester": asking, "target": asked, "note": "May we talk?" });
                member.post(list.path, &body).await.expect(201);
            }
            "/api/v1/mails" => drop(self.test.member(&format!("member{made}@example.eu")).await),
            "/api/v1/vocabulary/concepts" => {}
            other => panic!("{other}: nobody knows how to add to it"),
        }
        self.test.settle().await;
    }

    /// The profile that things are made for.
    async fn home(&self, content: &Value) -> String {
        let own = self.member.get("/api/v1/profiles?managed=true&limit=1").await.expect(200).json();
        match own["items"].as_array().unwrap().first() {
            Some(profile) => id(profile),
            None => self.member.profile(content).await,
        }
    }

    /// Takes one away.
    async fn remove(&self, list: &List, id: &str) {
        let (path, step) = match list.path {
            "/api/v1/search" => ("/api/v1/profiles", "archive"),
            "/api/v1/profiles" => (list.path, "archive"),
            "/api/v1/offerings" => (list.path, "close"),
            "/api/v1/events" => (list.path, "cancel"),
            _ => (list.path, "withdraw"),
        };
        let path = format!("{path}/{id}/{step}");
        let reply: Reply = match step {
            "cancel" => self.member.post(&path, &json!({})).await,
            _ => self.member.act(&path).await,
        };
        reply.expect(200);
        self.test.settle().await;
    }

    /// A page, and where the next one is.
    async fn page(&self, path: &str) -> (Vec<String>, Option<String>) {
        let reply = self.member.get(path).await.expect(200);
        let page = reply.json();
        let next = reply.header("link").strip_prefix('<').and_then(|rest| rest.split('>').next());
        assert_eq!(next.is_some(), page["next"].is_string(), "{path}: {page}");
        (ids(&page), next.map(str::to_owned))
    }
}

#[actix_web::test]
async fn every_list_stays_in_order_while_others_insert_and_delete() {
    let known: BTreeSet<_> = LISTS.iter().map(|list| list.path.to_owned()).collect();
    let paged = operations_of(Method::GET).into_iter().filter(|operation| operation.takes("query", "cursor"));
    assert_eq!(known, paged.map(|operation| operation.path).collect(), "every list is tried");
    for list in LISTS {
        let test = TestApp::start().await;
        let mut others = Others { test: &test, member: test.administrator().await, made: 0 };
        for number in 0..7 {
            others.insert(&list, number % 2 == 0).await;
        }
        let all = format!("{}?limit=100&{}", list.path, list.query);
        let before = others.page(&all).await.0;
        assert!(before.len() >= 7, "{all}: {before:?}");
        let mut gone = BTreeSet::new();
        let mut seen = Vec::new();
        let mut next = Some(format!("{}?limit=2&{}", list.path, list.query));
        let mut pages = 0;
        while let Some(path) = next {
            let (page, following) = others.page(&path).await;
            assert!(page.iter().all(|id| !gone.contains(id)), "{path}: what is gone is shown");
            seen.extend(page);
            next = following;
            pages += 1;
            if pages <= 2 {
                others.insert(&list, true).await;
                others.insert(&list, false).await;
            }
            // One that was read, with which the cursor was made, and one that was not.
            let rest: Vec<_> = before.iter().filter(|id| !seen.contains(id) && !gone.contains(*id)).collect();
            if list.shrinks && pages <= 2 {
                for id in [seen.last().unwrap(), rest.last().unwrap()] {
                    others.remove(&list, id).await;
                    gone.insert((*id).clone());
                }
            }
        }
        let once: BTreeSet<_> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "{all}: shown twice: {seen:?}");
        let stayed: Vec<_> = before.iter().filter(|id| !gone.contains(*id)).collect();
        assert!(stayed.iter().all(|id| once.contains(id)), "{all}: {stayed:?} but {seen:?}");
        let order: Vec<_> = seen.iter().filter(|id| stayed.contains(id)).collect();
        assert_eq!(order, stayed, "{all}: in the order in which they stood");
    }
}
