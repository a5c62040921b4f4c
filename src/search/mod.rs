//! Search: words and filters over everything that is published, and how rows become documents of the index.

mod documents;
pub mod routes;

pub use documents::{Documents, seeker};
pub use routes::audience;
