//! Real examples: what a running service with the sample was asked and answered, shown with every operation.
//!
//! `examples.json` is written by the tour of `tests/black_box/examples.rs`, which fails as soon as an answer differs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, OpenApi, RefOr};

use super::schemas::operations;

const KEPT: &str = include_str!("examples.json");

/// What an operation was asked and answered, by status; no body, no entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    request: Option<Value>,
    #[serde(default)]
    responses: BTreeMap<String, Value>,
}

/// Adds to every operation its examples.
pub fn document(api: &mut OpenApi) {
    let kept: BTreeMap<String, Kept> = serde_json::from_str(KEPT).unwrap_or_default();
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        if let Some(kept) = operation.operation_id.as_ref().and_then(|id| kept.get(id)) {
            show(operation, kept);
        }
    }
}

fn show(operation: &mut Operation, kept: &Kept) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.content.values_mut().for_each(|content| give(content, kept.request.as_ref()));
    }
    for (status, example) in &kept.responses {
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) {
            response.content.values_mut().for_each(|content| give(content, Some(example)));
        }
    }
}

fn give(content: &mut RefOr<Content>, example: Option<&Value>) {
    if let RefOr::T(content) = content {
        content.example = example.cloned();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_kept_can_be_read() {
        serde_json::from_str::<BTreeMap<String, Kept>>(KEPT).unwrap();
    }
}
