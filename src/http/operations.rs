//! The contract's operations by address: which methods work there, what they take as query, what they answer with.

use std::collections::BTreeMap;

use actix_web::http::Method;
use matchit::{InsertError, Router};
use serde_json::Value;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What requests to an operation are held against before its handler sees them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Names of its query parameters.
    pub query: Vec<String>,
    /// Names of those of them that are no texts, so that nothing between `=` and `&` is no value.
    pub numbers: Vec<String>,
    /// Media types of what it answers on success; none where such an answer has no body.
    pub media_types: Vec<String>,
}

/// All operations, found by path and method.
pub struct Operations(Router<BTreeMap<&'static str, Operation>>);

impl Operations {
    /// # Errors
    /// If two path templates stand for the same paths.
    pub fn new(api: &Value) -> Result<Operations, InsertError> {
        let mut router = Router::new();
        for (path, item) in members(api.get("paths")) {
            let known = METHODS
                .into_iter()
                .filter_map(|method| Some((method, Operation::of(item.get(method.to_ascii_lowercase())?))));
            router.insert(path.as_str(), known.collect::<BTreeMap<_, _>>())?;
        }
        Ok(Operations(router))
    }

    pub fn find(&self, method: &Method, path: &str) -> Option<&Operation> {
        self.0.at(path).ok()?.value.get(method.as_str())
    }

    /// The value of `Allow` for a path; `None` where the contract has nothing.
    pub fn allow(&self, path: &str) -> Option<String> {
        let mut methods: Vec<_> = self.0.at(path).ok()?.value.keys().copied().collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.sort_unstable();
        Some(methods.join(", "))
    }
}

impl Operation {
    fn of(operation: &Value) -> Operation {
        let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let parameters: Vec<(&str, bool)> = parameters
            .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some("query"))
            .filter_map(|parameter| {
                Some((parameter.get("name")?.as_str()?, is_number(parameter.get("schema")?)))
            })
            .collect();
        let names = |only_numbers: bool| {
            let chosen = parameters.iter().filter(|(_, number)| *number || !only_numbers);
            chosen.map(|(name, _)| (*name).to_owned()).collect()
        };
        let mut media_types: Vec<String> = members(operation.get("responses"))
            .filter(|(status, _)| status.starts_with('2'))
            .flat_map(|(_, response)| members(response.get("content")))
            .map(|(media_type, _)| media_type.clone())
            .collect();
        media_types.sort_unstable();
        media_types.dedup();
        Operation { query: names(false), numbers: names(true), media_types }
    }
}

/// Whether a schema is of numbers or of true and false.
fn is_number(schema: &Value) -> bool {
    let named = |name: &Value| matches!(name.as_str(), Some("integer" | "number" | "boolean"));
    match schema.get("type") {
        Some(Value::Array(several)) => several.iter().any(named),
        Some(one) => named(one),
        None => false,
    }
}

fn members(object: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    object.and_then(Value::as_object).into_iter().flatten()
}
