//! Concepts found in text: the bridge between languages, and the reason an answer can give.
//!
//! The labels of each language are a trie over folded stems. A text is read with the trie of its
//! own language and with the English one (English terms are used everywhere); where matches
//! overlap, the longest wins.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::chain::Stems;
use super::compounds::Compounds;
use super::fold::fold;
use super::words::{Word, words};
use super::{Language, linkers};
use crate::vocabulary::{ConceptNumber, Vocabulary};

/// A label of at most so many letters, two of them capitals, is an abbreviation: `IT` is not `it`.
const LONGEST_ABBREVIATION: usize = 4;

/// A text without a known language is read in all languages if it has at most so many bytes (a
/// query, a title); a longer one whose language cannot be told is read in English only.
const SHORT_TEXT: usize = 200;

/// So many letters tell quickly that no label has a word.
const BEGINNING: usize = 3;

/// A concept found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Concept id.
    pub concept: String,
    pub number: ConceptNumber,
    /// Byte offsets of the words; of the whole compound where a part of it names the concept.
    pub start: usize,
    pub end: usize,
    /// The words as the text has them.
    pub words: String,
}

/// Finds concepts in texts of any language.
pub struct Annotator {
    ids: Vec<String>,
    readers: Vec<Reader>,
}

impl Annotator {
    pub(super) fn new(vocabulary: &Vocabulary, stems: &[Stems], compounds: &[Arc<Compounds>]) -> Annotator {
        let readers = stems
            .iter()
            .zip(compounds)
            .map(|(stems, compounds)| Reader::new(*stems, Arc::clone(compounds), vocabulary))
            .collect();
        Annotator { ids: vocabulary.iter().map(|concept| concept.id.clone()).collect(), readers }
    }

    /// The concepts named in a text, in its order, without overlap (but two parts of one compound
    /// may name two). `language` is an ISO 639-1 code; `None` lets it be detected.
    pub fn annotate(&self, text: &str, language: Option<&str>) -> Vec<Annotation> {
        self.read(text, languages(text, language))
    }

    /// As [`Annotator::annotate`], with the labels of all languages: for a query, which may be in
    /// any. Among equally long matches the language given wins.
    pub fn annotate_query(&self, text: &str, language: Option<Language>) -> Vec<Annotation> {
        let others = Language::ALL.into_iter().filter(|other| Some(*other) != language);
        self.read(text, language.into_iter().chain(others).collect())
    }

    fn read(&self, text: &str, languages: Vec<Language>) -> Vec<Annotation> {
        let mut found = Vec::new();
        let cut = [OnceCell::new(), OnceCell::new()];
        for (rank, language) in languages.into_iter().enumerate() {
            let elides = linkers::elides(language);
            let [plain, elided] = &cut;
            let cell = if elides { elided } else { plain };
            if let Some(reader) = self.readers.get(language.index()) {
                reader.read(cell.get_or_init(|| cut_text(text, elides)), rank, &mut found);
            }
        }
        longest(found).into_iter().filter_map(|found| self.annotation(text, &found)).collect()
    }

    fn annotation(&self, text: &str, found: &Found) -> Option<Annotation> {
        Some(Annotation {
            concept: self.ids.get(usize::from(found.concept.0))?.clone(),
            number: found.concept,
            start: found.start,
            end: found.end,
            words: text.get(found.start..found.end)?.to_owned(),
        })
    }
}

/// The languages to read a text in; its own first, and English always.
fn languages(text: &str, stated: Option<&str>) -> Vec<Language> {
    let own = match stated {
        Some(code) => Some(Language::from_code(code)),
        None => Language::detect(text),
    };
    match own {
        None if text.len() <= SHORT_TEXT => Language::ALL.to_vec(),
        None | Some(Language::ENGLISH) => vec![Language::ENGLISH],
        Some(own) => vec![own, Language::ENGLISH],
    }
}

/// A match before overlaps are resolved.
struct Found {
    concept: ConceptNumber,
    start: usize,
    end: usize,
    /// What the match occupies in bytes; a part of a compound occupies less than its word.
    from: usize,
    to: usize,
    /// Whether the text has the very words of the label, not only their stems.
    exact: bool,
    /// Rank of the language it was found in; the text's own is 0.
    rank: usize,
}

/// Keeps the longest of overlapping matches; among equally long ones the exact one, then the one
/// in the text's own language.
fn longest(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by(|a, b| {
        (b.to - b.from)
            .cmp(&(a.to - a.from))
            .then(b.exact.cmp(&a.exact))
            .then(a.rank.cmp(&b.rank))
            .then(a.from.cmp(&b.from))
            .then(a.concept.cmp(&b.concept))
    });
    let mut kept: Vec<Found> = Vec::new();
    for candidate in found {
        if kept.iter().all(|other| candidate.to <= other.from || other.to <= candidate.from) {
            kept.push(candidate);
        }
    }
    kept.sort_by_key(|found| (found.from, found.to));
    kept
}

/// The labels of one language as a trie.
struct Reader {
    stems: Stems,
    compounds: Arc<Compounds>,
    terms: HashMap<String, u32>,
    edges: HashMap<(u32, u32), u32>,
    ends: HashMap<u32, Vec<End>>,
    /// The terms that are whole words, because their stems say something else.
    whole: HashSet<String>,
    /// The beginnings of all terms; see [`Reader::may_be_known`].
    beginnings: HashSet<String>,
}

/// A label that ends at a node.
struct End {
    concept: ConceptNumber,
    /// Its folded words, to tell an exact match.
    label: String,
    /// The capitals that the text must have at least: of an abbreviation, else 0.
    capitals: usize,
}

/// A word of the text, as all languages see it.
struct CutWord {
    word: Word,
    folded: String,
    capitals: usize,
    /// Whether it ends in a small `s`, as the plural of an abbreviation does.
    plural: bool,
    /// Whether a sign before it ends what went before.
    apart: bool,
}

fn cut_text(text: &str, elides: bool) -> Vec<CutWord> {
    let mut before = 0;
    let mut cut = Vec::new();
    for word in words(text, elides) {
        let between = text.get(before..word.start).unwrap_or("");
        before = word.end;
        let surface = text.get(word.start..word.end).unwrap_or("");
        cut.push(CutWord {
            apart: ends_what_went_before(between),
            capitals: capitals(surface),
            plural: surface.ends_with('s'),
            folded: fold(&word.text),
            word,
        });
    }
    cut
}

/// Whether the signs between two words part them; a dot inside an abbreviation (`Ph.D.`) does not.
fn ends_what_went_before(between: &str) -> bool {
    between.contains([';', ':', '!', '?', ',', '(', ')', '|', '•'])
        || (between.contains('.') && between.contains(char::is_whitespace))
}

/// A word with the terms it can stand for in one language.
struct Unit<'a> {
    cut: &'a CutWord,
    apart: bool,
    forms: Vec<Form>,
}

struct Form {
    term: u32,
    from: usize,
    to: usize,
}

impl Reader {
    fn new(stems: Stems, compounds: Arc<Compounds>, vocabulary: &Vocabulary) -> Reader {
        let mut reader = Reader {
            stems,
            compounds,
            terms: HashMap::new(),
            edges: HashMap::new(),
            ends: HashMap::new(),
            whole: HashSet::new(),
            beginnings: HashSet::new(),
        };
        for concept in vocabulary.iter().filter(|concept| !concept.invalid) {
            for label in concept.labels(stems.language.code()) {
                reader.insert(label, concept.number);
            }
        }
        reader
    }

    fn cut(&self, text: &str) -> Vec<Word> {
        let linkers = linkers::of(self.stems.language);
        let mut words = words(text, linkers::elides(self.stems.language));
        words.retain(|word| !linkers.contains(&word.text.as_str()));
        words
    }

    fn insert(&mut self, label: &str, concept: ConceptNumber) {
        let words = self.cut(label);
        if words.is_empty() {
            return;
        }
        let capitals = capitals(label);
        let abbreviation = words.len() == 1 && label.chars().count() <= LONGEST_ABBREVIATION && capitals >= 2;
        let mut node = 0;
        for word in &words {
            let form = if abbreviation { fold(&word.text) } else { self.form(&word.text, words.len()) };
            self.beginnings.insert(beginning(&form, BEGINNING).to_owned());
            let terms = self.terms.len() as u32;
            let term = *self.terms.entry(form).or_insert(terms);
            let nodes = self.edges.len() as u32 + 1;
            node = *self.edges.entry((node, term)).or_insert(nodes);
        }
        let label = words.iter().map(|word| fold(&word.text)).collect::<Vec<_>>().join(" ");
        let capitals = if abbreviation { capitals } else { 0 };
        self.ends.entry(node).or_default().push(End { concept, label, capitals });
    }

    /// The form of a word of a label that has so many: its stem, but a label of one word stays whole where half of it is
    /// taken for an ending (Finnish `konenäkö`, computer vision, would be `kone`, machine).
    fn form(&mut self, word: &str, words: usize) -> String {
        let stem = self.stems.stem(word);
        if words > 1 || 2 * stem.chars().count() > word.chars().count() {
            return stem;
        }
        let whole = fold(word);
        self.whole.insert(whole.clone());
        whole
    }

    fn read(&self, text: &[CutWord], rank: usize, found: &mut Vec<Found>) {
        if self.ends.is_empty() {
            return;
        }
        let units = self.units(text);
        for first in 0..units.len() {
            if let Some(rest) = units.get(first..) {
                self.walk(rest, 0, 0, None, &mut |end, length, from, to| {
                    found.extend(matched(rest, end, length, from, to, rank));
                });
            }
        }
    }

    fn units<'a>(&self, text: &'a [CutWord]) -> Vec<Unit<'a>> {
        let linkers = linkers::of(self.stems.language);
        let mut apart = false;
        let mut units = Vec::with_capacity(text.len());
        for cut in text {
            apart |= cut.apart;
            if !linkers.contains(&cut.word.text.as_str()) {
                units.push(Unit { cut, apart, forms: self.forms(cut) });
                apart = false;
            }
        }
        units
    }

    /// The known terms that a word of a text can stand for.
    fn forms(&self, cut: &CutWord) -> Vec<Form> {
        let word = &cut.word;
        let mut forms = Vec::new();
        let mut add = |text: &str, from: usize, to: usize| {
            let known = self.terms.get(text).copied();
            forms.extend(known.map(|term| Form { term, from, to: to.min(word.end) }));
        };
        if self.may_be_known(&cut.folded) {
            let stem = self.stems.stem(&word.text);
            add(&stem, word.start, word.end);
            if cut.folded != stem && (cut.capitals >= 2 || self.whole.contains(&cut.folded)) {
                add(&cut.folded, word.start, word.end);
            }
        }
        if cut.capitals >= 2
            && let Some(singular) = cut.folded.strip_suffix('s').filter(|_| cut.plural)
        {
            add(singular, word.start, word.end);
        }
        for part in self.compounds.parts(&word.text) {
            add(&part.term, word.start + part.start, word.start + part.end);
        }
        forms
    }

    /// Whether any label has a word that begins like this one. English stems keep the beginning of
    /// their word; in other languages it may change, and every word is looked up.
    fn may_be_known(&self, folded: &str) -> bool {
        self.stems.language != Language::ENGLISH
            || (2..=BEGINNING).any(|length| self.beginnings.contains(beginning(folded, length)))
    }

    /// Follows every path of the trie from the first unit on, and reports each label that ends.
    fn walk(
        &self,
        units: &[Unit<'_>],
        depth: usize,
        node: u32,
        from: Option<usize>,
        report: &mut impl FnMut(&End, usize, usize, usize),
    ) {
        let Some(unit) = units.get(depth).filter(|unit| depth == 0 || !unit.apart) else {
            return;
        };
        for form in &unit.forms {
            let Some(next) = self.edges.get(&(node, form.term)) else {
                continue;
            };
            let from = from.unwrap_or(form.from);
            for end in self.ends.get(next).into_iter().flatten() {
                report(end, depth + 1, from, form.to);
            }
            self.walk(units, depth + 1, *next, Some(from), report);
        }
    }
}

/// A label that ended after so many units, if the text has the capitals that the label asks for.
fn matched(
    units: &[Unit<'_>],
    end: &End,
    length: usize,
    from: usize,
    to: usize,
    rank: usize,
) -> Option<Found> {
    let matched = units.get(..length)?;
    let (first, last) = (matched.first()?, matched.last()?);
    if first.cut.capitals < end.capitals {
        return None;
    }
    let mut label = end.label.split(' ');
    let exact = matched.iter().all(|unit| label.next() == Some(unit.cut.folded.as_str()));
    Some(Found {
        concept: end.concept,
        start: first.cut.word.start,
        end: last.cut.word.end,
        from,
        to,
        exact,
        rank,
    })
}

/// At most so many bytes of a word; the whole word where they would cut a letter.
fn beginning(folded: &str, length: usize) -> &str {
    folded.get(..length).unwrap_or(folded)
}

fn capitals(text: &str) -> usize {
    text.chars().filter(|c| c.is_uppercase()).count()
}
