#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "black_box/common.rs"]
mod common;
#[path = "black_box/import.rs"]
mod import;
#[path = "black_box/indexing.rs"]
mod indexing;
#[path = "black_box/matching.rs"]
mod matching;
#[path = "black_box/search.rs"]
mod search;
#[path = "black_box/visibility.rs"]
mod visibility;
