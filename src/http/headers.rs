//! Writes the headers of answers into the contract, and conditional reading with them, as they follow from an operation's
//! form, so that no handler repeats them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Schema, Type};

/// A header that answers carry.
struct Known {
    name: &'static str,
    description: &'static str,
    example: &'static str,
    /// Whether it is there wherever it is documented.
    always: bool,
}

const fn always(name: &'static str, description: &'static str, example: &'static str) -> Known {
    Known { name, description, example, always: true }
}

const fn sometimes(name: &'static str, description: &'static str, example: &'static str) -> Known {
    Known { name, description, example, always: false }
}

/// On every answer.
const COMMON: [Known; 3] = [
    always(
        "X-Request-Id",
        "The request's id; name it when you ask for help. A problem repeats it as `instance`.",
        "01JDBQZ5W0V6P8R3K2M9XE4T7N",
    ),
    always(
        "RateLimit-Policy",
        "The budgets that the request has spent from: `q` requests in `w` seconds, counted by the address they come from.",
        "\"default\";q=600;w=60",
    ),
    always(
        "RateLimit",
        "What is left of each budget: `r` requests; after `t` seconds without a request, all are there again.",
        "\"default\";r=599;t=1",
    ),
];

const ETAG: Known = always(
    "ETag",
    "The version; send it as `If-Match` to change the thing, as `If-None-Match` to read it only if it has changed.",
    "\"3\"",
);
const LOCATION: Known = always("Location", "Where it is.", "/api/v1/profiles/prf_01JDBQZ5W0V6P8R3K2M9XE4T7N");
const LINK: Known = sometimes(
    "Link",
    "The next page (RFC 8288); absent on the last one.",
    "</api/v1/profiles?limit=20&cursor=cHJmXzAx>; rel=\"next\"",
);
const INDEX_TOKEN: Known = sometimes(
    "Index-Token",
    "Send it with a search, a suggestion or a question for matches, and what was written here is found. Absent where \
     nothing has changed that is searched.",
    "1732348800-8f1d0c52a9e47b36@0.42",
);
const REPLAYED: Known = sometimes(
    "Idempotency-Replayed",
    "`true` where this is the first answer again, to a request that was sent before.",
    "true",
);
const RETRY_AFTER: Known = always("Retry-After", "Seconds to wait before the next try.", "2");
const AUTHENTICATE: Known =
    always("WWW-Authenticate", "What the access token lacks (RFC 6750).", "Bearer realm=\"aihub\"");

const ACCEPT: Known = always("Accept", "The media types that a body may have here.", "application/json");

/// Adds to every response the headers that it has, and to whatever has a version the way to read it conditionally.
pub fn document(api: &mut OpenApi) {
    let views = versioned_views(api);
    for item in api.paths.paths.values_mut() {
        if let Some(read) = &mut item.get {
            document_responses(read, false, &views);
            offer_conditional_reading(read);
        }
        for write in [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
        {
            document_responses(write, true, &views);
        }
    }
    let known = [ETAG, LOCATION, LINK, INDEX_TOKEN, REPLAYED, RETRY_AFTER, AUTHENTICATE, ACCEPT];
    let components = api.components.get_or_insert_default();
    for header in COMMON.into_iter().chain(known) {
        components.headers.insert(header.name.to_owned(), header.component().into());
    }
}

impl Known {
    fn component(&self) -> Header {
        let schema = match self.name {
            "Retry-After" => ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)),
            "Idempotency-Replayed" => {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["true"]))
            }
            _ => ObjectBuilder::new().schema_type(Type::String),
        };
        let example = match self.name {
            "Retry-After" => json!(self.example.parse::<u32>().unwrap_or_default()),
            _ => Value::from(self.example),
        };
        let mut header = Header::new(schema.build());
        header.description = Some(self.description.to_owned());
        header.example = Some(example);
        // The library has no member of its own for this one.
        header.extensions = self.always.then(|| [("required", true)].into_iter().collect());
        header
    }

    fn reference(&self) -> RefOr<Header> {
        RefOr::Ref(Ref::new(format!("#/components/headers/{}", self.name)))
    }
}

/// What PATCH answers with: a thing that has a version, wherever it is answered with.
pub(super) fn versioned_views(api: &OpenApi) -> BTreeSet<String> {
    let patches = api.paths.paths.values().filter_map(|item: &PathItem| item.patch.as_ref());
    patches
        .filter_map(|patch| match patch.responses.responses.get("200")? {
            RefOr::T(response) => body(response),
            RefOr::Ref(_) => None,
        })
        .collect()
}

/// The named schema of a response's JSON body.
pub(super) fn body(response: &Response) -> Option<String> {
    let RefOr::T(content) = response.content.get("application/json")? else { return None };
    match content.schema.as_ref()? {
        RefOr::Ref(schema) => Some(schema.ref_location.clone()),
        RefOr::T(_) => None,
    }
}

fn document_responses(operation: &mut Operation, writes: bool, views: &BTreeSet<String>) {
    let has = |name: &str, place: ParameterIn| {
        operation.parameters.iter().flatten().any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.name == name && parameter.parameter_in == place,
            RefOr::Ref(_) => false,
        })
    };
    let (paged, repeatable) =
        (has("cursor", ParameterIn::Query), has("Idempotency-Key", ParameterIn::Header));
    let open_to_visitors = SecurityRequirement::default();
    let of_members =
        operation.security.as_ref().is_some_and(|security| !security.contains(&open_to_visitors));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let body = body(response);
        let success = status.starts_with('2');
        let rules = [
            (body.as_ref().is_some_and(|body| views.contains(body)), ETAG),
            (status == "201", LOCATION),
            (success && paged, LINK),
            (success && writes && of_members && body.is_some(), INDEX_TOKEN),
            (success && repeatable, REPLAYED),
            (status == "429" || status == "503", RETRY_AFTER),
            (status == "401", AUTHENTICATE),
            (status == "415", ACCEPT),
        ];
        let own = rules.into_iter().filter_map(|(holds, header)| holds.then_some(header));
        for header in COMMON.into_iter().chain(own) {
            response.headers.insert(header.name.to_owned(), header.reference());
        }
    }
}

/// Whatever is read with an `ETag` can be read by `If-None-Match`.
fn offer_conditional_reading(operation: &mut Operation) {
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else { return };
    if !response.headers.contains_key(ETAG.name) {
        return;
    }
    response.headers.insert(ETAG.name.to_owned(), ETAG.reference());
    let mut unchanged = ResponseBuilder::new().description("It has not changed since that version").build();
    for header in COMMON.into_iter().chain([ETAG]) {
        unchanged.headers.insert(header.name.to_owned(), header.reference());
    }
    operation.responses.responses.insert("304".to_owned(), RefOr::T(unchanged));
    let parameter = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The `ETag` of what the client has: the answer is 304 without a body while that is current",
        ))
        .schema(Some(Schema::from(ObjectBuilder::new().schema_type(Type::String).build())))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}
