//! The one table of failures: code, status, title, and how to mend it.

use actix_web::http::StatusCode;

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = ($code:literal, $status:literal, $title:literal, $mend:literal)),+ $(,)?) => {
        /// Why a request was refused or failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name),+ }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The machine-readable code.
            pub fn code(self) -> &'static str {
                match self { $(Code::$name => $code),+ }
            }

            pub fn status(self) -> StatusCode {
                let status = match self { $(Code::$name => $status),+ };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The same for every occurrence of the code.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title),+ }
            }

            /// What a client does about it.
            pub fn mend(self) -> &'static str {
                match self { $(Code::$name => $mend),+ }
            }
        }
    };
}

table! {
    MalformedJson = ("malformed_json", 400, "The body is not valid JSON",
        "Send one JSON value in UTF-8; the detail names line and column."),
    MalformedQuery = ("malformed_query", 400, "The query parameters cannot be read",
        "Send only documented parameters, each in its documented form."),
    MalformedHeader = ("malformed_header", 400, "A header cannot be read",
        "Send the header in its documented form."),
    BadRequest = ("bad_request", 400, "The request cannot be read",
        "Send a well-formed HTTP request."),
    TokenMissing = ("token_missing", 401, "This needs a login",
        "Log in and send the access token as `Authorization: Bearer …`."),
    TokenInvalid = ("token_invalid", 401, "The access token is not valid",
        "Send an access token that this service issued, unchanged."),
    TokenExpired = ("token_expired", 401, "The access token has expired",
        "Ask for a new one with the refresh token."),
    CredentialsWrong = ("credentials_wrong", 401, "E-mail address or password is wrong",
        "Check both, or reset the password."),
    RefreshTokenInvalid = ("refresh_token_invalid", 401, "The refresh token is not valid",
        "Log in again. A refresh token works once; a second use ends the session everywhere."),
    Forbidden = ("forbidden", 403, "You may not do this",
        "Use an account that has the right."),
    EmailNotVerified = ("email_not_verified", 403, "The e-mail address is not verified yet",
        "Open the link in the mail that was sent at registration, or ask for a new one."),
    RouteNotFound = ("route_not_found", 404, "There is nothing at this address",
        "Compare the path with the contract."),
    NotFound = ("not_found", 404, "There is no such thing, or not for you",
        "Check the id; log in if it is not public."),
    MethodNotAllowed = ("method_not_allowed", 405, "This method is not for this address",
        "Use one of the methods in the `Allow` header."),
    NotAcceptable = ("not_acceptable", 406, "No such representation",
        "Accept `application/json`."),
    RequestTimeout = ("request_timeout", 408, "The body took too long to arrive",
        "Send the whole request at once, and again on a new connection."),
    InvalidTransition = ("invalid_transition", 409, "Its state does not allow this",
        "Read it again: the detail names the state it is in."),
    IntroductionAlreadyOpen = ("introduction_already_open", 409, "You have already asked for this introduction",
        "Wait for the answer, or withdraw the open request."),
    IntroductionBudgetSpent = ("introduction_budget_spent", 409, "Too many requests of this profile are open",
        "Wait for answers, or withdraw an open request."),
    IntroductionTargetPaused = ("introduction_target_paused", 409, "The other side takes no requests now",
        "Try again later, or ask somebody else."),
    IntroductionDeclinedRecently = ("introduction_declined_recently", 409, "The other side declined lately",
        "Ask somebody else; the same pair may try again after 180 days."),
    AlreadyIntroduced = ("already_introduced", 409, "You have been introduced already",
        "Contact details are in the accepted introduction."),
    Conflict = ("conflict", 409, "This clashes with what is stored",
        "Read the current state and try again."),
    StaleVersion = ("stale_version", 412, "It has changed since you read it",
        "Read it again, and send the new `ETag` as `If-Match`."),
    PayloadTooLarge = ("payload_too_large", 413, "The body is too large",
        "Send less; the limit is in the detail."),
    UnsupportedMediaType = ("unsupported_media_type", 415, "The body has the wrong media type",
        "Send the documented `Content-Type`."),
    InvalidFields = ("invalid_fields", 422, "Some fields are not valid",
        "Mend every entry of `errors`; each names its field by JSON Pointer."),
    LinkInvalid = ("link_invalid", 422, "The link is not valid any more",
        "Ask for a new one. Links work once and for a limited time."),
    IntroductionToOneself = ("introduction_to_oneself", 422, "A profile cannot be introduced to itself",
        "Name another profile."),
    IdempotencyKeyReused = ("idempotency_key_reused", 422, "The idempotency key was used for another request",
        "Use a new key for each new request."),
    IfMatchMissing = ("if_match_missing", 428, "Say which version you change",
        "Send the `ETag` that you read as `If-Match`."),
    TooManyRequests = ("too_many_requests", 429, "Too many requests",
        "Wait as long as `Retry-After` says."),
    Internal = ("internal", 500, "Something went wrong on our side",
        "Try again; if it stays, tell the operator the instance."),
    Unavailable = ("unavailable", 503, "The service cannot answer right now",
        "Try again after the time in `Retry-After`."),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_statuses_are_failures() {
        let codes: HashSet<_> = Code::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.status().as_u16() >= 400));
    }
}
