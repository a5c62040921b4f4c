//! A client that keeps copies of lists with `updated_since`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::common::{Member, Reply, TestApp, all_is_readable, ids};

pub const BEGINNING: &str = "updated_since=1970-01-01T00:00:00Z";

/// The lists that can be followed.
pub const LISTS: [&str; 4] = ["profiles", "needs", "offerings", "events"];

/// A client that keeps a copy of a list, filters and all.
pub struct Replica<'a> {
    test: &'a TestApp,
    reader: Option<&'a Member<'a>>,
    /// The list with its filters; ends with `?` or `&`.
    pub list: String,
    pub items: BTreeMap<String, Value>,
    /// All ids that came, and those that were said to be gone.
    came: BTreeSet<String>,
    pub gone: BTreeSet<String>,
    pub next: Option<String>,
    /// How often it had to begin anew.
    pub begun_anew: usize,
}

impl<'a> Replica<'a> {
    pub fn new(test: &'a TestApp, reader: Option<&'a Member<'a>>, list: &str) -> Replica<'a> {
        let sign = if list.contains('?') { '&' } else { '?' };
        Replica {
            test,
            reader,
            list: format!("/api/v1/{list}{sign}"),
            items: BTreeMap::new(),
            came: BTreeSet::new(),
            gone: BTreeSet::new(),
            next: None,
            begun_anew: 0,
        }
    }

    async fn ask(&self, parameters: &str) -> Reply {
        let path = format!("{}{parameters}", self.list);
        match self.reader {
            Some(member) => member.get(&path).await,
            None => self.test.get(&path).await,
        }
    }

    /// Asks for the next page, or for the first one.
    pub async fn next(&self, limit: usize) -> Reply {
        let place = self.next.as_ref().map_or(BEGINNING.to_owned(), |next| format!("cursor={next}"));
        self.ask(&format!("{place}&limit={limit}")).await
    }

    /// Reads a page into the copy; says whether there may be more.
    pub async fn read(&mut self, limit: usize) -> bool {
        let reply = self.next(limit).await;
        if reply.status == 410 {
            reply.expect_problem(410, "copy_outdated");
            (self.next, self.begun_anew) = (None, self.begun_anew + 1);
            self.items.clear();
            return true;
        }
        let reply = reply.expect(200);
        let page = reply.json();
        let (items, gone) = (page["items"].as_array().unwrap(), page["gone"].as_array().unwrap());
        assert!(items.len() + gone.len() <= limit);
        for item in items {
            let id = item["id"].as_str().unwrap().to_owned();
            self.came.insert(id.clone());
            self.items.insert(id, item.clone());
        }
        for gone in gone {
            let id = gone["id"].as_str().unwrap();
            self.items.remove(id);
            self.gone.insert(id.to_owned());
        }
        self.next = Some(page["next"].as_str().unwrap().to_owned());
        let more = !items.is_empty() || !gone.is_empty();
        assert_eq!(reply.header("link").is_empty(), !more, "links end where the copy is up to date");
        more
    }

    /// Reads until there is nothing new.
    pub async fn catch_up(&mut self) {
        while self.read(100).await {}
    }

    /// What is new, as the ids that came and those that went, in their order.
    pub async fn news(&mut self) -> (Vec<String>, Vec<String>) {
        readable(self.test).await;
        self.came.clear();
        self.gone.clear();
        self.catch_up().await;
        [&self.came, &self.gone].map(|ids| ids.iter().cloned().collect()).into()
    }

    /// Checks that it is what the list shows now. Events that are over leave a list by themselves, but no copy.
    pub async fn equals_the_list(&self) {
        let mut listed = BTreeMap::new();
        let by_time = self.list.contains("/events") && !self.list.contains("from=");
        let always = if by_time { "from=1900-01-01&" } else { "" };
        let mut place = String::new();
        loop {
            let page = self.ask(&format!("{always}limit=100{place}")).await.expect(200).json();
            assert!(page.get("gone").is_none(), "a list tells of nothing that is gone");
            for item in page["items"].as_array().unwrap() {
                listed.insert(item["id"].as_str().unwrap().to_owned(), item.clone());
            }
            let Some(next) = page["next"].as_str() else { break };
            place = format!("&cursor={next}");
        }
        let ids = |items: &BTreeMap<String, Value>| items.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&self.items), ids(&listed), "{}", self.list);
        for (id, item) in &listed {
            assert_eq!(&self.items[id], item, "{} {id}", self.list);
        }
    }
}

/// Waits until everything that has been committed can be read in the feed.
pub async fn readable(test: &TestApp) {
    while !test.app.db.read(all_is_readable).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

#[track_caller]
pub fn ids_of(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    ids(&reply.json())
}
