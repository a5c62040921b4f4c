//! The operations of the contract, and a service in which each of them has something to work on.

use std::sync::LazyLock;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::common::{Member, TestApp, mentor, startup};
use crate::events;

/// An operation as the contract has it.
#[derive(Debug, Clone)]
pub struct Operation {
    pub method: Method,
    /// With `{id}` and the like in it.
    pub path: String,
    pub spec: Value,
}

/// The contract. It takes a while to make, so it is made once.
pub static CONTRACT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(aihub::app::openapi()).unwrap());

/// All operations, in the order of the contract.
pub fn operations() -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in CONTRACT["paths"].as_object().unwrap() {
        for (method, spec) in item.as_object().unwrap() {
            if let Some(method) = ["get", "post", "put", "patch", "delete"].into_iter().find(|m| m == method)
            {
                let method = method.to_uppercase().parse().unwrap();
                found.push(Operation { method, path: path.clone(), spec: spec.clone() });
            }
        }
    }
    assert!(found.len() > 70, "only {} operations", found.len());
    found
}

/// Those of one method.
pub fn operations_of(method: Method) -> Vec<Operation> {
    operations().into_iter().filter(|operation| operation.method == method).collect()
}

impl Operation {
    /// Whether it has a parameter of this name in the `query` or in a `header`.
    pub fn takes(&self, place: &str, name: &str) -> bool {
        self.parameters(place).iter().any(|known| known == name)
    }

    pub fn parameters(&self, place: &str) -> Vec<String> {
        let all = self.spec["parameters"].as_array().into_iter().flatten();
        let here = all.filter(|parameter| parameter["in"] == place);
        here.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Media types of what it answers on success.
    pub fn media_types(&self) -> Vec<String> {
        let responses = self.spec["responses"].as_object().unwrap().iter();
        let good = responses.filter(|(status, _)| status.starts_with('2'));
        let contents = good.filter_map(|(_, response)| response["content"].as_object());
        contents.flat_map(|content| content.keys().cloned()).collect()
    }

    /// The media type of the body that it takes, if it takes one.
    pub fn body_type(&self) -> Option<String> {
        self.spec["requestBody"]["content"].as_object().map(|content| content.keys().next().unwrap().clone())
    }

    pub fn answers(&self, status: &str) -> bool {
        self.spec["responses"].get(status).is_some()
    }

    /// Its address for things that do not exist, with ids of the right form.
    pub fn address_of_nothing(&self) -> String {
        address(&self.path, |part| {
            let prefix = match part {
                "profiles" => "prf",
                "needs" => "ned",
                "offerings" => "ofr",
                "events" => "evt",
                "introductions" => "int",
                "mails" => "mai",
                "account" => "acc",
                "code" => return "not_found".to_owned(),
                "vocabulary" => return "no_such_concept".to_owned(),
                other => panic!("{}: no stand-in for the parameter of {other}", self.path),
            };
            format!("{prefix}_01JDBQZ5W0V6P8R3K2M9XE4T7N")
        })
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// The path with its parameters filled in. An `id` is that of the collection before it; another parameter is asked for by
/// its own name.
fn address(path: &str, value: impl Fn(&str) -> String) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        let filled = match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some("id") => value(path.split('/').nth(3).unwrap()),
            Some(name) => value(name),
            None => part.to_owned(),
        };
        parts.push(filled);
    }
    parts.join("/")
}

/// A service with one thing of every kind.
pub struct World<'a> {
    /// Looks after the service, and manages everything here but the mentor.
    pub admin: Member<'a>,
    /// The mentor's.
    pub other: Member<'a>,
    startup: String,
    mentor: String,
    house: String,
    need: String,
    offering: String,
    event: String,
    introduction: String,
    mail: String,
}

impl World<'_> {
    pub async fn fill(test: &TestApp) -> World<'_> {
        let (admin, other) = (test.administrator().await, test.member("claire@mentor.example").await);
        let (startup, mentor) = (admin.profile(&startup()).await, other.profile(&mentor()).await);
        let house = events::organisation(&admin).await;
        let need = admin.need(&startup, "Wartung", "Unsere Spindeln fallen aus.").await;
        let offering = json!({ "profile": house, "type": "training", "title": { "en": "A course" },
            "description": { "en": "Two days about robots." } });
        let offering = id(&admin.post("/api/v1/offerings", &offering).await.expect(201).json());
        let event = events::id(&events::published(&admin, &events::event(&house)).await);
        let asked = json!({ "requester": startup, "target": mentor, "need": need, "note": "May we talk?" });
        let introduction = id(&admin.post("/api/v1/introductions", &asked).await.expect(201).json());
        test.settle().await;
        let mail = id(&admin.get("/api/v1/mails?limit=1").await.expect(200).json()["items"][0]);
        World { admin, other, startup, mentor, house, need, offering, event, introduction, mail }
    }

    /// The address of an operation on the things of this world, with the query that it needs.
    pub fn address(&self, operation: &Operation) -> String {
        let path = address(&operation.path, |part| match part {
            "profiles" => self.startup.clone(),
            "needs" => self.need.clone(),
            "offerings" => self.offering.clone(),
            "events" => self.event.clone(),
            "introductions" => self.introduction.clone(),
            "mails" => self.mail.clone(),
            "account" => self.other.id.clone(),
            "code" => "not_found".to_owned(),
            "vocabulary" => "predictive_maintenance".to_owned(),
            other => panic!("{operation}: no stand-in for the parameter of {other}"),
        });
        match path.as_str() {
            "/api/v1/search/suggestions" | "/api/v1/vocabulary/suggestions" => format!("{path}?q=a"),
            _ => path,
        }
    }

    pub fn request(&self, operation: &Operation) -> RequestBuilder {
        self.admin.request(operation.method.clone(), &self.address(operation))
    }

    /// A good body of a creation.
    pub fn body(&self, path: &str) -> Value {
        let text = json!({ "en": "Something" });
        match path {
            "/api/v1/profiles" => startup(),
            "/api/v1/needs" => {
                json!({ "profile": self.startup, "type": "mentoring", "title": text, "description": text })
            }
            "/api/v1/offerings" => {
                json!({ "profile": self.house, "type": "training", "title": text, "description": text })
            }
            "/api/v1/events" => events::event(&self.house),
            "/api/v1/introductions" => {
                json!({ "requester": self.house, "target": self.mentor, "note": "May we talk?" })
            }
            other => panic!("{other}: no body is known"),
        }
    }
}

#[track_caller]
pub fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap_or_else(|| panic!("no id: {thing}")).to_owned()
}
