//! Counts of values over everything that a search matched.

use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::agg_result::{AggregationResult, AggregationResults, BucketResult};
use tantivy::aggregation::{AggContextParams, AggregationCollector, Key};

use crate::document::Audience;
use crate::error::IndexError;
use crate::schema::column;

/// Values reported for one facet at most.
const MOST_VALUES: usize = 100;

/// Values that one segment reports, so that the merged counts are exact: more than any of these
/// facets has.
const SEGMENT_VALUES: usize = 20_000;

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FacetField {
    Kind,
    Category,
    Country,
    Region,
    Language,
    Sector,
    /// Concepts with all their ancestors.
    Concept,
    Stage,
    Format,
}

impl FacetField {
    pub const ALL: [FacetField; 9] = [
        FacetField::Kind,
        FacetField::Category,
        FacetField::Country,
        FacetField::Region,
        FacetField::Language,
        FacetField::Sector,
        FacetField::Concept,
        FacetField::Stage,
        FacetField::Format,
    ];

    /// The name on the wire.
    pub fn code(self) -> &'static str {
        match self {
            FacetField::Kind => "kind",
            FacetField::Category => "category",
            FacetField::Country => "country",
            FacetField::Region => "region",
            FacetField::Language => "language",
            FacetField::Sector => "sector",
            FacetField::Concept => "concept",
            FacetField::Stage => "stage",
            FacetField::Format => "format",
        }
    }

    pub fn from_code(code: &str) -> Option<FacetField> {
        FacetField::ALL.into_iter().find(|field| field.code() == code)
    }

    fn column(self, reader: Audience) -> &'static str {
        match (self, reader) {
            (FacetField::Kind, _) => column::KIND,
            (FacetField::Category, _) => column::CATEGORY,
            (FacetField::Country, _) => column::COUNTRY,
            (FacetField::Region, _) => column::REGION,
            (FacetField::Language, _) => column::LANGUAGE,
            (FacetField::Sector, _) => column::SECTOR,
            (FacetField::Stage, _) => column::STAGE,
            (FacetField::Format, _) => column::FORMAT,
            (FacetField::Concept, Audience::Public) => column::CONCEPTS_PUBLIC,
            (FacetField::Concept, Audience::Members) => column::CONCEPTS_ALL,
        }
    }
}

/// The values of one field with how many documents have each; the most frequent first, then
/// alphabetical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    pub field: FacetField,
    pub values: Vec<FacetValue>,
}

/// One value and its number of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    pub value: String,
    pub count: u64,
}

/// The collector that counts these facets.
pub(super) fn collector(facets: &[FacetField], reader: Audience) -> Result<AggregationCollector, IndexError> {
    let columns = facets.iter().map(|facet| (facet.code(), facet.column(reader)));
    count(columns, MOST_VALUES)
}

/// The collector that counts the values of columns, under the names given.
pub(super) fn count<'a>(
    columns: impl Iterator<Item = (&'a str, &'a str)>,
    most: usize,
) -> Result<AggregationCollector, IndexError> {
    let request: serde_json::Map<String, serde_json::Value> = columns
        .map(|(name, column)| {
            let terms = serde_json::json!({
                "terms": { "field": column, "size": most, "segment_size": SEGMENT_VALUES }
            });
            (name.to_owned(), terms)
        })
        .collect();
    let request: Aggregations = serde_json::from_value(request.into())?;
    Ok(AggregationCollector::from_aggs(request, AggContextParams::default()))
}

/// Reads the counts of the facets asked for, in that order.
pub(super) fn read(facets: &[FacetField], results: &AggregationResults) -> Vec<Facet> {
    facets.iter().map(|field| Facet { field: *field, values: values(field.code(), results) }).collect()
}

/// Reads the counts of one name.
pub(super) fn values(name: &str, results: &AggregationResults) -> Vec<FacetValue> {
    let Some(AggregationResult::BucketResult(BucketResult::Terms { buckets, .. })) = results.0.get(name)
    else {
        return Vec::new();
    };
    let mut values: Vec<FacetValue> = buckets
        .iter()
        .filter_map(|bucket| match &bucket.key {
            Key::Str(value) => Some(FacetValue { value: value.clone(), count: bucket.doc_count }),
            _ => None,
        })
        .collect();
    values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    values
}
