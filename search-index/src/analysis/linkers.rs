//! Words between the words of a term that carry no meaning of their own.

use super::Language;

/// Articles and prepositions that join the nouns of a Romance term: `traitement d'images` and
/// `traitement des images` are one term, so these words are skipped in labels and in texts.
pub(super) fn of(language: Language) -> &'static [&'static str] {
    match language.code() {
        "fr" => &["de", "du", "des", "la", "le", "les", "d", "l"],
        "es" => &["de", "del", "la", "el", "los", "las"],
        "it" => &["di", "del", "della", "dei", "delle", "dello", "degli", "il", "la", "i", "le", "gli", "lo"],
        "pt" => &["de", "do", "da", "dos", "das", "o", "a", "os", "as"],
        "ro" => &["de", "a", "al", "ale"],
        _ => &[],
    }
}

/// Whether words of this language lose an elided article before an apostrophe.
pub(super) fn elides(language: Language) -> bool {
    matches!(language.code(), "fr" | "it")
}
