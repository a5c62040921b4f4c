//! The one table of failures: code, status, title, what it means, and how to mend it.

use actix_web::http::StatusCode;

macro_rules! table {
    ($(
        $(#[$doc:meta])*
        $name:ident = ($code:literal, $status:literal, $title:literal, $meaning:literal, $mend:literal)
    ),+ $(,)?) => {
        /// Why a request was refused or failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name),+ }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The code of this name.
            pub fn named(name: &str) -> Option<Code> {
                Code::ALL.iter().copied().find(|code| code.code() == name)
            }

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

            /// When it is answered.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning),+ }
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
        "The body could not be parsed: it is empty, is cut off, is not UTF-8, or breaks the grammar of JSON.",
        "Send one JSON value in UTF-8; the detail names line and column."),
    MalformedQuery = ("malformed_query", 400, "The query parameters cannot be read",
        "A query parameter is unknown, repeated where it may not be, missing, or has a value of another form.",
        "Send only documented parameters, each in its documented form."),
    MalformedHeader = ("malformed_header", 400, "A header cannot be read",
        "A header that this operation reads has a value of another form than the documented one.",
        "Send the header in its documented form."),
    BadRequest = ("bad_request", 400, "The request cannot be read",
        "The message itself is broken: its body ended early, does not have the encoding that its headers announce, or \
         is a form with other fields than the page has.",
        "Send a well-formed HTTP request."),
    TokenMissing = ("token_missing", 401, "This needs a login",
        "The operation, or this use of it, is for members, and the request carried no access token.",
        "Log in and send the access token as `Authorization: Bearer …`."),
    TokenInvalid = ("token_invalid", 401, "The access token is not valid",
        "The access token is not one of this service, was altered, or is of another kind, such as that of a link.",
        "Send an access token that this service issued, unchanged."),
    TokenExpired = ("token_expired", 401, "The access token has expired",
        "Access tokens live for some minutes, and this one is older.",
        "Ask for a new one with the refresh token."),
    CredentialsWrong = ("credentials_wrong", 401, "E-mail address or password is wrong",
        "No account has this address and password together. Which of the two is wrong is not told.",
        "Check both, or reset the password."),
    RefreshTokenInvalid = ("refresh_token_invalid", 401, "The refresh token is not valid",
        "The refresh token is unknown, has been used, or its session has ended.",
        "Log in again. A refresh token works once; a second use ends the session everywhere."),
    Forbidden = ("forbidden", 403, "You may not do this",
        "You are known, and the thing may be seen by you, but only others may do this to it.",
        "Use an account that has the right."),
    EmailNotVerified = ("email_not_verified", 403, "The e-mail address is not verified yet",
        "What reaches other people is only for members who have proved that their address is theirs.",
        "Open the link in the mail that was sent at registration, or ask for a new one."),
    RouteNotFound = ("route_not_found", 404, "There is nothing at this address",
        "No operation of the contract has this path.",
        "Compare the path with the contract."),
    NotFound = ("not_found", 404, "There is no such thing, or not for you",
        "No thing has this id, or it is one that you may not know of; the answer is the same in both cases.",
        "Check the id; log in if it is not public."),
    MethodNotAllowed = ("method_not_allowed", 405, "This method is not for this address",
        "The path is in the contract, but not with this method.",
        "Use one of the methods in the `Allow` header."),
    NotAcceptable = ("not_acceptable", 406, "No such representation",
        "The request's `Accept` header allows none of the media types that the operation can answer with.",
        "Accept `application/json`."),
    RequestTimeout = ("request_timeout", 408, "The body took too long to arrive",
        "The body of the request was not there in time, as the detail says, and the connection ends.",
        "Send the whole request at once, and again on a new connection."),
    InvalidTransition = ("invalid_transition", 409, "Its state does not allow this",
        "The step leads from a state in which the thing is not, or not any more.",
        "Read it again: the detail names the state it is in."),
    IntroductionAlreadyOpen = ("introduction_already_open", 409, "You have already asked for this introduction",
        "A request between these two profiles waits for an answer, in this direction or the other.",
        "Wait for the answer, or withdraw the open request."),
    IntroductionBudgetSpent = ("introduction_budget_spent", 409, "Too many requests of this profile are open",
        "A profile may have five requests that wait for an answer, and this one has.",
        "Wait for answers, or withdraw an open request."),
    IntroductionTargetPaused = ("introduction_target_paused", 409, "The other side takes no requests now",
        "The profile that was asked takes no requests, or has as many open ones as it takes at a time.",
        "Try again later, or ask somebody else."),
    IntroductionDeclinedRecently = ("introduction_declined_recently", 409, "The other side declined lately",
        "The profile that was asked has said no to this one within the last 180 days.",
        "Ask somebody else; the same pair may try again after 180 days."),
    AlreadyIntroduced = ("already_introduced", 409, "You have been introduced already",
        "An introduction between these two profiles was accepted before.",
        "Contact details are in the accepted introduction."),
    Conflict = ("conflict", 409, "This clashes with what is stored",
        "The request is in order, but cannot stand together with what is stored, as the detail says.",
        "Read the current state and try again."),
    CopyOutdated = ("copy_outdated", 410, "What has changed since then cannot be told",
        "Changes are kept for 30 days, and what a copy holds depends on who reads. The changes after this cursor or time \
         are gone, or the reader may see other things than when the copy began.",
        "Drop the copy and begin anew: read the list with `updated_since=1970-01-01T00:00:00Z`."),
    StaleVersion = ("stale_version", 412, "It has changed since you read it",
        "The `If-Match` header names another version than the one that is stored, or somebody else changed it at \
         the same moment.",
        "Read it again, and send the new `ETag` as `If-Match`."),
    PayloadTooLarge = ("payload_too_large", 413, "The body is too large",
        "The body has more bytes than the service reads.",
        "Send less; the limit is in the detail."),
    UnsupportedMediaType = ("unsupported_media_type", 415, "The body has the wrong media type",
        "The `Content-Type` is missing, or is not one that the operation reads; `Accept` names those that are.",
        "Send the documented `Content-Type`."),
    InvalidFields = ("invalid_fields", 422, "Some fields are not valid",
        "The body is JSON, but breaks rules of its schema or rules between its members; all faults are named at once.",
        "Mend every entry of `errors`; each names its field by JSON Pointer."),
    LinkInvalid = ("link_invalid", 422, "The link is not valid any more",
        "The token of a mail's link has expired, was used, was replaced by a newer one, or is not complete.",
        "Ask for a new one. Links work once and for a limited time."),
    IntroductionToOneself = ("introduction_to_oneself", 422, "A profile cannot be introduced to itself",
        "Requester and target of the introduction are one profile.",
        "Name another profile."),
    IdempotencyKeyReused = ("idempotency_key_reused", 422, "The idempotency key was used for another request",
        "Within the last 24 hours the same key came with another path or another body.",
        "Use a new key for each new request."),
    IfMatchMissing = ("if_match_missing", 428, "Say which version you change",
        "The operation changes what others may have changed meanwhile, and the request names no version.",
        "Send the `ETag` that you read as `If-Match`."),
    TooManyRequests = ("too_many_requests", 429, "Too many requests",
        "More requests came from your address than a minute's budget holds, or too many that check a secret.",
        "Wait as long as `Retry-After` says."),
    Internal = ("internal", 500, "Something went wrong on our side",
        "The service met a fault of its own. It is logged under the instance, and tells nothing more here.",
        "Try again; if it stays, tell the operator the instance."),
    Unavailable = ("unavailable", 503, "The service cannot answer right now",
        "The database or the search index does not answer for the moment: it is busy, being built, or restarting.",
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
        assert!(Code::ALL.iter().all(|code| Code::named(code.code()) == Some(*code)));
    }
}
