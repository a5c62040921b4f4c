//! Controlled values that every domain shares: codes of countries, regions, languages, sectors, stages, sizes, formats,
//! and text in several languages.
//!
//! Each type carries its own schema, which is both the contract's and the check's: a request body is held against the
//! schema before it is read into these types (see `http::body`), so a rule is written once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A text in one or more languages, keyed by ISO 639-1 code; each at most `MAX` characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Multilingual<const MAX: usize>(pub BTreeMap<Language, String>);

impl<const MAX: usize> Multilingual<MAX> {
    /// The text in the first of `languages` that there is, else in English, else in any.
    pub fn best(&self, languages: &[Language]) -> Option<(&Language, &str)> {
        let english = Language::english();
        languages
            .iter()
            .chain(std::iter::once(&english))
            .find_map(|language| self.0.get_key_value(language))
            .or_else(|| self.0.iter().next())
            .map(|(language, text)| (language, text.as_str()))
    }

    /// [`Multilingual::best`] without its language; empty where there is no text.
    pub fn text(&self, languages: &[Language]) -> &str {
        self.best(languages).map_or("", |(_, text)| text)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const MAX: usize> PartialSchema for Multilingual<MAX> {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX));
        let language = Ref::from_schema_name(Language::name());
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(format!(
                "Text by language (ISO 639-1 code), at least one, each at most {MAX} characters."
            )))
            .property_names(Some(Schema::AllOf(AllOfBuilder::new().item(language).build())))
            .additional_properties(Some(text))
            .min_properties(Some(1))
            .examples([serde_json::json!({"de": "Guten Tag", "en": "Good morning"})])
            .into()
    }
}

impl<const MAX: usize> ToSchema for Multilingual<MAX> {
    /// What a text of this length is for: clients generated from the contract name a type after it.
    fn name() -> std::borrow::Cow<'static, str> {
        match MAX {
            160 => "MultilingualTitle".into(),
            200 => "MultilingualCaseTitle".into(),
            300 => "MultilingualSummary".into(),
            1000 => "MultilingualReason".into(),
            2000 => "MultilingualNote".into(),
            4000 => "MultilingualText".into(),
            6000 => "MultilingualLongText".into(),
            other => format!("Multilingual{other}").into(),
        }
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Language::name().into(), Language::schema()));
    }
}

/// A code from a published list: a text that is one of the list's codes.
macro_rules! listed_code {
    ($(#[$doc:meta])* $name:ident, $what:literal, $codes:expr, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let codes: fn() -> Vec<&'static str> = $codes;
                static CODES: std::sync::OnceLock<std::collections::HashSet<&'static str>> =
                    std::sync::OnceLock::new();
                if CODES.get_or_init(|| codes().into_iter().collect()).contains(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(concat!("is not ", $what))
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(|fault| serde::de::Error::custom(format!("`{text}` {fault}")))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let codes: fn() -> Vec<&'static str> = $codes;
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!("Must be ", $what, ".")))
                    .enum_values(Some(codes()))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {}
    };
}

listed_code!(
    /// ISO 3166-1 alpha-2 country code.
    Country, "an ISO 3166-1 alpha-2 country code in capitals (Greece is GR)", countries, "AT"
);
listed_code!(
    /// ISO 639-1 language code.
    Language, "an ISO 639-1 language code in small letters", languages, "de"
);

fn countries() -> Vec<&'static str> {
    let mut codes: Vec<_> = rust_iso3166::ALL.iter().map(|country| country.alpha2).collect();
    codes.sort_unstable();
    codes
}

fn languages() -> Vec<&'static str> {
    let mut codes: Vec<_> = isolang::languages().filter_map(|language| language.to_639_1()).collect();
    codes.sort_unstable();
    codes
}

impl Language {
    pub fn english() -> Language {
        Language("en".to_owned())
    }

    /// The languages of an `Accept-Language` header (RFC 9110, 12.5.4), best first; unknown ones are passed over.
    pub fn accepted(header: &str) -> Vec<Language> {
        let mut ranges: Vec<(f32, Language)> = header
            .split(',')
            .take(20)
            .filter_map(|range| {
                let (tag, quality) = range.split_once(";q=").unwrap_or((range, "1"));
                let code = tag.trim().split('-').next()?.to_ascii_lowercase();
                let quality: f32 = quality.trim().parse().ok().filter(|q| *q > 0.0)?;
                Some((quality, code.parse().ok()?))
            })
            .collect();
        ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranges.into_iter().map(|(_, language)| language).collect()
    }
}

impl Country {
    /// The prefix of this country's NUTS codes: the country code, but `EL` for Greece and `UK` for the United Kingdom.
    pub fn nuts_prefix(&self) -> &str {
        match self.as_str() {
            "GR" => "EL",
            "GB" => "UK",
            code => code,
        }
    }
}

/// NUTS 2024 code: two letters of the country and up to three more characters. An older code of the right form is
/// accepted, since regions are renamed with every revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = "^[A-Z]{2}[0-9A-Z]{0,3}$", example = "AT13")]
pub struct Region(String);

impl Region {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_in(&self, country: &Country) -> bool {
        self.0.starts_with(country.nuts_prefix())
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of a concept of the vocabulary, for example `predictive_maintenance`: `GET /api/v1/vocabulary/concepts` has them
/// all, `GET /api/v1/vocabulary/suggestions` completes their labels, and `POST /api/v1/vocabulary/annotate` finds them in
/// a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(pattern = "^[a-z][a-z0-9_]{1,79}$", example = "predictive_maintenance")]
pub struct ConceptId(pub String);

impl std::fmt::Display for ConceptId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ConceptId {
    type Error = &'static str;

    /// Query parameters are not held against the schema, so its pattern stands here once more.
    fn try_from(text: String) -> Result<ConceptId, &'static str> {
        let rest = text.strip_prefix(|first: char| first.is_ascii_lowercase()).unwrap_or_default();
        let known = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
        if (1..=79).contains(&rest.len()) && rest.bytes().all(known) {
            Ok(ConceptId(text))
        } else {
            Err("is not the id of a concept, such as predictive_maintenance")
        }
    }
}

/// WGS 84 coordinates in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Latitude, north positive.
    #[schema(minimum = -90, maximum = 90, example = 48.21)]
    pub lat: f64,
    /// Longitude, east positive.
    #[schema(minimum = -180, maximum = 180, example = 16.37)]
    pub lon: f64,
}

/// The codes of values, as the index takes them.
pub fn codes_of<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// An enumeration of the domain: its code on the wire and in the database is the snake_case name. The contract explains
/// the codes by the same comments as the code.
macro_rules! codes {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $variant_doc:literal])* $variant:ident = $code:literal),+ $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[doc = $variant_doc])* #[serde(rename = $code)] $variant,)+
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let codes = [$(($code, concat!($($variant_doc),*))),+];
                $crate::values::schema_of_codes(concat!($($doc, "\n"),*), &codes)
            }
        }

        impl utoipa::ToSchema for $name {}

        impl $name {
            #[allow(dead_code, reason = "not every enumeration is listed")]
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            pub fn code(self) -> &'static str {
                match self {
                    $($name::$variant => $code,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(code: &str) -> Result<Self, Self::Err> {
                match code {
                    $($code => Ok($name::$variant),)+
                    _ => Err(concat!("is not one of", $(" ", $code),+)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}
pub(crate) use codes;

/// The schema of an enumeration: its codes, and in its description what they mean where that is said.
pub(crate) fn schema_of_codes(doc: &str, codes: &[(&str, &str)]) -> RefOr<Schema> {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    let mut description = lines.join(" ").trim().to_owned();
    for (place, (code, meaning)) in codes.iter().filter(|(_, meaning)| !meaning.is_empty()).enumerate() {
        description.push_str(if place == 0 { "\n\n" } else { "\n" });
        description.push_str(&format!("- `{code}`: {}", meaning.trim()));
    }
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(codes.iter().map(|(code, _)| *code)))
        .into()
}

codes!(
    /// Section of NACE Rev. 2.1.
    Sector {
        /// Agriculture, forestry, fishing
        A = "A",
        /// Mining and quarrying
        B = "B",
        /// Manufacturing
        C = "C",
        /// Electricity, gas, steam
        D = "D",
        /// Water, waste
        E = "E",
        /// Construction
        F = "F",
        /// Wholesale, retail
        G = "G",
        /// Transport, storage
        H = "H",
        /// Accommodation, food service
        I = "I",
        /// Publishing, broadcasting, content
        J = "J",
        /// Telecommunication, programming, computing infrastructure, information services
        K = "K",
        /// Finance, insurance
        L = "L",
        /// Real estate
        M = "M",
        /// Professional, scientific, technical
        N = "N",
        /// Administrative, support
        O = "O",
        /// Public administration, defence
        P = "P",
        /// Education
        Q = "Q",
        /// Health, social work
        R = "R",
        /// Arts, sports, recreation
        S = "S",
        /// Other services
        T = "T",
        /// Households
        U = "U",
        /// Extraterritorial organisations
        V = "V",
    }
);

codes!(
    /// How far a venture is.
    Stage {
        Idea = "idea",
        Prototype = "prototype",
        Pilot = "pilot",
        FirstCustomers = "first_customers",
        Growth = "growth",
        Established = "established",
    }
);

codes!(
    /// Size of an enterprise by Recommendation 2003/361/EC: staff and turnover.
    Size {
        /// Fewer than 10 staff, at most 2 M€
        Micro = "micro",
        /// Fewer than 50 staff, at most 10 M€
        Small = "small",
        /// Fewer than 250 staff, at most 50 M€
        Medium = "medium",
        SmallMidCap = "small_mid_cap",
        Large = "large",
    }
);

codes!(
    /// How people meet.
    Format {
        Online = "online",
        OnSite = "on_site",
        Hybrid = "hybrid",
    }
);

codes!(
    /// What is sought or offered.
    HelpType {
        Mentoring = "mentoring",
        Advice = "advice",
        Training = "training",
        Networking = "networking",
        Testing = "testing",
        Compute = "compute",
        Data = "data",
        Funding = "funding",
        Partnership = "partnership",
        Programme = "programme",
    }
);

codes!(
    /// The finer kind of what is found: the kind of a profile, the type of a need or offering.
    Category {
        Startup = "startup",
        Mentor = "mentor",
        Hub = "hub",
        Factory = "factory",
        Organisation = "organisation",
        Talent = "talent",
        Mentoring = "mentoring",
        Advice = "advice",
        Training = "training",
        Networking = "networking",
        Testing = "testing",
        Compute = "compute",
        Data = "data",
        Funding = "funding",
        Partnership = "partnership",
        Programme = "programme",
        /// All events
        Event = "event",
    }
);

codes!(
    /// Who may see a field.
    Visibility {
        /// Anybody, also without an account.
        Public = "public",
        /// Anybody who is logged in.
        Members = "members",
        /// The staff of hubs.
        Hub = "hub",
        /// Those with whom an introduction was accepted.
        Matched = "matched",
        /// Only those who manage the profile.
        Private = "private",
    }
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn accept_language_is_read_by_quality() {
        let read: Vec<String> = Language::accepted("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.95, *;q=0.5, xx;q=2")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(read, ["fr", "de", "fr", "en"]);
    }

    #[test]
    fn the_id_of_a_concept_has_its_form() {
        for (text, good) in [
            ("ai", true),
            ("gpt_4", true),
            (&*format!("a{}", "b".repeat(79)), true),
            (&*format!("a{}", "b".repeat(80)), false),
            ("", false),
            ("a", false),
            ("4g", false),
            ("_a", false),
            ("Ai", false),
            ("a b", false),
            ("aä", false),
        ] {
            assert_eq!(ConceptId::try_from(text.to_owned()).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_region_lies_in_its_country() {
        let greece: Country = "GR".parse().unwrap();
        assert!(Region("EL30".to_owned()).is_in(&greece));
        assert!(!Region("GR30".to_owned()).is_in(&greece));
    }

    #[test]
    fn the_best_language_falls_back_to_english_then_any() {
        let language = |code: &str| code.parse::<Language>().unwrap();
        let text = |codes: &[&str]| {
            Multilingual::<20>(codes.iter().map(|c| (language(c), (*c).to_owned())).collect())
        };
        assert_eq!(text(&["de", "en"]).text(&[language("de")]), "de");
        assert_eq!(text(&["de", "en"]).text(&[language("fr")]), "en");
        assert_eq!(text(&["de", "pl"]).text(&[language("fr")]), "de");
        assert_eq!(text(&[]).text(&[]), "");
    }
}
