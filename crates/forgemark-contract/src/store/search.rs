//! Searching a snapshot by reading every row once: for stores without indexes, and for answers that must be exact.

mod words;

#[cfg(test)]
mod tests;

use super::api::{Hit, Metric, Parts, RowNumber, Scan, Search, Snapshot};
use super::measure::rank;
use super::resolve::check_query;
use super::select::Visibility;
use super::{ContextRecord, StoreError};

pub use words::Words;

/// A row as lists of hits name it: by its id, so that equal hits go by id, and its number.
pub type Item = (String, RowNumber);

/// The rows that are visible and pass the filter, in the order of their distance to the vector, of the weight of the words, or
/// of both lists fused. Exact: the lists are whole. Rows without a vector, or with one that has no distance to the query, are
/// not in the list of the vector; those that hold none of the words are not in the list of the words.
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
    let mut near = search.vector.as_ref().map(|vector| Nearest {
        vector,
        metric,
        // The rank of a row in one list matters only when there is another.
        keep: search.text.is_none().then_some(search.k),
        found: Vec::new(),
    });
    let mut weigher = search.text.as_ref().map(|text| words.weigher(text));
    for row in snapshot.scan(&scan)? {
        let (number, row) = row?;
        if let (Some(near), Some(vector)) = (&mut near, &row.embedding) {
            near.see((&row.id, number), vector);
        }
        if let (Some(weigher), Some(text)) = (&mut weigher, &row.text_payload) {
            weigher.see((&row.id, number), text);
        }
    }
    let distances = near.map(|near| near.found);
    let weights = weigher.map(words::Weigher::finish);
    hits(snapshot, distances, weights, search.k)
}

/// The best `k` of a list of distances and a list of word scores as hits (see [`rank`]).
///
/// # Errors
/// Where the snapshot cannot be read.
pub fn hits(
    snapshot: &dyn Snapshot,
    distances: Option<Vec<(Item, f32)>>,
    text_scores: Option<Vec<(Item, f32)>>,
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
    found: Vec<(Item, f32)>,
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
