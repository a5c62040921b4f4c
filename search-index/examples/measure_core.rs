#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
use search_index::search::*;
use search_index::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

fn word(rng: &mut Rng) -> String {
    // zipf-like over 60k made words
    let u = (rng.next() % 1_000_000) as f64 / 1_000_000.0;
    let rank = ((60_000f64).powf(u)) as usize;
    let syl = [
        "ra", "ko", "mi", "ten", "sol", "bar", "lu", "net", "for", "dis", "pra", "ven", "gro", "tal", "chi",
        "os",
    ];
    let mut n = rank + 7;
    let mut s = String::new();
    while n > 0 {
        s.push_str(syl[n % 16]);
        n /= 16;
    }
    s
}

fn cpu() -> Duration {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(s.split(' ').next().unwrap().parse().unwrap())
}
fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let analysis = Arc::new(Analysis::embedded().unwrap());
    let labels: Vec<Vec<String>> = ["en", "de", "fr"]
        .iter()
        .map(|l| analysis.vocabulary().iter().flat_map(|c| c.labels(l).to_vec()).collect())
        .collect();
    println!("{} concepts", analysis.vocabulary().len());
    let text = "Wir bieten vorausschauende Wartung und Bildverarbeitungssysteme für mittelständische Betriebe an, die ihre Produktion überwachen wollen. ".repeat(20);
    let t = Instant::now();
    for _ in 0..200 {
        assert!(!analysis.annotate(&text, Some("de")).is_empty());
    }
    println!("annotate {} words: {:?}", text.split_whitespace().count(), t.elapsed() / 200);
    let t = Instant::now();
    for _ in 0..200 {
        assert!(!analysis.terms(Language::from_code("de"), &text).is_empty());
    }
    println!("terms {} words: {:?}", text.split_whitespace().count(), t.elapsed() / 200);

    let dir = std::path::PathBuf::from(format!("/tmp/measure_core_{n}"));
    let opened = Index::open(&dir, analysis.clone(), WriterOptions::default()).unwrap();
    let index = opened.index;
    let now: chrono::DateTime<chrono::Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
    let mut rng = Rng(88172645463325252);
    if opened.fresh {
        let t = Instant::now();
        let mut batch = Vec::new();
        for i in 0..n {
            let l = rng.below(3);
            let lang = ["en", "de", "fr"][l];
            let mut text = String::new();
            for k in 0..110 {
                if k % 20 == 7 {
                    text.push_str(&labels[l][rng.below(labels[l].len())]);
                    text.push_str(". ");
                }
                text.push_str(&word(&mut rng));
                text.push(' ');
            }
            let p = Passage { language: Some(lang.into()), text, audience: Audience::Public };
            let m = Passage {
                language: Some(lang.into()),
                text: (0..15).map(|_| word(&mut rng) + " ").collect(),
                audience: Audience::Members,
            };
            let title = format!("{} {}", word(&mut rng), word(&mut rng));
            let country = ["AT", "DE", "FR", "IT", "PL", "ES"][rng.below(6)];
            batch.push(Change::Put(Box::new(Document {
                id: format!("prf_{i:08}"),
                kind: Kind::ALL[rng.below(4)],
                category: ["startup", "mentor", "hub"][rng.below(3)].into(),
                profile: format!("prf_{i:08}"),
                audience: Audience::Public,
                titles: vec![Passage {
                    language: Some(lang.into()),
                    text: title,
                    audience: Audience::Public,
                }],
                texts: vec![p.clone(), m.clone()],
                seeks: Face::default(),
                offers: Face { passages: vec![p, m], ..Face::default() },
                place: Place {
                    country: Some(country.into()),
                    region: Some(format!("{country}{}{}", 1 + rng.below(9), 1 + rng.below(9))),
                    city: Some(word(&mut rng)),
                    point: Some((40.0 + rng.below(2000) as f64 / 100.0, rng.below(2000) as f64 / 100.0)),
                },
                sectors: vec![["A", "C", "J", "K"][rng.below(4)].into()],
                stage: None,
                size: None,
                languages: vec![lang.into()],
                formats: vec![],
                paused: false,
                created_at: now - chrono::TimeDelta::minutes(rng.below(500000) as i64),
                updated_at: now,
                starts_at: None,
                ends_at: None,
            })));
            if batch.len() == 500 {
                index.apply(std::mem::take(&mut batch)).unwrap();
            }
        }
        index.apply(batch).unwrap();
        index.commit("1").unwrap();
        println!(
            "indexed {n}: {:?}, {:.0}/s, {:?}",
            t.elapsed(),
            n as f64 / t.elapsed().as_secs_f64(),
            index.size().unwrap()
        );
    }
    let s = index.searcher();
    let mut run = |name: &str, make: &mut dyn FnMut(&mut Rng) -> SearchQuery| {
        let mut times: Vec<Duration> = Vec::new();
        let mut total = 0;
        for _ in 0..300 {
            let q = make(&mut rng);
            let t = Instant::now();
            total += s.search(&q).unwrap().total;
            times.push(t.elapsed());
        }
        times.sort();
        println!("{name}: p50 {:?} p99 {:?} (mean total {})", times[150], times[297], total / 300);
    };
    let facets = vec![FacetField::Kind, FacetField::Country, FacetField::Category];
    let lab = labels.clone();
    run("3 words", &mut |r| SearchQuery::new(&format!("{} {} {}", word(r), word(r), word(r)), now));
    run("3 words no snippets", &mut |r| SearchQuery {
        snippets: false,
        ..SearchQuery::new(&format!("{} {} {}", word(r), word(r), word(r)), now)
    });
    run("3 words+facets", &mut |r| SearchQuery {
        facets: facets.clone(),
        ..SearchQuery::new(&format!("{} {} {}", word(r), word(r), word(r)), now)
    });
    run("concept+word+facets", &mut |r| SearchQuery {
        facets: facets.clone(),
        ..SearchQuery::new(&format!("{} {}", lab[1][r.below(lab[1].len())], word(r)), now)
    });
    run("concept+facet concepts", &mut |r| SearchQuery {
        facets: vec![FacetField::Concept],
        ..SearchQuery::new(&format!("{}", lab[1][r.below(lab[1].len())]), now)
    });
    run("filter only", &mut |r| SearchQuery {
        filters: Filters { countries: vec!["AT".into()], ..Default::default() },
        facets: facets.clone(),
        ..SearchQuery::new("", now)
    });
    run("everything", &mut |_| SearchQuery::new("", now));
    run("near+word", &mut |r| SearchQuery {
        filters: Filters { near: Some(Near { point: (48.0, 16.0), km: 100.0 }), ..Default::default() },
        sort: Sort::Distance,
        ..SearchQuery::new(&word(r), now)
    });
    run("typo", &mut |r| {
        let mut w = word(r);
        w.push('x');
        SearchQuery::new(&format!("{w} {}", word(r)), now)
    });
    run("page deep", &mut |r| SearchQuery {
        audience: Audience::Members,
        sort: Sort::Date,
        ..SearchQuery::new(&word(r), now)
    });
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..300 {
        let w = word(&mut rng);
        let q = SuggestQuery {
            prefix: w[..w.len().min(3)].into(),
            audience: Audience::Public,
            languages: vec!["de".into()],
            limit: 10,
            now,
        };
        let t = Instant::now();
        s.suggest(&q).unwrap();
        times.push(t.elapsed());
    }
    times.sort();
    println!("suggest p50 {:?} p99 {:?}", times[150], times[297]);
    let t = Instant::now();
    let d = s.document(Kind::ALL[0], "prf_00000001").unwrap();
    println!("document {} {:?}", d.is_some(), t.elapsed());
    index.close().unwrap();
}
