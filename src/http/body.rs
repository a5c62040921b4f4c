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

use super::capacity::receive;
use super::codes::Code;
use super::contract::Contract;
use super::patches;
use super::problem::Problem;
use crate::config::Config;
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
            let bytes = receive(&request, bytes).await?.map_err(|error| unreadable(&request, &error))?;
            let value = typed::<T, T>(contract(&request)?, &parse(&bytes)?)?;
            Ok(ValidJson { value, fingerprint: fingerprint(&request, &bytes) })
        })
    }
}

/// A JSON body that satisfies the schema of `T`, with every text spelled as it was sent: for an answer that counts
/// characters of it.
pub struct VerbatimJson<T>(pub T);

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest for VerbatimJson<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, bytes) = (request.clone(), web::Bytes::from_request(request, payload));
        Box::pin(async move {
            expect_media_type(&request, &["application/json"])?;
            let bytes = receive(&request, bytes).await?.map_err(|error| unreadable(&request, &error))?;
            Ok(VerbatimJson(typed::<T, T>(contract(&request)?, &json(utf8(&bytes)?)?)?))
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
            expect_media_type(&request, &[patches::MEDIA_TYPE, "application/json"])?;
            let bytes = receive(&request, bytes).await?.map_err(|error| unreadable(&request, &error))?;
            let patch = parse(&bytes)?;
            if !patch.is_object() {
                return Err(Faults::one("", "type", "must be an object").into());
            }
            Ok(MergePatch { patch, contract: contract(&request)?.clone() })
        })
    }
}

impl MergePatch {
    /// `current` with the patch applied: first the patch is held against its own schema, then what it makes of the thing
    /// against the thing's.
    pub fn apply<Patch, T>(&self, current: &T) -> Result<T, Problem>
    where
        Patch: ToSchema,
        T: Serialize + DeserializeOwned + ToSchema,
    {
        let current = serde_json::to_value(current).map_err(Problem::internal)?;
        let mut faults = removed::<T>(&current, &self.patch);
        if let Err(mut more) = self.contract.check::<Patch>(&self.patch) {
            more.0.retain(|fault| faults.0.iter().all(|known| known.pointer != fault.pointer));
            faults.0.extend(more.0);
        }
        faults.or(())?;
        let mut merged = current;
        merge(&mut merged, &self.patch);
        // What is never sent as a whole has no parts that a patch could leave incomplete.
        if self.contract.has_body::<T>() {
            self.contract.check::<T>(&merged)?;
        }
        read(&merged)
    }
}

/// The members that the patch removes although a `T` must have them: the schema of a patch requires none.
fn removed<T: DeserializeOwned>(current: &Value, patch: &Value) -> Faults {
    let mut faults = Faults::default();
    let (Value::Object(members), Value::Object(changes)) = (current, patch) else { return faults };
    for (name, _) in changes.iter().filter(|(_, change)| change.is_null()) {
        let mut rest = members.clone();
        if rest.remove(name).is_some() && serde_json::from_value::<T>(Value::Object(rest)).is_err() {
            faults.add(format!("/{name}"), "required", "is required");
        }
    }
    faults
}

/// Names a merge patch of `$of`. The schema is that of the whole; what of it a patch may leave out or set to null is
/// written by [`super::patches`].
macro_rules! patch_schema {
    ($(#[$doc:meta])* $name:ident, $of:ty) => {
        $(#[$doc])*
        pub struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                <$of as utoipa::PartialSchema>::schema()
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
    read(body)
}

fn read<T: DeserializeOwned>(body: &Value) -> Result<T, Problem> {
    serde_json::from_value(body.clone()).map_err(|fault| Faults::one("", "type", fault.to_string()).into())
}

/// With one spelling of every accented letter, so that equal texts are equal.
fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let text = utf8(bytes)?;
    if is_nfc(text) { json(text) } else { json(&text.nfc().collect::<String>()) }
}

fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(malformed)
}

fn json(text: &str) -> Result<Value, Problem> {
    let mut value = serde_json::from_str(text).map_err(malformed)?;
    write_whole_numbers_plainly(&mut value);
    Ok(value)
}

fn malformed(fault: impl std::fmt::Display) -> Problem {
    Problem::new(Code::MalformedJson, fault.to_string())
}

/// `2.0` is an integer for JSON Schema and in many languages, but not for serde.
fn write_whole_numbers_plainly(value: &mut Value) {
    // Beyond 2^53 a float does not name one integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|float| number.is_f64() && float.abs() <= EXACT)
                && float.fract() == 0.0
            {
                #[allow(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
                let whole = float as i64;
                *number = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_whole_numbers_plainly),
        Value::Object(members) => members.values_mut().for_each(write_whole_numbers_plainly),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
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

fn unreadable(request: &HttpRequest, error: &actix_web::Error) -> Problem {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => {
            let limit = request.app_data::<web::Data<Config>>().map(|config| config.body_limit);
            let limit = limit.map_or_else(String::new, |limit| format!("{limit} "));
            Problem::new(Code::PayloadTooLarge, format!("a body may have {limit}bytes"))
        }
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
    fn what_must_be_there_is_not_removed() {
        #[derive(serde::Deserialize)]
        #[allow(dead_code, reason = "only its shape is of interest")]
        struct Thing {
            name: String,
            note: Option<String>,
        }
        let current = json!({"name": "a", "note": "b"});
        let faults = removed::<Thing>(&current, &json!({"name": null, "note": null, "other": null}));
        let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name"]);
        assert_eq!(removed::<Thing>(&current, &json!({"name": "c", "note": null})), Faults::default());
    }

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
