//! Budgets of requests, by the address they come from: GCRA through `governor`, told in the fields `RateLimit-Policy` and
//! `RateLimit` of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-11).

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError, web};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::codes::Code;
use super::problem::Problem;

type Limiter = RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// The budgets in force; one for all requests, a small one for what guesses secrets.
#[derive(Clone)]
pub struct Limits {
    all: Arc<Budget>,
    secrets: Arc<Budget>,
    /// Whether a proxy in front names the client in `X-Forwarded-For`.
    behind_proxy: bool,
}

struct Budget {
    name: &'static str,
    /// Requests a minute, which may come at once.
    quota: NonZeroU32,
    limiter: Limiter,
}

/// What a request has left of a budget.
#[derive(Debug, Clone, Copy)]
struct Left {
    budget: &'static str,
    quota: NonZeroU32,
    requests: u32,
}

impl Budget {
    fn new(name: &'static str, quota: NonZeroU32) -> Arc<Budget> {
        let limiter =
            RateLimiter::keyed(Quota::per_minute(quota)).with_middleware::<StateInformationMiddleware>();
        Arc::new(Budget { name, quota, limiter })
    }

    /// Spends one request; says what is left, and how long to wait where nothing was.
    fn spend(&self, address: IpAddr) -> (Left, Option<Duration>) {
        let (requests, wait) = match self.limiter.check_key(&address) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => (0, Some(until.wait_time_from(DefaultClock::default().now()))),
        };
        (Left { budget: self.name, quota: self.quota, requests }, wait)
    }
}

impl Left {
    fn policy(self) -> String {
        format!("\"{}\";q={};w=60", self.budget, self.quota)
    }

    /// `r` requests are left; after `t` seconds without one, all are there again.
    fn state(self) -> String {
        let spent = u64::from(self.quota.get().saturating_sub(self.requests));
        let seconds = (spent * 60).div_ceil(self.quota.get().into());
        format!("\"{}\";r={};t={seconds}", self.budget, self.requests)
    }
}

impl Limits {
    /// Requests a minute and address: of any kind, and of those that send a password or a token to be checked.
    pub fn new(all: NonZeroU32, secrets: NonZeroU32, behind_proxy: bool) -> Limits {
        Limits { all: Budget::new("default", all), secrets: Budget::new("secrets", secrets), behind_proxy }
    }

    /// Spends one of the small budget. The answer tells what is left of it.
    pub fn secret(&self, request: &HttpRequest) -> Result<(), Problem> {
        let (left, wait) = self.secrets.spend(self.address(request));
        request.extensions_mut().insert(left);
        wait.map_or(Ok(()), |wait| Err(refused(wait)))
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
        self.all.limiter.retain_recent();
        self.secrets.limiter.retain_recent();
    }
}

/// Rounded up: whoever waits that long is let through.
fn refused(wait: Duration) -> Problem {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    Problem::of(Code::TooManyRequests).header(header::RETRY_AFTER, seconds.to_string())
}

/// Spends one request of the sender's budget, or refuses it.
pub async fn limit<B: MessageBody + 'static>(
    limits: web::Data<Limits>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let (left, wait) = limits.all.spend(limits.address(request.request()));
    let mut response = match wait {
        None => next.call(request).await?.map_into_left_body(),
        Some(wait) => request.into_response(refused(wait).error_response()).map_into_right_body(),
    };
    let secrets = response.request().extensions().get::<Left>().copied();
    tell(response.headers_mut(), [Some(left), secrets].into_iter().flatten().collect());
    Ok(response)
}

/// Writes the budgets that a request has spent from into its answer.
fn tell(headers: &mut HeaderMap, budgets: Vec<Left>) {
    let list = |part: fn(Left) -> String| budgets.iter().copied().map(part).collect::<Vec<_>>().join(", ");
    for (name, value) in [(POLICY, list(Left::policy)), (STATE, list(Left::state))] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}
