//! Writes into the contract what a merge patch (RFC 7396) may hold: of every object, however deep, as little as one
//! likes, and null where a member can be removed. Lists are replaced as a whole. What is left out stays as it is, so there
//! are no defaults, which generated clients would send.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::schema::{
    AdditionalProperties, Array, Object, OneOf, OneOfBuilder, Ref, Schema, SchemaType, Type,
};
use utoipa::openapi::{OpenApi, RefOr};

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// The media type of merge patches.
pub const MEDIA_TYPE: &str = "application/merge-patch+json";

/// Turns the schema of every PATCH body, which is that of the whole thing, into that of a patch.
pub fn document(api: &mut OpenApi) {
    let names = bodies(api);
    let Some(components) = &mut api.components else { return };
    let mut patches = Schemas::new();
    for name in names {
        if let Some(RefOr::T(Schema::Object(whole))) = components.schemas.get(&name) {
            let patch = patch(whole, &components.schemas, &mut patches);
            patches.insert(name, patch);
        }
    }
    components.schemas.extend(patches);
}

fn bodies(api: &OpenApi) -> Vec<String> {
    let patches = api.paths.paths.values().filter_map(|item| item.patch.as_ref());
    let bodies = patches.filter_map(|operation| match operation.request_body.as_ref()? {
        RefOr::T(body) => body.content.get(MEDIA_TYPE),
        RefOr::Ref(_) => None,
    });
    let schemas = bodies.filter_map(|content| match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    });
    schemas.filter_map(|schema| if let RefOr::Ref(body) = schema { name(body) } else { None }).collect()
}

fn name(reference: &Ref) -> Option<String> {
    reference.ref_location.strip_prefix("#/components/schemas/").map(str::to_owned)
}

/// The patch of an object: nothing is required, and what was not required may be null.
fn patch(whole: &Object, schemas: &Schemas, patches: &mut Schemas) -> RefOr<Schema> {
    let mut object = whole.clone();
    let required = std::mem::take(&mut object.required);
    object.min_properties = None;
    for (name, member) in &mut object.properties {
        refer_to_patch(member, schemas, patches);
        if let RefOr::T(Schema::Object(member)) = member {
            member.default = None;
        }
        if !required.contains(name) {
            allow_null(member);
        }
    }
    if let Some(AdditionalProperties::RefOr(member)) = object.additional_properties.as_deref_mut() {
        refer_to_patch(member, schemas, patches);
        allow_null(member);
    }
    RefOr::T(Schema::Object(object))
}

/// Makes a reference to an object one to its patch, which is made where there is none yet.
fn refer_to_patch(member: &mut RefOr<Schema>, schemas: &Schemas, patches: &mut Schemas) {
    match member {
        RefOr::Ref(reference) => {
            let Some(name) = name(reference) else { return };
            let Some(RefOr::T(Schema::Object(whole))) = schemas.get(&name) else { return };
            if whole.properties.is_empty() && whole.additional_properties.is_none() {
                return;
            }
            let of_part = format!("Update{name}");
            reference.ref_location = Ref::from_schema_name(&of_part).ref_location;
            if !patches.contains_key(&of_part) {
                let patch = patch(whole, schemas, patches);
                patches.insert(of_part, patch);
            }
        }
        RefOr::T(Schema::OneOf(OneOf { items, .. })) => {
            items.iter_mut().for_each(|item| refer_to_patch(item, schemas, patches));
        }
        RefOr::T(_) => {}
    }
}

fn allow_null(member: &mut RefOr<Schema>) {
    match member {
        RefOr::Ref(_) => {
            let null = Object::with_type(Type::Null);
            *member = OneOfBuilder::new().item(member.clone()).item(Schema::Object(null)).into();
        }
        RefOr::T(Schema::Object(Object { schema_type, enum_values, .. })) => {
            if add_null(schema_type)
                && let Some(values) = enum_values
            {
                values.push(Value::Null);
            }
        }
        RefOr::T(Schema::Array(Array { schema_type, .. })) => {
            add_null(schema_type);
        }
        RefOr::T(_) => {}
    }
}

/// Whether null was not among the types before.
fn add_null(types: &mut SchemaType) -> bool {
    match types {
        SchemaType::Type(Type::Null) | SchemaType::AnyValue => return false,
        SchemaType::Type(one) => *types = SchemaType::Array(vec![one.clone(), Type::Null]),
        SchemaType::Array(several) if several.contains(&Type::Null) => return false,
        SchemaType::Array(several) => several.push(Type::Null),
    }
    true
}
