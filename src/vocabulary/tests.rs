//! Classifications in their published formats, and what importing them again does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

use super::*;
use crate::db::Db;

const SIMPLE: &str = "\
key,parent,language,label,alternatives,description
beekeeping,,en,beekeeping,apiculture|bee-keeping,\"Bees, hives and honey.\"
beekeeping,,de,Imkerei,Bienenzucht,\"Bienen, Beuten und Honig.\"
queens,beekeeping,en,queen rearing,,
";

const ESCO: &str = "\
conceptType,conceptUri,iscoGroup,preferredLabel,altLabels,description
Occupation,http://data.europa.eu/esco/occupation/00-aB,6123,bee breeder,\"apiarist
beekeeper\",\"Bee breeders raise bees.\"
";

const SKOS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:skos="http://www.w3.org/2004/02/skos/core#">
  <skos:Concept rdf:about="http://eurovoc.europa.eu/5">
    <skos:prefLabel xml:lang="en">apiculture</skos:prefLabel>
    <skos:prefLabel xml:lang="el">μελισσοκομία</skos:prefLabel>
    <skos:altLabel xml:lang="en">bee-keeping</skos:altLabel>
    <skos:broader rdf:resource="http://eurovoc.europa.eu/4"/>
  </skos:Concept>
</rdf:RDF>"#;

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn each_format_is_known_by_its_beginning() {
    let folder = TempDir::new().unwrap();
    let simple = read(&[file(&folder, "bees.csv", SIMPLE)]).unwrap();
    assert_eq!(simple["beekeeping"].labels["en"], ["beekeeping", "apiculture", "bee-keeping"]);
    assert_eq!(simple["beekeeping"].descriptions["de"], "Bienen, Beuten und Honig.");
    assert_eq!(simple["queens"].broader.as_deref(), Some("beekeeping"));
    let esco = read(&[file(&folder, "occupations_en.csv", ESCO)]).unwrap();
    let breeder = &esco["http://data.europa.eu/esco/occupation/00-aB"];
    assert_eq!(breeder.labels["en"], ["bee breeder", "apiarist", "beekeeper"]);
    let skos = read(&[file(&folder, "eurovoc.rdf", SKOS)]).unwrap();
    let apiculture = &skos["http://eurovoc.europa.eu/5"];
    assert_eq!(
        (apiculture.labels["en"].as_slice(), apiculture.labels["el"][0].as_str()),
        (&["apiculture".to_owned(), "bee-keeping".to_owned()][..], "μελισσοκομία")
    );
    assert_eq!(apiculture.broader.as_deref(), Some("http://eurovoc.europa.eu/4"));
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = TempDir::new().unwrap();
    for (name, text, expected) in [
        (
            "a.csv",
            "key,parent,language,label,alternatives,description\nx,,deu,y,,\n",
            "line 2: key, label and a language",
        ),
        ("b.csv", "key,word\nx,y\n", "unknown field"),
        ("occupations.csv", ESCO, "ends with its language"),
        ("c.rdf", "<rdf:RDF", "c.rdf"),
    ] {
        let fault = read(&[file(&folder, name, text)]).unwrap_err().to_string();
        assert!(fault.contains(expected) && fault.contains(name), "{fault}");
    }
    assert!(read(&[PathBuf::from("/nowhere/x.csv")]).unwrap_err().to_string().contains("/nowhere/x.csv"));
}

#[test]
fn importing_again_changes_versions_and_invalidates_but_never_deletes() {
    let folder = TempDir::new().unwrap();
    let db = Db::connect(&format!("sqlite://{}", folder.path().join("db").display()), 1).unwrap();
    db.migrate().unwrap();
    let now: DateTime<Utc> = "2026-11-23T08:00:00Z".parse().unwrap();
    let load = |text: &str, hours: i64| {
        let classification = read(&[file(&folder, "bees.csv", text)]).unwrap();
        let at = now + TimeDelta::hours(hours);
        db.write_now(move |conn| import(conn, at, "bees", classification)).unwrap()
    };
    assert_eq!(load(SIMPLE, 0), Imported { created: 2, ..Imported::default() });
    assert_eq!(load(SIMPLE, 1), Imported { unchanged: 2, ..Imported::default() });
    let changed: String =
        SIMPLE.replace("Imkerei", "Bienenhaltung").lines().take(3).map(|line| format!("{line}\n")).collect();
    assert_eq!(load(&changed, 2), Imported { updated: 1, invalidated: 1, ..Imported::default() });
    assert_eq!(load(&changed, 3), Imported { unchanged: 1, ..Imported::default() });
    let kept = db.read_now(imported).unwrap();
    let states: Vec<_> = kept.iter().map(|concept| (concept.id.as_str(), concept.invalid)).collect();
    assert_eq!(states, [("bees_beekeeping", false), ("bees_queens", true)]);
    assert_eq!(load(SIMPLE, 4), Imported { updated: 2, ..Imported::default() });

    let without_english = read(&[file(
        &folder,
        "c.csv",
        "key,parent,language,label,alternatives,description\nx,,de,Honig,,\n",
    )])
    .unwrap();
    let refused = db.write_now(move |conn| import(conn, now, "honey", without_english)).unwrap_err();
    assert_eq!(refused.to_string(), "`x` has no English label, which every concept needs");
}
