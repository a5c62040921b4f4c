//! From what somebody typed to words, phrases and exclusions. Nothing typed is an error.

use crate::analysis::words;

/// Words beyond this many are ignored.
const MOST_WORDS: usize = 32;

/// One thing asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Word(String),
    /// Words that must follow one another.
    Phrase(String),
}

/// A query as it was meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub wanted: Vec<Part>,
    pub excluded: Vec<Part>,
    /// The wanted words outside phrases as one text, to find concepts in.
    pub plain: String,
    /// Byte offsets in `plain` of the wanted words, in the order of `wanted` without phrases.
    pub spans: Vec<(usize, usize)>,
}

impl Parsed {
    /// Whether nothing was typed but spaces.
    pub(super) fn is_blank(text: &str) -> bool {
        text.trim().is_empty()
    }
}

/// Reads a query: words, `"phrases in quotes"`, and either with a minus before it to exclude it.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut budget = MOST_WORDS;
    let mut rest = text;
    while budget > 0 {
        rest = rest.trim_start();
        let (excluded, body) = match rest.strip_prefix('-') {
            Some(body) if !body.starts_with(|c: char| c.is_whitespace() || c == '-') => (true, body),
            _ => (false, rest),
        };
        let Some(first) = body.chars().next() else {
            break;
        };
        let piece;
        (piece, rest) = match closing(first) {
            Some(closing) => {
                let inner = body.get(first.len_utf8()..).unwrap_or("");
                let end = inner.find(closing).unwrap_or(inner.len());
                let (phrase, after) = inner.split_at(end);
                (phrase, after.strip_prefix(closing).unwrap_or(after))
            }
            None => {
                let is_end = |c: char| c.is_whitespace() || closing(c).is_some();
                body.split_at(body.find(is_end).unwrap_or(body.len()))
            }
        };
        budget = budget.saturating_sub(parsed.add(piece, excluded, closing(first).is_some(), budget));
    }
    parsed
}

/// The quotation mark that closes a phrase opened by this one.
fn closing(opening: char) -> Option<&'static [char]> {
    Some(match opening {
        '"' => &['"'],
        '„' | '“' | '”' => &['“', '”', '"'],
        '«' => &['»'],
        '»' => &['«'],
        _ => return None,
    })
}

impl Parsed {
    /// Adds a piece of the query; returns how many words it has.
    fn add(&mut self, piece: &str, excluded: bool, quoted: bool, budget: usize) -> usize {
        let found = words(piece, false);
        let count = found.len().min(budget);
        let surfaces: Vec<&str> =
            found.iter().take(count).filter_map(|word| piece.get(word.start..word.end)).collect();
        let (Some(first), Some(last)) = (found.first(), found.get(count.saturating_sub(1))) else {
            return 0;
        };
        let whole = piece.get(first.start..last.end).unwrap_or("").to_owned();
        let together = if count > 1 { Part::Phrase(whole) } else { Part::Word(whole) };
        if excluded {
            self.excluded.push(together);
        } else if quoted {
            self.wanted.push(together);
            if count == 1 {
                self.plain_word(surfaces.first().copied().unwrap_or(""));
            }
        } else {
            for surface in surfaces {
                self.wanted.push(Part::Word(surface.to_owned()));
                self.plain_word(surface);
            }
        }
        count
    }

    fn plain_word(&mut self, surface: &str) {
        if !self.plain.is_empty() {
            self.plain.push(' ');
        }
        let start = self.plain.len();
        self.plain.push_str(surface);
        self.spans.push((start, self.plain.len()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str) -> Part {
        Part::Word(text.to_owned())
    }

    fn phrase(text: &str) -> Part {
        Part::Phrase(text.to_owned())
    }

    #[test]
    fn words_phrases_and_exclusions_are_told_apart() {
        let parsed = parse("KI-Strategie \"human in the loop\" -\"big data\" -cloud „zwei Worte“ C++");
        assert_eq!(
            parsed.wanted,
            [word("KI"), word("Strategie"), phrase("human in the loop"), phrase("zwei Worte"), word("C++"),]
        );
        assert_eq!(parsed.excluded, [phrase("big data"), word("cloud")]);
        assert_eq!(parsed.plain, "KI Strategie C++");
        assert_eq!(parsed.spans.len(), 3);
    }

    #[test]
    fn unfinished_and_empty_pieces_are_harmless() {
        assert_eq!(parse("\"open end").wanted, [phrase("open end")]);
        assert_eq!(parse("\"\" - -- !!! -").wanted, []);
        assert_eq!(parse(&"word ".repeat(100)).wanted.len(), 32);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in "[-\" a-zäß„“«»+#.&']{0,60}") {
            let parsed = parse(&text);
            prop_assert!(parsed.wanted.len() + parsed.excluded.len() <= MOST_WORDS);
            for (start, end) in parsed.spans {
                prop_assert!(parsed.plain.get(start..end).is_some());
            }
        }
    }
}
