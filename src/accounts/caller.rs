//! Who makes a request.

use std::future::{Ready, ready};

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev, web};

use super::model::Role;
use super::tokens::{TokenFault, Tokens};
use crate::clock::Clock;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::ids::AccountId;

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: AccountId,
    pub role: Role,
    verified: bool,
}

impl Member {
    pub fn is_administrator(&self) -> bool {
        self.role == Role::Administrator
    }

    /// The account as if it had logged in just now, for tests of services.
    #[cfg(test)]
    pub fn of(account: &super::Account) -> Member {
        Member { id: account.id.clone(), role: account.role, verified: account.is_verified() }
    }

    /// Refuses whoever has not yet proved his address.
    pub fn verified(self) -> Result<Member, Problem> {
        if self.verified { Ok(self) } else { Err(Problem::of(Code::EmailNotVerified)) }
    }
}

/// Anybody: a member, or a visitor without a token. A token that is not valid is refused, not ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub Option<Member>);

impl Caller {
    pub fn account(&self) -> Option<&AccountId> {
        self.0.as_ref().map(|member| &member.id)
    }

    pub fn is_administrator(&self) -> bool {
        self.0.as_ref().is_some_and(Member::is_administrator)
    }
}

/// A member who looks after the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator(pub Member);

impl From<Member> for Caller {
    fn from(member: Member) -> Caller {
        Caller(Some(member))
    }
}

fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let Some(value) = request.headers().get(header::AUTHORIZATION) else { return Ok(Caller(None)) };
    let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or_else(|| Problem::of(Code::TokenInvalid))?;
    let (Some(tokens), Some(clock)) =
        (request.app_data::<web::Data<Tokens>>(), request.app_data::<web::Data<Clock>>())
    else {
        return Err(Problem::internal("tokens are not in the application data"));
    };
    let claims = tokens.verify(token.trim(), clock.now()).map_err(|fault| match fault {
        TokenFault::Invalid => Problem::of(Code::TokenInvalid),
        TokenFault::Expired => Problem::of(Code::TokenExpired),
    })?;
    Ok(Caller(Some(Member { id: claims.sub, role: claims.role, verified: claims.verified })))
}

fn member(request: &HttpRequest) -> Result<Member, Problem> {
    caller(request)?.0.ok_or_else(|| Problem::of(Code::TokenMissing))
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(caller(request))
    }
}

impl FromRequest for Member {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(member(request))
    }
}

impl FromRequest for Administrator {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(member(request).and_then(|member| match member.role {
            Role::Administrator => Ok(Administrator(member)),
            Role::Member => Err(Problem::new(Code::Forbidden, "this needs an administrator")),
        }))
    }
}
