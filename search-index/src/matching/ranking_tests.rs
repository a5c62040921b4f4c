//! Ranking through the front door: documents go into an index, questions are asked, answers are read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{HashMap, HashSet};

use chrono::Duration;

use super::fixtures::{World, ask, case, claim, document, ids, members_only, mentor, need, now, text};
use super::{
    Blocker, EvidenceKind, Feature, Match, MatchPage, MatchRequest, Mode, WeightOverrides, codec, encode,
};
use crate::document::{Audience, Document, Face, Kind};

#[test]
fn a_german_need_finds_the_french_mentor_with_the_right_concept() {
    let world = World::with(vec![
        mentor("allemand", "de", "Ich berate Gründerinnen und Gründer bei der Kapitalbeschaffung."),
        mentor("francais", "fr", "Vingt ans de maintenance prédictive dans l'industrie."),
    ]);
    let seeker =
        need("de", "Wir suchen Rat zu vorausschauender Wartung. vorausschauende Wartung für Pumpen.");
    let request = MatchRequest { languages: vec!["de".to_owned()], ..ask(seeker) };
    let page = world.rank(&request);
    assert_eq!(ids(&page), ["francais", "allemand"]);
    let best = &page.matches[0];
    assert_eq!(best.concepts[0].sought, "predictive_maintenance");
    assert_eq!(best.concepts[0].label, "vorausschauende Wartung");
    assert_eq!(best.concepts[0].words.as_ref().unwrap().text, "maintenance prédictive");
    assert_eq!(best.reason, "Bietet vorausschauende Wartung.");
    assert!(best.backward.neutral && !best.forward.neutral);
    let evidence = best.evidence.as_ref().unwrap();
    assert_eq!(evidence.kind, EvidenceKind::Passage);
    assert_eq!(evidence.text.as_ref().unwrap().language.as_deref(), Some("fr"));
    assert!(page.matches[1].concepts.is_empty());
}

#[test]
fn a_similar_past_case_beats_words_about_oneself_and_is_named() {
    let mut doer = mentor("doer", "en", "I help young companies.");
    doer.offers.cases.push(case(
        "7",
        text("en", "Bakery forecast"),
        text("en", "We planned the bread of a bakery with time series."),
    ));
    doer.offers.cases.push(case(
        "8",
        text("en", "Fewer stops at a paper mill"),
        text("en", "Predictive maintenance of pumps, with vibration sensors, for a paper mill."),
    ));
    let talker = mentor("talker", "en", "Predictive maintenance is my passion.");
    let world = World::with(vec![talker, doer]);
    let page = world.rank(&ask(need("en", "Predictive maintenance of pumps with vibration sensors")));
    assert_eq!(ids(&page), ["doer", "talker"]);
    let evidence = page.matches[0].evidence.as_ref().unwrap();
    assert_eq!((evidence.kind, evidence.key.as_deref()), (EvidenceKind::Case, Some("8")));
    assert_eq!(
        page.matches[0].reason,
        "Offers predictive maintenance and has handled a similar case: “Fewer stops at a paper mill”."
    );
}

#[test]
fn what_only_members_may_see_never_reaches_a_visitor() {
    let mut secretive = mentor("secretive", "en", "I advise companies in the north.");
    secretive.offers.claims.push(claim("computer_vision", Audience::Members));
    secretive.offers.passages.push(members_only(text("en", "Secretly I know object detection.")));
    let mut hidden = case(
        "1",
        text("en", "Secret predictive maintenance"),
        text("en", "Secret predictive maintenance of turbines"),
    );
    hidden.audience = Audience::Members;
    secretive.offers.cases.push(hidden);
    secretive.seeks.passages.push(members_only(text("en", "Secretly looking for fundraising cases")));
    secretive.seeks.sectors.push("C".to_owned());
    secretive.seeks.audience = Audience::Members;
    let mut unlisted = mentor("unlisted", "en", "Object detection");
    unlisted.audience = Audience::Members;
    let world = World::with(vec![secretive.clone(), unlisted.clone()]);

    let mut seeker =
        need("en", "Object detection and predictive maintenance of secret turbines, fundraising");
    seeker.sectors.push("C".to_owned());
    let visitor = MatchRequest { reader: Audience::Public, ..ask(seeker.clone()) };
    let page = world.rank(&visitor);
    assert_eq!(ids(&page), ["secretive"]);
    let found = &page.matches[0];
    assert!(found.concepts.is_empty() && found.concepts_in_return.is_empty());
    assert!(found.backward.neutral);
    assert_eq!(found.forward.value(Feature::Expertise), Some(0.0));
    assert_eq!(found.forward.value(Feature::TrackRecord), Some(0.5));
    let json = serde_json::to_string(&page).unwrap().to_lowercase();
    assert!(!json.contains("secretly") && !json.contains("turbine"), "{json}");
    assert!(world.why(&visitor, "unlisted").is_none());

    let mut open = secretive;
    open.offers.claims.clear();
    open.offers.cases.clear();
    open.offers.passages.truncate(1);
    open.seeks = Face::default();
    let without = World::with(vec![open, unlisted]);
    let public_score = |page: &MatchPage| (page.matches[0].score * 1e9).round();
    assert_eq!(public_score(&without.rank(&visitor)), public_score(&page), "no trace in the score");

    let member = world.rank(&ask(seeker));
    assert_eq!(member.matches.len(), 2);
    let found = member.matches.iter().find(|found| found.id == "secretive").unwrap();
    assert!(found.concepts.iter().any(|shared| shared.offered == "object_detection"));
    assert!(found.evidence.is_some() && !found.backward.neutral);
}

#[test]
fn the_order_goes_on_where_the_page_ends() {
    let mentors = (0..9).map(|number| {
        let words = ["predictive maintenance of pumps", "maintenance of pumps", "pumps"][number % 3];
        mentor(&format!("mentor{number}"), "en", words)
    });
    let world = World::with(mentors.collect());
    let request = MatchRequest { limit: 4, ..ask(need("en", "Who knows predictive maintenance of pumps?")) };
    let page = world.rank(&request);
    let order = world.order(&request);
    assert_eq!((page.matches.len(), order.len()), (4, page.considered));
    assert_eq!(order.len(), 9);
    for (found, placed) in page.matches.iter().zip(&order) {
        assert_eq!((&found.id, found.score), (&placed.id, placed.score));
    }
    assert!(order.windows(2).all(|pair| pair[0].score >= pair[1].score - 1e-6));
}

#[test]
fn a_blocked_candidate_is_left_out_and_says_why() {
    let words = "Predictive maintenance for factories";
    let named = |id: &str| mentor(id, "en", words);
    let mut own = named("own");
    own.profile = "prf_founder".to_owned();
    let mut paused = named("paused");
    paused.paused = true;
    let mut ended = named("ended");
    ended.ends_at = Some(now() - Duration::hours(1));
    let mut finnish = named("finnish");
    finnish.languages = vec!["fi".to_owned()];
    let mut strict = named("strict");
    strict.offers.strict = true;
    strict.offers.countries = vec!["FR".to_owned()];
    let mut late = named("late");
    late.offers.strict = true;
    late.offers.stages = vec!["growth".to_owned()];
    let mut large = named("large");
    large.seeks.strict = true;
    large.seeks.sizes = vec!["large".to_owned()];
    let hub = document("hub", Kind::Profile, "hub");
    let fine = named("fine");
    let met = named("met");
    let world = World::with(vec![own, paused, ended, finnish, strict, late, large, hub, fine, met]);

    let mut seeker = need("en", "We need predictive maintenance");
    seeker.languages = vec!["de".to_owned(), "en".to_owned()];
    seeker.place.country = Some("DE".to_owned());
    seeker.stage = Some("idea".to_owned());
    seeker.size = Some("micro".to_owned());
    let request = MatchRequest {
        categories: vec!["mentor".to_owned()],
        exclude: HashMap::from([("met".to_owned(), Blocker::AlreadyIntroduced)]),
        ..ask(seeker)
    };
    let page = world.rank(&request);
    assert_eq!(ids(&page), ["fine"]);
    let expected = [
        ("own", Blocker::OwnProfile),
        ("paused", Blocker::Paused),
        ("ended", Blocker::Ended),
        ("finnish", Blocker::NoCommonLanguage),
        ("strict", Blocker::IneligibleCountry),
        ("late", Blocker::IneligibleStage),
        ("large", Blocker::IneligibleSize),
        ("hub", Blocker::OutsideFilters),
        ("met", Blocker::AlreadyIntroduced),
    ];
    for (id, blocker) in expected {
        assert_eq!(world.blocker(&request, id), Some(blocker), "{id}");
    }
    let why = world.why(&request, "fine").unwrap();
    assert_eq!((why.rank, why.blocker), (Some(1), None));
    assert_eq!(why.candidate, page.matches[0]);
    assert!(world.why(&request, "nobody").is_none());

    let interpreted = MatchRequest { interpreter: true, ..request };
    assert_eq!(world.blocker(&interpreted, "finnish"), None);
}

#[test]
fn a_mentor_finds_needs_by_what_he_offers() {
    let asking = |id: &str, words: &str| {
        let mut need = need("en", words);
        need.id = id.to_owned();
        need.profile = format!("prf_{id}");
        need
    };
    let world = World::with(vec![
        asking("vision", "Somebody who knows object detection in warehouses"),
        asking("money", "Help with fundraising for our second round"),
        mentor("colleague", "en", "Object detection in warehouses"),
    ]);
    let seeker = mentor("me", "en", "Object detection since 2010, in warehouses and on farms");
    let request = MatchRequest { mode: Mode::Offers, want: vec![Kind::Need], ..ask(seeker.clone()) };
    let page = world.rank(&request);
    assert_eq!(ids(&page), ["vision", "money"]);
    assert_eq!(page.matches[0].concepts_in_return[0].sought, "object_detection");
    assert_eq!(page.matches[0].reason, "Seeks object detection, which is offered here.");

    let mut wishing = seeker;
    wishing.offers = Face::default();
    wishing.seeks.passages.push(text("en", "I want to help with fundraising"));
    let page = world.rank(&MatchRequest { seeker: wishing, ..request });
    assert_eq!(page.matches[0].id, "money", "the task of a need is what it gives");
}

#[test]
fn a_sparse_need_still_gets_an_answer() {
    let world = World::with(vec![
        mentor("one", "en", "Computer vision"),
        mentor("two", "en", "Predictive maintenance"),
    ]);
    for words in ["", "zzz qqq"] {
        let page = world.rank(&ask(need("en", words)));
        assert_eq!(page.matches.len(), 2, "{words:?}");
        assert_eq!(page.considered, 2);
        assert!(page.matches.iter().all(|found| !found.reason.is_empty()));
    }
}

#[test]
fn the_order_of_fields_does_not_matter() {
    let sides = |reversed: bool| {
        let mut candidate = mentor("a", "en", "Computer vision and predictive maintenance");
        candidate.offers.passages.push(text("de", "Kapitalbeschaffung für Werkzeugbau"));
        candidate.offers.claims = vec![claim("fundraising", Audience::Public), claim("ai", Audience::Public)];
        candidate.offers.cases = vec![
            case("1", text("en", "Mill"), text("en", "Object detection in a mill")),
            case("2", text("en", "Farm"), text("en", "Object detection on a farm")),
        ];
        candidate.sectors = vec!["A".to_owned(), "C".to_owned()];
        candidate.languages = vec!["en".to_owned(), "de".to_owned()];
        let mut seeker = need("en", "Object detection in a mill");
        seeker.seeks.passages.push(text("de", "Kapitalbeschaffung für den Werkzeugbau"));
        seeker.seeks.sectors = vec!["C".to_owned(), "B".to_owned()];
        if reversed {
            for face in [&mut candidate.offers, &mut seeker.seeks] {
                face.passages.reverse();
                face.claims.reverse();
                face.cases.reverse();
                face.sectors.reverse();
            }
            candidate.sectors.reverse();
            candidate.languages.reverse();
        }
        (candidate, seeker)
    };
    let score = |(candidate, seeker): (Document, Document)| -> Match {
        World::with(vec![candidate]).rank(&ask(seeker)).matches.remove(0)
    };
    let (one, other) = (score(sides(false)), score(sides(true)));
    assert!((one.score - other.score).abs() < 1e-6, "{} {}", one.score, other.score);
    assert_eq!(one.concepts, other.concepts);
}

#[test]
fn equals_take_turns_and_the_rest_stands_still() {
    let mut documents: Vec<Document> =
        (0..6).map(|number| mentor(&format!("m{number}"), "en", "Computer vision")).collect();
    documents.push(mentor("best", "en", "Object detection"));
    let world = World::with(documents);
    let on_day = |day: i64| {
        let mut request = ask(need("en", "Object detection"));
        request.now = now() + Duration::days(day);
        world.rank(&request)
    };
    assert_eq!(ids(&on_day(0)), ids(&on_day(0)));
    let firsts: Vec<Vec<String>> =
        (0..10).map(|day| ids(&on_day(day)).into_iter().map(str::to_owned).collect()).collect();
    assert!(firsts.iter().all(|order| order[0] == "best"));
    let distinct: HashSet<&String> = firsts.iter().map(|order| &order[1]).collect();
    assert!(distinct.len() > 2, "{distinct:?}");
}

#[test]
fn weights_can_be_overridden() {
    let mut near = mentor("near", "en", "Garden design");
    near.place.country = Some("AT".to_owned());
    let mut far = mentor("far", "en", "Predictive maintenance");
    far.place.country = Some("PT".to_owned());
    let world = World::with(vec![near, far]);
    let mut seeker = need("en", "Predictive maintenance");
    seeker.place.country = Some("AT".to_owned());
    let mut request = ask(seeker);
    assert_eq!(ids(&world.rank(&request)), ["far", "near"]);
    let overrides: WeightOverrides =
        serde_json::from_str(r#"{"forward": {"region": 30, "newcomer": 0}}"#).unwrap();
    request.parameters = request.parameters.with_overrides(&overrides).unwrap();
    let page = world.rank(&request);
    assert_eq!(ids(&page), ["near", "far"]);
    assert_eq!(page.parameters_version, "2+custom");
    assert!(page.matches[0].reason.ends_with(", in the same country."), "{}", page.matches[0].reason);
}

#[test]
fn a_huge_document_is_cut_to_what_a_column_can_hold() {
    let words = |salt: usize, count: usize| -> String {
        (0..count).map(|number| format!("word{salt}x{number} ")).collect()
    };
    let mut huge = mentor("huge", "en", &words(0, 6_000));
    for (salt, language) in ["de", "fr", "es", "it", "pl", "nl"].into_iter().enumerate() {
        let secret = members_only(text(language, &words(salt, 800)));
        huge.offers.passages.push(secret.clone());
        huge.seeks.passages.extend([text(language, &words(salt, 800)), secret]);
    }
    for number in 0..80 {
        let body = words(number, 120);
        let mut huge_case = case(&number.to_string(), text("en", "Object detection"), text("en", &body));
        huge_case.texts.push(members_only(text("en", &body)));
        huge.offers.cases.push(huge_case);
    }
    let world = World::with(vec![huge.clone()]);
    let (_, bytes) = encode(&huge, world.analysis());
    assert!(bytes.len() < usize::from(u16::MAX), "{}", bytes.len());
    assert!(codec::decode(&bytes).is_some());
    assert_eq!(ids(&world.rank(&ask(need("en", "Object detection")))), ["huge"]);
}
