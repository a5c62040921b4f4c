//! One page of a result in a total order, and cursors that continue it.
//!
//! Every document has a key of three numbers, smaller is earlier, and no two documents have the
//! same: the last number is a hash of the document's own. A page is the smallest keys after the
//! cursor's, so it neither repeats nor skips a document, whatever was added in between. By relevance
//! that holds while the index stays as it is: what a word weighs depends on all that is there.

use std::collections::BinaryHeap;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use super::Sort;
use super::geography::{Point, distance_km};
use crate::error::IndexError;
use crate::schema::column;

/// A document's place in the order.
pub(super) type Key = [u64; 3];

/// Low bits of a score that are rounded away: the order of a sum must not decide an order of hits.
pub const SCORE_NOISE_BITS: u32 = 8;

/// Where a page ended, and how the query had been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub sort: Sort,
    /// How far the query was relaxed; the next page must do the same.
    pub reading: u8,
    pub key: Key,
}

impl Cursor {
    pub(super) fn encode(self) -> String {
        let [first, second, tie] = self.key;
        format!("{}{}{first:016x}{second:016x}{tie:016x}", self.sort.letter(), self.reading)
    }

    pub(super) fn decode(text: &str, sort: Sort) -> Result<Cursor, IndexError> {
        let decoded = || {
            let rest = text.strip_prefix(sort.letter())?;
            let reading = rest.get(..1)?.parse().ok()?;
            let number = |from: usize| {
                let digits = rest.get(from..from + 16)?;
                let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
                plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
            };
            let key = [number(1)?, number(17)?, number(33)?];
            (rest.len() == 49).then_some(Cursor { sort, reading, key })
        };
        decoded().ok_or(IndexError::BadCursor)
    }
}

/// A hit of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub key: Key,
    pub score: Score,
    pub address: DocAddress,
}

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key).then(self.address.cmp(&other.address))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Collects a page and counts everything that matches.
pub(super) struct PageCollector {
    pub sort: Sort,
    /// What distances are measured from.
    pub point: Option<Point>,
    pub after: Option<Key>,
    /// Hits to keep.
    pub limit: usize,
}

/// All matches counted, the page's hits in their order.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub total: usize,
    pub hits: Vec<Ranked>,
}

impl Collector for PageCollector {
    type Fruit = Collected;
    type Child = SegmentPage;

    fn for_segment(&self, segment: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentPage> {
        let fast = reader.fast_fields();
        let keys = match (self.sort, self.point) {
            (Sort::Distance, Some(point)) => Keys::Distance {
                point,
                latitude: fast.f64(column::LATITUDE)?,
                longitude: fast.f64(column::LONGITUDE)?,
            },
            (Sort::Date, _) => Keys::Date { starts: fast.i64(column::STARTS)? },
            _ => Keys::Relevance,
        };
        Ok(SegmentPage {
            keys,
            created: fast.i64(column::CREATED)?,
            tie: fast.u64(column::TIE)?,
            after: self.after,
            limit: self.limit,
            segment,
            total: 0,
            best: BinaryHeap::with_capacity(self.limit + 1),
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<Collected>) -> tantivy::Result<Collected> {
        let mut merged = Collected::default();
        for segment in segments {
            merged.total += segment.total;
            merged.hits.extend(segment.hits);
        }
        merged.hits.sort_unstable();
        merged.hits.truncate(self.limit);
        Ok(merged)
    }
}

/// What the first number of a key is made of.
enum Keys {
    Relevance,
    Date { starts: Column<i64> },
    Distance { point: Point, latitude: Column<f64>, longitude: Column<f64> },
}

pub(super) struct SegmentPage {
    keys: Keys,
    created: Column<i64>,
    tie: Column<u64>,
    after: Option<Key>,
    limit: usize,
    segment: SegmentOrdinal,
    total: usize,
    /// The smallest keys so far, the largest of them on top.
    best: BinaryHeap<Ranked>,
}

impl SegmentPage {
    /// The best first, by score, by start (those without one last), or by distance (likewise).
    fn first(&self, doc: DocId, score: Score) -> u64 {
        match &self.keys {
            Keys::Relevance => u64::from(u32::MAX - (score.max(0.0).to_bits() >> SCORE_NOISE_BITS)),
            Keys::Date { starts } => starts.first(doc).map_or(u64::MAX, ordered),
            Keys::Distance { point, latitude, longitude } => {
                let there = latitude.first(doc).zip(longitude.first(doc));
                // Distances are not negative, so their bits are in their order.
                there.map_or(u64::MAX, |there| distance_km(*point, there).to_bits())
            }
        }
    }
}

impl SegmentCollector for SegmentPage {
    type Fruit = Collected;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.total += 1;
        let first = self.first(doc, score);
        let full = self.best.len() >= self.limit;
        let worst = self.best.peek().map(|worst| worst.key);
        if full && worst.is_none_or(|[worst, ..]| first > worst) {
            return;
        }
        let newest_first = u64::MAX - ordered(self.created.first(doc).unwrap_or(0));
        if full && worst.is_none_or(|[a, b, _]| (first, newest_first) > (a, b)) {
            return;
        }
        let key = [first, newest_first, self.tie.first(doc).unwrap_or(0)];
        if self.after.is_some_and(|after| key <= after) || (full && worst.is_none_or(|w| key >= w)) {
            return;
        }
        self.best.push(Ranked { key, score, address: DocAddress::new(self.segment, doc) });
        if self.best.len() > self.limit {
            self.best.pop();
        }
    }

    fn harvest(self) -> Collected {
        Collected { total: self.total, hits: self.best.into_vec() }
    }
}

/// A signed number as an unsigned one in the same order.
fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cursors_survive_the_way_out_and_back(key: [u64; 3], reading in 0u8..3) {
            let cursor = Cursor { sort: Sort::Date, reading, key };
            prop_assert_eq!(Cursor::decode(&cursor.encode(), Sort::Date).unwrap(), cursor);
            prop_assert!(Cursor::decode(&cursor.encode(), Sort::Relevance).is_err());
        }

        #[test]
        fn a_made_up_cursor_is_refused_or_harmless(text in "\\PC{0,60}") {
            let _ = Cursor::decode(&text, Sort::Relevance);
        }

        #[test]
        fn numbers_keep_their_order(a: i64, b: i64) {
            prop_assert_eq!(a.cmp(&b), ordered(a).cmp(&ordered(b)));
        }
    }
}
