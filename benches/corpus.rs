//! Synthetic profiles, needs and searches: the same in every run, so that two runs, and two engines, can be compared.
//!
//! A profile has a text of about 130 words in one of five languages: invented words whose frequencies follow Zipf's law
//! and that are inflected as the language does, function words between them, and labels of real concepts of the
//! vocabulary. What is found for a search is thereby shaped as in real use: a few words in many profiles, most in few.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use search_index::{Analysis, Audience, Case, Claim, Document, Face, Kind, Passage, Place};
use serde_json::{Value, json};

/// Different stems of one language.
const STEMS: usize = 20_000;
/// Every so many words a concept is named.
const WORDS_A_LABEL: usize = 18;
/// Every so many words a sentence ends.
const WORDS_A_SENTENCE: usize = 11;
/// Share of function words: one of this many.
const WORDS_A_FUNCTION_WORD: u64 = 3;
const SYLLABLES: usize = 120;

/// How many profiles: `AIHUB_BENCH_PROFILES`, or 100,000.
pub fn size() -> usize {
    std::env::var("AIHUB_BENCH_PROFILES").map_or(100_000, |text| text.parse().expect("a number of profiles"))
}

/// The moment at which everything is asked.
pub fn now() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().expect("a moment")
}

/// One language: what its texts are made of.
struct Tongue {
    code: &'static str,
    function_words: &'static str,
    onsets: &'static str,
    vowels: &'static str,
    endings: &'static str,
}

/// Onsets and vowels give [`SYLLABLES`] syllables; the first ending is none.
const TONGUES: [Tongue; 5] = [
    Tongue {
        code: "en",
        function_words: "the of and to in a is for with that we our on as are by from which it their",
        onsets: "b c d f g h l m n p r s t v w st tr ch sh pl br cl gr th",
        vowels: "a e i o u",
        endings: "- s ing ed er ment",
    },
    Tongue {
        code: "de",
        function_words: "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als",
        onsets: "b d f g h k l m n p r s t w z sch st br kr pf tr gl fl schl",
        vowels: "a e i o u",
        endings: "- en er ung lich ern",
    },
    Tongue {
        code: "fr",
        function_words: "le la de et les des en un une du que pour dans qui sur avec par au plus nous",
        onsets: "b c d f g j l m n p r s t v ch br cr pl tr gr fl cl pr vr",
        vowels: "a e i o ou",
        endings: "- s er tion ment eur",
    },
    Tongue {
        code: "es",
        function_words: "de la que el en y a los se del las un por con una para es al lo como",
        onsets: "b c d f g j l m n p r s t v z ll br cr pl tr gr fl cl pr",
        vowels: "a e i o u",
        endings: "- s ar ción mente ado",
    },
    Tongue {
        code: "it",
        function_words: "di e il la che in un per del con non una su le da si dei nel alla i",
        onsets: "b c d f g l m n p r s t v z br cr pl tr gr fl st pr sc sp",
        vowels: "a e i o u",
        endings: "- i are zione mente ato",
    },
];

const COUNTRIES: [&str; 12] = ["DE", "FR", "ES", "IT", "AT", "BE", "NL", "PL", "PT", "SE", "FI", "IE"];
const SECTORS: [&str; 8] = ["C", "K", "N", "R", "A", "D", "H", "G"];
const STAGES: [&str; 4] = ["idea", "prototype", "pilot", "growth"];
const CATEGORIES: [&str; 4] = ["startup", "mentor", "hub", "organisation"];

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same for ever.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A rank from 0 that occurs with a frequency of 1 / (rank + 1).
    fn zipf(&mut self, ranks: usize) -> usize {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((ranks as f64).powf(share) as usize - 1).min(ranks - 1)
    }
}

/// Words of one language, ready to be drawn.
struct Lexicon {
    code: &'static str,
    function_words: Vec<&'static str>,
    stems: Vec<String>,
    endings: Vec<&'static str>,
    /// Label and concept id, in the order of their frequency.
    labels: Vec<(String, String)>,
}

impl Lexicon {
    fn new(tongue: &Tongue, analysis: &Analysis) -> Lexicon {
        let (onsets, vowels): (Vec<_>, Vec<_>) =
            (tongue.onsets.split(' ').collect(), tongue.vowels.split(' ').collect());
        assert_eq!(onsets.len() * vowels.len(), SYLLABLES, "{}", tongue.code);
        let syllable =
            |n: usize| format!("{}{}", onsets[n % onsets.len()], vowels[n / onsets.len() % vowels.len()]);
        // The factor has no divisor in common with the number of syllables, so every rank has a word of its own.
        let stem = |rank: usize| {
            let n = (rank + 1) * 7919;
            let last = onsets[rank % onsets.len()];
            [n, n / SYLLABLES, n / SYLLABLES / SYLLABLES].map(|n| syllable(n % SYLLABLES)).concat() + last
        };
        let mut labels: Vec<(String, String)> = analysis
            .vocabulary()
            .iter()
            .flat_map(|concept| {
                concept.labels(tongue.code).iter().map(|label| (label.clone(), concept.id.clone()))
            })
            .collect();
        // Neither the file's order nor the alphabet shall decide which concepts are frequent.
        let mut random = Random::new(7);
        labels.sort_by_cached_key(|_| random.next());
        Lexicon {
            code: tongue.code,
            function_words: tongue.function_words.split(' ').collect(),
            stems: (0..STEMS).map(stem).collect(),
            endings: tongue.endings.split(' ').map(|ending| ending.trim_start_matches('-')).collect(),
            labels,
        }
    }
}

/// One profile as plain facts, from which each engine is given what it takes.
pub struct Person {
    pub number: usize,
    pub language: &'static str,
    pub category: &'static str,
    pub country: &'static str,
    pub sector: &'static str,
    stage: &'static str,
    name: String,
    city: String,
    point: (f64, f64),
    summary: String,
    description: String,
    wish: String,
    /// Titles and texts.
    cases: Vec<(String, String)>,
    /// Concept ids that it names itself.
    pub claims: Vec<String>,
    /// Labels that its description says.
    labels: Vec<String>,
}

/// A search as somebody types it.
pub struct Question {
    pub language: &'static str,
    pub words: String,
}

/// What is sought, in two or three sentences.
pub struct Sought {
    pub language: &'static str,
    pub country: &'static str,
    pub text: String,
}

/// Draws profiles by their number, and what is asked of them.
pub struct Corpus {
    lexicons: Vec<Lexicon>,
}

impl Corpus {
    pub fn new(analysis: &Arc<Analysis>) -> Corpus {
        Corpus { lexicons: TONGUES.iter().map(|tongue| Lexicon::new(tongue, analysis)).collect() }
    }

    pub fn person(&self, number: usize) -> Person {
        let mut random = Random::new(number as u64 ^ 0xa1_0b);
        let random = &mut random;
        let lexicon = &self.lexicons[random.below(self.lexicons.len())];
        let category = random.pick(&CATEGORIES);
        let mut labels = Vec::new();
        let description = text(lexicon, random, 62, Some(&mut labels));
        let mut case = |_| (text(lexicon, random, 6, None), text(lexicon, random, 18, None));
        let cases = (0..if category == "startup" { 0 } else { 2 }).map(&mut case).collect();
        let claims = (0..3).map(|_| draw_label(lexicon, random).1.clone()).collect();
        Person {
            number,
            language: lexicon.code,
            category,
            country: random.pick(&COUNTRIES),
            sector: random.pick(&SECTORS),
            stage: random.pick(&STAGES),
            name: format!("{} {number}", capital(&text(lexicon, random, 1, None))),
            city: capital(&lexicon.stems[random.zipf(300)]),
            point: (37.0 + random.below(25_000) as f64 / 1000.0, random.below(25_000) as f64 / 1000.0),
            summary: text(lexicon, random, 16, None),
            wish: text(lexicon, random, 14, None),
            description,
            cases,
            claims,
            labels,
        }
    }

    /// Something that at least one profile of the first `size` answers: a concept, two words, or both.
    pub fn question(&self, number: usize, size: usize) -> Question {
        let mut random = Random::new(number as u64 ^ 0xbe_7c);
        let person = self.person(random.below(size));
        let label = &person.labels[random.below(person.labels.len())];
        let long: Vec<&str> = person
            .description
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 5)
            .collect();
        let mut word = || long[random.below(long.len())];
        let words = match number % 3 {
            0 => label.clone(),
            1 => format!("{} {}", word(), word()),
            _ => format!("{label} {}", word()),
        };
        Question { language: person.language, words }
    }

    pub fn sought(&self, number: usize) -> Sought {
        let mut random = Random::new(number as u64 ^ 0x5e_ec);
        let lexicon = &self.lexicons[random.below(self.lexicons.len())];
        let text = text(lexicon, &mut random, 40, Some(&mut Vec::new()));
        Sought { language: lexicon.code, country: random.pick(&COUNTRIES), text }
    }
}

fn draw_label<'a>(lexicon: &'a Lexicon, random: &mut Random) -> &'a (String, String) {
    &lexicon.labels[random.zipf(lexicon.labels.len())]
}

/// Sentences of about `length` words; `named` is told which labels they say.
fn text(
    lexicon: &Lexicon,
    random: &mut Random,
    length: usize,
    mut named: Option<&mut Vec<String>>,
) -> String {
    let mut words: Vec<String> = Vec::with_capacity(length);
    for at in 0..length {
        if at % WORDS_A_LABEL == 3 {
            let label = &draw_label(lexicon, random).0;
            words.push(label.clone());
            if let Some(named) = &mut named {
                named.push(label.clone());
            }
        } else if length > 1 && random.next().is_multiple_of(WORDS_A_FUNCTION_WORD) {
            words.push(random.pick(&lexicon.function_words).to_owned());
        } else {
            let stem = &lexicon.stems[random.zipf(lexicon.stems.len())];
            words.push(format!("{stem}{}", random.pick(&lexicon.endings)));
        }
        if at % WORDS_A_SENTENCE == WORDS_A_SENTENCE - 1
            && let Some(last) = words.last_mut()
        {
            last.push('.');
        }
    }
    words.join(" ")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Person {
    pub fn title(&self) -> &str {
        &self.name
    }

    /// All texts but the name.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let of_cases = self.cases.iter().flat_map(|(title, text)| [title.as_str(), text.as_str()]);
        [self.summary.as_str(), self.description.as_str(), self.wish.as_str()].into_iter().chain(of_cases)
    }

    fn languages(&self) -> impl Iterator<Item = &'static str> {
        [self.language].into_iter().chain((self.language != "en").then_some("en"))
    }

    /// As the service hands it to the index.
    pub fn document(&self) -> Document {
        let id = format!("prf_{:08}", self.number);
        let describing = vec![self.passage(&self.summary), self.passage(&self.description)];
        let claim = |concept: &String| Claim { concept: concept.clone(), audience: Audience::Public };
        let case = |(key, (title, text)): (usize, &(String, String))| Case {
            key: key.to_string(),
            titles: vec![self.passage(title)],
            texts: vec![self.passage(text)],
            claims: Vec::new(),
            sectors: vec![self.sector.to_owned()],
            year: Some(2024),
            audience: Audience::Public,
        };
        let age = TimeDelta::minutes((self.number % 500_000) as i64);
        Document {
            profile: id.clone(),
            id,
            kind: Kind::Profile,
            category: self.category.to_owned(),
            audience: Audience::Public,
            titles: vec![Passage { language: None, ..self.passage(&self.name) }],
            texts: self.texts().map(|text| self.passage(text)).collect(),
            seeks: Face { passages: vec![self.passage(&self.wish)], ..Face::default() },
            offers: Face {
                passages: describing,
                claims: self.claims.iter().map(claim).collect(),
                cases: self.cases.iter().enumerate().map(case).collect(),
                ..Face::default()
            },
            place: Place {
                country: Some(self.country.to_owned()),
                region: Some(format!("{}1", self.country)),
                city: Some(self.city.clone()),
                point: Some(self.point),
            },
            sectors: vec![self.sector.to_owned()],
            stage: Some(self.stage.to_owned()),
            size: None,
            languages: self.languages().map(str::to_owned).collect(),
            formats: vec!["online".to_owned()],
            paused: false,
            created_at: now() - age,
            updated_at: now() - age,
            starts_at: None,
            ends_at: None,
        }
    }

    /// As a line of an import into the service; `owner` is the address of who manages it.
    pub fn record(&self, owner: &str) -> Value {
        let in_own = |text: &str| json!({ self.language: text });
        let case = |(title, text): &(String, String)| json!({ "title": in_own(title), "description": in_own(text), "sectors": [self.sector], "year": 2024 });
        json!({
            "record": "profile", "key": format!("bench-{}", self.number), "owner": owner, "fictional": true,
            "kind": self.category, "name": self.name, "languages": self.languages().collect::<Vec<_>>(), "stage": self.stage,
            "country": self.country, "region": format!("{}1", self.country), "city": self.city,
            "location": { "lat": self.point.0, "lon": self.point.1 }, "sectors": [self.sector],
            "formats": ["online"], "expertise": self.claims, "summary": in_own(&self.summary),
            "description": in_own(&self.description), "seeks": { "text": in_own(&self.wish) },
            "track_record": self.cases.iter().map(case).collect::<Vec<_>>()
        })
    }

    fn passage(&self, text: &str) -> Passage {
        Passage {
            language: Some(self.language.to_owned()),
            text: text.to_owned(),
            audience: Audience::Public,
        }
    }
}

impl Sought {
    /// As a need that matching is asked for.
    pub fn document(&self) -> Document {
        let passage = Passage {
            language: Some(self.language.to_owned()),
            text: self.text.clone(),
            audience: Audience::Public,
        };
        Document {
            id: "ned_bench".to_owned(),
            kind: Kind::Need,
            category: "mentoring".to_owned(),
            profile: "prf_bench".to_owned(),
            audience: Audience::Public,
            titles: Vec::new(),
            texts: vec![passage.clone()],
            seeks: Face { passages: vec![passage], ..Face::default() },
            offers: Face::default(),
            place: Place { country: Some(self.country.to_owned()), ..Place::default() },
            sectors: Vec::new(),
            stage: None,
            size: None,
            languages: vec![self.language.to_owned()],
            formats: Vec::new(),
            paused: false,
            created_at: now(),
            updated_at: now(),
            starts_at: None,
            ends_at: None,
        }
    }
}
