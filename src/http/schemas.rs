//! Makes the contract's schemas plain, so that clients generated from it are: one name for one thing, no copies, no null
//! where none is sent.
//!
//! - A page is a `ProfilePage` whose items are the component, not a copy of it.
//! - What `serde(flatten)` puts together is one object.
//! - What a `…View` shows of what its `Create…` took keeps to the same rules, which are written once.
//! - Answers leave out what is not there, so null is for requests only.
//! - What nothing refers to is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Array, ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr};

type Schemas = BTreeMap<String, RefOr<Schema>>;

const PREFIX: &str = "#/components/schemas/";

/// Rewrites the schemas in place; the last step but for what speaks of operations alone.
pub fn simplify(api: &mut OpenApi) {
    let mut schemas = std::mem::take(&mut api.components.get_or_insert_default().schemas);
    flatten(&mut schemas);
    let renamed = name_pages(&mut schemas);
    for content in api.paths.paths.values_mut().flat_map(operations).flat_map(answers) {
        rename(content, &renamed);
    }
    keep_to_what_was_written(&mut schemas);
    let taken = reachable(requests(api), &schemas);
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !taken.contains(*name)) {
        leave_out_null(schema);
    }
    let used = reachable(references(api), &schemas);
    schemas.retain(|name, _| used.contains(name));
    api.components.get_or_insert_default().schemas = schemas;
}

/// The operations of a path.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn answers(operation: &mut Operation) -> impl Iterator<Item = &mut Content> {
    let responses = operation.responses.responses.values_mut().filter_map(own);
    responses.flat_map(|response| response.content.values_mut()).filter_map(own)
}

/// The thing itself, unless it stands elsewhere.
fn own<T>(thing: &mut RefOr<T>) -> Option<&mut T> {
    match thing {
        RefOr::T(thing) => Some(thing),
        RefOr::Ref(_) => None,
    }
}

/// Turns `allOf` of components and objects into one object with all their members.
fn flatten(schemas: &mut Schemas) {
    let before = schemas.clone();
    for schema in schemas.values_mut().filter_map(own) {
        let Schema::AllOf(parts) = schema else { continue };
        let mut whole = Object::with_type(Type::Object);
        whole.description = parts.description.take();
        for part in parts.items.iter().filter_map(|part| resolved(part, &before)) {
            whole.description = whole.description.or_else(|| part.description.clone());
            whole.required.extend(part.required.iter().cloned());
            whole.properties.extend(part.properties.clone());
        }
        *schema = Schema::Object(whole);
    }
}

fn resolved<'a>(schema: &'a RefOr<Schema>, schemas: &'a Schemas) -> Option<&'a Object> {
    let found = match schema {
        RefOr::Ref(reference) => schemas.get(reference.ref_location.strip_prefix(PREFIX)?)?,
        own => own,
    };
    match found {
        RefOr::T(Schema::Object(object)) => Some(object),
        _ => None,
    }
}

/// Gives `Page_ProfileView` the name `ProfilePage` and refers to its items; returns old names with new ones.
fn name_pages(schemas: &mut Schemas) -> BTreeMap<String, String> {
    let mut renamed = BTreeMap::new();
    for old in schemas.keys().filter(|name| name.starts_with("Page_")).cloned().collect::<Vec<_>>() {
        let item = old.trim_start_matches("Page_");
        let new = format!("{}Page", item.trim_end_matches("View"));
        let Some(mut page) = schemas.remove(&old) else { continue };
        if let Some(Schema::Object(object)) = own(&mut page)
            && let Some(RefOr::T(Schema::Array(items))) = object.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
        schemas.insert(new.clone(), page);
        renamed.insert(format!("{PREFIX}{old}"), format!("{PREFIX}{new}"));
    }
    renamed
}

fn rename(content: &mut Content, renamed: &BTreeMap<String, String>) {
    if let Some(RefOr::Ref(reference)) = &mut content.schema
        && let Some(new) = renamed.get(&reference.ref_location)
    {
        reference.ref_location.clone_from(new);
    }
}

/// A view shows what was written, so each member that both have is bound by the rules of writing.
fn keep_to_what_was_written(schemas: &mut Schemas) {
    let written: Vec<(String, Object)> = schemas
        .iter()
        .filter_map(|(name, schema)| Some((name.strip_prefix("Create")?, resolved(schema, schemas)?)))
        .map(|(name, object)| (format!("{name}View"), object.clone()))
        .collect();
    for (name, rules) in written {
        let Some(Schema::Object(view)) = schemas.get_mut(&name).and_then(own) else { continue };
        for (member, shown) in &mut view.properties {
            match (own(shown), rules.properties.get(member)) {
                (Some(Schema::Object(shown)), Some(RefOr::T(Schema::Object(rule)))) => bind(shown, rule),
                (Some(Schema::Array(shown)), Some(RefOr::T(Schema::Array(rule)))) => bind_list(shown, rule),
                _ => {}
            }
        }
    }
}

fn bind(shown: &mut Object, rule: &Object) {
    shown.pattern = rule.pattern.clone();
    shown.min_length = rule.min_length;
    shown.max_length = rule.max_length;
    shown.minimum = rule.minimum.clone();
    shown.maximum = rule.maximum.clone();
}

fn bind_list(shown: &mut Array, rule: &Array) {
    shown.min_items = rule.min_items;
    shown.max_items = rule.max_items;
}

/// Takes null out of what the members of an object may be.
fn leave_out_null(schema: &mut RefOr<Schema>) {
    let Some(Schema::Object(object)) = own(schema) else { return };
    for member in object.properties.values_mut() {
        let only = match own(member) {
            Some(Schema::Object(Object { schema_type, .. }) | Schema::Array(Array { schema_type, .. })) => {
                without_null(schema_type);
                None
            }
            Some(Schema::OneOf(choice)) => {
                choice.items.retain(|item| !is_null(item));
                if choice.items.len() == 1 { choice.items.pop() } else { None }
            }
            _ => None,
        };
        if let Some(only) = only {
            *member = only;
        }
    }
}

fn without_null(schema_type: &mut SchemaType) {
    let SchemaType::Array(types) = schema_type else { return };
    types.retain(|one| *one != Type::Null);
    if let [only] = types.as_slice() {
        *schema_type = SchemaType::Type(only.clone());
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

/// Names of the components that requests refer to themselves.
fn requests(api: &mut OpenApi) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        found.extend(references(&operation.parameters));
        found.extend(references(&operation.request_body));
    }
    found
}

/// These components and all that they refer to.
fn reachable(mut open: BTreeSet<String>, schemas: &Schemas) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop_first() {
        if let Some(schema) = schemas.get(&name) {
            open.extend(references(schema).into_iter().filter(|other| !found.contains(other)));
        }
        found.insert(name);
    }
    found
}

/// Names of the schema components that a part of the contract refers to itself.
fn references<T: Serialize>(part: &T) -> BTreeSet<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                let name = members.get("$ref").and_then(Value::as_str);
                found.extend(name.and_then(|name| name.strip_prefix(PREFIX)).map(str::to_owned));
                members.values().for_each(|member| collect(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    if let Ok(value) = serde_json::to_value(part) {
        collect(&value, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::json;

    fn simplified(schemas: Value) -> Value {
        let answer = |name: &str| json!({ "content": { "application/json": { "schema": { "$ref": format!("{PREFIX}{name}") } } } });
        let mut api: OpenApi = serde_json::from_value(json!({
            "openapi": "3.1.0",
            "info": { "title": "test", "version": "1" },
            "paths": { "/things": {
                "get": { "responses": { "200": answer("Page_ThingView") } },
                "post": { "requestBody": answer("CreateThing"), "responses": { "200": answer("Both") } }
            } },
            "components": { "schemas": schemas }
        }))
        .unwrap();
        simplify(&mut api);
        serde_json::to_value(api).unwrap()
    }

    #[test]
    fn schemas_become_plain() {
        let name = json!({ "type": "string" });
        let view = json!({ "type": "object", "properties": { "name": { "type": ["string", "null"] } } });
        let api = simplified(json!({
            "CreateThing": { "type": "object", "properties": { "name": { "type": ["string", "null"], "maxLength": 9 } } },
            "ThingView": view,
            "Page_ThingView": { "type": "object", "properties": { "items": { "type": "array", "items": view } } },
            "Both": { "allOf": [{ "$ref": format!("{PREFIX}ThingView") },
                { "type": "object", "required": ["more"], "properties": { "more": name } }] },
            "Unused": name
        }));
        let schemas = api["components"]["schemas"].as_object().unwrap();
        assert_eq!(schemas.keys().collect::<Vec<_>>(), ["Both", "CreateThing", "ThingPage", "ThingView"]);
        assert_eq!(schemas["CreateThing"]["properties"]["name"]["type"], json!(["string", "null"]));
        assert_eq!(schemas["ThingView"]["properties"]["name"], json!({ "type": "string", "maxLength": 9 }));
        let item = &schemas["ThingPage"]["properties"]["items"]["items"];
        assert_eq!(item, &json!({ "$ref": format!("{PREFIX}ThingView") }));
        let page =
            &api["paths"]["/things"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert_eq!(page, &json!({ "$ref": format!("{PREFIX}ThingPage") }));
        assert_eq!(schemas["Both"]["required"], json!(["more"]));
        assert_eq!(schemas["Both"]["properties"]["name"]["type"], "string");
    }
}
