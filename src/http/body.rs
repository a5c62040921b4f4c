//! Request bodies: read within the limit, parsed, held against the contract's schema, then typed.

use std::future::Future;
use std::pin::Pin;

use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::codes::Code;
use super::contract::Contract;
use super::problem::Problem;
use crate::faults::Faults;

/// A JSON body that satisfies the schema of `T`.
pub struct ValidJson<T> {
    pub value: T,
    /// SHA-256 of method, path and body: what an idempotency key stands for.
    pub fingerprint: String,
}

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest for ValidJson<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, bytes) = (request.clone(), web::Bytes::from_request(request, payload));
        Box::pin(async move {
            expect_media_type(&request, &["application/json"])?;
            let bytes = bytes.await.map_err(|error| unreadable(&error))?;
            let value = typed::<T, T>(contract(&request)?, &parse(&bytes)?)?;
            Ok(ValidJson { value, fingerprint: fingerprint(&request, &bytes) })
        })
    }
}

/// An RFC 7396 merge patch; what it makes of a thing is checked when it is applied.
pub struct MergePatch {
    patch: Value,
    contract: web::Data<Contract>,
}

impl FromRequest for MergePatch {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, bytes) = (request.clone(), web::Bytes::from_request(request, payload));
        Box::pin(async move {
            expect_media_type(&request, &["application/merge-patch+json", "application/json"])?;
            let bytes = bytes.await.map_err(|error| unreadable(&error))?;
            let patch = parse(&bytes)?;
            if !patch.is_object() {
                return Err(Faults::one("", "type", "must be an object").into());
            }
            Ok(MergePatch { patch, contract: contract(&request)?.clone() })
        })
    }
}

impl MergePatch {
    /// `current` with the patch applied, held against the schema of `Patch`, which is that of `T` without what can't be
    /// changed (see [`patch_schema`]).
    pub fn apply<Patch, T>(&self, current: &T) -> Result<T, Problem>
    where
        Patch: ToSchema,
        T: Serialize + DeserializeOwned,
    {
        let mut merged = serde_json::to_value(current).map_err(Problem::internal)?;
        merge(&mut merged, &self.patch);
        typed::<Patch, T>(&self.contract, &merged)
    }
}

/// Names a type whose schema is that of a merge patch of `$of`: the same rules, nothing required, and null where a
/// member may be absent.
macro_rules! patch_schema {
    ($(#[$doc:meta])* $name:ident, $of:ty) => {
        $(#[$doc])*
        pub struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::http::body::optional(<$of as utoipa::PartialSchema>::schema())
            }
        }

        impl utoipa::ToSchema for $name {
            fn schemas(
                schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>,
            ) {
                <$of as utoipa::ToSchema>::schemas(schemas);
            }
        }
    };
}
pub(crate) use patch_schema;

/// The schema with nothing required. A member that must be there may still not be null: removing it fails the check of
/// the whole.
pub(crate) fn optional(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            object.required.clear();
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

fn typed<S: ToSchema, T: DeserializeOwned>(contract: &Contract, body: &Value) -> Result<T, Problem> {
    contract.check::<S>(body)?;
    serde_json::from_value(body.clone()).map_err(|fault| Faults::one("", "type", fault.to_string()).into())
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let malformed = |detail: String| Problem::new(Code::MalformedJson, detail);
    let text = std::str::from_utf8(bytes).map_err(|fault| malformed(fault.to_string()))?;
    // One spelling of every accented letter, so that equal texts are equal.
    let text = if is_nfc(text) { text.into() } else { std::borrow::Cow::Owned(text.nfc().collect()) };
    serde_json::from_str(&text).map_err(|fault| malformed(fault.to_string()))
}

fn expect_media_type(request: &HttpRequest, known: &[&str]) -> Result<(), Problem> {
    let sent = request.content_type();
    if known.iter().any(|media_type| sent.eq_ignore_ascii_case(media_type)) {
        return Ok(());
    }
    let detail = format!("`{sent}` was sent; {} is expected", known.join(" or "));
    Err(Problem::new(Code::UnsupportedMediaType, detail).header(header::ACCEPT, known.join(", ")))
}

fn contract(request: &HttpRequest) -> Result<&web::Data<Contract>, Problem> {
    request.app_data().ok_or_else(|| Problem::internal("the contract is not in the application data"))
}

fn unreadable(error: &actix_web::Error) -> Problem {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => Problem::of(Code::PayloadTooLarge),
        _ => Problem::new(Code::BadRequest, "the body ended early or could not be read"),
    }
}

fn fingerprint(request: &HttpRequest, bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(request.method().as_str());
    hash.update([0]);
    hash.update(request.path());
    hash.update([0]);
    hash.update(bytes);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_patch_follows_the_examples_of_the_rfc() {
        let cases = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
        ];
        for (mut target, patch, expected) in cases {
            merge(&mut target, &patch);
            assert_eq!(target, expected);
        }
    }
}
