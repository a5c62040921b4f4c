//! `Idempotency-Key`: a repeated POST gets the first answer again, and nothing happens twice.
//!
//! The answer, with its `Index-Token`, is stored in the transaction of the change, so a crash between commit and answer
//! loses nothing. Two simultaneous sends meet at the key's row: the second waits for the first and reads its answer.

use std::future::{Ready, ready};

use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest, dev};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use utoipa::openapi::{ObjectBuilder, OpenApi, RefOr, Type};

use super::answer::Answer;
use super::codes::Code;
use super::index_token;
use super::problem::Problem;
use crate::db::schema::idempotency_keys::{self, dsl};
use crate::db::{Conn, Db, DbError, each, from_json, to_json};

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// How long a key is remembered.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// What a key looks like; the check below says the same.
const PATTERN: &str = "^[!-~]{1,100}$";

/// Gives the header its form wherever the contract names it.
pub fn document(api: &mut OpenApi) {
    let creating = api.paths.paths.values_mut().filter_map(|item| item.post.as_mut());
    for parameter in creating.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
        if let RefOr::T(parameter) = parameter
            && parameter.name.eq_ignore_ascii_case(HEADER.as_str())
        {
            let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some(PATTERN));
            parameter.schema = Some(key.into());
        }
    }
}

/// The key that the client sent, if any: 1 to 100 visible ASCII characters.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(Option<String>);

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let Some(value) = request.headers().get(HEADER) else {
            return ready(Ok(IdempotencyKey(None)));
        };
        let key = value.to_str().ok().filter(|key| (1..=100).contains(&key.len()));
        ready(match key.filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic())) {
            Some(key) => Ok(IdempotencyKey(Some(key.to_owned()))),
            None => Err(Problem::new(
                Code::MalformedHeader,
                "Idempotency-Key: must be 1 to 100 visible ASCII characters",
            )),
        })
    }
}

impl IdempotencyKey {
    /// Does `work` in one write transaction, once for this key, caller (`scope`) and request (`fingerprint`); later
    /// sends get its answer again. Failures are not kept: they may be tried again.
    pub async fn once(
        self,
        db: &Db,
        now: DateTime<Utc>,
        scope: String,
        fingerprint: String,
        work: impl FnOnce(&mut Conn) -> Result<Answer, Problem> + Send + 'static,
    ) -> Result<Answer, Problem> {
        let Some(key) = self.0 else { return index_token::write(db, work).await };
        db.write(move |conn| {
            forget_old(conn, now)?;
            if !claim(conn, now, &scope, &key, &fingerprint)? {
                return replay(conn, &scope, &key, &fingerprint);
            }
            let answer = index_token::with_token(conn, work)?;
            store(conn, &scope, &key, &answer)?;
            Ok(answer)
        })
        .await
    }
}

/// Inserts the key's row; waits for another transaction that is inserting the same.
fn claim(
    conn: &mut Conn,
    now: DateTime<Utc>,
    scope: &str,
    key: &str,
    fingerprint: &str,
) -> Result<bool, DbError> {
    let row = (
        dsl::scope.eq(scope),
        dsl::key.eq(key),
        dsl::fingerprint.eq(fingerprint),
        dsl::status.eq(0),
        dsl::headers.eq("[]"),
        dsl::body.eq(""),
        dsl::created_at.eq(now.naive_utc()),
    );
    let inserted = each!(conn, c => diesel::insert_into(idempotency_keys::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

fn replay(conn: &mut Conn, scope: &str, key: &str, fingerprint: &str) -> Result<Answer, Problem> {
    let (first, status, headers, body): (String, i32, String, String) = dsl::idempotency_keys
        .find((scope, key))
        .select((dsl::fingerprint, dsl::status, dsl::headers, dsl::body))
        .first(conn)
        .map_err(DbError::from)?;
    if first != fingerprint {
        return Err(Problem::of(Code::IdempotencyKeyReused));
    }
    let status = u16::try_from(status).map_err(Problem::internal)?;
    let answer = Answer { status, headers: from_json(&headers)?, body };
    Ok(answer.with("idempotency-replayed", "true"))
}

fn store(conn: &mut Conn, scope: &str, key: &str, answer: &Answer) -> Result<(), DbError> {
    diesel::update(dsl::idempotency_keys.find((scope, key)))
        .set((
            dsl::status.eq(i32::from(answer.status)),
            dsl::headers.eq(to_json(&answer.headers)?),
            dsl::body.eq(&answer.body),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets the answers whose time is over.
pub fn forget_old(conn: &mut Conn, now: DateTime<Utc>) -> Result<(), DbError> {
    let old = dsl::idempotency_keys.filter(dsl::created_at.lt((now - KEPT).naive_utc()));
    diesel::delete(old).execute(conn)?;
    Ok(())
}
