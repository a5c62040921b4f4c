//! Cutting a text into words.
//!
//! A word is a run of letters and digits, with exceptions that a plain cut would destroy: `C++`,
//! `C#`, `R&D`, `.NET`, `node.js`, `3.5`. Words of French, Italian and the like lose their elided
//! article: `l'industrie` is `industrie`.

use std::iter::Peekable;
use std::str::CharIndices;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A word longer than this many bytes is nobody's word but a blob, and is left out.
const LONGEST_WORD: usize = 80;

/// What may follow a dot inside a word: endings of names of software.
const DOTTED_ENDINGS: [&str; 5] = ["js", "net", "io", "ai", "py"];

/// Elided articles and particles before an apostrophe, in the languages that elide.
const ELISIONS: [&str; 24] = [
    "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu", "un",
    "dell", "all", "nell", "sull", "dall", "quest", "quell", "coll", "gl",
];

/// One word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Byte offsets in the text; an elided article is outside.
    pub start: usize,
    pub end: usize,
    /// Lower case, composed (NFC), with plain apostrophes.
    pub text: String,
}

/// Cuts a text into words; `elides` says whether its language elides articles.
pub(crate) fn words(text: &str, elides: bool) -> Vec<Word> {
    let mut cutter = Cutter { text, chars: text.char_indices().peekable() };
    let mut found = Vec::new();
    while let Some((start, end)) = cutter.next_span() {
        let start = if elides { start + elision(text.get(start..end).unwrap_or("")) } else { start };
        let Some(surface) = text.get(start..end) else {
            continue;
        };
        if surface.len() <= LONGEST_WORD {
            found.push(Word { start, end, text: normal(surface) });
        }
    }
    found
}

fn normal(surface: &str) -> String {
    if surface.is_ascii() {
        return surface.to_ascii_lowercase();
    }
    let composed: String = surface.nfc().filter(|c| *c != SOFT_HYPHEN).map(plain_apostrophe).collect();
    composed.to_lowercase()
}

const SOFT_HYPHEN: char = '\u{ad}';

fn plain_apostrophe(c: char) -> char {
    if is_apostrophe(c) { '\'' } else { c }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ')
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || c == SOFT_HYPHEN
}

/// Length in bytes of an elided article with its apostrophe at the start of a word; 0 without.
fn elision(surface: &str) -> usize {
    let Some((at, apostrophe)) = surface.char_indices().find(|(_, c)| is_apostrophe(*c)) else {
        return 0;
    };
    let article = surface.get(..at).unwrap_or("").to_lowercase();
    let end = at + apostrophe.len_utf8();
    if ELISIONS.contains(&article.as_str()) && end < surface.len() { end } else { 0 }
}

struct Cutter<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl Cutter<'_> {
    fn next_span(&mut self) -> Option<(usize, usize)> {
        let mut before = None;
        loop {
            let (at, c) = *self.chars.peek()?;
            if is_word_char(c) {
                let start = if self.is_dot_net(before, at) { at - 1 } else { at };
                return Some((start, self.end_of_word(at)));
            }
            self.chars.next();
            before = Some(c);
        }
    }

    /// `.NET` is a word with its dot, unless the dot ends the word before it.
    fn is_dot_net(&self, before: Option<char>, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or("");
        let free = self
            .text
            .get(..at.saturating_sub(1))
            .is_none_or(|head| head.chars().next_back().is_none_or(|c| !is_word_char(c)));
        before == Some('.') && free && run(rest).eq_ignore_ascii_case("net")
    }

    fn end_of_word(&mut self, start: usize) -> usize {
        let mut end = start;
        loop {
            end += run(self.text.get(end..).unwrap_or("")).len();
            let word = self.text.get(start..end).unwrap_or("");
            let rest = self.text.get(end..).unwrap_or("");
            match joiner(word, rest) {
                Some(Joiner::Inside(length)) => end += length,
                Some(Joiner::Ending(length)) => {
                    end += length;
                    break;
                }
                None => break,
            }
        }
        while self.chars.next_if(|(at, _)| *at < end).is_some() {}
        end
    }
}

enum Joiner {
    /// So many bytes belong to the word, which goes on after them.
    Inside(usize),
    /// So many bytes belong to the word, and end it.
    Ending(usize),
}

/// The letters and digits that a text starts with.
fn run(text: &str) -> &str {
    let end = text.find(|c| !is_word_char(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}

/// Whether what follows a word belongs to it.
fn joiner(word: &str, rest: &str) -> Option<Joiner> {
    let c = rest.chars().next()?;
    let next = run(rest.get(c.len_utf8()..).unwrap_or(""));
    let last = run_back(word);
    match c {
        '+' if rest.starts_with("++") && word.len() <= LONGEST_WORD => Some(Joiner::Ending(2)),
        '#' if last.len() <= 2 && next.is_empty() && starts_alphabetic(last) => Some(Joiner::Ending(1)),
        '&' if is_short(last) && is_short(next) => Some(Joiner::Inside(1)),
        '.' if starts_alphabetic(last) && is_dotted_ending(next) => Some(Joiner::Inside(1)),
        '.' | ',' if is_number(last) && is_number(next) => Some(Joiner::Inside(1)),
        _ if is_apostrophe(c) && starts_alphabetic(next) => Some(Joiner::Inside(c.len_utf8())),
        _ => None,
    }
}

fn run_back(word: &str) -> &str {
    let start = word
        .rfind(|c| !is_word_char(c))
        .map_or(0, |at| at + word.get(at..).and_then(|tail| tail.chars().next()).map_or(0, char::len_utf8));
    word.get(start..).unwrap_or("")
}

fn is_short(run: &str) -> bool {
    (1..=2).contains(&run.chars().count()) && starts_alphabetic(run)
}

fn starts_alphabetic(run: &str) -> bool {
    run.starts_with(char::is_alphabetic)
}

fn is_number(run: &str) -> bool {
    !run.is_empty() && run.chars().all(|c| c.is_ascii_digit())
}

fn is_dotted_ending(run: &str) -> bool {
    DOTTED_ENDINGS.iter().any(|ending| run.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> Vec<String> {
        words(text, false).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn names_of_technologies_stay_whole() {
        assert_eq!(cut("C++, C# and F#!"), ["c++", "c#", "and", "f#"]);
        assert_eq!(cut("R&D, M&A; AT&T"), ["r&d", "m&a", "at&t"]);
        assert_eq!(cut("We use .NET. Net profit"), ["we", "use", ".net", "net", "profit"]);
        assert_eq!(cut("node.js, ASP.NET 3.5"), ["node.js", "asp.net", "3.5"]);
        assert_eq!(cut("The end.Next one"), ["the", "end", "next", "one"]);
        assert_eq!(cut("KI-Strategie"), ["ki", "strategie"]);
    }

    #[test]
    fn elided_articles_are_dropped_where_the_language_elides() {
        let french: Vec<String> =
            words("l’industrie d'aujourd'hui, qu'elle", true).into_iter().map(|word| word.text).collect();
        assert_eq!(french, ["industrie", "aujourd'hui", "elle"]);
        let italian = words("dell'intelligenza", true);
        assert_eq!((italian[0].start, italian[0].text.as_str()), (5, "intelligenza"));
        assert_eq!(cut("the company's"), ["the", "company's"]);
    }

    #[test]
    fn decomposed_and_soft_hyphenated_words_are_one_form() {
        assert_eq!(cut("Ha\u{308}user"), ["häuser"]);
        assert_eq!(cut("Ver\u{ad}arbeitung"), ["verarbeitung"]);
    }

    proptest! {
        #[test]
        fn spans_are_ordered_and_on_character_borders(text in "\\PC{0,60}", elides: bool) {
            let mut before = 0;
            for word in words(&text, elides) {
                prop_assert!(before <= word.start && word.start < word.end);
                prop_assert!(text.get(word.start..word.end).is_some());
                before = word.end;
            }
        }
    }
}
