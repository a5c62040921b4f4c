//! What Prometheus reads: requests by method and status, their duration, documents in the index, mails by state.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, web};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The numbers, shared by all workers.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    pub documents: IntGauge,
    pub mails: IntGaugeVec,
}

impl Metrics {
    /// # Errors
    /// If two numbers have the same name, which is a fault of this file.
    pub fn new() -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("aihub_requests_total", "Requests answered"),
            &["method", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("aihub_request_seconds", "Time to the answer")
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]),
            &["method"],
        )?;
        let documents = IntGauge::new("aihub_index_documents", "Documents in the search index")?;
        let mails = IntGaugeVec::new(Opts::new("aihub_mails", "Mails in the outbox by status"), &["status"])?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(documents.clone()))?;
        registry.register(Box::new(mails.clone()))?;
        Ok(Metrics { registry, requests, seconds, documents, mails })
    }

    /// The text format of Prometheus.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// Counts and times a request.
pub async fn measure(
    metrics: web::Data<Metrics>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let (method, started) = (known(request.method()), Instant::now());
    let response = next.call(request).await?;
    metrics.requests.with_label_values(&[method, response.status().as_str()]).inc();
    metrics.seconds.with_label_values(&[method]).observe(started.elapsed().as_secs_f64());
    Ok(response)
}

/// The method as a label: whatever a client makes up counts as one.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
