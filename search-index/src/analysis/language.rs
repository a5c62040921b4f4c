//! Which language a text is in: the 24 official languages of the EU, and one name for all others.

use std::sync::LazyLock;

use whatlang::{Detector, Lang};

const CODES: [&str; 25] = [
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "it", "lt", "lv", "mt",
    "nl", "pl", "pt", "ro", "sk", "sl", "sv", "xx",
];

/// What the detector chooses from: the EU languages it knows (all but Irish and Maltese), and
/// neighbours that would otherwise be mistaken for them.
const CANDIDATES: [(Lang, &str); 26] = [
    (Lang::Bul, "bg"),
    (Lang::Ces, "cs"),
    (Lang::Dan, "da"),
    (Lang::Deu, "de"),
    (Lang::Ell, "el"),
    (Lang::Eng, "en"),
    (Lang::Spa, "es"),
    (Lang::Est, "et"),
    (Lang::Fin, "fi"),
    (Lang::Fra, "fr"),
    (Lang::Hrv, "hr"),
    (Lang::Hun, "hu"),
    (Lang::Ita, "it"),
    (Lang::Lit, "lt"),
    (Lang::Lav, "lv"),
    (Lang::Nld, "nl"),
    (Lang::Pol, "pl"),
    (Lang::Por, "pt"),
    (Lang::Ron, "ro"),
    (Lang::Slk, "sk"),
    (Lang::Slv, "sl"),
    (Lang::Swe, "sv"),
    (Lang::Nob, "xx"),
    (Lang::Rus, "xx"),
    (Lang::Tur, "xx"),
    (Lang::Ukr, "xx"),
];

/// From this length in bytes on, a guess that is not certain is still better than none: the texts
/// are descriptions, and a wrong stemmer costs less than no stemmer.
const LONG_ENOUGH: usize = 60;

/// How sure a guess on such a text must be, from 0 to 1.
const SURE_ENOUGH: f64 = 0.15;

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::with_allowlist(CANDIDATES.iter().map(|(lang, _)| *lang).collect()));

/// An official language of the EU, or [`Language::OTHER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language(u8);

impl Language {
    /// Any language that has no rules of its own here: its words are folded, not stemmed.
    pub const OTHER: Language = Language(24);
    pub const ENGLISH: Language = Language(5);

    pub const ALL: [Language; 25] = {
        let mut all = [Language(0); 25];
        let mut index: u8 = 0;
        while index < 25 {
            #[allow(clippy::indexing_slicing)] // a constant: out of bounds would not compile
            {
                all[index as usize] = Language(index);
            }
            index += 1;
        }
        all
    };

    /// From an ISO 639-1 code, with or without a region (`de-AT`), in any case.
    pub fn from_code(code: &str) -> Language {
        let primary = code.split(['-', '_']).next().unwrap_or(code).trim();
        Language::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(primary))
            .unwrap_or(Language::OTHER)
    }

    /// The ISO 639-1 code; `xx` for [`Language::OTHER`].
    pub fn code(self) -> &'static str {
        CODES.get(self.index()).copied().unwrap_or("xx")
    }

    /// Guesses the language of a text; `None` where the text is too short or too mixed to say.
    pub fn detect(text: &str) -> Option<Language> {
        let guess = DETECTOR.detect(text)?;
        let long = text.len() >= LONG_ENOUGH && guess.confidence() >= SURE_ENOUGH;
        if !guess.is_reliable() && !long {
            return None;
        }
        let (_, code) = CANDIDATES.iter().find(|(lang, _)| *lang == guess.lang())?;
        Some(Language::from_code(code))
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}
