//! Folding: one spelling for all ways to write the same letters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Removes diacritics and spells out letters that are no letter with a mark (`ß` → `ss`, `ł` →
/// `l`). Expects lower case, and keeps the script: Greek and Cyrillic stay what they are.
pub fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let mut folded = String::with_capacity(word.len());
    for c in word.nfkd().filter(|c| !is_combining_mark(*c)) {
        match spelled_out(c) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(c),
        }
    }
    folded
}

fn spelled_out(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ı' => "i",
        'ς' => "σ",
        '’' => "'",
        _ => return None,
    })
}

/// The way Germanic names are written where the keyboard has no such letters (`ü` → `ue`, `å` →
/// `aa`); `None` where the word has none of them.
pub(crate) fn respell(word: &str) -> Option<String> {
    let mut changed = false;
    let mut respelled = String::with_capacity(word.len() + 2);
    for c in word.chars() {
        let letters = match c {
            'ä' => "ae",
            'ö' | 'ø' => "oe",
            'ü' => "ue",
            'å' => "aa",
            _ => {
                respelled.push(c);
                continue;
            }
        };
        changed = true;
        respelled.push_str(letters);
    }
    changed.then(|| fold(&respelled))
}
