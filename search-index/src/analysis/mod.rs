//! From a text to terms and concepts.
//!
//! One [`Analysis`] serves the index, the search and the matching, so that all three see the same
//! words: the text is cut into words (`words`), lower-cased, freed of stop words, stemmed by the
//! rules of its language, and folded (`chain`); compounds also give their parts (`compounds`);
//! and the vocabulary's concepts are found in it, whatever its language (`annotate`). Concepts are also found by the
//! beginning of a label (`labels`).

mod anchors;
mod annotate;
mod chain;
mod compounds;
mod endings;
mod fold;
mod labels;
mod language;
mod linkers;
mod stop_words;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tantivy::tokenizer::{TextAnalyzer, Token, TokenizerManager};

pub use anchors::{AnchorNumber, Anchors, Likeness};
pub use annotate::{Annotation, Annotator};
pub use fold::fold;
pub use labels::Completion;
pub use language::Language;
pub(crate) use words::words;

use crate::fingerprint::Fingerprint;
use crate::vocabulary::{ImportedConcept, Vocabulary, VocabularyError};
use chain::Stems;
use compounds::Compounds;
use labels::Labels;

/// Grows whenever the same text may give other terms than before, so that old indexes are rebuilt.
const ANALYSIS_VERSION: &str = "2";

/// How many texts are remembered; more than one document has, few enough to cost no memory.
const READINGS: usize = 256;

/// The registered name of the analyser of display names: unstemmed, folded.
pub const NAMES: &str = "names";

/// Everything needed to read texts in any language; built once, shared by all.
pub struct Analysis {
    vocabulary: Arc<Vocabulary>,
    chains: Vec<TextAnalyzer>,
    names: TextAnalyzer,
    annotator: Annotator,
    anchors: Anchors,
    labels: Labels,
    /// The texts read last: the index, the vector and the explanation of a document read the same.
    readings: Mutex<Readings>,
}

/// Readings by the language stated and the text.
type Readings = HashMap<(Option<String>, String), Arc<Reading>>;

/// A text as read: its language, index terms and concepts.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub language: Language,
    /// As [`Analysis::terms`] gives them.
    pub terms: Vec<String>,
    /// As [`Analysis::annotate`] gives them.
    pub annotations: Vec<Annotation>,
}

impl Analysis {
    pub fn new(vocabulary: Arc<Vocabulary>) -> Analysis {
        let stems: Vec<Stems> = Language::ALL.into_iter().map(Stems::new).collect();
        let compounds: Vec<Arc<Compounds>> =
            stems.iter().map(|stems| Arc::new(Compounds::new(*stems, &vocabulary))).collect();
        let chains: Vec<TextAnalyzer> = stems
            .iter()
            .zip(&compounds)
            .map(|(stems, compounds)| chain::of_language(*stems, Arc::clone(compounds)))
            .collect();
        let annotator = Annotator::new(&vocabulary, &stems, &compounds);
        let anchors = Anchors::new(&vocabulary, |language, text| terms_of(&chains, language, text));
        let labels = Labels::new(&vocabulary);
        Analysis {
            vocabulary,
            chains,
            names: chain::of_names(),
            annotator,
            anchors,
            labels,
            readings: Mutex::default(),
        }
    }

    /// With the vocabulary of this build, which is read once a process: it never changes, and reading it takes a while.
    ///
    /// # Errors
    /// If the embedded vocabulary has faults.
    pub fn embedded() -> Result<Arc<Analysis>, VocabularyError> {
        static EMBEDDED: OnceLock<Arc<Analysis>> = OnceLock::new();
        if let Some(known) = EMBEDDED.get() {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(Analysis::new(Arc::new(Vocabulary::embedded()?)));
        Ok(Arc::clone(EMBEDDED.get_or_init(|| read)))
    }

    /// With the vocabulary of this build and what an operator has imported.
    ///
    /// # Errors
    /// As [`Vocabulary::extended`].
    pub fn extended(imported: Vec<ImportedConcept>) -> Result<Arc<Analysis>, VocabularyError> {
        if imported.is_empty() {
            return Analysis::embedded();
        }
        Ok(Arc::new(Analysis::new(Arc::new(Vocabulary::extended(imported)?))))
    }

    pub fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// The language of a text: as its author stated it, else as detected, else
    /// [`Language::OTHER`].
    pub fn language(&self, stated: Option<&str>, text: &str) -> Language {
        match stated {
            Some(code) => Language::from_code(code),
            None => Language::detect(text).unwrap_or(Language::OTHER),
        }
    }

    /// The index terms of a text, in its order: stems, folded, without stop words; parts of a
    /// compound follow it.
    pub fn terms(&self, language: Language, text: &str) -> Vec<String> {
        terms_of(&self.chains, language, text)
    }

    /// As [`Analysis::terms`], with byte offsets and positions.
    pub fn tokens(&self, language: Language, text: &str) -> Vec<Token> {
        tokens_of(&self.chains, language, text)
    }

    /// The terms of a display name: unstemmed, folded, no word left out.
    pub fn name_tokens(&self, text: &str) -> Vec<Token> {
        collect(&self.names, text)
    }

    /// The concepts named in a text; see [`Annotator::annotate`].
    pub fn annotate(&self, text: &str, language: Option<&str>) -> Vec<Annotation> {
        self.annotator.annotate(text, language)
    }

    /// The concepts that have a label, in any language, in which a word begins with what was typed: at most `limit`, each
    /// with its best such label, the best first. Case, diacritics and hyphens do not count.
    ///
    /// Labels in the reader's languages (ISO 639-1, the preferred one first) come before English and that before all
    /// others; preferred labels before synonyms; labels that begin with what was typed before those inside which it
    /// stands; then short ones before long ones. Nothing typed finds nothing.
    pub fn complete(&self, typed: &str, languages: &[&str], limit: usize) -> Vec<Completion<'_>> {
        self.labels.complete(&self.vocabulary, typed, languages, limit)
    }

    /// Language, terms and concepts of a text at once; the texts read last are remembered.
    pub fn read(&self, stated: Option<&str>, text: &str) -> Arc<Reading> {
        let key = (stated.map(str::to_owned), text.to_owned());
        if let Some(reading) = self.readings().get(&key) {
            return Arc::clone(reading);
        }
        let language = self.language(stated, text);
        let reading = Arc::new(Reading {
            language,
            terms: self.terms(language, text),
            annotations: self.annotate(text, Some(language.code())),
        });
        let mut readings = self.readings();
        if readings.len() >= READINGS {
            readings.clear();
        }
        readings.insert(key, Arc::clone(&reading));
        reading
    }

    fn readings(&self) -> MutexGuard<'_, Readings> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn annotator(&self) -> &Annotator {
        &self.annotator
    }

    /// The meeting points between languages.
    pub fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Registers one analyser for each language, under its code, and [`NAMES`].
    pub fn register(&self, manager: &TokenizerManager) {
        for (language, chain) in Language::ALL.into_iter().zip(&self.chains) {
            manager.register(language.code(), chain.clone());
        }
        manager.register(NAMES, self.names.clone());
    }

    /// Changes whenever the same text may give other terms or concepts.
    pub fn fingerprint(&self) -> u64 {
        Fingerprint::new().add(ANALYSIS_VERSION).add(&self.vocabulary.fingerprint().to_string()).value()
    }
}

fn tokens_of(chains: &[TextAnalyzer], language: Language, text: &str) -> Vec<Token> {
    chains.get(language.index()).map_or_else(Vec::new, |chain| collect(chain, text))
}

fn terms_of(chains: &[TextAnalyzer], language: Language, text: &str) -> Vec<String> {
    tokens_of(chains, language, text).into_iter().map(|token| token.text).collect()
}

fn collect(chain: &TextAnalyzer, text: &str) -> Vec<Token> {
    let mut chain = chain.clone(); // cheap: the word lists inside are shared
    let mut tokens = Vec::new();
    chain.token_stream(text).process(&mut |token| tokens.push(token.clone()));
    tokens
}

#[cfg(test)]
mod label_tests;
#[cfg(test)]
mod tests;
