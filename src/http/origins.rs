//! Browsers may call from the configured origins, and from no other (CORS).

use actix_cors::{Cors, CorsError};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};

use super::codes::Code;
use super::problem::Problem;
use super::{idempotency, index_token};

/// What a page of another origin may read besides the headers that every page may.
const EXPOSED: [&str; 11] = [
    "allow",
    "etag",
    "idempotency-replayed",
    "index-token",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-request-id",
];

/// Answers preflights, and lets pages of these origins read answers.
pub fn allow(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allowed_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT_LANGUAGE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            idempotency::HEADER,
            index_token::HEADER,
        ])
        .expose_headers(EXPOSED)
        .max_age(3600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// Gives a refused preflight the form of every failure.
pub async fn refuse<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let response = next.call(request).await?;
    let refused = response.response().error().and_then(Error::as_error::<CorsError>).map(problem);
    Ok(match refused {
        None => response.map_into_left_body(),
        Some(problem) => response.into_response(problem.error_response()).map_into_right_body(),
    })
}

fn problem(fault: &CorsError) -> Problem {
    let code = match fault {
        CorsError::OriginNotAllowed => Code::Forbidden,
        _ => Code::MalformedHeader,
    };
    Problem::new(code, fault.to_string())
}
