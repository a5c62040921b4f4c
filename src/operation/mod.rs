//! Running the service: is it alive, is it ready, what does it do, and what became of mails.

mod metrics;
pub mod routes;

pub use metrics::{Metrics, measure};
