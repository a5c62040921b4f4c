//! Everything between a text and a ranked, explained answer.
//!
//! # Map
//! In the order of dependency; each module knows only those above it.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`document`] | what can be indexed: the types that the service and this crate share |
//! | [`vocabulary`] | concepts of expertise, their labels in many languages, the tree |
//! | [`analysis`] | from a text to terms and concepts |
//! | `schema` | the fields of the index; the only module that names them |
//! | `entry` | from a document to what is indexed of it |
//! | [`writer`] | batches in, commits that carry a position out |
//! | [`search`] | words → a page: filters, facets, highlights, suggestions |
//! | [`matching`] | who fits whom, and why |
//!
//! # What always holds
//! - What a reader may not see takes no part in his answer: it has fields and layers of its own.
//! - The index is derived and disposable. Its last commit says how far the source was followed.
//! - The same documents, the same query and the same moment give the same answer.
//!
//! # What is deliberately absent
//! HTTP, SQL, mail, clocks and global state: the caller passes the time, and keeps the handles.

pub mod analysis;
pub mod document;
mod entry;
mod error;
mod fingerprint;
pub mod matching;
mod schema;
pub mod search;
#[cfg(test)]
mod testing;
pub mod vocabulary;
pub mod writer;

pub use analysis::{Analysis, Annotation, Completion, Language};
pub use document::{Audience, Case, Claim, Document, Face, Kind, Passage, Place};
pub use error::IndexError;
pub use search::{
    Facet, FacetField, FacetValue, Filters, Hit, Near, SearchPage, SearchQuery, Searcher, Sort, SuggestQuery,
    Suggestion, SuggestionTarget,
};
pub use vocabulary::{Concept, ConceptNumber, ImportedConcept, Naming, Sources, Vocabulary, VocabularyError};
pub use writer::{Change, Index, WriterOptions};
