//! The languages that a reader wants, from `Accept-Language`.

use std::future::{Ready, ready};

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev};

use super::problem::Problem;
use crate::values::{Language, codes_of};

/// Best first; empty where the client said nothing.
#[derive(Debug, Clone)]
pub struct ReaderLanguages(pub Vec<Language>);

impl FromRequest for ReaderLanguages {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let header = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        ready(Ok(ReaderLanguages(header.map(Language::accepted).unwrap_or_default())))
    }
}

impl ReaderLanguages {
    /// The codes, as the index takes them.
    pub fn codes(&self) -> Vec<String> {
        codes_of(&self.0)
    }
}
