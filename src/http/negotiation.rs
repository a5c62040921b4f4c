//! What every request is held against before its handler sees it, by the contract and at this one place: its query
//! parameters, and what its sender accepts.
//!
//! HEAD is answered as GET is; the server leaves the body out when it writes the answer.

use std::borrow::Cow;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{Accept, AcceptEncoding, Encoding, Header, Quality};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};
use url::form_urlencoded;

use super::codes::Code;
use super::contract::Contract;
use super::operations::Operation;
use super::problem::{self, Problem};

/// What answers can be compressed with; the features of actix-web in Cargo.toml say so.
const ENCODINGS: [Encoding; 4] =
    [Encoding::identity(), Encoding::brotli(), Encoding::gzip(), Encoding::deflate()];

/// Refuses what the contract does not know and what could not be answered acceptably.
pub async fn negotiate<B: MessageBody + 'static>(
    contract: web::Data<Contract>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    match refusal(&contract, &request) {
        None => Ok(next.call(request).await?.map_into_left_body()),
        Some(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}

fn refusal(contract: &Contract, request: &ServiceRequest) -> Option<Problem> {
    let operation = contract.operations().find(request.method(), request.path());
    operation
        .and_then(|operation| {
            unknown_parameter(operation, request.query_string())
                .or_else(|| empty_parameter(operation, request.query_string()))
                .or_else(|| unacceptable(operation, &Accept::parse(request).ok()?))
        })
        .or_else(|| unacceptable_encoding(request))
}

/// Names the first query parameter that the operation does not have.
fn unknown_parameter(operation: &Operation, query: &str) -> Option<Problem> {
    let mut sent = form_urlencoded::parse(query.as_bytes());
    let (unknown, _) = sent.find(|(name, _)| !operation.query.iter().any(|known| known == name))?;
    let known = match operation.query.as_slice() {
        [] => "there are none".to_owned(),
        known => format!("known are {}", known.join(", ")),
    };
    Some(Problem::new(
        Code::MalformedQuery,
        format!("`{unknown}` is not a parameter of this operation: {known}"),
    ))
}

/// Names the first query parameter that should be a number and has no value.
fn empty_parameter(operation: &Operation, query: &str) -> Option<Problem> {
    let is_empty_number = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| {
        value.is_empty() && operation.numbers.iter().any(|number| number == name)
    };
    let (empty, _) = form_urlencoded::parse(query.as_bytes()).find(is_empty_number)?;
    Some(Problem::new(Code::MalformedQuery, format!("`{empty}` has no value; leave it out, or give it one")))
}

/// Refuses a request that accepts neither what the operation answers with nor problems.
fn unacceptable(operation: &Operation, accept: &Accept) -> Option<Problem> {
    let offered = &operation.media_types;
    let mut possible = offered.iter().map(String::as_str).chain([problem::MEDIA_TYPE]);
    // Nothing readable in the header says nothing.
    if offered.is_empty() || accept.is_empty() || possible.any(|media_type| accepts(accept, media_type)) {
        return None;
    }
    Some(Problem::new(Code::NotAcceptable, format!("this can be had as {}", offered.join(" or "))))
}

/// Whether the most specific range that covers the media type gives it a weight above 0 (RFC 9110, 12.5.1).
fn accepts(accept: &Accept, media_type: &str) -> bool {
    let kind = media_type.split_once('/').map_or(media_type, |(kind, _)| kind);
    let best = accept.iter().filter_map(|range| {
        let (wanted, item) = (range.item.essence_str(), &range.item);
        let specificity = match () {
            () if wanted.eq_ignore_ascii_case(media_type) => 3,
            () if item.subtype() == "*" && item.type_() == kind => 2,
            () if wanted == "*/*" => 1,
            () => return None,
        };
        Some((specificity, range.quality))
    });
    best.max().is_some_and(|(_, quality)| quality > Quality::ZERO)
}

/// Refuses a request that rules out every encoding, the plain one included.
fn unacceptable_encoding(request: &ServiceRequest) -> Option<Problem> {
    let accept: AcceptEncoding = request.get_header()?;
    match accept.negotiate(ENCODINGS.iter()) {
        Some(_) => None,
        None => {
            Some(Problem::new(Code::NotAcceptable, "answers can be had as br, gzip, deflate or identity"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn accepts_json(header: &str) -> bool {
        let request = TestRequest::get().insert_header(("accept", header)).to_srv_request();
        let operation =
            Operation { media_types: vec!["application/json".to_owned()], ..Operation::default() };
        Accept::parse(&request).is_ok_and(|accept| unacceptable(&operation, &accept).is_none())
    }

    #[test]
    fn the_most_specific_range_decides() {
        for header in [
            "*/*",
            "application/*",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/problem+json",
            "text/html, */*;q=0.1",
            "text/html;q=0, application/json;q=0.001",
            "*/*;q=0, application/*",
            "not a media type",
            "",
        ] {
            assert!(accepts_json(header), "{header}");
        }
        for header in [
            "text/html",
            "application/xml, text/*",
            "application/json;q=0",
            "*/*, application/json;q=0, application/problem+json;q=0",
            "application/*;q=0, */*",
        ] {
            assert!(!accepts_json(header), "{header}");
        }
    }

    #[test]
    fn an_unknown_parameter_is_named_with_the_known_ones() {
        let operation = Operation { query: vec!["q".to_owned(), "limit".to_owned()], ..Operation::default() };
        assert!(unknown_parameter(&operation, "q=a&q=b&limit=&").is_none());
        assert!(unknown_parameter(&operation, "").is_none());
        let detail = |query| unknown_parameter(&operation, query).map(|problem| problem.detail);
        let said = detail("q=a&%74ypo=1").unwrap_or_default();
        assert_eq!(said, "`typo` is not a parameter of this operation: known are q, limit");
        assert!(detail("Q=a").is_some());
        assert!(unknown_parameter(&Operation::default(), "a").is_some());
    }
}
