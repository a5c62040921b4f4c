//! Budgets of requests, by the address they come from: GCRA through `governor`, told in `RateLimit-*` headers.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, ResponseError, web};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::codes::Code;
use super::problem::Problem;

type Limiter = RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

/// The budgets in force; one for all requests, a small one for what guesses secrets.
#[derive(Clone)]
pub struct Limits {
    all: Arc<Limiter>,
    secrets: Arc<Limiter>,
    /// Whether a proxy in front names the client in `X-Forwarded-For`.
    behind_proxy: bool,
}

const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");

impl Limits {
    /// Requests a minute and address: of any kind, and of those that send a password or a token to be checked.
    pub fn new(all: NonZeroU32, secrets: NonZeroU32, behind_proxy: bool) -> Limits {
        let limiter = |per_minute| {
            Arc::new(
                RateLimiter::keyed(Quota::per_minute(per_minute))
                    .with_middleware::<StateInformationMiddleware>(),
            )
        };
        Limits { all: limiter(all), secrets: limiter(secrets), behind_proxy }
    }

    /// Spends one of the small budget.
    pub fn secret(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.secrets.check_key(&self.address(request)).map(drop).map_err(refused)
    }

    /// Where a request comes from: its peer, or what the proxy in front says. Of an IPv6 address only the network
    /// counts, since one client has all the rest.
    fn address(&self, request: &HttpRequest) -> IpAddr {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.ip());
        let forwarded = request.headers().get(header::X_FORWARDED_FOR).filter(|_| self.behind_proxy);
        // The last one is what our own proxy saw; those before it are hearsay.
        let client = forwarded
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next())
            .and_then(|client| client.trim().parse().ok());
        match client.unwrap_or(peer) {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
            address => address,
        }
    }

    /// Forgets addresses that have not been seen for a while.
    pub fn tidy(&self) {
        self.all.retain_recent();
        self.secrets.retain_recent();
    }
}

fn refused(until: governor::NotUntil<governor::clock::QuantaInstant>) -> Problem {
    let wait = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
    Problem::of(Code::TooManyRequests).header(header::RETRY_AFTER, wait.to_string())
}

/// Spends one request of the sender's budget, or refuses it.
pub async fn limit<B: MessageBody + 'static>(
    limits: web::Data<Limits>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match limits.all.check_key(&limits.address(request.request())) {
        Ok(state) => {
            let mut response = next.call(request).await?;
            let headers = response.headers_mut();
            headers.insert(LIMIT, HeaderValue::from(state.quota().burst_size().get()));
            headers.insert(REMAINING, HeaderValue::from(state.remaining_burst_capacity()));
            Ok(response.map_into_left_body())
        }
        Err(until) => {
            let response = refused(until).error_response();
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}
