//! Around every request: an id, one log line, security headers, and an answer for what no route knows.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::PathError;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use chrono::Utc;

use super::codes::Code;
use super::contract::Contract;
use super::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static ID: String;
}

/// The id of the request that this task serves; `-` outside of one.
pub fn id() -> String {
    ID.try_with(Clone::clone).unwrap_or_else(|_| "-".to_owned())
}

/// Gives the request an id, logs one line when it is answered, and sets the headers that every answer has.
///
/// The log has no query string and no address: neither what people search for nor where from is kept.
pub async fn trace(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id =
        ulid::Ulid::from_parts(u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0), rand::random())
            .to_string();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let started = Instant::now();
    let mut response = ID.scope(id.clone(), next.call(request)).await?;
    let micros = started.elapsed().as_micros();
    log::info!("{method} {path} {} {micros}us {id}", response.status().as_u16());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    Ok(response)
}

/// Answers what no route took. Where the contract knows the path, OPTIONS is told what works there, and any other method
/// gets 405; else there is nothing.
pub async fn unrouted(request: HttpRequest, contract: web::Data<Contract>) -> Result<HttpResponse, Problem> {
    let Some(allowed) = contract.operations().allow(request.path()) else {
        let detail = format!("{} is not in the contract; see /docs", request.path());
        return Err(Problem::new(Code::RouteNotFound, detail));
    };
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, allowed)).finish());
    }
    let detail = format!("{} does not work here; allowed: {allowed}", request.method());
    Err(Problem::new(Code::MethodNotAllowed, detail).header(header::ALLOW, allowed))
}

/// Answers a path whose ids can't be read: nothing is there.
pub fn unreadable_path(fault: PathError, _: &HttpRequest) -> Error {
    Problem::new(Code::NotFound, fault.to_string()).into()
}
