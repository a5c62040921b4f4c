//! The formats that classifications are published in: ESCO's CSV, EuroVoc's SKOS in RDF/XML, and a simple CSV.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use oxrdfxml::RdfXmlParser;
use serde::Deserialize;
use thiserror::Error;

/// A concept of a classification, with what its files say of it in all languages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Published {
    /// Key of the wider concept.
    pub broader: Option<String>,
    /// By language (ISO 639-1), the preferred one first.
    pub labels: BTreeMap<String, Vec<String>>,
    pub descriptions: BTreeMap<String, String>,
}

/// A classification by the keys of its concepts: the URIs of a published one.
pub type Classification = BTreeMap<String, Published>;

/// Why a file cannot be read.
#[derive(Debug, Error)]
#[error("{}: {detail}", file.display())]
pub struct FormatError {
    file: PathBuf,
    detail: String,
}

/// A line of the simple CSV: one concept in one language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    key: String,
    #[serde(default)]
    parent: String,
    language: String,
    label: String,
    /// Further labels, parted by `|`.
    #[serde(default)]
    alternatives: String,
    #[serde(default)]
    description: String,
}

/// A line of ESCO's CSV, in which alternative labels are parted by line breaks; the language stands in the file's name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EscoRow {
    concept_uri: String,
    preferred_label: String,
    #[serde(default)]
    alt_labels: String,
    #[serde(default)]
    description: String,
}

/// Reads all files of one classification, each in the format that its beginning shows.
///
/// # Errors
/// Names the file, and the line where there is one, of the first fault.
pub fn read(files: &[PathBuf]) -> Result<Classification, FormatError> {
    let mut concepts = Classification::new();
    for file in files {
        let fault = |detail: String| FormatError { file: file.clone(), detail };
        let source = || File::open(file).map(BufReader::new).map_err(|error| fault(error.to_string()));
        let mut beginning = String::new();
        source()?.read_line(&mut beginning).map_err(|error| fault(error.to_string()))?;
        if beginning.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
            skos(source()?, &mut concepts).map_err(fault)?;
        } else if beginning.contains("conceptUri") {
            let language = language_of(file).ok_or_else(|| {
                fault("the name of an ESCO file ends with its language, as in occupations_en.csv".to_owned())
            })?;
            esco(source()?, &language, &mut concepts).map_err(fault)?;
        } else {
            simple(source()?, &mut concepts).map_err(fault)?;
        }
    }
    Ok(concepts)
}

fn language_of(file: &Path) -> Option<String> {
    let (_, language) = file.file_stem()?.to_str()?.rsplit_once('_')?;
    is_language(language).then(|| language.to_owned())
}

fn is_language(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase())
}

impl Published {
    fn name(&mut self, language: &str, label: &str, preferred: bool) {
        let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
        let labels = self.labels.entry(language.to_owned()).or_default();
        labels.retain(|known| *known != label);
        match (label.is_empty(), preferred) {
            (true, _) => {}
            (false, true) => labels.insert(0, label),
            (false, false) => labels.push(label),
        }
    }

    fn describe(&mut self, language: &str, text: &str) {
        if !text.trim().is_empty() {
            self.descriptions.entry(language.to_owned()).or_insert_with(|| text.trim().to_owned());
        }
    }
}

fn simple(source: impl BufRead, concepts: &mut Classification) -> Result<(), String> {
    for (row, line) in csv::Reader::from_reader(source).into_deserialize::<Row>().zip(2..) {
        let row = row.map_err(|error| error.to_string())?;
        if row.key.is_empty() || row.label.trim().is_empty() || !is_language(&row.language) {
            return Err(format!("line {line}: key, label and a language such as `de` are required"));
        }
        let concept = concepts.entry(row.key).or_default();
        row.alternatives.split('|').for_each(|label| concept.name(&row.language, label, false));
        concept.name(&row.language, &row.label, true);
        concept.describe(&row.language, &row.description);
        if !row.parent.is_empty() {
            concept.broader = Some(row.parent);
        }
    }
    Ok(())
}

fn esco(source: impl BufRead, language: &str, concepts: &mut Classification) -> Result<(), String> {
    for row in csv::Reader::from_reader(source).into_deserialize::<EscoRow>() {
        let row = row.map_err(|error| error.to_string())?;
        let concept = concepts.entry(row.concept_uri).or_default();
        row.alt_labels.lines().for_each(|label| concept.name(language, label, false));
        concept.name(language, &row.preferred_label, true);
        concept.describe(language, &row.description);
    }
    Ok(())
}

const SKOS: &str = "http://www.w3.org/2004/02/skos/core#";

/// What SKOS says of concepts (W3C Recommendation of 18 August 2009): labels, definitions and notes, and the wider concept.
fn skos(source: impl BufRead, concepts: &mut Classification) -> Result<(), String> {
    for triple in RdfXmlParser::new().for_reader(source) {
        let triple = triple.map_err(|error| error.to_string())?;
        let (oxrdf::NamedOrBlankNode::NamedNode(subject), Some(property)) =
            (triple.subject, triple.predicate.as_str().strip_prefix(SKOS).map(str::to_owned))
        else {
            continue;
        };
        let key = subject.into_string();
        match triple.object {
            oxrdf::Term::Literal(literal) => {
                let Some(language) = literal.language().filter(|language| is_language(language)) else {
                    continue;
                };
                match property.as_str() {
                    "prefLabel" => concepts.entry(key).or_default().name(language, literal.value(), true),
                    "altLabel" => concepts.entry(key).or_default().name(language, literal.value(), false),
                    "definition" | "scopeNote" => {
                        concepts.entry(key).or_default().describe(language, literal.value());
                    }
                    _ => {}
                }
            }
            oxrdf::Term::NamedNode(object) if property == "broader" => {
                concepts.entry(key).or_default().broader = Some(object.into_string());
            }
            _ => {}
        }
    }
    concepts.retain(|_, concept| !concept.labels.is_empty());
    Ok(())
}
