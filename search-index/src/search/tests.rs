#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use chrono::TimeDelta;
use proptest::prelude::*;
use tantivy::collector::{DocSetCollector, TopDocs};
use tantivy::query::TermQuery;
use tempfile::TempDir;

use super::*;
use crate::document::{Case, Claim};
use crate::testing::{by_member, by_visitor, document, index, now, passage, put};
use crate::writer::Index;

/// Keeps the folder for as long as the index is used.
struct Bench {
    index: Index,
    _folder: TempDir,
}

fn bench(documents: &[Document]) -> Bench {
    let folder = TempDir::new().unwrap();
    Bench { index: index(folder.path(), documents), _folder: folder }
}

impl Bench {
    fn page(&self, query: &SearchQuery) -> SearchPage {
        self.index.searcher().search(query).unwrap()
    }

    fn ids(&self, query: &SearchQuery) -> Vec<String> {
        self.page(query).hits.into_iter().map(|hit| hit.id).collect()
    }

    fn found(&self, text: &str) -> Vec<String> {
        let mut ids = self.ids(&by_visitor(text));
        ids.sort();
        ids
    }
}

fn people() -> Vec<Document> {
    vec![
        document("p1", "en", "Anna Müller", "I help with predictive maintenance of machines."),
        document("p2", "de", "Łukasz Nowak", "Ich berate zu Häusern und vorausschauender Wartung."),
        document("p3", "fr", "Zoé L'Hôte", "Spécialiste de la vision par ordinateur à l'usine."),
        document("p4", "", "Roboter GmbH", "Wir bauen Bildverarbeitungssysteme für die Industrie und R&D."),
        document("p5", "en", "Data Harbour", "Grain logistics and C++ training."),
    ]
}

#[test]
fn words_are_found_in_the_form_of_their_language() {
    let bench = bench(&people());
    assert_eq!(bench.found("machine"), ["p1"]);
    assert_eq!(bench.found("Haus"), ["p2"]);
    assert_eq!(bench.found("Haeuser"), ["p2"]);
    assert_eq!(bench.found("usines"), ["p3"]);
    assert_eq!(bench.found("C++"), ["p5"]);
    assert_eq!(bench.found("r&d"), ["p4"]);
    assert_eq!(bench.found("Bildverarbeitungssystem"), ["p3", "p4"]);
}

#[test]
fn concepts_bring_languages_together() {
    let bench = bench(&people());
    assert_eq!(bench.found("predictive maintenance"), ["p1", "p2"]);
    assert_eq!(bench.found("maintenance prédictive"), ["p1", "p2"]);
    assert_eq!(bench.found("computer vision"), ["p3", "p4"]);
    assert_eq!(bench.found("KI"), ["p3", "p4"], "a concept stands for those below it");
}

#[test]
fn names_are_found_in_any_spelling() {
    let bench = bench(&people());
    for spelling in ["Müller", "mueller", "MULLER", "anna muller"] {
        assert_eq!(bench.found(spelling), ["p1"], "{spelling}");
    }
    assert_eq!(bench.found("lukasz"), ["p2"]);
    assert_eq!(bench.found("hote"), ["p3"]);
}

#[test]
fn phrases_and_exclusions_are_literal() {
    let bench = bench(&people());
    assert_eq!(bench.found("\"maintenance of machines\""), ["p1"]);
    assert_eq!(bench.found("\"machines maintenance\""), Vec::<String>::new());
    assert_eq!(bench.found("predictive maintenance -machines"), ["p2"]);
    assert_eq!(bench.found("-machines -usine -Haus -industrie").len(), 1);
    assert_eq!(bench.found("").len(), 5);
    assert_eq!(bench.found("!!! ?"), Vec::<String>::new());
}

#[test]
fn typing_errors_are_forgiven_where_little_is_found() {
    let bench = bench(&people());
    let page = bench.page(&by_visitor("logistisc"));
    assert_eq!((page.hits[0].id.as_str(), page.relaxed), ("p5", true));
    assert_eq!(bench.found("Mueler"), ["p1"]);
    assert_eq!(bench.found("harbor grain"), ["p5"]);
    assert_eq!(bench.found("xyzzyplugh"), Vec::<String>::new());
}

#[test]
fn a_title_counts_more_than_a_text() {
    let bench = bench(&[
        document("a", "en", "Somebody", "robots and logistics, welding and much else besides"),
        document("b", "en", "Robots", "welding and logistics"),
    ]);
    assert_eq!(bench.ids(&by_visitor("robots")), ["b", "a"]);
}

/// A public document with members-only pieces of every kind, and a members-only document.
fn with_secrets() -> Vec<Document> {
    let mut mixed = document("mixed", "en", "Open Name", "We build public bridges.");
    mixed.titles.push(passage("en", "Hidden Alias", Audience::Members));
    mixed.texts.push(passage("en", "Our secret is blockchain in quarries.", Audience::Members));
    let claim = |concept: &str, audience| Claim { concept: concept.to_owned(), audience };
    mixed.offers.claims =
        vec![claim("computer_vision", Audience::Members), claim("predictive_maintenance", Audience::Public)];
    mixed.offers.cases.push(Case {
        key: "1".to_owned(),
        titles: vec![passage("en", "artificial intelligence", Audience::Public)],
        texts: Vec::new(),
        claims: Vec::new(),
        sectors: Vec::new(),
        year: None,
        audience: Audience::Members,
    });
    let mut closed = document("closed", "en", "Closed Circle", "We build public bridges.");
    closed.audience = Audience::Members;
    closed.place.city = Some("Secretville".to_owned());
    vec![mixed, closed]
}

#[test]
fn what_members_may_see_is_never_found_by_a_visitor() {
    let bench = bench(&with_secrets());
    let secrets = [
        "secret",
        "quarries",
        "blockchain",
        "hidden",
        "alias",
        "computer vision",
        "AI",
        "artificial intelligence",
        "\"secret is blockchain\"",
        "closed",
        "Secretville",
        "sekret",
    ];
    for words in secrets {
        assert_eq!(bench.page(&by_visitor(words)).total, 0, "{words}");
        assert!(bench.page(&by_member(words)).total > 0, "{words}");
    }
    assert_eq!(bench.found("bridges"), ["mixed"]);
    assert_eq!(bench.found("bridges -secret"), ["mixed"], "exclusion must not tell either");
    assert_eq!(bench.ids(&by_member("bridges -secret")), ["closed"]);
}

#[test]
fn what_members_may_see_is_never_counted_filtered_or_shown_for_a_visitor() {
    let bench = bench(&with_secrets());
    let counted = |query: SearchQuery| {
        let facets = vec![FacetField::Concept, FacetField::Kind];
        bench.page(&SearchQuery { facets, ..query }).facets
    };
    let visitor = counted(by_visitor(""));
    let concepts: Vec<&str> = visitor[0].values.iter().map(|v| v.value.as_str()).collect();
    assert_eq!(concepts, ["predictive_maintenance"]);
    assert_eq!(visitor[1].values[0].count, 1);
    assert_eq!(counted(by_member(""))[0].values.len(), 4);
    let filters = Filters { concepts: vec!["computer_vision".to_owned()], ..Filters::default() };
    assert_eq!(bench.page(&SearchQuery { filters, ..by_visitor("") }).total, 0);
    let hit = bench.page(&by_visitor("bridges secret quarries")).hits.remove(0);
    assert!(!hit.snippet.unwrap().contains("secret"));
    let german = SearchQuery { reader_languages: vec!["de".to_owned()], ..by_visitor("bridges") };
    assert_eq!(bench.page(&german).hits[0].title, "Open Name");
}

fn suggest(bench: &Bench, prefix: &str, audience: Audience) -> Vec<String> {
    let query = SuggestQuery {
        prefix: prefix.to_owned(),
        audience,
        languages: vec!["de".to_owned()],
        limit: 10,
        now: now(),
    };
    let found = bench.index.searcher().suggest(&query).unwrap();
    found.into_iter().map(|suggestion| suggestion.text).collect()
}

#[test]
fn suggestions_complete_names_labels_and_places_within_sight() {
    let mut documents = with_secrets();
    documents[0].place.city = Some("Brüssel".to_owned());
    let bench = bench(&documents);
    assert_eq!(suggest(&bench, "ope", Audience::Public), ["Open Name"]);
    assert_eq!(suggest(&bench, "open na", Audience::Public), ["Open Name"]);
    assert_eq!(suggest(&bench, "brus", Audience::Public), ["Brüssel"]);
    assert_eq!(suggest(&bench, "BRÜS", Audience::Public), ["Brüssel"]);
    assert_eq!(suggest(&bench, "vision", Audience::Public), ["Bildverarbeitung"]);
    assert_eq!(suggest(&bench, "künst", Audience::Public), ["künstliche Intelligenz"]);
    for secret in ["hid", "alias", "clos", "secretv"] {
        assert_eq!(suggest(&bench, secret, Audience::Public), Vec::<String>::new(), "{secret}");
        assert_eq!(suggest(&bench, secret, Audience::Members).len(), 1, "{secret}");
    }
    assert!(suggest(&bench, "o", Audience::Public).is_empty());
}

#[test]
fn snippets_mark_words_and_concepts_and_escape_the_rest() {
    let mut documents = people();
    documents[0].texts[0].text = "I <b>love</b> predictive maintenance & machines".to_owned();
    let bench = bench(&documents);
    let snippet = |text: &str| bench.page(&by_visitor(text)).hits[0].snippet.clone().unwrap();
    assert_eq!(
        snippet("machine"),
        "I &lt;b&gt;love&lt;/b&gt; predictive maintenance &amp; <mark>machines</mark>"
    );
    let french = SearchQuery { limit: 1, ..by_visitor("vision par ordinateur") };
    assert!(bench.page(&french).hits[0].snippet.as_ref().unwrap().contains("<mark>"));
    let across = bench.page(&by_visitor("computer vision"));
    assert!(across.hits.iter().all(|hit| hit.snippet.as_ref().unwrap().contains("<mark>")));
}

fn varied(count: usize) -> Vec<Document> {
    let countries = ["AT", "DE", "FR"];
    let regions = ["AT13", "DE21", "FR10"];
    (0..count)
        .map(|n| {
            let text = format!("robots {}", "welding ".repeat(n % 4));
            let mut one = document(&format!("d{n:03}"), "en", &format!("Name {n}"), &text);
            one.kind = Kind::ALL[n % 4];
            one.category = ["mentor", "hub"][n % 2].to_owned();
            one.place.country = Some(countries[n % 3].to_owned());
            one.place.region = Some(regions[n % 3].to_owned());
            one.place.point = (n % 5 != 0).then(|| (48.0 + n as f64 / 100.0, 16.0));
            one.sectors = vec!["C".to_owned(), ["J", "K"][n % 2].to_owned()];
            one.stage = (n % 2 == 0).then(|| "pilot".to_owned());
            one.languages = vec!["en".to_owned(), ["de", "fr"][n % 2].to_owned()];
            one.formats = vec!["online".to_owned()];
            one.created_at = now() - TimeDelta::hours((n / 2) as i64);
            one.starts_at = (n % 3 == 0).then(|| now() + TimeDelta::days((n % 7) as i64));
            one
        })
        .collect()
}

#[test]
fn filters_find_as_many_as_facets_count() {
    let bench = bench(&varied(40));
    let page = bench.page(&SearchQuery { facets: FacetField::ALL.to_vec(), ..by_visitor("robots") });
    assert_eq!(page.total, 40);
    for facet in page.facets {
        assert_eq!(facet.values.is_empty(), facet.field == FacetField::Concept);
        for FacetValue { value, count } in facet.values {
            let mut filters = Filters::default();
            let list = match facet.field {
                FacetField::Kind => {
                    filters.kinds = vec![Kind::from_code(&value).unwrap()];
                    &mut Vec::new()
                }
                FacetField::Category => &mut filters.categories,
                FacetField::Country => &mut filters.countries,
                FacetField::Region => &mut filters.regions,
                FacetField::Language => &mut filters.languages,
                FacetField::Sector => &mut filters.sectors,
                FacetField::Concept => &mut filters.concepts,
                FacetField::Stage => &mut filters.stages,
                FacetField::Format => &mut filters.formats,
            };
            list.push(value.clone());
            let found = bench.page(&SearchQuery { filters, ..by_visitor("robots") }).total;
            assert_eq!(found as u64, count, "{:?} {value}", facet.field);
        }
    }
}

#[test]
fn filters_hold_together_and_values_are_alternatives() {
    let bench = bench(&varied(12));
    let filters = Filters {
        countries: vec!["AT".to_owned(), "DE".to_owned()],
        kinds: vec![Kind::Profile],
        starts_from: Some(now()),
        starts_before: Some(now() + TimeDelta::days(1)),
        ..Filters::default()
    };
    assert_eq!(bench.ids(&SearchQuery { filters, ..by_visitor("") }), ["d000"]);
}

#[test]
fn a_circle_holds_what_is_near_and_distances_sort() {
    let bench = bench(&varied(20));
    let near = Near { point: (48.0, 16.0), km: 6.0 };
    let filters = Filters { near: Some(near), ..Filters::default() };
    let query = SearchQuery { filters, sort: Sort::Distance, ..by_visitor("") };
    let hits = bench.page(&query).hits;
    assert_eq!(hits.iter().map(|h| h.id.as_str()).collect::<Vec<_>>(), ["d001", "d002", "d003", "d004"]);
    assert!((hits[0].distance_km.unwrap() - 1.11).abs() < 0.01);
    let missing = SearchQuery { sort: Sort::Distance, ..by_visitor("") };
    assert!(matches!(bench.index.searcher().search(&missing), Err(IndexError::NoPoint)));
}

#[test]
fn what_has_ended_or_is_paused_can_be_left_out() {
    let mut documents = varied(3);
    documents[0].ends_at = Some(now());
    documents[1].ends_at = Some(now() + TimeDelta::seconds(1));
    documents[2].paused = true;
    let bench = bench(&documents);
    assert_eq!(bench.found(""), ["d001", "d002"]);
    let filters = Filters { unpaused: true, ..Filters::default() };
    assert_eq!(bench.ids(&SearchQuery { filters, ..by_visitor("") }), ["d001"]);
}

#[test]
fn dates_come_in_order_then_the_newest() {
    let bench = bench(&varied(30));
    let hits = bench.page(&SearchQuery { sort: Sort::Date, limit: 30, ..by_visitor("") }).hits;
    let starts: Vec<_> = hits.iter().map(|hit| hit.starts_at).collect();
    let dated = starts.iter().filter(|start| start.is_some()).count();
    assert!(starts[..dated].is_sorted() && starts[dated..].iter().all(Option::is_none));
    let undated: Vec<&str> = hits[dated..].iter().map(|hit| &hit.id[..3]).collect();
    assert!(undated.is_sorted(), "created later means found earlier: {undated:?}");
}

#[test]
fn pages_neither_repeat_nor_skip() {
    let bench = bench(&varied(37));
    let point = Some((48.0, 16.0));
    for sort in [Sort::Relevance, Sort::Date, Sort::Distance] {
        for text in ["", "robots welding", "roobts"] {
            let query = SearchQuery { sort, origin: point, ..by_visitor(text) };
            let whole = bench.ids(&SearchQuery { limit: 100, ..query.clone() });
            assert!(whole.len() > 20);
            let mut pieces = Vec::new();
            let mut page = SearchQuery { limit: 5, ..query };
            loop {
                let answer = bench.page(&page);
                assert_eq!(answer.total, whole.len());
                pieces.extend(answer.hits.into_iter().map(|hit| hit.id));
                let Some(next) = answer.next else { break };
                page.cursor = Some(next);
            }
            assert_eq!(pieces, whole, "{sort:?} {text}");
        }
    }
}

#[test]
fn a_cursor_is_stable_when_documents_are_added() {
    let documents = varied(30);
    let bench = bench(&documents[..20]);
    let first = SearchQuery { sort: Sort::Date, limit: 10, ..by_visitor("") };
    let page = bench.page(&first);
    let rest = SearchQuery { cursor: page.next, limit: 100, ..first };
    let before = bench.ids(&rest);
    bench.index.apply(documents[20..].iter().map(put).collect()).unwrap();
    bench.index.commit("2").unwrap();
    let after = bench.ids(&rest);
    assert!(before.iter().all(|id| after.contains(id)));
    assert!(page.hits.iter().all(|hit| !after.contains(&hit.id)));
    let foreign = SearchQuery { cursor: Some("nonsense".to_owned()), ..by_visitor("") };
    assert!(matches!(bench.index.searcher().search(&foreign), Err(IndexError::BadCursor)));
}

/// The engine skips blocks of documents that cannot reach the top; with wrong block maxima it would
/// silently skip winners.
#[test]
fn pruned_and_exhaustive_search_agree() {
    let documents: Vec<Document> = (0..3000usize)
        .map(|n| {
            let words = ["robot", "drone", "welder", "grain", "harbour"];
            let text: String =
                (0..1 + n % 17).map(|i| format!("{} ", words[(n * 7 + i * i) % words.len()])).collect();
            document(&format!("d{n}"), "en", &format!("Number {}", n % 50), &text)
        })
        .collect();
    let bench = bench(&documents);
    let searcher = bench.index.searcher();
    let snapshot = searcher.snapshot().unwrap();
    let body = searcher.fields().texts(Language::ENGLISH).unwrap().body;
    for words in [["robot", "drone"], ["welder", "grain"], ["harbour", "robot"]] {
        let terms = words.map(|word| {
            let stem = &searcher.analysis().terms(Language::ENGLISH, word)[0];
            let term = Term::from_field_text(body, stem);
            Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)) as Box<dyn Query>
        });
        let query = BooleanQuery::union(terms.into_iter().collect());
        let top = TopDocs::with_limit(20).order_by_score();
        let pruned = snapshot.searcher.search(&query, &top).unwrap();
        let all = snapshot.searcher.search(&query, &DocSetCollector).unwrap();
        let mut exhaustive: Vec<f32> =
            all.into_iter().map(|at| query.explain(&snapshot.searcher, at).unwrap().value()).collect();
        exhaustive.sort_by(|a, b| b.total_cmp(a));
        for ((score, _), expected) in pruned.iter().zip(&exhaustive) {
            assert!((score - expected).abs() < 1e-4, "{words:?}: {score} is not {expected}");
        }
    }
}

#[test]
fn titles_follow_the_readers_languages() {
    let mut one = document("a", "de", "Datenhafen", "Daten");
    one.titles.push(passage("fr", "Port de données", Audience::Public));
    let bench = bench(&[one]);
    let title = |languages: &[&str]| {
        let reader_languages = languages.iter().map(|l| (*l).to_owned()).collect();
        bench.page(&SearchQuery { reader_languages, ..by_visitor("") }).hits.remove(0).title
    };
    assert_eq!(title(&["it", "fr"]), "Port de données");
    assert_eq!(title(&["it"]), "Datenhafen");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn no_query_is_an_error(texts in proptest::collection::vec("(\\PC|[-\"*~^(){}&|\\\\]|AND |vision ){0,40}", 30)) {
        let bench = bench(&people());
        for text in texts {
            for sort in [Sort::Relevance, Sort::Date] {
                let facets = FacetField::ALL.to_vec();
                let query = SearchQuery { sort, facets, ..by_member(&text) };
                let page = bench.index.searcher().search(&query);
                prop_assert!(page.is_ok(), "{text:?}: {page:?}");
                prop_assert!(page.unwrap().hits.len() <= 5);
            }
            suggest(&bench, &text, Audience::Public);
        }
    }
}
