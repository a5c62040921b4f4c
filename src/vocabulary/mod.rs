//! The vocabulary: concepts as a tree, by what is typed, and in a text; and the classifications that operators add to it.
//! The concepts themselves are `search_index::vocabulary`; here they meet readers and the database.

mod formats;
pub mod routes;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use formats::{Classification, FormatError, read};
pub use service::{ImportError, Imported, concepts_of, import, imported};
