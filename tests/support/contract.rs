//! Holds every answer that a test gets against the contract, so that no undocumented one passes unseen.
//!
//! Schemas of answers leave room for members that a later version adds. Here they are closed: a member that the contract
//! does not name is a fault of the contract.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use aihub::http::codes::Code;
use aihub::http::problem::MEDIA_TYPE;
use jsonschema::Validator;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, Request, StatusCode};
use serde_json::{Map, Value, json};

/// An answer, and what it is the answer to.
pub struct Exchange<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// What has to be remembered of a request until its answer is there.
pub fn asked(request: &Request) -> (Method, String) {
    (request.method().clone(), request.url().path().to_owned())
}

/// Fails the test unless the contract documents this answer.
pub fn check(exchange: &Exchange<'_>) {
    if let Err(fault) = CONTRACT.check(exchange) {
        let Exchange { method, path, status, headers, body } = exchange;
        let body: String = String::from_utf8_lossy(body).chars().take(2000).collect();
        panic!(
            "{method} {path} was answered with {status}, which is not as in the contract: {fault}\n{headers:#?}\n{body}"
        );
    }
}

static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::new);

struct Contract {
    api: Value,
    /// Path templates; those without parameters stand first.
    paths: Vec<(ResourceDef, Value)>,
    /// Compiled schemas by their text.
    validators: HashMap<String, Validator>,
}

impl Contract {
    fn new() -> Contract {
        let api = serde_json::to_value(aihub::app::openapi()).unwrap();
        let mut paths: Vec<_> = api["paths"].as_object().unwrap().iter().collect();
        paths.sort_by_key(|(path, _)| path.matches('{').count());
        let paths = paths.into_iter().map(|(path, item)| (ResourceDef::new(path.as_str()), item.clone()));
        let mut contract = Contract { paths: paths.collect(), validators: HashMap::new(), api };
        contract.compile();
        contract
    }

    /// Compiles the schemas of all answers and of their headers.
    fn compile(&mut self) {
        let schemas = self.api["components"]["schemas"].as_object().unwrap();
        let forms = |closed| schemas.iter().map(move |(name, schema)| (name.clone(), form(schema, closed)));
        let components = json!({ "schemas": forms(true).collect::<Map<_, _>>(), "open": forms(false).collect::<Map<_, _>>() });
        let operations = self.paths.iter().flat_map(|(_, item)| item.as_object().unwrap().values());
        let responses = operations.filter_map(|operation| operation["responses"].as_object()).flatten();
        let mut found = vec![json!({ "$ref": "#/components/schemas/Problem" })];
        for (_, response) in responses {
            let content = response["content"].as_object().into_iter().flatten();
            found.extend(content.map(|(_, content)| content["schema"].clone()));
            let headers = response["headers"].as_object().into_iter().flatten();
            found.extend(headers.map(|(_, header)| self.resolve(header)["schema"].clone()));
        }
        for schema in found.into_iter().filter(Value::is_object) {
            self.validators.entry(schema.to_string()).or_insert_with(|| {
                let mut whole = form(&schema, true);
                whole["components"] = components.clone();
                let options = jsonschema::draft202012::options().should_validate_formats(true);
                options.build(&whole).unwrap_or_else(|fault| panic!("{schema}: {fault}"))
            });
        }
    }

    /// What a reference leads to, or the value itself.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.api.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
            None => value,
        }
    }

    fn check(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        required_headers(exchange)?;
        let Exchange { method, path, status, .. } = exchange;
        if *method == Method::OPTIONS {
            // What a browser is refused before it asks.
            let preflight = [Code::Forbidden, Code::MalformedHeader, Code::RouteNotFound];
            return if status.is_success() {
                no_body(exchange)
            } else {
                self.check_problem(exchange, &preflight)
            };
        }
        let Some((_, item)) = self.paths.iter().find(|(template, _)| template.is_match(path)) else {
            let page = *path == "/openapi.json" || *path == "/docs" || path.starts_with("/docs/");
            return if page { Ok(()) } else { self.check_problem(exchange, &[Code::RouteNotFound]) };
        };
        let read = *method == Method::HEAD;
        let name = if read { "get".to_owned() } else { method.as_str().to_lowercase() };
        let Some(operation) = item.get(&name) else {
            return self.check_problem(exchange, &[Code::MethodNotAllowed]);
        };
        let Some(response) = operation["responses"].get(status.as_str()) else {
            return Err("this status is not documented".to_owned());
        };
        self.check_headers(exchange, response)?;
        if read { no_body(exchange) } else { self.check_content(exchange, response) }
    }

    /// Checks an answer that belongs to no operation: a problem with one of these codes, or that of a budget that is
    /// spent.
    fn check_problem(&self, exchange: &Exchange<'_>, expected: &[Code]) -> Result<(), String> {
        let mut expected = expected.iter().chain([&Code::TooManyRequests]);
        if media_type(exchange) != MEDIA_TYPE {
            return Err("it is not documented, and no problem".to_owned());
        }
        if *exchange.method == Method::HEAD {
            let known = expected.any(|code| code.status().as_u16() == exchange.status.as_u16());
            return if known { no_body(exchange) } else { Err("this status is not documented".to_owned()) };
        }
        let problem = self.check_json(exchange, &json!({ "$ref": "#/components/schemas/Problem" }))?;
        let status = exchange.status.as_u16();
        match expected.find(|code| problem["code"] == code.code() && code.status().as_u16() == status) {
            Some(_) => Ok(()),
            None => Err("neither status nor code are documented".to_owned()),
        }
    }

    fn check_headers(&self, exchange: &Exchange<'_>, response: &Value) -> Result<(), String> {
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolve(header);
            let Some(value) = exchange.headers.get(name) else {
                if header["required"] == true {
                    return Err(format!("header {name} is missing"));
                }
                continue;
            };
            let text = value.to_str().map_err(|_| format!("header {name} is no text"))?;
            let value = match header["schema"]["type"].as_str() {
                Some("integer" | "number" | "boolean") => serde_json::from_str(text).unwrap_or(json!(text)),
                _ => json!(text),
            };
            self.check_value(&value, &header["schema"]).map_err(|fault| format!("header {name}: {fault}"))?;
        }
        let documented = |name: &str| {
            let mut headers = response["headers"].as_object().into_iter().flatten();
            headers.any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let mut sent = exchange.headers.keys().map(HeaderName::as_str);
        match sent.find(|name| !of_any_answer(name) && !documented(name)) {
            Some(name) => Err(format!("header {name} is not documented")),
            None => Ok(()),
        }
    }

    fn check_content(&self, exchange: &Exchange<'_>, response: &Value) -> Result<(), String> {
        let Some(content) = response["content"].as_object() else { return no_body(exchange) };
        let media_type = media_type(exchange);
        let Some(documented) = content.get(media_type) else {
            let known: Vec<_> = content.keys().collect();
            return Err(format!("the type is `{media_type}`, documented are {known:?}"));
        };
        // What is compressed is the same answer in another coat.
        if exchange.headers.contains_key("content-encoding") {
            return Ok(());
        }
        if !media_type.ends_with("json") {
            return if exchange.body.is_empty() { Err("there is no body".to_owned()) } else { Ok(()) };
        }
        let body = self.check_json(exchange, &documented["schema"])?;
        if media_type == MEDIA_TYPE && documented["examples"].get(body["code"].as_str().unwrap()).is_none() {
            return Err(format!("code {} is not documented at this status", body["code"]));
        }
        Ok(())
    }

    fn check_json(&self, exchange: &Exchange<'_>, schema: &Value) -> Result<Value, String> {
        let body = serde_json::from_slice(exchange.body).map_err(|fault| fault.to_string())?;
        self.check_value(&body, schema)?;
        Ok(body)
    }

    fn check_value(&self, value: &Value, schema: &Value) -> Result<(), String> {
        let validator = self.validators.get(&schema.to_string()).ok_or("it has no schema")?;
        let faults: Vec<String> = validator
            .iter_errors(value)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .take(5)
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }
}

/// What every answer of such a status needs (RFC 9110, 11.6.1, 15.5.6, 10.2.3; RFC 6585, 4).
fn required_headers(exchange: &Exchange<'_>) -> Result<(), String> {
    let name = match exchange.status.as_u16() {
        401 => "www-authenticate",
        405 => "allow",
        429 | 503 => "retry-after",
        _ => return Ok(()),
    };
    if exchange.headers.contains_key(name) { Ok(()) } else { Err(format!("header {name} is missing")) }
}

/// Headers that any answer may have and that no contract lists: those of the message itself and those for browsers.
fn of_any_answer(name: &str) -> bool {
    let of_the_message = ["cache-control", "connection", "date", "transfer-encoding", "vary"];
    let for_browsers = ["referrer-policy", "x-content-type-options", "x-frame-options"];
    of_the_message.contains(&name)
        || for_browsers.contains(&name)
        || ["content-", "access-control-"].iter().any(|group| name.starts_with(group))
}

fn no_body(exchange: &Exchange<'_>) -> Result<(), String> {
    if exchange.body.is_empty() { Ok(()) } else { Err("there is a body".to_owned()) }
}

/// The answer's type without its parameters.
fn media_type<'a>(exchange: &Exchange<'a>) -> &'a str {
    let sent = exchange.headers.get("content-type").and_then(|value| value.to_str().ok());
    sent.and_then(|sent| sent.split(';').next()).unwrap_or_default().trim()
}

/// The schema with every object closed to members that it does not name. A part of a larger object stays open itself
/// (`closed` is false): the larger one is closed around all its parts.
fn form(schema: &Value, closed: bool) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let composed = members.contains_key("properties") || members.contains_key("allOf");
    let list = |value: &Value, closed| match value {
        Value::Array(parts) => parts.iter().map(|part| form(part, closed)).collect(),
        other => other.clone(),
    };
    let mut changed: Map<String, Value> = members
        .iter()
        .map(|(keyword, value)| {
            let value = match keyword.as_str() {
                "$ref" if !closed => json!(value.as_str().unwrap().replace("/schemas/", "/open/")),
                "properties" => {
                    let properties = value.as_object().unwrap().iter();
                    properties.map(|(name, schema)| (name.clone(), form(schema, true))).collect()
                }
                "items" | "additionalProperties" => form(value, true),
                "allOf" => list(value, false),
                "oneOf" | "anyOf" => list(value, closed && !composed),
                _ => value.clone(),
            };
            (keyword.clone(), value)
        })
        .collect();
    if closed && composed && !changed.contains_key("additionalProperties") {
        changed.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    Value::Object(changed)
}
