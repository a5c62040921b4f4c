//! The piece of a document that shows why it was found, with the words marked.

use std::collections::HashSet;
use std::ops::Range;

use crate::analysis::{Analysis, Language, fold, words};
use crate::document::{Audience, Document, Passage};

/// Length of a snippet in bytes, about; it is cut between words.
const LENGTH: usize = 240;

/// Bytes of a document that are looked through for the words.
const EXAMINED: usize = 6_000;

/// What is marked in a snippet.
pub(super) struct Wanted {
    /// The query's words in each language, as index terms.
    terms: Vec<(Language, HashSet<String>)>,
    /// How these terms begin, so that most words need no analysis.
    beginnings: HashSet<String>,
    /// Ids of the concepts asked for, and of all below them.
    concepts: HashSet<String>,
}

impl Wanted {
    /// `words` are the wanted words and phrases, `plain` the text to find concepts in.
    pub(super) fn new<'a>(
        analysis: &Analysis,
        languages: &[Language],
        own: Option<Language>,
        words: impl Iterator<Item = &'a str> + Clone,
        plain: &str,
    ) -> Wanted {
        let terms: Vec<(Language, HashSet<String>)> = languages
            .iter()
            .map(|language| {
                let terms = words.clone().flat_map(|word| analysis.terms(*language, word));
                (*language, terms.collect())
            })
            .collect();
        let beginnings = terms.iter().flat_map(|(_, t)| t).map(|t| beginning_of(t)).collect();
        let vocabulary = analysis.vocabulary();
        let concepts = analysis
            .annotator()
            .annotate_query(plain, own)
            .into_iter()
            .flat_map(|found| {
                let below = vocabulary.descendants(&found.concept);
                let below: Vec<String> = below.into_iter().map(|c| c.id.clone()).collect();
                below.into_iter().chain([found.concept])
            })
            .collect();
        Wanted { terms, beginnings, concepts }
    }

    /// Byte ranges of the wanted words in a passage, in its order.
    fn find_words(&self, analysis: &Analysis, passage: &Passage) -> Vec<Range<usize>> {
        let language = analysis.language(passage.language.as_deref(), &passage.text);
        let Some((_, terms)) = self.terms.iter().find(|(known, _)| *known == language) else {
            return Vec::new();
        };
        let text = beginning(&passage.text, EXAMINED);
        let is_wanted =
            |surface: &str| analysis.terms(language, surface).iter().any(|term| terms.contains(term));
        words(text, false)
            .into_iter()
            .filter(|word| self.may_start(&word.text))
            .map(|word| word.start..word.end)
            .filter(|range| text.get(range.clone()).is_some_and(is_wanted))
            .collect()
    }

    /// Whether a word can be a wanted one by its first letters. A word with an apostrophe may begin
    /// with an article, and a long one may be a compound.
    fn may_start(&self, word: &str) -> bool {
        word.contains('\'') || word.len() > 14 || self.beginnings.contains(&beginning_of(word))
    }

    fn find_concepts(&self, analysis: &Analysis, passage: &Passage) -> Vec<Range<usize>> {
        let text = beginning(&passage.text, EXAMINED);
        let language = analysis.language(passage.language.as_deref(), &passage.text);
        analysis
            .annotate(text, Some(language.code()))
            .into_iter()
            .filter(|found| self.concepts.contains(&found.concept))
            .map(|found| found.start..found.end)
            .collect()
    }
}

/// The first two letters, folded: stems and words have them in common.
fn beginning_of(word: &str) -> String {
    let letters: String = word.chars().take(2).collect();
    fold(&letters).chars().take(2).collect()
}

/// The best piece of what this reader may see, as HTML: escaped, the words inside `<mark>`. Where
/// no word is found, the beginning of the first text in a language of the reader.
pub(super) fn snippet(
    document: &Document,
    reader: Audience,
    languages: &[&str],
    analysis: &Analysis,
    wanted: Option<&Wanted>,
) -> Option<String> {
    let mut passages: Vec<&Passage> = document
        .texts
        .iter()
        .filter(|passage| reader.may_see(passage.audience) && !passage.text.trim().is_empty())
        .collect();
    passages.sort_by_key(|passage| {
        let stated = passage.language.as_deref();
        languages.iter().position(|l| Some(*l) == stated).unwrap_or(languages.len())
    });
    let best = wanted.and_then(|wanted| {
        best_passage(&passages, |passage| wanted.find_words(analysis, passage))
            .or_else(|| best_passage(&passages, |passage| wanted.find_concepts(analysis, passage)))
    });
    match best {
        Some((passage, marks)) => Some(render(&passage.text, &marks)),
        None => passages.first().map(|passage| render(&passage.text, &[])),
    }
}

/// The passage with the most finds, the first of equals; only so much text is examined.
fn best_passage<'a>(
    passages: &[&'a Passage],
    find: impl Fn(&Passage) -> Vec<Range<usize>>,
) -> Option<(&'a Passage, Vec<Range<usize>>)> {
    let mut examined = 0;
    let mut best: Option<(&Passage, Vec<Range<usize>>)> = None;
    for passage in passages {
        if examined >= EXAMINED {
            break;
        }
        examined += passage.text.len();
        let found = find(passage);
        if found.len() > best.as_ref().map_or(0, |(_, marks)| marks.len()) {
            best = Some((passage, found));
        }
    }
    best
}

/// Cuts the window with the most marks out of a text and writes it as HTML.
fn render(text: &str, marks: &[Range<usize>]) -> String {
    let window = window(text, marks);
    let mut html = String::with_capacity(window.len() + 64);
    if window.start > 0 {
        html.push('…');
    }
    let mut at = window.start;
    for mark in marks.iter().filter(|m| window.start <= m.start && m.end <= window.end) {
        if mark.start < at {
            continue;
        }
        escape(text.get(at..mark.start).unwrap_or(""), &mut html);
        html.push_str("<mark>");
        escape(text.get(mark.clone()).unwrap_or(""), &mut html);
        html.push_str("</mark>");
        at = mark.end;
    }
    escape(text.get(at..window.end).unwrap_or(""), &mut html);
    if window.end < text.len() {
        html.push('…');
    }
    html
}

fn window(text: &str, marks: &[Range<usize>]) -> Range<usize> {
    let count = |from: usize| marks.iter().filter(|m| from <= m.start && m.end <= from + LENGTH).count();
    // Ties go to the first: `max_by_key` keeps the last, so the marks are read backwards.
    let anchor = marks.iter().rev().max_by_key(|mark| count(mark.start)).map_or(0, |m| m.start);
    let last = marks.iter().filter(|m| m.end <= anchor + LENGTH).map(|m| m.end).max();
    let spare = LENGTH.saturating_sub(last.unwrap_or(anchor).saturating_sub(anchor));
    let start = word_border(text, anchor.saturating_sub(spare / 2), anchor);
    let start = if anchor <= LENGTH / 2 { 0 } else { start };
    let end = beginning(text.get(start..).unwrap_or(""), LENGTH).len() + start;
    let least = last.unwrap_or(start).max(start);
    start..last_border(text, least, end).max(least)
}

/// The first place after white space from `from` on, else `limit`.
fn word_border(text: &str, from: usize, limit: usize) -> usize {
    text.char_indices()
        .filter(|(at, c)| *at >= from && *at < limit && c.is_whitespace())
        .map(|(at, c)| at + c.len_utf8())
        .next()
        .unwrap_or(limit)
}

/// The last white space between two places, unless the text ends there.
fn last_border(text: &str, least: usize, end: usize) -> usize {
    if end >= text.len() {
        return text.len();
    }
    text.get(least..end).and_then(|tail| tail.rfind(char::is_whitespace)).map_or(end, |at| least + at)
}

/// At most so many bytes from the start of a text, cut between characters.
fn beginning(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn html_in_a_text_is_escaped_and_only_finds_are_marked() {
        let text = "<b>Vision</b> & \"more\"";
        assert_eq!(
            render(text, std::slice::from_ref(&(3..9))),
            "&lt;b&gt;<mark>Vision</mark>&lt;/b&gt; &amp; &quot;more&quot;"
        );
    }

    #[test]
    fn the_window_holds_the_densest_finds() {
        let text = format!("vision {} vision vision {}", "x ".repeat(300), "y ".repeat(300));
        let marks: Vec<_> = text.match_indices("vision").map(|(at, w)| at..at + w.len()).collect();
        let html = render(&text, &marks);
        assert_eq!(html.matches("<mark>").count(), 2);
        assert!(html.starts_with('…') && html.ends_with('…'));
        assert!(html.len() < 320, "{}", html.len());
    }

    proptest! {
        #[test]
        fn any_text_is_rendered(text in "\\PC{0,400}", at in 0usize..400, length in 1usize..30) {
            let text_end = text.len();
            let start = beginning(&text, at.min(text_end)).len();
            let end = beginning(&text, (start + length).min(text_end)).len().max(start);
            let html = render(&text, std::slice::from_ref(&(start..end)));
            prop_assert!(!html.replace("<mark>", "").replace("</mark>", "").contains(['<', '>']));
        }
    }
}
