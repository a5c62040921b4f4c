//! What privacy alone can't guard: who may know whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// Files outside `allowed` that say `word`; test modules may say anything.
fn strays(word: &str, allowed: &[&str]) -> Vec<String> {
    sources("src")
        .into_iter()
        .filter(|(name, _)| !name.ends_with("tests.rs"))
        .filter(|(name, text)| text.contains(word) && !allowed.iter().any(|part| name.contains(part)))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn sql_is_in_stores_only() {
    let stores = ["/store.rs", "src/db/", "src/mail/outbox.rs", "src/http/idempotency.rs"];
    assert_eq!(strays("diesel::", &stores), Vec::<String>::new());
}

#[test]
fn http_is_in_routes_only() {
    let doors = [
        "/routes.rs",
        "/routes/",
        "/links.rs",
        "src/http/",
        "src/accounts/caller.rs",
        "src/app.rs",
        "src/main.rs",
        "src/operation/metrics.rs",
    ];
    assert_eq!(strays("actix_web::", &doors), Vec::<String>::new());
}

#[test]
fn every_route_is_in_the_contract() {
    assert_eq!(strays(".route(", &[]), Vec::<String>::new());
}

#[test]
fn models_are_pure() {
    let impure = ["diesel", "actix", "lettre", "tantivy", "crate::http", "crate::mail"];
    for (name, text) in sources("src").into_iter().filter(|(name, _)| name.ends_with("/model.rs")) {
        for word in impure {
            assert!(!text.contains(word), "{name} knows {word}");
        }
    }
}

#[test]
fn domains_know_only_those_to_their_left() {
    let order = ["accounts", "profiles", "needs", "offerings", "events", "introductions", "matching"];
    for (place, domain) in order.iter().enumerate() {
        for (name, text) in sources(&format!("src/{domain}")) {
            for later in order.iter().skip(place + 1) {
                assert!(!text.contains(&format!("crate::{later}")), "{name} knows {later}");
            }
        }
    }
    for lower in ["db", "http", "mail", "indexing"] {
        for (name, text) in sources(&format!("src/{lower}")) {
            for domain in order {
                assert!(!text.contains(&format!("crate::{domain}")), "{name} knows {domain}");
            }
        }
    }
}

#[test]
fn the_index_knows_no_service() {
    let manifest =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/search-index/Cargo.toml")).unwrap();
    for word in ["actix", "diesel", "lettre"] {
        assert!(!manifest.contains(word), "search-index depends on {word}");
    }
}
