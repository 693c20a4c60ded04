//! Searching a snapshot by reading every row once: for stores without indexes, and for answers that must be exact.

mod words;

#[cfg(test)]
mod tests;

use super::api::{Hit, Metric, Parts, RowNumber, Scan, Search, Snapshot};
use super::measure::rank;
use super::resolve::check_query;
use super::select::Visibility;
use super::{ContextRecord, StoreError};

pub use words::{Cutter, Words};

/// A row as lists of hits name it: by its id, so that equal hits go by id, and its number.
pub type Item = (String, RowNumber);

/// Distances or weights of rows, in any order.
pub type List = Vec<(Item, f32)>;

/// The rows that are visible and pass the filter, in the order of their distance to the vector, of the weight of the words, or
/// of both lists fused. Exact: the lists are whole.
///
/// # Errors
/// [`StoreError::Invalid`] for a query that cannot be; else where the snapshot cannot be read.
pub fn by_scan(
    snapshot: &dyn Snapshot,
    search: &Search,
    metric: Metric,
    dimensions: Option<u32>,
    words: Words<'_>,
) -> Result<Vec<Hit>, StoreError> {
    check_query(search, dimensions)?;
    let scan = Scan {
        visibility: Some(search.visibility),
        filter: search.filter.clone(),
        parts: Parts {
            text: search.text.is_some(),
            vector: search.vector.is_some(),
            ..Parts::KEYS
        },
        offset: 0,
        limit: None,
    };
    let (vector, text) = (search.vector.as_deref(), search.text.as_deref());
    let mut seeker = Seeker::new(vector.map(|vector| (vector, metric)), text, words);
    if vector.is_none() || text.is_none() {
        seeker.keep(search.k);
    }
    for row in snapshot.scan(&scan)? {
        let (number, row) = row?;
        let (vector, text) = (row.embedding.as_deref(), row.text_payload.as_deref());
        seeker.see((&row.id, number), vector, text);
    }
    let (distances, weights) = seeker.finish();
    hits(snapshot, distances, weights, search.k)
}

/// Looks at rows, each once, and makes the lists of a search.
pub struct Seeker<'q> {
    near: Option<Nearest<'q>>,
    weigher: Option<words::Weigher<'q>>,
}

impl<'q> Seeker<'q> {
    /// Looks for what is near to a vector, for words, or for both.
    pub fn new(vector: Option<(&'q [f32], Metric)>, text: Option<&str>, words: Words<'q>) -> Self {
        Seeker {
            near: vector.map(|(vector, metric)| Nearest {
                vector,
                metric,
                keep: None,
                found: Vec::new(),
            }),
            weigher: text.map(|text| words.weigher(text)),
        }
    }

    /// Says that no more than the `k` nearest are wanted, which saves memory. Without, the list is whole.
    pub fn keep(&mut self, k: usize) {
        if let Some(near) = &mut self.near {
            near.keep = Some(k);
        }
    }

    /// Looks at a row. One without a vector, or with one that has no distance to the query, is not in the list of distances; one
    /// that holds none of the words is not in the list of weights.
    pub fn see(
        &mut self,
        (id, number): (&str, RowNumber),
        vector: Option<&[f32]>,
        text: Option<&str>,
    ) {
        if let (Some(near), Some(vector)) = (&mut self.near, vector) {
            near.see((id, number), vector);
        }
        if let (Some(weigher), Some(text)) = (&mut self.weigher, text) {
            weigher.see((id, number), text);
        }
    }

    /// The list of distances and the list of weights; `None` is one that was not asked for.
    pub fn finish(self) -> (Option<List>, Option<List>) {
        let distances = self.near.map(|near| near.found);
        (distances, self.weigher.map(words::Weigher::finish))
    }
}

/// The best `k` of a list of distances and a list of word scores as hits (see [`rank`]).
///
/// # Errors
/// Where the snapshot cannot be read.
pub fn hits(
    snapshot: &dyn Snapshot,
    distances: Option<List>,
    text_scores: Option<List>,
    k: usize,
) -> Result<Vec<Hit>, StoreError> {
    let ranked = rank(distances, text_scores, k);
    let parts = Parts {
        vector: false,
        binary: false,
        ..Parts::ALL
    };
    let numbers: Vec<RowNumber> = ranked.iter().map(|ranked| ranked.item.1).collect();
    let records = snapshot.take(&numbers, parts)?;
    let hits = ranked.into_iter().zip(records).map(|(ranked, record)| Hit {
        record,
        distance: ranked.distance,
        text_score: ranked.text_score,
        score: ranked.score,
    });
    Ok(hits.collect())
}

/// The rows that are nearest so far, and not many more than are wanted.
struct Nearest<'q> {
    vector: &'q [f32],
    metric: Metric,
    /// How many are wanted; `None` is all.
    keep: Option<usize>,
    found: List,
}

impl Nearest<'_> {
    /// Rows beyond those that are kept, so that sorting them out is rare.
    const SLACK: usize = 4096;

    fn see(&mut self, (id, number): (&str, RowNumber), vector: &[f32]) {
        let distance = self.metric.distance(self.vector, vector);
        if vector.len() != self.vector.len() || distance.is_nan() {
            return;
        }
        self.found.push(((id.to_owned(), number), distance));
        if let Some(keep) = self.keep
            && self.found.len() > keep.saturating_add(Self::SLACK)
        {
            let order =
                |a: &(Item, f32), b: &(Item, f32)| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0));
            self.found.select_nth_unstable_by(keep, order);
            self.found.truncate(keep);
        }
    }
}

/// The records that have an edge to `target`, in the order of insertion; with `relation` only edges of that name count.
///
/// # Errors
/// Where the snapshot cannot be read.
pub fn related(
    snapshot: &dyn Snapshot,
    target: &str,
    relation: Option<&str>,
    visibility: Visibility,
) -> Result<Vec<ContextRecord>, StoreError> {
    let scan = Scan {
        visibility: Some(visibility),
        ..Scan::everything()
    };
    let points_there = |row: &ContextRecord| {
        let mut edges = row.relationships.iter();
        edges.any(|edge| {
            edge.target_id == target && relation.is_none_or(|name| name == edge.relation)
        })
    };
    let rows = snapshot.scan(&scan)?.map(|row| row.map(|(_, row)| row));
    rows.filter(|row| row.as_ref().map_or(true, &points_there))
        .collect()
}
