//! How near records are to a query: distances, shared words, and one order out of two.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::BuildHasher;

use super::api::Metric;

#[cfg(test)]
mod tests;

/// What is added to a rank before its reciprocal is taken (Cormack, Clarke and Büttcher 2009).
const RANK_OFFSET: f64 = 60.0;

/// How many of each list an index is asked for when both are to be fused for `k` hits and whole lists would cost too much. A record
/// beyond it in both lists could have come first in the sum.
pub fn fusion_depth(k: usize) -> usize {
    k.saturating_mul(4).max(100)
}

/// A record in the lists of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked<I> {
    /// Which record.
    pub item: I,
    /// Its distance, where it is in the list of the nearest.
    pub distance: Option<f32>,
    /// The score of its words, where it is in the list of the best.
    pub text_score: Option<f32>,
    /// What the order follows.
    pub score: f64,
}

impl Metric {
    /// The distance of two vectors of one length, summed up in their order in single precision as the original does.
    pub fn distance(self, a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        match self {
            Metric::L2 => {
                let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
                squares.sum::<f32>().sqrt()
            }
            Metric::Cosine => {
                let lengths = dot(a, a).sqrt() * dot(b, b).sqrt();
                if lengths == 0.0 {
                    1.0
                } else {
                    1.0 - dot(a, b) / lengths
                }
            }
            Metric::Dot => -dot(a, b),
        }
    }
}

/// The distinct words of a text: runs of letters and digits, in lower case.
pub fn words(text: &str) -> HashSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The share of the words of a query that a text has, from 0 to 1; 0 for a query without words.
pub fn word_share<S: BuildHasher>(query: &HashSet<String, S>, text: &str) -> f32 {
    if query.is_empty() {
        return 0.0;
    }
    let found = words(text)
        .iter()
        .filter(|word| query.contains(*word))
        .count();
    found as f32 / query.len() as f32
}

/// The best `k` of a list of distances and a list of word scores, best first. `None` is a list that was not asked for.
///
/// With one list the order is its own; with both it is the sum of 1 / (60 + rank) over the whole of each, ranks from 1, as the
/// original has it. Ties go to the smaller distance, then to the higher word score, then to the item that is first in its own
/// order.
pub fn rank<I: Ord + Clone + std::hash::Hash>(
    distances: Option<Vec<(I, f32)>>,
    text_scores: Option<Vec<(I, f32)>>,
    k: usize,
) -> Vec<Ranked<I>> {
    let one_list = distances.is_none() || text_scores.is_none();
    // Beyond the hits, ranks matter only to a sum.
    let depth = if one_list { k } else { usize::MAX };
    let best = |list: Option<Vec<(I, f32)>>, order: fn(f32, f32) -> Ordering| {
        list.map(|mut list| {
            list.sort_by(|a, b| order(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
            list.truncate(depth);
            list
        })
    };
    let distances = best(distances, |a, b| a.total_cmp(&b));
    let text_scores = best(text_scores, |a, b| b.total_cmp(&a));
    let mut found: std::collections::HashMap<I, Ranked<I>> = std::collections::HashMap::new();
    let empty = |item: &I| Ranked {
        item: item.clone(),
        distance: None,
        text_score: None,
        score: 0.0,
    };
    let share = |rank: usize| 1.0 / (RANK_OFFSET + rank as f64 + 1.0);
    for (rank, (item, distance)) in distances.into_iter().flatten().enumerate() {
        let hit = found.entry(item.clone()).or_insert_with(|| empty(&item));
        hit.distance = Some(distance);
        hit.score += if one_list {
            -f64::from(distance)
        } else {
            share(rank)
        };
    }
    for (rank, (item, text_score)) in text_scores.into_iter().flatten().enumerate() {
        let hit = found.entry(item.clone()).or_insert_with(|| empty(&item));
        hit.text_score = Some(text_score);
        hit.score += if one_list {
            f64::from(text_score)
        } else {
            share(rank)
        };
    }
    let mut hits: Vec<Ranked<I>> = found.into_values().collect();
    let distance = |hit: &Ranked<I>| hit.distance.unwrap_or(f32::INFINITY);
    let words = |hit: &Ranked<I>| hit.text_score.unwrap_or(f32::NEG_INFINITY);
    hits.sort_by(|a, b| {
        let by_score = b.score.total_cmp(&a.score);
        by_score
            .then_with(|| distance(a).total_cmp(&distance(b)))
            .then_with(|| words(b).total_cmp(&words(a)))
            .then_with(|| a.item.cmp(&b.item))
    });
    hits.truncate(k);
    hits
}
