//! Answers with a JSON body, and the headers that go with it.

use actix_web::body::BoxBody;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;

use super::conditional::{etag, etag_of, is_known};
use super::page::{Page, next_link};
use super::problem::Problem;

/// An answer that can be stored and given again word by word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// JSON; empty for an answer without a body.
    pub body: String,
}

impl Answer {
    pub fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<Answer, Problem> {
        let body = serde_json::to_string(body).map_err(Problem::internal)?;
        Ok(Answer { status: status.as_u16(), headers: Vec::new(), body })
    }

    pub fn ok<T: Serialize>(body: &T) -> Result<Answer, Problem> {
        Answer::json(StatusCode::OK, body)
    }

    /// 201 with `Location` and `ETag`.
    pub fn created<T: Serialize>(location: String, version: i32, body: &T) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::CREATED, body)?.with("location", location).version(version))
    }

    /// 200 with `ETag`.
    pub fn versioned<T: Serialize>(version: i32, body: &T) -> Result<Answer, Problem> {
        Ok(Answer::ok(body)?.version(version))
    }

    /// This answer with an `ETag` of its text, for what has no version.
    pub fn tagged(self) -> Answer {
        let tag = etag_of(&self.body);
        self.with("etag", tag)
    }

    /// 200 with a page and the `Link` to the next one.
    pub fn page<T: Serialize>(request: &HttpRequest, page: &Page<T>) -> Result<Answer, Problem> {
        let answer = Answer::ok(page)?;
        Ok(match &page.next {
            Some(next) => answer.with("link", next_link(request, next)),
            None => answer,
        })
    }

    pub fn no_content() -> Answer {
        Answer { status: StatusCode::NO_CONTENT.as_u16(), headers: Vec::new(), body: String::new() }
    }

    /// Adds a header; `name` in lower case.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn version(self, version: i32) -> Answer {
        self.with("etag", etag(version))
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let unchanged = status == StatusCode::OK
            && request.method() == Method::GET
            && self.header("etag").is_some_and(|tag| is_known(request, tag));
        let mut response = HttpResponse::build(if unchanged { StatusCode::NOT_MODIFIED } else { status });
        // 304 carries what the client's copy is kept by (RFC 9110, section 15.4.5), not what the copy says itself.
        for (name, value) in self.headers.iter().filter(|(name, _)| !unchanged || name != "link") {
            response.insert_header((name.as_str(), value.as_str()));
        }
        if unchanged || self.body.is_empty() {
            return response.finish();
        }
        response.insert_header((header::CONTENT_TYPE, "application/json")).body(self.body)
    }
}
