//! Endings of the languages that no kept library has a stemmer for: the plain treatment, which takes off one ending of
//! declension and no more.

use super::Language;

/// What is left of a word has at least so many letters.
const SHORTEST: usize = 4;

/// The endings of nouns and adjectives, folded, longest first. Maltese forms its plurals inside the word, so it has none.
fn of(language: Language) -> &'static [&'static str] {
    match language.code() {
        "bg" => &[
            "ията", "иите", "ното", "ната", "ните", "ите", "ата", "ото", "ята", "ове", "еве", "ъти", "ия",
            "ии", "ът", "ят", "та", "то", "те", "ен", "на", "но", "ни", "а", "я", "о", "е", "и",
        ],
        "lv" => &[
            "ajiem", "ajam", "ajas", "ajai", "iem", "ajs", "aja", "ais", "jam", "jas", "jos", "am", "as",
            "ai", "em", "es", "ei", "im", "is", "os", "us", "um", "ij", "a", "e", "i", "o", "s", "u",
        ],
        "sk" => &[
            "iach", "ymi", "imi", "ami", "ach", "och", "eho", "emu", "ovi", "ove", "iam", "ych", "ich", "om",
            "am", "ou", "ej", "ym", "im", "ov", "ia", "iu", "ie", "a", "e", "i", "o", "u", "y",
        ],
        "sl" => &[
            "ovi", "ega", "emu", "imi", "ami", "ama", "ima", "jem", "jev", "jih", "ih", "im", "om", "em",
            "ov", "ev", "ah", "am", "eh", "ja", "je", "ji", "jo", "ju", "a", "e", "i", "o", "u",
        ],
        _ => &[],
    }
}

/// Takes the longest ending off a folded word.
pub(super) fn strip(language: Language, word: String) -> String {
    let stem = of(language).iter().find_map(|ending| {
        let stem = word.strip_suffix(ending)?;
        (stem.chars().count() >= SHORTEST).then(|| stem.to_owned())
    });
    stem.unwrap_or(word)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn forms_of_one_word_become_one() {
        for (language, forms) in [
            ("bg", ["машина", "машината", "машини", "машините"]),
            ("lv", ["iekarta", "iekartas", "iekartam", "iekartai"]),
            ("sk", ["stroje", "strojov", "strojom", "strojoch"]),
            ("sl", ["podatki", "podatke", "podatkov", "podatkih"]),
        ] {
            let stems = forms.map(|form| strip(Language::from_code(language), form.to_owned()));
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{language}: {stems:?}");
        }
        assert_eq!(strip(Language::from_code("sl"), "vid".to_owned()), "vid");
    }
}
