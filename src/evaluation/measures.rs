//! What a ranked answer is worth: the measures as `trec_eval` computes them, and AUC.
//!
//! A document is relevant if its grade is above 0; what nobody judged counts as irrelevant, except for AUC, which passes
//! over it. Definitions: Voorhees and Harman, "TREC: experiment and evaluation in information retrieval", 2005, chapter 3;
//! those of single measures are named beside them.

use std::collections::BTreeMap;

use super::trec::Retrieved;

/// A measure of one answer, in [0, 1], greater is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Discounted gain of the first 10 over the greatest possible, with the grade as gain and `log2(1 + rank)` as
    /// discount (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002, in the form of
    /// `trec_eval`'s `ndcg_cut_10`).
    Ndcg10,
    /// Mean over all relevant documents, found or not, of the precision at the rank of each.
    AveragePrecision,
    /// Share of relevant ones among 30 places, filled or not.
    Precision30,
    /// Share of all relevant ones that stand among the first 100.
    Recall100,
    /// 1 over the rank of the first relevant one, 0 without one.
    ReciprocalRank,
    /// Whether a relevant one stands among the first 1, 5 or 10.
    Hit1,
    Hit5,
    Hit10,
    /// Probability that a relevant document has a greater score than one judged irrelevant, equal scores counting a half;
    /// what was not retrieved has the same score below all others (Fawcett, "An introduction to ROC analysis", 2006).
    AreaUnderCurve,
}

impl Measure {
    pub const ALL: [Measure; 9] = [
        Measure::Ndcg10,
        Measure::AveragePrecision,
        Measure::Precision30,
        Measure::Recall100,
        Measure::ReciprocalRank,
        Measure::Hit1,
        Measure::Hit5,
        Measure::Hit10,
        Measure::AreaUnderCurve,
    ];

    /// The name of its mean over queries.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Ndcg10 => "nDCG@10",
            Measure::AveragePrecision => "MAP",
            Measure::Precision30 => "P@30",
            Measure::Recall100 => "R@100",
            Measure::ReciprocalRank => "MRR",
            Measure::Hit1 => "H@1",
            Measure::Hit5 => "H@5",
            Measure::Hit10 => "H@10",
            Measure::AreaUnderCurve => "AUC",
        }
    }

    /// The value for an answer. `None` where it has none: where nothing is relevant, and for AUC where nothing was judged
    /// irrelevant.
    pub fn of(self, answer: &Answer) -> Option<f64> {
        if answer.relevant == 0 {
            return None;
        }
        Some(match self {
            Measure::Ndcg10 => answer.ndcg(10),
            Measure::AveragePrecision => answer.average_precision(),
            Measure::Precision30 => answer.found(30) as f64 / 30.0,
            Measure::Recall100 => answer.found(100) as f64 / answer.relevant as f64,
            Measure::ReciprocalRank => answer.reciprocal_rank(),
            Measure::Hit1 => answer.hit(1),
            Measure::Hit5 => answer.hit(5),
            Measure::Hit10 => answer.hit(10),
            Measure::AreaUnderCurve => return answer.area_under_curve(),
        })
    }
}

/// A ranked answer seen through its judgements.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Grades in the order of the answer, 0 where nobody judged.
    grades: Vec<i64>,
    /// All grades above 0, found or not, the greatest first.
    ideal: Vec<i64>,
    relevant: usize,
    /// Grade and score of every judged document; those not retrieved have no score.
    judged: Vec<(i64, Option<f32>)>,
}

impl Answer {
    /// `retrieved` is in its order, the best first.
    pub fn new(retrieved: &[Retrieved], judgements: &BTreeMap<String, i64>) -> Answer {
        let grade = |found: &Retrieved| judgements.get(&found.document).copied();
        let grades = retrieved.iter().map(|found| grade(found).unwrap_or(0)).collect();
        let scores: BTreeMap<&str, f32> =
            retrieved.iter().map(|found| (found.document.as_str(), found.score)).collect();
        let judged: Vec<(i64, Option<f32>)> = judgements
            .iter()
            .map(|(document, grade)| (*grade, scores.get(document.as_str()).copied()))
            .collect();
        let mut ideal: Vec<i64> = judgements.values().copied().filter(|grade| *grade > 0).collect();
        ideal.sort_unstable_by(|one, other| other.cmp(one));
        Answer { grades, relevant: ideal.len(), ideal, judged }
    }

    /// Ranks of the relevant documents, from 1.
    fn hits(&self) -> impl Iterator<Item = usize> + '_ {
        (1..).zip(&self.grades).filter(|(_, grade)| **grade > 0).map(|(rank, _)| rank)
    }

    /// How many relevant ones stand among the first `depth`.
    fn found(&self, depth: usize) -> usize {
        self.hits().take_while(|rank| *rank <= depth).count()
    }

    fn hit(&self, depth: usize) -> f64 {
        if self.found(depth) > 0 { 1.0 } else { 0.0 }
    }

    fn reciprocal_rank(&self) -> f64 {
        self.hits().next().map_or(0.0, |rank| 1.0 / rank as f64)
    }

    fn average_precision(&self) -> f64 {
        let precisions = (1..).zip(self.hits()).map(|(found, rank)| f64::from(found) / rank as f64);
        precisions.sum::<f64>() / self.relevant as f64
    }

    fn ndcg(&self, depth: usize) -> f64 {
        gain(&self.grades, depth) / gain(&self.ideal, depth)
    }

    fn area_under_curve(&self) -> Option<f64> {
        let of = |relevant: bool| {
            let wanted = self.judged.iter().filter(move |(grade, _)| (*grade > 0) == relevant);
            wanted.map(|(_, score)| *score)
        };
        let pairs = of(true).count() * of(false).count();
        // `None` is less than every score.
        let won = |good: Option<f32>, bad: Option<f32>| {
            if good > bad {
                1.0
            } else if good == bad {
                0.5
            } else {
                0.0
            }
        };
        let wins: f64 = of(true).flat_map(|good| of(false).map(move |bad| won(good, bad))).sum();
        (pairs > 0).then(|| wins / pairs as f64)
    }
}

/// Discounted cumulated gain of the first `depth` grades; one below 0 gains nothing.
fn gain(grades: &[i64], depth: usize) -> f64 {
    let discounted = |(rank, grade): (i32, &i64)| (*grade).max(0) as f64 / (f64::from(rank) + 1.0).log2();
    (1..).zip(grades).take(depth).map(discounted).sum()
}
