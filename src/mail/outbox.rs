//! All SQL of the outbox.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde_json::Value;

use crate::db::schema::mails;
use crate::db::{Conn, DbError, to_json};
use crate::ids::{AccountId, MailId};

/// Queues a mail in the current transaction.
pub fn enqueue(
    conn: &mut Conn,
    now: DateTime<Utc>,
    kind: &str,
    account: &AccountId,
    keys: &Value,
) -> Result<MailId, DbError> {
    let id = MailId::new(now);
    let row = (
        mails::id.eq(id.as_str()),
        mails::kind.eq(kind),
        mails::account_id.eq(account.as_str()),
        mails::subject_keys.eq(to_json(keys)?),
        mails::status.eq("pending"),
        mails::attempts.eq(0),
        mails::due_at.eq(now.naive_utc()),
        mails::created_at.eq(now.naive_utc()),
    );
    diesel::insert_into(mails::table).values(row).execute(conn)?;
    Ok(id)
}
