//! RFC 9457 problem details: the one form of every failure.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::codes::Code;
use super::request;
use crate::db::DbError;
use crate::faults::{Fault, Faults};

pub const MEDIA_TYPE: &str = "application/problem+json";

/// A request's id, for examples.
const EXAMPLE_INSTANCE: &str = "01JDBQZ5W0V6P8R3K2M9XE4T7N";

/// A failure on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: Code,
    /// What is wrong with this request in particular; never anything that its sender may not know.
    pub detail: String,
    pub errors: Vec<Fault>,
    headers: Vec<(HeaderName, String)>,
}

/// Every failure has this form (RFC 9457), sent as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Where the code is explained.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/invalid_fields")]
    pub kind: String,
    /// The same for every occurrence of the code.
    #[schema(example = "Some fields are not valid")]
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    pub status: u16,
    /// What is wrong with this request, and what to change.
    #[schema(example = "1 field is not valid")]
    pub detail: String,
    /// The request's id; name it when you ask for help.
    #[schema(example = "01JDBQZ5W0V6P8R3K2M9XE4T7N")]
    pub instance: String,
    /// Machine-readable code.
    #[schema(example = "invalid_fields")]
    pub code: String,
    /// With `invalid_fields`: all faults at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<Fault>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem { code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// A problem whose title says all there is to say.
    pub fn of(code: Code) -> Problem {
        Problem::new(code, code.mend())
    }

    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Problem {
        self.headers.push((name, value.into()));
        self
    }

    /// A failure of ours: it is logged with the request's id, and the client learns nothing more.
    pub fn internal(fault: impl std::fmt::Display) -> Problem {
        log::error!("request {}: {fault}", request::id());
        Problem::of(Code::Internal)
    }

    /// What is sent.
    fn body(&self, instance: String) -> ProblemBody {
        ProblemBody {
            kind: format!("/problems/{}", self.code.code()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            instance,
            code: self.code.code().to_owned(),
            errors: self.errors.clone(),
        }
    }

    /// A typical problem of this code, as the contract and its page show it.
    pub fn example(code: Code) -> ProblemBody {
        let detail = match code {
            Code::MalformedJson => "expected value at line 1 column 13",
            Code::MalformedQuery => "limit: must be between 1 and 100",
            Code::MalformedHeader => "Idempotency-Key: must be 1 to 100 visible ASCII characters",
            Code::RouteNotFound => "/api/v1/profile is not in the contract; see /docs",
            Code::MethodNotAllowed => "PUT does not work here; allowed: GET, POST",
            Code::InvalidTransition => "the event is cancelled and cannot become scheduled",
            Code::UnsupportedMediaType => "`text/plain` was sent; application/json is expected",
            Code::InvalidFields => {
                let fault = Fault {
                    pointer: "/track_record/0/year".to_owned(),
                    code: "maximum".to_owned(),
                    detail: "value is greater than the maximum of 2100".to_owned(),
                };
                return Problem::from(Faults(vec![fault])).body(EXAMPLE_INSTANCE.to_owned());
            }
            code => code.mend(),
        };
        Problem::new(code, detail).body(EXAMPLE_INSTANCE.to_owned())
    }

    /// The state of a thing forbids what was asked.
    pub fn transition(what: &str, from: &str, to: &str) -> Problem {
        Problem::new(Code::InvalidTransition, format!("{what} is {from} and cannot become {to}"))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.code(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let body = self.body(request::id());
        let mut response = HttpResponse::build(self.code.status());
        if let Some(challenge) = challenge(self.code) {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        if self.code == Code::RequestTimeout {
            // The rest of that body may still come, and nobody wants it.
            response.force_close();
        }
        response
            .insert_header((header::CONTENT_TYPE, MEDIA_TYPE))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(serde_json::to_string(&body).unwrap_or_default())
    }
}

/// What a 401 must say of how to log in (RFC 9110, 11.6.1; RFC 6750, 3): that a bearer token is wanted, and whether one
/// was refused.
fn challenge(code: Code) -> Option<String> {
    let realm = "Bearer realm=\"aihub\"";
    match code {
        Code::TokenInvalid | Code::TokenExpired => {
            Some(format!("{realm}, error=\"invalid_token\", error_description=\"{}\"", code.title()))
        }
        code if code.status() == StatusCode::UNAUTHORIZED => Some(realm.to_owned()),
        _ => None,
    }
}

impl From<Faults> for Problem {
    fn from(Faults(errors): Faults) -> Problem {
        let detail = match errors.len() {
            1 => "1 field is not valid".to_owned(),
            count => format!("{count} fields are not valid"),
        };
        Problem { errors, ..Problem::new(Code::InvalidFields, detail) }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Problem {
        match error {
            DbError::NotFound => Problem::of(Code::NotFound),
            DbError::Stale => Problem::of(Code::StaleVersion),
            DbError::Unavailable(fault) => {
                log::error!("request {}: {fault}", request::id());
                Problem::of(Code::Unavailable).header(header::RETRY_AFTER, "2")
            }
            DbError::Unique(_) | DbError::ForeignKey => Problem::of(Code::Conflict),
            other => Problem::internal(other),
        }
    }
}
