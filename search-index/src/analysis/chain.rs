//! The chain from a text to index terms: words → stop words → stems → folding, and compounds.

use std::collections::VecDeque;
use std::sync::Arc;

use frostem::{Algorithm, Stemmer};
use tantivy::tokenizer::{TextAnalyzer, Token, TokenFilter, TokenStream, Tokenizer};

use super::compounds::Compounds;
use super::fold::{fold, respell};
use super::words::{Word, words};
use super::{Language, endings, linkers, stop_words};

/// The stemming rules of one language.
#[derive(Clone, Copy)]
pub(super) struct Stems {
    pub(super) language: Language,
    stemmer: Option<Stemmer>,
}

impl Stems {
    pub(super) fn new(language: Language) -> Stems {
        Stems { language, stemmer: algorithm(language).map(Stemmer::new) }
    }

    /// The folded stem of a lower-case word; words with signs or digits keep their form.
    pub(super) fn stem(&self, word: &str) -> String {
        if !word.chars().all(|c| c.is_alphabetic() || c == '\'') {
            return fold(word);
        }
        match &self.stemmer {
            Some(stemmer) => fold(&stemmer.stem(word)),
            None => endings::strip(self.language, fold(word)),
        }
    }
}

/// Snowball algorithm of a language; none exists for Bulgarian, Latvian, Maltese, Slovak and Slovene. Croatian goes by the
/// Serbian one, which its author made for both.
fn algorithm(language: Language) -> Option<Algorithm> {
    Some(match language.code() {
        "cs" => Algorithm::Czech,
        "da" => Algorithm::Danish,
        "de" => Algorithm::German,
        "el" => Algorithm::Greek,
        "en" => Algorithm::English,
        "es" => Algorithm::Spanish,
        "et" => Algorithm::Estonian,
        "fi" => Algorithm::Finnish,
        "fr" => Algorithm::French,
        "ga" => Algorithm::Irish,
        "hr" => Algorithm::Serbian,
        "hu" => Algorithm::Hungarian,
        "it" => Algorithm::Italian,
        "lt" => Algorithm::Lithuanian,
        "nl" => Algorithm::Dutch,
        "pl" => Algorithm::Polish,
        "pt" => Algorithm::Portuguese,
        "ro" => Algorithm::Romanian,
        "sv" => Algorithm::Swedish,
        _ => return None,
    })
}

/// The analyser of texts in one language.
pub(super) fn of_language(stems: Stems, compounds: Arc<Compounds>) -> TextAnalyzer {
    let cut = Words { elides: linkers::elides(stems.language) };
    let mut builder = TextAnalyzer::builder(cut).dynamic();
    for filter in stop_words::filters(stems.language) {
        builder = builder.filter_dynamic(filter);
    }
    builder.filter(Forms::Stemmed { stems, compounds }).build()
}

/// The analyser of display names: every word counts, in the form it is written.
pub(super) fn of_names() -> TextAnalyzer {
    TextAnalyzer::builder(Words { elides: true }).filter(Forms::Folded).build()
}

/// Cuts a text into lower-case words.
#[derive(Clone)]
struct Words {
    elides: bool,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream {
        WordStream { words: words(text, self.elides).into_iter(), token: Token::default() }
    }
}

struct WordStream {
    words: std::vec::IntoIter<Word>,
    token: Token,
}

impl TokenStream for WordStream {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else {
            return false;
        };
        self.token.text = word.text;
        self.token.offset_from = word.start;
        self.token.offset_to = word.end;
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// Turns each word into the forms it is indexed under, all at its position; the main one first.
#[derive(Clone)]
enum Forms {
    /// Its stem, and the stems of the parts of a compound.
    Stemmed { stems: Stems, compounds: Arc<Compounds> },
    /// Its folded form, and the form that does without umlauts.
    Folded,
}

impl Forms {
    fn of(&self, word: &str) -> Vec<String> {
        match self {
            Forms::Stemmed { stems, compounds } => {
                let mut forms = vec![stems.stem(word)];
                forms.extend(compounds.parts(word).into_iter().map(|part| part.term));
                forms
            }
            Forms::Folded => [fold(word)].into_iter().chain(respell(word)).collect(),
        }
    }
}

impl TokenFilter for Forms {
    type Tokenizer<T: Tokenizer> = FormsTokenizer<T>;

    fn transform<T: Tokenizer>(self, inner: T) -> FormsTokenizer<T> {
        FormsTokenizer { forms: self, inner }
    }
}

#[derive(Clone)]
struct FormsTokenizer<T> {
    forms: Forms,
    inner: T,
}

impl<T: Tokenizer> Tokenizer for FormsTokenizer<T> {
    type TokenStream<'a> = FormsStream<'a, T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        FormsStream { forms: &self.forms, inner: self.inner.token_stream(text), waiting: VecDeque::new() }
    }
}

struct FormsStream<'a, S> {
    forms: &'a Forms,
    inner: S,
    waiting: VecDeque<String>,
}

impl<S: TokenStream> TokenStream for FormsStream<'_, S> {
    fn advance(&mut self) -> bool {
        if self.waiting.is_empty() {
            if !self.inner.advance() {
                return false;
            }
            self.waiting.extend(self.forms.of(&self.inner.token().text));
        }
        if let Some(form) = self.waiting.pop_front() {
            self.inner.token_mut().text = form;
        }
        true
    }

    fn token(&self) -> &Token {
        self.inner.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.inner.token_mut()
    }
}
