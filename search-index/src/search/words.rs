//! From the parts of a query to clauses over the words and concepts that a reader may see.
//!
//! A word is looked for in every language that the index holds, each time as that language's rules
//! read it, in names and in places. A concept is looked for as such, so that a query in one
//! language finds texts in all.

use tantivy::query::{
    BooleanQuery, BoostQuery, DisjunctionMaxQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::Token;
use tantivy::{Score, Term};

use super::filters::Clause;
use super::parse::{Parsed, Part};
use crate::analysis::{Analysis, Language};
use crate::document::Audience;
use crate::error::IndexError;
use crate::schema::Fields;

/// How much a word counts by where it is found; a body counts 1.
const TITLE_BOOST: Score = 2.0;
const NAME_BOOST: Score = 2.0;
const PLACE_BOOST: Score = 1.0;
const CONCEPT_BOOST: Score = 1.5;
const OTHER_LANGUAGE_BOOST: Score = 0.7;
/// A similar word counts as a fixed score, below that of nearly every exact one.
const SIMILAR_BOOST: Score = 0.3;

/// A word that so many documents have is taken to be spelt right.
const FAMILIAR: u64 = 3;

/// Of the places where one word is found the best counts in full, the others this share: a
/// document in five languages is not five times as good.
const TIE_BREAKER: Score = 0.2;

/// How literally a query is taken; each is tried only where the one before finds too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reading {
    /// All words must be found as they are.
    Exact,
    /// All words must be found, or similar ones.
    Similar,
    /// About two thirds of the words must be found, or similar ones.
    Most,
    /// One word is enough.
    Any,
}

impl Reading {
    pub(super) const ALL: [Reading; 4] = [Reading::Exact, Reading::Similar, Reading::Most, Reading::Any];

    pub(super) fn number(self) -> u8 {
        match self {
            Reading::Exact => 0,
            Reading::Similar => 1,
            Reading::Most => 2,
            Reading::Any => 3,
        }
    }

    pub(super) fn from_number(number: u8) -> Option<Reading> {
        Reading::ALL.into_iter().find(|reading| reading.number() == number)
    }

    /// How many of so many things a document must have.
    fn required(self, wanted: usize) -> usize {
        match self {
            Reading::Exact | Reading::Similar => wanted,
            Reading::Most => (wanted * 2).div_ceil(3),
            Reading::Any => 1,
        }
    }
}

/// What the parts of a query are looked for in.
pub(super) struct Builder<'a> {
    pub searcher: &'a tantivy::Searcher,
    pub analysis: &'a Analysis,
    pub fields: &'a Fields,
    pub reader: Audience,
    /// The languages that the index holds.
    pub languages: &'a [Language],
    /// The language of the query, where it is known.
    pub own: Option<Language>,
    pub reading: Reading,
}

impl Builder<'_> {
    /// The clauses of a query: what it asks for, which scores, and what it excludes.
    /// `None` where it asks for something that no document can have.
    pub(super) fn clauses(&self, parsed: &Parsed) -> Result<Option<Vec<Clause>>, IndexError> {
        let mut wanted: Vec<Box<dyn Query>> = Vec::new();
        for part in &parsed.wanted {
            if let Part::Phrase(phrase) = part {
                wanted.push(self.phrase(phrase)?.unwrap_or_else(nothing));
            }
        }
        wanted.extend(self.plain_words(parsed)?);
        let mut clauses = Vec::new();
        for part in &parsed.excluded {
            clauses.extend(self.literal(part)?.map(|query| (Occur::MustNot, query)));
        }
        if parsed.wanted.is_empty() {
            return Ok((!parsed.excluded.is_empty()).then_some(clauses));
        }
        if wanted.is_empty() {
            return Ok(None);
        }
        let required = self.reading.required(wanted.len());
        if required == wanted.len() {
            clauses.extend(wanted.into_iter().map(|query| (Occur::Must, query)));
        } else {
            let wanted = wanted.into_iter().map(|query| (Occur::Should, query)).collect();
            let query = BooleanQuery::with_minimum_required_clauses(wanted, required);
            clauses.push((Occur::Must, Box::new(query)));
        }
        Ok(Some(clauses))
    }

    /// One query for each concept with its words, and one for each other word.
    fn plain_words(&self, parsed: &Parsed) -> Result<Vec<Box<dyn Query>>, IndexError> {
        let found = self.analysis.annotator().annotate_query(&parsed.plain, self.own);
        let word = |(start, end): &(usize, usize)| parsed.plain.get(*start..*end);
        // A query of nothing but stop words (`IT`) means them.
        let keep_all = parsed.spans.iter().filter_map(word).all(|word| self.is_stop_word(word));
        let mut queries = Vec::new();
        let mut next = 0;
        while let Some((start, end)) = parsed.spans.get(next).copied() {
            let here: Vec<_> = found.iter().filter(|f| f.start < end && start < f.end).collect();
            let until = here.iter().map(|f| f.end).max().unwrap_or(end);
            let length = parsed.spans.iter().skip(next).take_while(|(s, _)| *s < until).count();
            let spans = parsed.spans.iter().skip(next).take(length);
            let words = spans.filter_map(word).filter(|word| keep_all || !self.is_stop_word(word));
            let mut ways = self.all_words(words)?;
            next += length.max(1);
            for annotation in here {
                let field = match self.reader {
                    Audience::Public => self.fields.concepts_public,
                    Audience::Members => self.fields.concepts_all,
                };
                ways.extend(self.term(field, &annotation.concept, CONCEPT_BOOST)?);
            }
            queries.extend(best_of(ways));
        }
        Ok(queries)
    }

    /// Documents that have all of these words; no query where there are none.
    fn all_words<'w>(&self, words: impl Iterator<Item = &'w str>) -> Result<Vec<Box<dyn Query>>, IndexError> {
        let mut clauses: Vec<Clause> = Vec::new();
        for word in words {
            let query = best_of(self.word(word)?).unwrap_or_else(nothing);
            clauses.push((Occur::Must, query));
        }
        Ok(match clauses.len() {
            0 => Vec::new(),
            1 => clauses.into_iter().map(|(_, query)| query).collect(),
            _ => vec![Box::new(BooleanQuery::new(clauses))],
        })
    }

    /// Whether a word says nothing in the query's own language, or in English where that is not
    /// known.
    fn is_stop_word(&self, word: &str) -> bool {
        let language = self.own.unwrap_or(Language::ENGLISH);
        self.analysis.terms(language, word).is_empty()
    }

    /// All ways to find one word.
    fn word(&self, word: &str) -> Result<Vec<Box<dyn Query>>, IndexError> {
        let mut ways = Vec::new();
        for (language, boost) in self.boosted_languages() {
            for token in self.analysis.tokens(language, word) {
                for (field, weight) in self.text_fields(language) {
                    ways.extend(self.term(field, &token.text, boost * weight)?);
                }
            }
        }
        for token in self.analysis.name_tokens(word) {
            for (field, weight) in self.name_fields() {
                ways.extend(self.term(field, &token.text, weight)?);
            }
        }
        if self.reading > Reading::Exact && !self.is_familiar(word)? {
            for token in self.analysis.name_tokens(word) {
                let spellings = self.fields.spellings.visible_to(self.reader);
                let fields = spellings.chain([self.fields.place]);
                ways.extend(fields.filter_map(|field| similar(field, &token.text)));
            }
        }
        Ok(ways)
    }

    /// Whether so many documents have a word in this very spelling that it is no typing error.
    fn is_familiar(&self, word: &str) -> Result<bool, IndexError> {
        let mut documents = 0;
        for token in self.analysis.name_tokens(word) {
            for field in self.fields.spellings.visible_to(self.reader) {
                let term = Term::from_field_text(field, &token.text);
                documents += self.searcher.doc_freq(&term)?;
            }
        }
        Ok(documents >= FAMILIAR)
    }

    /// A word or phrase exactly, without similar ones and without concepts.
    fn literal(&self, part: &Part) -> Result<Option<Box<dyn Query>>, IndexError> {
        match part {
            Part::Phrase(phrase) => self.phrase(phrase),
            Part::Word(word) => {
                let exact = Builder { reading: Reading::Exact, ..*self };
                Ok(best_of(exact.word(word)?))
            }
        }
    }

    /// Words that follow one another, in any language or in a name.
    fn phrase(&self, phrase: &str) -> Result<Option<Box<dyn Query>>, IndexError> {
        let mut ways = Vec::new();
        for (language, boost) in self.boosted_languages() {
            let tokens = self.analysis.tokens(language, phrase);
            for (field, weight) in self.text_fields(language) {
                ways.extend(self.sequence(field, &tokens, boost * weight)?);
            }
        }
        let tokens = self.analysis.name_tokens(phrase);
        for (field, weight) in self.name_fields() {
            ways.extend(self.sequence(field, &tokens, weight)?);
        }
        Ok(best_of(ways))
    }

    fn sequence(
        &self,
        field: Field,
        tokens: &[Token],
        boost: Score,
    ) -> Result<Option<Box<dyn Query>>, IndexError> {
        let mut terms: Vec<(usize, Term)> = Vec::new();
        for token in tokens {
            // The first token of a position is the word itself, later ones are its other forms.
            if terms.last().is_none_or(|(position, _)| *position < token.position) {
                terms.push((token.position, Term::from_field_text(field, &token.text)));
            }
        }
        for (_, term) in &terms {
            if self.searcher.doc_freq(term)? == 0 {
                return Ok(None);
            }
        }
        let query: Box<dyn Query> = match terms.len() {
            0 => return Ok(None),
            1 => match terms.pop() {
                Some((_, term)) => Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
                None => return Ok(None),
            },
            _ => Box::new(PhraseQuery::new_with_offset(terms)),
        };
        Ok(Some(Box::new(BoostQuery::new(query, boost))))
    }

    /// One term, where any document has it.
    fn term(&self, field: Field, text: &str, boost: Score) -> Result<Option<Box<dyn Query>>, IndexError> {
        let term = Term::from_field_text(field, text);
        if self.searcher.doc_freq(&term)? == 0 {
            return Ok(None);
        }
        let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
        Ok(Some(Box::new(BoostQuery::new(Box::new(query), boost))))
    }

    fn boosted_languages(&self) -> impl Iterator<Item = (Language, Score)> {
        self.languages.iter().map(|language| {
            let own = self.own.is_none_or(|own| own == *language);
            (*language, if own { 1.0 } else { OTHER_LANGUAGE_BOOST })
        })
    }

    fn text_fields(&self, language: Language) -> impl Iterator<Item = (Field, Score)> {
        let members = self.reader == Audience::Members;
        self.fields.texts(language).into_iter().flat_map(move |texts| {
            let members = members.then_some((texts.members, 1.0));
            [(texts.title, TITLE_BOOST), (texts.body, 1.0)].into_iter().chain(members)
        })
    }

    fn name_fields(&self) -> impl Iterator<Item = (Field, Score)> {
        let names = self.fields.names.visible_to(self.reader).map(|field| (field, NAME_BOOST));
        names.chain([(self.fields.place, PLACE_BOOST)])
    }
}

fn best_of(mut ways: Vec<Box<dyn Query>>) -> Option<Box<dyn Query>> {
    match ways.len() {
        0 => None,
        1 => ways.pop(),
        _ => Some(Box::new(DisjunctionMaxQuery::with_tie_breaker(ways, TIE_BREAKER))),
    }
}

/// Terms that differ from this one by a few letters, more of them the longer it is.
fn similar(field: Field, text: &str) -> Option<Box<dyn Query>> {
    let distance = match text.chars().count() {
        0..=3 => return None,
        4..=7 => 1,
        _ => 2,
    };
    let query = FuzzyTermQuery::new(Term::from_field_text(field, text), distance, true);
    Some(Box::new(BoostQuery::new(Box::new(query), SIMILAR_BOOST)))
}

fn nothing() -> Box<dyn Query> {
    Box::new(tantivy::query::EmptyQuery)
}
