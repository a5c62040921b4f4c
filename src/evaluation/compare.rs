//! Whether one run is better than another on the same queries, or only looks so.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// How often the queries are drawn anew.
const DRAWS: usize = 10_000;
/// Fixed, so that the same runs compare the same.
const SEED: u64 = 1;
/// Share of the draws on either side of the interval.
const TAIL: f64 = 0.025;

/// Means that are closer than this are equal: hits are whole numbers, so many of theirs are.
const ROUNDING: f64 = 1e-12;

/// The mean difference of two runs in one measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Above 0 where the first run is better.
    pub mean: f64,
    /// The 95 % percentile interval of the mean.
    pub interval: [f64; 2],
    /// How often, if the runs were equally good, a difference this large either way would be seen; in (0, 1].
    pub p: f64,
    pub queries: usize,
}

/// The paired bootstrap: queries are drawn with replacement, the interval is that of the drawn means, and `p` comes from
/// the drawn means shifted to 0 (Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapters 13 and 16; for
/// retrieval Sakai, "Evaluating evaluation metrics based on the bootstrap", 2006). `None` for fewer than two queries.
pub fn paired_bootstrap(differences: &[f64]) -> Option<Difference> {
    let queries = differences.len();
    if queries < 2 {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / queries as f64;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
    // Means of differences from the mean.
    let mut shifts: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn = (0..queries).filter_map(|_| differences.get(random.random_range(0..queries)));
            drawn.map(|difference| difference - mean).sum::<f64>() / queries as f64
        })
        .collect();
    shifts.sort_unstable_by(f64::total_cmp);
    let as_large = shifts.iter().filter(|shift| shift.abs() >= mean.abs() - ROUNDING).count();
    let quantile = |share: f64| {
        let place = (share * (DRAWS - 1) as f64).round() as usize;
        shifts.get(place).map_or(mean, |shift| mean + shift)
    };
    Some(Difference {
        mean,
        interval: [quantile(TAIL), quantile(1.0 - TAIL)],
        p: (1 + as_large) as f64 / (1 + DRAWS) as f64,
        queries,
    })
}
