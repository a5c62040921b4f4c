//! What else one could search the same profiles with: plain tantivy, SQLite FTS5, PostgreSQL full-text search.
//!
//! Each is used as its manual advises, by somebody who knows it and writes no code of his own around it.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, SqliteConnection, sql_query};
use tantivy::aggregation::{AggContextParams, AggregationCollector};
use tantivy::collector::{Count, TopDocs};
use tantivy::directory::MmapDirectory;
use tantivy::query::QueryParser;
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Language, LowerCaser, SimpleTokenizer, Stemmer, StopWordFilter, TextAnalyzer};
use tantivy::{Index, IndexReader, IndexWriter, TantivyDocument};

use crate::corpus::Person;

/// Hits on a page.
const PAGE: usize = 20;

/// How much more a word in the title counts.
const TITLE_BOOST: f32 = 3.0;

/// An engine that can be filled and asked. All answers are numbers of profiles found.
pub trait Rival {
    fn name(&self) -> &'static str;
    fn add(&mut self, people: &[Person]);
    /// Makes everything searchable, and brings the data into the form that it is best searched in.
    fn finish(&mut self);
    /// The 20 best profiles that have all words, the number of all, and counts by category, country and sector.
    fn page(&mut self, language: &str, words: &[String]) -> usize;
    /// The 20 best profiles that have any of the words.
    fn best(&mut self, language: &str, words: &[String]) -> usize;
}

const LANGUAGES: [(&str, Language, &str); 5] = [
    ("en", Language::English, "english"),
    ("de", Language::German, "german"),
    ("fr", Language::French, "french"),
    ("es", Language::Spanish, "spanish"),
    ("it", Language::Italian, "italian"),
];

/// The letters and digits of a text, word by word.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// tantivy with the fields of our index, filled by its stock analysers: stop words and stemmers by language, names and
/// spellings unstemmed, both faces' terms, facts as columns, and the whole document. What it does not do is what ours
/// adds: concepts found in texts, compounds and folding, and a vector for matching.
pub struct Plain {
    index: Index,
    writer: Option<IndexWriter>,
    reader: Option<(IndexReader, [QueryParser; 2])>,
    fields: PlainFields,
}

struct PlainFields {
    key: Field,
    category: Field,
    country: Field,
    region: Field,
    city: Field,
    sector: Field,
    language: Field,
    concepts: Field,
    created: Field,
    titles: Vec<Field>,
    bodies: Vec<Field>,
    names: Field,
    spellings: Field,
    offers: Field,
    seeks: Field,
    document: Field,
}

impl Plain {
    pub fn new(folder: &Path) -> Plain {
        let mut b = Schema::builder();
        let indexing = |tokenizer: &str| TextFieldIndexing::default().set_tokenizer(tokenizer);
        let scored = |tokenizer: &str| {
            let indexing = indexing(tokenizer).set_index_option(IndexRecordOption::WithFreqsAndPositions);
            TextOptions::default().set_indexing_options(indexing)
        };
        let looked_up = || {
            let indexing =
                indexing("default").set_index_option(IndexRecordOption::Basic).set_fieldnorms(false);
            TextOptions::default().set_indexing_options(indexing)
        };
        let fields = PlainFields {
            key: b.add_text_field("key", STRING | STORED),
            category: b.add_text_field("category", STRING | FAST),
            country: b.add_text_field("country", STRING | FAST),
            region: b.add_text_field("region", STRING | FAST),
            city: b.add_text_field("city", STRING | FAST),
            sector: b.add_text_field("sector", STRING | FAST),
            language: b.add_text_field("language", STRING | FAST),
            concepts: b.add_text_field("concepts", STRING | FAST),
            created: b.add_i64_field("created", FAST),
            titles: LANGUAGES
                .iter()
                .map(|(c, ..)| b.add_text_field(&format!("title_{c}"), scored(c)))
                .collect(),
            bodies: LANGUAGES
                .iter()
                .map(|(c, ..)| b.add_text_field(&format!("body_{c}"), scored(c)))
                .collect(),
            names: b.add_text_field("names", scored("default")),
            spellings: b.add_text_field("spellings", looked_up()),
            offers: b.add_text_field("offers", looked_up()),
            seeks: b.add_text_field("seeks", looked_up()),
            document: b.add_bytes_field("document", STORED),
        };
        let index = Index::open_or_create(MmapDirectory::open(folder).unwrap(), b.build()).unwrap();
        for (code, language, _) in LANGUAGES {
            let analyzer = TextAnalyzer::builder(SimpleTokenizer::default())
                .filter(LowerCaser)
                .filter(StopWordFilter::new(language).unwrap())
                .filter(Stemmer::new(language))
                .build();
            index.tokenizers().register(code, analyzer);
        }
        let writer = Some(index.writer_with_num_threads(2, 128 * 1024 * 1024).unwrap());
        Plain { index, writer, reader: None, fields }
    }

    fn entry(&self, person: &Person) -> TantivyDocument {
        let (fields, document) = (&self.fields, person.document());
        let at = LANGUAGES.iter().position(|(code, ..)| *code == person.language).unwrap();
        let mut entry = TantivyDocument::new();
        entry.add_text(fields.key, &document.id);
        entry.add_text(fields.category, person.category);
        entry.add_text(fields.country, person.country);
        entry.add_text(fields.region, document.place.region.as_deref().unwrap());
        entry.add_text(fields.city, document.place.city.as_deref().unwrap());
        entry.add_text(fields.sector, person.sector);
        entry.add_i64(fields.created, document.created_at.timestamp());
        document.languages.iter().for_each(|language| entry.add_text(fields.language, language));
        person.claims.iter().for_each(|claim| entry.add_text(fields.concepts, claim));
        entry.add_text(fields.titles[at], person.title());
        entry.add_text(fields.names, person.title());
        for text in person.texts() {
            entry.add_text(fields.bodies[at], text);
            entry.add_text(fields.spellings, text);
        }
        for passage in &document.seeks.passages {
            entry.add_text(fields.seeks, &passage.text);
        }
        let of_cases = document.offers.cases.iter().flat_map(|case| case.titles.iter().chain(&case.texts));
        for passage in document.offers.passages.iter().chain(of_cases) {
            entry.add_text(fields.offers, &passage.text);
        }
        entry.add_bytes(fields.document, &serde_json::to_vec(&document).unwrap());
        entry
    }

    /// The number found, after reading the 20 best back.
    fn ask(&self, all: bool, words: &[String], facets: bool) -> usize {
        let (reader, parsers) = self.reader.as_ref().unwrap();
        let query = parsers[usize::from(all)].parse_query(&words.join(" ")).unwrap();
        let searcher = reader.searcher();
        let top = TopDocs::with_limit(PAGE).order_by_score();
        let (best, total) = if facets {
            let counts = ["category", "country", "sector"].map(|name| {
                (name.to_owned(), serde_json::json!({ "terms": { "field": name, "size": 100 } }))
            });
            let counts = serde_json::from_value(counts.into_iter().collect()).unwrap();
            let counts = AggregationCollector::from_aggs(counts, AggContextParams::default());
            let (best, total, _) = searcher.search(&query, &(top, Count, counts)).unwrap();
            (best, total)
        } else {
            searcher.search(&query, &(top, Count)).unwrap()
        };
        for (_, address) in best {
            let entry: TantivyDocument = searcher.doc(address).unwrap();
            assert!(entry.get_first(self.fields.document).is_some());
        }
        total
    }
}

impl Rival for Plain {
    fn name(&self) -> &'static str {
        "plain tantivy"
    }

    fn add(&mut self, people: &[Person]) {
        for person in people {
            self.writer.as_ref().unwrap().add_document(self.entry(person)).unwrap();
        }
    }

    fn finish(&mut self) {
        let mut writer = self.writer.take().unwrap();
        writer.commit().unwrap();
        writer.wait_merging_threads().unwrap();
        let parser = |all| {
            let (titles, bodies) = (&self.fields.titles, &self.fields.bodies);
            let mut parser =
                QueryParser::for_index(&self.index, titles.iter().chain(bodies).copied().collect());
            titles.iter().for_each(|field| parser.set_field_boost(*field, TITLE_BOOST));
            if all {
                parser.set_conjunction_by_default();
            }
            parser
        };
        self.reader = Some((self.index.reader().unwrap(), [parser(false), parser(true)]));
    }

    fn page(&mut self, _: &str, words: &[String]) -> usize {
        self.ask(true, words, true)
    }

    fn best(&mut self, _: &str, words: &[String]) -> usize {
        self.ask(false, words, false)
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    excerpt: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// SQLite with an FTS5 table: words folded, not stemmed, as it has stemming for English only.
pub struct Fts5(SqliteConnection);

impl Fts5 {
    pub fn new(folder: &Path) -> Fts5 {
        let path = folder.join("fts5.sqlite");
        let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        conn.batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -262144;
             CREATE TABLE facts (number INTEGER PRIMARY KEY, id TEXT, category TEXT, country TEXT, sector TEXT);
             CREATE VIRTUAL TABLE texts USING fts5 (title, body, tokenize = 'unicode61 remove_diacritics 2');",
        )
        .unwrap();
        Fts5(conn)
    }

    fn best_of(&mut self, asked: &str) -> usize {
        let found: Vec<Found> = sql_query(
            "SELECT id, snippet(texts, 1, '<mark>', '</mark>', '…', 24) AS excerpt
             FROM texts JOIN facts ON number = texts.rowid WHERE texts MATCH ? ORDER BY bm25(texts, 3.0, 1.0) LIMIT 20",
        )
        .bind::<Text, _>(asked)
        .load(&mut self.0)
        .unwrap();
        found.iter().filter(|found| !found.id.is_empty() && !found.excerpt.is_empty()).count()
    }
}

/// Words as FTS5's query language takes them.
fn quoted(words: &[String], between: &str) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(between)
}

impl Rival for Fts5 {
    fn name(&self) -> &'static str {
        "SQLite FTS5"
    }

    fn add(&mut self, people: &[Person]) {
        let insert = |conn: &mut SqliteConnection| {
            for person in people {
                let number = person.number as i64 + 1;
                sql_query("INSERT INTO facts VALUES (?, ?, ?, ?, ?)")
                    .bind::<BigInt, _>(number)
                    .bind::<Text, _>(format!("prf_{:08}", person.number))
                    .bind::<Text, _>(person.category)
                    .bind::<Text, _>(person.country)
                    .bind::<Text, _>(person.sector)
                    .execute(conn)?;
                sql_query("INSERT INTO texts (rowid, title, body) VALUES (?, ?, ?)")
                    .bind::<BigInt, _>(number)
                    .bind::<Text, _>(person.title())
                    .bind::<Text, _>(person.texts().collect::<Vec<_>>().join("\n"))
                    .execute(conn)?;
            }
            diesel::QueryResult::Ok(())
        };
        self.0.transaction(insert).unwrap();
    }

    fn finish(&mut self) {
        self.0.batch_execute("INSERT INTO texts (texts) VALUES ('optimize'); ANALYZE;").unwrap();
    }

    fn page(&mut self, _: &str, words: &[String]) -> usize {
        let asked = quoted(words, " ");
        self.best_of(&asked);
        let counts: Vec<Counted> = sql_query(
            "SELECT count(*) AS number FROM texts JOIN facts ON number = texts.rowid WHERE texts MATCH ?
             GROUP BY category, country, sector",
        )
        .bind::<Text, _>(asked)
        .load(&mut self.0)
        .unwrap();
        counts.iter().map(|count| count.number as usize).sum()
    }

    fn best(&mut self, _: &str, words: &[String]) -> usize {
        self.best_of(&quoted(words, " OR "))
    }
}

/// PostgreSQL with a stored `tsvector` in the language of each profile and a GIN index.
pub struct Postgres {
    conn: PgConnection,
    server: String,
    database: String,
}

impl Postgres {
    /// In a database of its own on the server that the URL names (without a database's name at its end).
    pub fn new(server: &str) -> Postgres {
        let database = format!("aihub_bench_{}", std::process::id());
        let mut conn = PgConnection::establish(&format!("{server}/postgres")).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {database}")).unwrap();
        let mut conn = PgConnection::establish(&format!("{server}/{database}")).unwrap();
        conn.batch_execute(
            "CREATE TABLE profiles (id TEXT PRIMARY KEY, category TEXT, country TEXT, sector TEXT, language REGCONFIG,
             title TEXT, body TEXT, words TSVECTOR GENERATED ALWAYS AS
             (setweight(to_tsvector(language, title), 'A') || setweight(to_tsvector(language, body), 'D')) STORED)",
        )
        .unwrap();
        Postgres { conn, server: server.to_owned(), database }
    }

    fn best_of(&mut self, language: &str, asked: &str) -> usize {
        let found: Vec<Found> = sql_query(format!(
            "SELECT id, ts_headline('{language}', body, to_tsquery('{language}', $1), 'MaxWords=24, MinWords=12') AS excerpt
             FROM (SELECT id, body FROM profiles WHERE words @@ to_tsquery('{language}', $1)
             ORDER BY ts_rank(words, to_tsquery('{language}', $1)) DESC LIMIT 20) AS best"
        ))
        .bind::<Text, _>(asked)
        .load(&mut self.conn)
        .unwrap();
        found.iter().filter(|found| !found.id.is_empty() && !found.excerpt.is_empty()).count()
    }
}

fn configuration(language: &str) -> &'static str {
    LANGUAGES.iter().find(|(code, ..)| *code == language).map_or("simple", |(.., name)| name)
}

impl Rival for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL full-text search"
    }

    fn add(&mut self, people: &[Person]) {
        let insert = |conn: &mut PgConnection| {
            for person in people {
                sql_query("INSERT INTO profiles VALUES ($1, $2, $3, $4, $5::regconfig, $6, $7)")
                    .bind::<Text, _>(format!("prf_{:08}", person.number))
                    .bind::<Text, _>(person.category)
                    .bind::<Text, _>(person.country)
                    .bind::<Text, _>(person.sector)
                    .bind::<Text, _>(configuration(person.language))
                    .bind::<Text, _>(person.title())
                    .bind::<Text, _>(person.texts().collect::<Vec<_>>().join("\n"))
                    .execute(conn)?;
            }
            diesel::QueryResult::Ok(())
        };
        self.conn.transaction(insert).unwrap();
    }

    fn finish(&mut self) {
        let sql = "CREATE INDEX ON profiles USING gin (words); VACUUM ANALYZE profiles";
        sql.split(';').for_each(|statement| self.conn.batch_execute(statement).unwrap());
    }

    fn page(&mut self, language: &str, words: &[String]) -> usize {
        let (language, asked) = (configuration(language), words.join(" & "));
        self.best_of(language, &asked);
        let counts: Vec<Counted> = sql_query(format!(
            "SELECT count(*) AS number FROM profiles WHERE words @@ to_tsquery('{language}', $1)
             GROUP BY category, country, sector"
        ))
        .bind::<Text, _>(asked)
        .load(&mut self.conn)
        .unwrap();
        counts.iter().map(|count| count.number as usize).sum()
    }

    fn best(&mut self, language: &str, words: &[String]) -> usize {
        self.best_of(configuration(language), &words.join(" | "))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(mut conn) = PgConnection::establish(&format!("{}/postgres", self.server)) {
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database));
        }
    }
}
