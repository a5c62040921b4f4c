//! The vocabulary: concepts as a tree, by what is typed, and in a text. The concepts themselves are
//! `search_index::vocabulary`; here they meet readers.

pub mod routes;
