//! Query parameters: typed, unknown ones refused.

use std::future::{Ready, ready};
use std::ops::RangeInclusive;

use actix_web::{FromRequest, HttpRequest, dev};
use serde::de::DeserializeOwned;

use super::codes::Code;
use super::problem::Problem;

/// Query parameters as `T`; a parameter may repeat where `T` has a list. `T` denies unknown fields.
pub struct ValidQuery<T>(pub T);

impl<T: DeserializeOwned> FromRequest for ValidQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let parsed = serde_html_form::from_str(request.query_string());
        ready(parsed.map(ValidQuery).map_err(|fault| Problem::new(Code::MalformedQuery, fault.to_string())))
    }
}

/// Refuses a parameter with fewer or more characters; the query is not held against the schema.
pub fn expect_length(name: &str, text: &str, characters: RangeInclusive<usize>) -> Result<(), Problem> {
    if characters.contains(&text.chars().count()) {
        return Ok(());
    }
    let (least, most) = characters.into_inner();
    Err(Problem::new(Code::MalformedQuery, format!("{name}: must have {least} to {most} characters")))
}
