//! Writes into the contract what follows from an operation's form and is the same for all of that form: how often a
//! write may be sent, how a list goes on, how a filter repeats, that no login is needed.

use utoipa::openapi::path::{Operation, Parameter, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};

use super::schemas::operations;

const PAGES: &str =
    "**Pages:** 20 items unless `limit` says otherwise; `next` is the cursor of the page that follows.";
const VERSION: &str = "**Version:** send the `ETag` that was read as `If-Match`; the change is refused if there is a newer one.";
const REPEATING: &str = "**Repeating:** with an `Idempotency-Key` it is done once in 24 hours, however often it is sent; \
    without one, every time.";

/// Completes every operation; the last step, since an empty `security` says that there is none.
pub fn document(api: &mut OpenApi) {
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        for note in notes(operation) {
            let description = operation.description.get_or_insert_default();
            description.push_str("\n\n");
            description.push_str(note);
        }
        for parameter in parameters(operation) {
            if parameter.parameter_in == ParameterIn::Query && is_list(parameter) {
                parameter.style = Some(ParameterStyle::Form);
                parameter.explode = Some(true);
            }
        }
        operation.security.get_or_insert_default();
    }
}

fn notes(operation: &mut Operation) -> Vec<&'static str> {
    let names: Vec<String> =
        parameters(operation).map(|parameter| parameter.name.to_ascii_lowercase()).collect();
    [("cursor", PAGES), ("if-match", VERSION), ("idempotency-key", REPEATING)]
        .into_iter()
        .filter(|(name, _)| names.iter().any(|known| known == name))
        .map(|(_, note)| note)
        .collect()
}

fn parameters(operation: &mut Operation) -> impl Iterator<Item = &mut Parameter> {
    operation.parameters.iter_mut().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

fn is_list(parameter: &Parameter) -> bool {
    matches!(&parameter.schema, Some(RefOr::T(Schema::Array(_))))
}
