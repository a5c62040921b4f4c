//! Entity tags (RFC 9110, 8.8.3 and 13.1): nobody overwrites what he has not read, and nobody loads what he has.

use std::future::{Ready, ready};

use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
use actix_web::{FromRequest, HttpRequest, dev};
use sha2::{Digest, Sha256};

use super::codes::Code;
use super::problem::Problem;

/// The entity tag of a version.
pub fn etag(version: i32) -> String {
    format!("\"{version}\"")
}

/// The entity tag of a text.
pub fn etag_of(text: &str) -> String {
    let digest = Sha256::digest(text);
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// Whether the client's `If-None-Match` names this tag, be it as a weak one, or any (`*`).
pub fn is_known(request: &HttpRequest, tag: &str) -> bool {
    match (IfNoneMatch::parse(request), tag.parse::<EntityTag>()) {
        (Ok(IfNoneMatch::Any), _) => true,
        (Ok(IfNoneMatch::Items(known)), Ok(tag)) => known.iter().any(|known| known.weak_eq(&tag)),
        _ => false,
    }
}

/// The versions of which the client read one and wants to change that; a missing header is refused with 428.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whichever there is.
    Any,
    Versions(Vec<i32>),
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        if !request.headers().contains_key(header::IF_MATCH) {
            return ready(Err(Problem::of(Code::IfMatchMissing)));
        }
        ready(Ok(match header::IfMatch::parse(request) {
            Ok(header::IfMatch::Any) => IfMatch::Any,
            Ok(header::IfMatch::Items(tags)) => IfMatch::Versions(tags.iter().filter_map(version).collect()),
            // A tag of another form never was one of ours, so it matches nothing.
            Err(_) => IfMatch::Versions(Vec::new()),
        }))
    }
}

/// The version that a tag stands for. A weak tag matches nothing here (RFC 9110, 13.1.1).
fn version(tag: &EntityTag) -> Option<i32> {
    if tag.weak {
        return None;
    }
    // Behind a dot stands for whom the thing was shown; the version is the same for all.
    tag.tag().split('.').next()?.parse().ok()
}

impl IfMatch {
    /// Whether `version` is one that the client read.
    pub fn check(&self, version: i32) -> Result<(), Problem> {
        match self {
            IfMatch::Versions(read) if !read.contains(&version) => Err(Problem::of(Code::StaleVersion)),
            _ => Ok(()),
        }
    }
}
