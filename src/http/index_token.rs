//! `Index-Token`: who has written something finds it.
//!
//! The index follows the database a moment later. The answer to a write carries the place of its last entry in the change
//! feed; a request that sends it back is answered once this process's index has come that far.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpRequest, dev, web};
use tokio::sync::watch;

use super::answer::Answer;
use super::codes::Code;
use super::problem::Problem;
use crate::db::{self, Conn, Db, Mark};

pub const HEADER: HeaderName = HeaderName::from_static("index-token");

/// How long a request waits for the index.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the index of this process has come; nowhere while it is being built.
pub type Progress = watch::Receiver<Option<Mark>>;

/// Does `work` in one write transaction; its answer carries the token of what it wrote.
pub async fn write(
    db: &Db,
    work: impl FnOnce(&mut Conn) -> Result<Answer, Problem> + Send + 'static,
) -> Result<Answer, Problem> {
    db.write(move |conn| with_token(conn, work)).await
}

/// Does `work`; where it changed anything that is searched, its answer carries the token.
pub(super) fn with_token(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    let (answer, mark) = db::recorded(conn, work)?;
    Ok(match mark {
        Some(mark) => answer.with(HEADER.as_str(), mark.to_string()),
        None => answer,
    })
}

/// Proof that the index has what the request's `Index-Token` stands for, if it sent one.
#[derive(Debug, Clone, Copy)]
pub struct UpToDate;

impl FromRequest for UpToDate {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<UpToDate, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let Some(token) = request.headers().get(HEADER) else {
            return Box::pin(std::future::ready(Ok(UpToDate)));
        };
        let token = token.to_str().ok().and_then(|text| text.parse().ok());
        let parts = request.app_data::<web::Data<Progress>>().zip(request.app_data::<web::Data<Db>>());
        let parts = parts.map(|(progress, db)| (progress.get_ref().clone(), db.get_ref().clone()));
        Box::pin(async move {
            let token = token.ok_or_else(foreign)?;
            let (progress, db) =
                parts.ok_or_else(|| Problem::internal("the index is not in the application data"))?;
            wait(progress, &db, token).await
        })
    }
}

async fn wait(mut progress: Progress, db: &Db, token: Mark) -> Result<UpToDate, Problem> {
    let has_come = |reached: &Option<Mark>| reached.as_ref().is_some_and(|mark| mark.covers(&token));
    if has_come(&progress.borrow()) {
        return Ok(UpToDate);
    }
    let written = token.clone();
    if !db.read(move |conn| written.is_known(conn)).await? {
        return Err(foreign());
    }
    match tokio::time::timeout(PATIENCE, progress.wait_for(has_come)).await {
        Ok(Ok(_)) => Ok(UpToDate),
        _ => Err(Problem::new(Code::Unavailable, "the search index has not caught up with this write yet")
            .header(header::RETRY_AFTER, "2")),
    }
}

fn foreign() -> Problem {
    Problem::new(Code::MalformedHeader, "Index-Token: must be that of an answer of this service, unchanged")
}
