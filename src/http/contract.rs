//! The contract in memory: its text, its operations, and the schemas that bodies are held against.
//!
//! One definition per rule: the schema that `openapi.yaml` shows is the schema that checks a request body.

use std::collections::{BTreeSet, HashMap};

use jsonschema::Validator;
use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

use super::conditional;
use super::operations::Operations;
use super::text;
use super::yaml;
use crate::faults::Faults;

/// A contract that can't serve as one: a fault of the code, found at start and by every test.
#[derive(Debug, thiserror::Error)]
#[error("the contract is not sound: {0}")]
pub struct ContractError(String);

pub struct Contract {
    yaml: String,
    etag: String,
    json: Value,
    operations: Operations,
    /// Compiled schemas of request bodies, by component name.
    validators: HashMap<String, Validator>,
}

impl Contract {
    pub fn new(api: &OpenApi) -> Result<Contract, ContractError> {
        let unsound = |fault: &dyn std::fmt::Display| ContractError(fault.to_string());
        let yaml = yaml::of(api).map_err(|fault| unsound(&fault))?;
        let json = serde_json::to_value(api).map_err(|fault| unsound(&fault))?;
        let mut validators = HashMap::new();
        for name in body_schemas(&json) {
            let schema = serde_json::json!({
                "$ref": format!("#/components/schemas/{name}"),
                "components": json.get("components"),
            });
            let validator = jsonschema::draft202012::options()
                .should_validate_formats(true)
                .build(&schema)
                .map_err(|fault| ContractError(format!("{name}: {fault}")))?;
            validators.insert(name, validator);
        }
        let operations = Operations::new(&json).map_err(|fault| unsound(&fault))?;
        Ok(Contract { etag: conditional::etag_of(&yaml), yaml, json, operations, validators })
    }

    /// The text of `openapi.yaml`.
    pub fn yaml(&self) -> &str {
        &self.yaml
    }

    /// The entity tag of that text.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    pub fn json(&self) -> &Value {
        &self.json
    }

    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// Whether some request's body is a `T`.
    pub fn has_body<T: ToSchema>(&self) -> bool {
        self.validators.contains_key(T::name().as_ref())
    }

    /// Holds `body` against the schema of `T` and names every fault.
    ///
    /// # Errors
    /// All faults, in the order of the body.
    pub fn check<T: ToSchema>(&self, body: &Value) -> Result<(), Faults> {
        let mut faults = Faults::default();
        match self.validators.get(T::name().as_ref()) {
            Some(validator) => {
                validator.iter_errors(body).for_each(|error| explain(&error, &mut faults));
            }
            None => faults.add("", "schema", format!("no schema is known for {}", T::name())),
        }
        faults.or(())
    }
}

/// Names of the component schemas that request bodies refer to.
fn body_schemas(api: &Value) -> BTreeSet<String> {
    let operations = api.get("paths").and_then(Value::as_object).into_iter().flat_map(|paths| paths.values());
    operations
        .filter_map(Value::as_object)
        .flat_map(|methods| methods.values())
        .filter_map(|operation| operation.pointer("/requestBody/content")?.as_object())
        .flat_map(|content| content.values())
        .filter_map(|media| media.pointer("/schema/$ref")?.as_str())
        .filter_map(|reference| reference.strip_prefix("#/components/schemas/"))
        .map(str::to_owned)
        .collect()
}

/// RFC 6901, section 3.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Turns a schema's fault into ours, with the pointer at the member to change.
fn explain(error: &ValidationError<'_>, faults: &mut Faults) {
    let pointer = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                let detail = format!("`{name}` is not a known field");
                faults.add(format!("{pointer}/{}", escape(name)), "unknown_field", detail);
            }
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            faults.add(format!("{pointer}/{}", escape(name)), "required", "is required");
        }
        ValidationErrorKind::PropertyNames { error } => {
            let detail = format!("has a key that is not allowed: {}", error.masked_with("the key"));
            faults.add(pointer, "property_name", detail);
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            explain_choice(error, context, faults);
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            faults.add(pointer, "enum", one_of(options));
        }
        ValidationErrorKind::Pattern { pattern } => {
            let text = error.instance().as_str().unwrap_or_default();
            match text::fault(pattern, text) {
                // Too short already.
                Some(_) if text.is_empty() => {}
                Some((code, detail)) => faults.add(pointer, code, detail),
                None => faults.add(pointer, "pattern", error.masked().to_string()),
            }
        }
        kind => faults.add(pointer, &snake_case(kind.keyword()), error.masked().to_string()),
    }
}

/// Of a choice between null and something else, only the other branch's faults help.
fn explain_choice(
    error: &ValidationError<'_>,
    branches: &[Vec<ValidationError<'static>>],
    faults: &mut Faults,
) {
    let telling: Vec<_> = branches
        .iter()
        .filter(|branch| {
            !branch.iter().all(|fault| {
                matches!(fault.kind(), ValidationErrorKind::Type { .. })
                    && fault.instance_path() == error.instance_path()
            })
        })
        .collect();
    match telling.as_slice() {
        [branch] => branch.iter().for_each(|fault| explain(fault, faults)),
        _ => faults.add(error.instance_path().to_string(), "type", error.masked().to_string()),
    }
}

fn one_of(options: &[Value]) -> String {
    let codes: Vec<_> = options.iter().filter_map(Value::as_str).collect();
    if codes.len() > 30 {
        let first: Vec<_> = codes.iter().take(5).copied().collect();
        return format!("must be one of {} codes: {}, …; see the contract", codes.len(), first.join(", "));
    }
    format!("must be one of: {}", codes.join(", "))
}

fn snake_case(keyword: &str) -> String {
    let mut code = String::with_capacity(keyword.len() + 2);
    for letter in keyword.chars() {
        if letter.is_ascii_uppercase() {
            code.push('_');
        }
        code.push(letter.to_ascii_lowercase());
    }
    code
}
