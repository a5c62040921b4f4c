//! How much is worked on at once. What comes beyond is told to come again, at once, instead of waiting in a queue that
//! grows for as long as there are more requests than answers.
//!
//! Whoever is still sending his body is not worked on: slow senders hold no place, but have a deadline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError, web};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::codes::Code;
use super::connection::Progress;
use super::problem::Problem;

/// When to try again, in seconds: places become free within milliseconds, but not for everybody at once.
const RETRY_AFTER: &str = "1";

/// The places for requests.
#[derive(Clone)]
pub struct Capacity {
    places: Arc<Semaphore>,
    body_timeout: Duration,
}

/// The place of a request among its extensions: free again when the request is gone, answered or not.
struct Place(#[allow(dead_code, reason = "it is held, never read")] OwnedSemaphorePermit);

impl Capacity {
    /// So many requests at once, each with so much time to send its body.
    pub fn new(requests: usize, body_timeout: Duration) -> Capacity {
        Capacity { places: Arc::new(Semaphore::new(requests)), body_timeout }
    }

    fn take_place(&self, request: &HttpRequest) -> Result<(), Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Problem::new(Code::Unavailable, "too many requests are being worked on")
                .header(header::RETRY_AFTER, RETRY_AFTER)
        })?;
        request.extensions_mut().insert(Place(place));
        Ok(())
    }
}

fn leave_place(request: &HttpRequest) {
    drop(request.extensions_mut().remove::<Place>());
}

/// Lets a request in while there is a place. Who watches the service is always let in.
pub async fn admit<B: MessageBody + 'static>(
    capacity: web::Data<Capacity>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let watches = matches!(request.path(), "/health/live" | "/health/ready" | "/metrics");
    if !watches && let Err(problem) = capacity.take_place(request.request()) {
        return Ok(request.into_response(problem.error_response()).map_into_right_body());
    }
    let response = next.call(request).await?;
    // The answer is made; sending it to a slow reader is no work.
    leave_place(response.request());
    Ok(response.map_into_left_body())
}

/// Awaits what a client sends in a body, for as long as a body may take, and without a place meanwhile.
pub async fn receive<T>(request: &HttpRequest, body: impl Future<Output = T>) -> Result<T, Problem> {
    let capacity: &web::Data<Capacity> =
        request.app_data().ok_or_else(|| Problem::internal("the capacity is not in the application data"))?;
    leave_place(request);
    let received = tokio::time::timeout(capacity.body_timeout, body).await;
    let received = received.map_err(|_| {
        request.conn_data().map(Progress::end);
        let seconds = capacity.body_timeout.as_secs();
        Problem::new(Code::RequestTimeout, format!("a body may take {seconds} s to arrive"))
    })?;
    capacity.take_place(request)?;
    Ok(received)
}
