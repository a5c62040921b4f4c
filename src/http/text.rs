//! The rule that every text of a request keeps: no control characters, and not blank. It is written into the contract,
//! so that the schema that clients see is the one that refuses.

use std::collections::BTreeSet;

use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

/// Text of any number of lines: besides line feed, carriage return and tabulator no control characters, and something
/// that is not white space.
pub const TEXT: &str = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$";
/// Text of one line: no control characters, and something that is not white space.
pub const LINE: &str = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$";

/// How a field says that it takes one line.
const DECLARED_LINE: &str = r"^[^\n\r\t]+$";

/// Gives the pattern to every text that a request body can hold, unless a format, a list or a pattern of its own says
/// more.
pub fn document(api: &mut OpenApi) {
    let mut waiting = bodies(api);
    let Some(components) = &mut api.components else { return };
    let mut done = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if done.insert(name.clone())
            && let Some(schema) = components.schemas.get_mut(&name)
        {
            bind(schema, &mut waiting);
        }
    }
}

/// Names of the schemas that request bodies refer to.
fn bodies(api: &OpenApi) -> Vec<String> {
    let items = api.paths.paths.values();
    let operations = items.flat_map(|item| [&item.post, &item.put, &item.patch, &item.delete]).flatten();
    let bodies = operations.filter_map(|operation| match operation.request_body.as_ref()? {
        RefOr::T(body) => Some(&body.content),
        RefOr::Ref(_) => None,
    });
    // Forms are read by pages, which tell people in their own words what is wrong.
    let of_json = bodies.flatten().filter(|(media_type, _)| media_type.ends_with("json"));
    let schemas = of_json.filter_map(|(_, content)| match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    });
    schemas
        .filter_map(|schema| if let RefOr::Ref(named) = schema { name(&named.ref_location) } else { None })
        .collect()
}

fn name(reference: &str) -> Option<String> {
    reference.strip_prefix("#/components/schemas/").map(str::to_owned)
}

/// Goes through a schema; what it refers to joins those that are waiting.
fn bind(schema: &mut RefOr<Schema>, waiting: &mut Vec<String>) {
    match schema {
        RefOr::Ref(reference) => waiting.extend(name(&reference.ref_location)),
        RefOr::T(Schema::Object(object)) => {
            if let Some(pattern) = pattern(object) {
                object.pattern = Some(pattern.to_owned());
                object.min_length = object.min_length.max(Some(1));
            }
            object.properties.values_mut().for_each(|member| bind(member, waiting));
            if let Some(AdditionalProperties::RefOr(member)) = object.additional_properties.as_deref_mut() {
                bind(member, waiting);
            }
        }
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                bind(items, waiting);
            }
        }
        RefOr::T(Schema::OneOf(choice)) => choice.items.iter_mut().for_each(|item| bind(item, waiting)),
        RefOr::T(Schema::AnyOf(choice)) => choice.items.iter_mut().for_each(|item| bind(item, waiting)),
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(|item| bind(item, waiting)),
        RefOr::T(_) => {}
    }
}

/// The pattern that a schema of text lacks.
fn pattern(object: &Object) -> Option<&'static str> {
    let text = match &object.schema_type {
        SchemaType::Type(kind) => *kind == Type::String,
        SchemaType::Array(kinds) => kinds.contains(&Type::String),
        SchemaType::AnyValue => false,
    };
    match object.pattern.as_deref() {
        None if text && object.format.is_none() && object.enum_values.is_none() => Some(TEXT),
        Some(DECLARED_LINE) => Some(LINE),
        _ => None,
    }
}

/// What is wrong with a text that does not match `pattern`, as code and sentence, if that is one of ours.
pub fn fault(pattern: &str, text: &str) -> Option<(&'static str, &'static str)> {
    let control = match pattern {
        TEXT => |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r'),
        LINE => char::is_control,
        _ => return None,
    };
    Some(if text.contains(control) {
        ("control_character", "must not hold control characters")
    } else {
        ("blank", "must not be blank")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn takes(pattern: &str, text: &str) -> bool {
        let validator = jsonschema::validator_for(&serde_json::json!({ "pattern": pattern })).unwrap();
        validator.is_valid(&serde_json::json!(text))
    }

    #[test]
    fn control_characters_and_blanks_are_no_text() {
        for text in ["Grüße", "a", " a ", "a\u{a0}b", "zwei\nZeilen\tmit\r\nEnde\n", "👩‍🔬", "\u{feff}a"]
        {
            assert!(takes(TEXT, text), "{text:?}");
        }
        for text in ["", " ", "\n\t", "\u{a0}\u{2003}", "a\u{0}", "\u{7}a", "a\u{7f}", "a\u{85}b", "\u{9f}"] {
            assert!(!takes(TEXT, text), "{text:?}");
        }
        assert!(takes(LINE, " one line "));
        for text in ["two\nlines", "a\tb", "a\r", " ", "\u{1b}[31m"] {
            assert!(!takes(LINE, text), "{text:?}");
        }
    }

    #[test]
    fn a_fault_says_which_half_of_the_rule_is_broken() {
        assert_eq!(fault(TEXT, "a\u{0}").unwrap().0, "control_character");
        assert_eq!(fault(TEXT, "\n").unwrap().0, "blank");
        assert_eq!(fault(LINE, "a\nb").unwrap().0, "control_character");
        assert_eq!(fault("^a$", "b"), None);
    }
}
