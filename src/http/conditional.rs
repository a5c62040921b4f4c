//! `ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1): nobody overwrites what he has not read.

use std::future::{Ready, ready};

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev};

use super::codes::Code;
use super::problem::Problem;

/// The entity tag of a version.
pub fn etag(version: i32) -> String {
    format!("\"{version}\"")
}

/// The version that the client read and wants to change; a missing header is refused with 428.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(Option<i32>);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let header = request.headers().get(header::IF_MATCH).map(|value| value.to_str());
        ready(match header {
            None => Err(Problem::of(Code::IfMatchMissing)),
            Some(Ok("*")) => Ok(IfMatch(None)),
            Some(value) => parse(value.unwrap_or_default()).map(|version| IfMatch(Some(version))),
        })
    }
}

fn parse(tag: &str) -> Result<i32, Problem> {
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    // Behind a dot stands for whom the thing was shown; the version is the same for all.
    let version = inner.map(|inner| inner.split_once('.').map_or(inner, |(version, _)| version).parse());
    match version {
        Some(Ok(version)) => Ok(version),
        // A tag of another form never was one of ours, so it matches nothing.
        _ => Err(Problem::of(Code::StaleVersion)),
    }
}

impl IfMatch {
    /// Whether `version` is the one that the client read (`*` matches any).
    pub fn check(self, version: i32) -> Result<(), Problem> {
        match self.0 {
            Some(read) if read != version => Err(Problem::of(Code::StaleVersion)),
            _ => Ok(()),
        }
    }
}
