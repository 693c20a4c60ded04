//! Which answers to one prompt are pairs.

use crate::recipe::{Choose, PairRule, Ties};

/// An answer that can be paired.
#[derive(Debug, Clone)]
pub(super) struct Scored {
    pub(super) place: usize,
    pub(super) score: f64,
    /// Its wording in the normal form.
    pub(super) normal: String,
}

/// Pairs of places in `answers`, the better one first, those with the largest difference first.
pub(super) fn choose(answers: &[Scored], rule: &PairRule) -> Vec<(usize, usize)> {
    let shared = |score: f64| {
        answers
            .iter()
            .filter(|other| other.score.total_cmp(&score).is_eq())
            .count()
            > 1
    };
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (better, a) in answers.iter().enumerate() {
        if rule.min_chosen.is_some_and(|min| a.score < min) {
            continue;
        }
        for (worse, b) in answers.iter().enumerate() {
            let alike = !rule.identical && a.normal == b.normal;
            let unclear = rule.ties == Ties::Skip && (shared(a.score) || shared(b.score));
            if a.score > b.score && a.score - b.score >= rule.margin && !alike && !unclear {
                pairs.push((better, worse));
            }
        }
    }
    // The sort is stable: of several equal pairs the one of the earlier answers comes first.
    let difference = |pair: &(usize, usize)| answers[pair.0].score - answers[pair.1].score;
    pairs.sort_by(|a, b| difference(b).total_cmp(&difference(a)));
    match rule.choose {
        Choose::All => {}
        Choose::Top(count) => pairs.truncate(count),
        Choose::BestWorst => {
            let ends =
                |pick: fn(f64, f64) -> f64| answers.iter().map(|answer| answer.score).reduce(pick);
            let (best, worst) = (ends(f64::max), ends(f64::min));
            pairs.retain(|(a, b)| {
                Some(answers[*a].score) == best && Some(answers[*b].score) == worst
            });
            pairs.truncate(1);
        }
    }
    pairs
}
