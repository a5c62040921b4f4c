//! Asks each operation once, by its name in the contract, and keeps what was said.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use super::stand_ins::StandIns;
use crate::common::{Member, Reply, TestApp};

/// What is shown of an operation.
#[derive(Serialize)]
struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    responses: Map<String, Value>,
}

pub struct Recorder<'a> {
    test: &'a TestApp,
    api: Value,
    /// In the order in which they were made, so that stand-ins are the same every time.
    kept: Vec<(String, Kept)>,
}

/// A request to make.
#[derive(Default)]
pub struct Ask<'a> {
    pub who: Option<&'a Member<'a>>,
    /// Values for the places of the path, in their order.
    pub path: &'a [&'a str],
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<Value>,
}

impl<'a> Recorder<'a> {
    pub fn new(test: &'a TestApp) -> Recorder<'a> {
        let api = serde_json::to_value(aihub::app::openapi()).unwrap();
        Recorder { test, api, kept: Vec::new() }
    }

    /// Makes the request in the way that the contract says, and keeps it with its answer, which must be a success
    /// that the contract knows.
    pub async fn ask(&mut self, operation: &str, ask: Ask<'_>) -> Reply {
        self.test.tick();
        let (template, method, contract) = self.find(operation);
        let mut path = template;
        for value in ask.path {
            let (start, end) = (path.find('{').unwrap(), path.find('}').unwrap());
            path.replace_range(start..=end, value);
        }
        let media_type = contract.pointer("/requestBody/content").map(|content| first(content).0);
        let query = serde_html_form::to_string(ask.query).unwrap();
        let request = self.test.request(method, &format!("{path}?{query}"));
        let request = match ask.who {
            Some(member) => request.bearer_auth(&member.token),
            None => request,
        };
        let request = match (media_type.as_deref(), &ask.body) {
            (None, None) => request,
            (Some("application/json"), Some(body)) => request.json(body),
            (Some("application/x-www-form-urlencoded"), Some(body)) => request.form(body),
            (Some(patch), Some(body)) => {
                let version = ask.who.unwrap().get(&path).await.expect(200).header("etag").to_owned();
                request.header("if-match", version).header("content-type", patch).body(body.to_string())
            }
            (expected, given) => panic!("{operation} takes {expected:?}, not {given:?}"),
        };
        let reply = self.test.send(request).await;
        self.keep(operation, &contract, ask.body, &reply);
        reply
    }

    fn keep(&mut self, operation: &str, contract: &Value, request: Option<Value>, reply: &Reply) {
        let status = reply.status.as_str();
        let documented = &contract["responses"][status];
        assert!(reply.status.is_success() && documented.is_object(), "{operation}: {status} {}", reply.text);
        assert!(self.kept.iter().all(|(known, _)| known != operation), "{operation} is shown twice");
        let mut responses = Map::new();
        if let Some(content) = documented.get("content") {
            let shown = match first(content).0.as_str() {
                "application/json" => reply.json(),
                "application/yaml" => yaml_serde::from_str(&beginning(&reply.text)).unwrap(),
                _ => Value::String(beginning(&reply.text)),
            };
            responses.insert(status.to_owned(), shown);
        }
        self.kept.push((operation.to_owned(), Kept { request, responses }));
    }

    /// Path template, method and contract of an operation.
    fn find(&self, name: &str) -> (String, Method, Value) {
        let found = operations(&self.api).find(|(.., operation)| operation["operationId"] == name);
        let (path, method, operation) = found.unwrap_or_else(|| panic!("the contract has no {name}"));
        (path.clone(), method.to_uppercase().parse().unwrap(), operation.clone())
    }

    /// Operations of the contract that were not asked, and successes of theirs that were not seen.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (.., operation) in operations(&self.api) {
            let name = operation["operationId"].as_str().unwrap();
            let kept = self.kept.iter().find(|(known, _)| known == name);
            let successes = operation["responses"].as_object().unwrap().iter();
            for (status, response) in successes.filter(|(status, _)| status.starts_with('2')) {
                let seen = kept.is_some_and(|(_, kept)| {
                    response.get("content").is_none() || kept.responses.contains_key(status)
                });
                if !seen {
                    missing.push(format!("{name} {status}"));
                }
            }
        }
        missing
    }

    /// What was kept, with stand-ins for what is random, as the text of a file.
    pub fn text(self) -> String {
        let mut stand_ins = StandIns::default();
        let replaced = self.kept.into_iter().map(|(name, kept)| {
            let mut kept = serde_json::to_value(kept).unwrap();
            stand_ins.replace(&mut kept);
            (name, kept)
        });
        let sorted: BTreeMap<String, Value> = replaced.collect();
        serde_json::to_string_pretty(&sorted).unwrap() + "\n"
    }
}

fn operations(api: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = api["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    });
    all.filter(|(.., operation)| operation.get("operationId").is_some())
}

fn first(content: &Value) -> (String, &Value) {
    let (media_type, schema) = content.as_object().unwrap().iter().next().unwrap();
    (media_type.clone(), schema)
}

/// Enough lines to see what it is: what follows in metrics and in the contract itself differs from run to run.
fn beginning(text: &str) -> String {
    match text.lines().count() {
        0..30 => text.to_owned(),
        _ => text.lines().take(3).map(|line| format!("{line}\n")).collect(),
    }
}
