//! What a cut is expected to cost, from a sample of bounded size.

use forgemark_contract::store::{
    ContextRecord, Hit, Key, Parts, RowNumber, Rows, Scan, Search, Snapshot, StoreError, StoreStats,
};

use super::{Plan, cut};
use crate::bench::{Counted, Gauge};
use crate::error::Result;
use crate::spill::MemoryScratch;
use crate::stages::Gather;

/// Pieces of a sample, evenly spaced over the snapshot.
const PIECES: u64 = 8;

/// Rows of a piece.
const PIECE: u64 = 256;

/// Bytes of the buffers of a cut without a stage that compares texts or vectors.
const BUFFERS: f64 = 64e6;

/// What a cut is expected to be. All but `rows` is told from a sample: pieces of the snapshot, evenly spaced, cut by the plan
/// and scaled to the whole. Conversations are cut apart at the ends of pieces, and duplicates that stand in different pieces
/// are not found, so that units and examples come out somewhat high.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Rows of the snapshot, exactly.
    pub rows: u64,
    /// Rows of the sample.
    pub sampled: u64,
    /// Rows that pass lifecycle and filter.
    pub listed: f64,
    /// Units before any stage.
    pub units: f64,
    /// Examples that are written.
    pub examples: f64,
    /// Tokens of the examples, where the plan counts tokens.
    pub tokens: Option<f64>,
    /// Bytes of all files.
    pub bytes: f64,
    /// Pairs of units that are compared by their vectors, at most.
    pub pairs: f64,
    /// How long it takes, by the clock that was handed in. Where vectors are compared, the part of it that grows with the
    /// square of units is told from a small sample and comes out high.
    pub seconds: f64,
    /// The most memory that the cut holds at once, in bytes, without the store's own.
    pub memory: f64,
}

/// Cuts a sample of `snapshot` and says what a cut of the whole is expected to be. Nothing is written.
///
/// # Errors
/// As [`cut`] of the sample.
pub fn forecast(snapshot: &dyn Snapshot, plan: &Plan, gauge: &Gauge<'_>) -> Result<Forecast> {
    plan.check()?;
    let rows = snapshot.stats()?.rows;
    let compares = Gather::reads_vectors(&plan.recipe) || plan.compares_examples();
    let mut sample = Vec::new();
    let mut read = 0;
    let start = (gauge.now)();
    for piece in 0..PIECES {
        let offset = (rows.saturating_sub(PIECE) * piece / (PIECES - 1)).max(read);
        let scan = Scan {
            offset,
            limit: Some(PIECE),
            parts: Parts {
                vector: compares,
                binary: false,
                ..Parts::ALL
            },
            ..Scan::everything()
        };
        for row in snapshot.scan(&scan)? {
            sample.push(row?.1);
            read = offset + PIECE;
        }
    }
    let sampled = sample.len() as u64;
    let texts: usize = sample
        .iter()
        .map(|row| row.text_payload.as_ref().map_or(0, String::len))
        .sum();
    let vectors: usize = sample
        .iter()
        .map(|row| row.embedding.as_ref().map_or(0, Vec::len))
        .sum();
    let mut output = Counted(0);
    let sample = Sample {
        rows: sample,
        of: snapshot,
    };
    let manifest = cut(&sample, plan, &MemoryScratch, &mut output)?;
    let took = (gauge.now)().saturating_sub(start).as_secs_f64();
    let scale = if sampled == 0 {
        0.0
    } else {
        rows as f64 / sampled as f64
    };
    let count = |stage: &str| {
        let found = manifest.counts.iter().find(|(name, _)| name == stage);
        found.map_or(0.0, |(_, count)| *count as f64)
    };
    let units = count("units") * scale;
    let pairs = if plan.recipe.semantic.is_some() {
        units * (units - 1.0).max(0.0) / 2.0
    } else {
        0.0
    };
    // What is compared in pairs takes `scale` times as long for each unit.
    let quadratic = plan.recipe.semantic.is_some() || plan.compares_examples() && vectors > 0;
    let mut memory = BUFFERS;
    if compares {
        memory += 1.5 * 4.0 * vectors as f64 * scale;
    }
    if plan.recipe.near.is_some() {
        // The texts, and for each unit its sketch and its places in the index.
        memory += texts as f64 * scale + units * 400.0;
    }
    let examples: u64 = manifest.sides.iter().map(|side| side.examples).sum();
    Ok(Forecast {
        rows,
        sampled,
        listed: count("filter") * scale,
        units,
        examples: examples as f64 * scale,
        tokens: manifest
            .json
            .at("tokens")
            .at("sum")
            .as_f64()
            .map(|sum| sum * scale),
        bytes: output.0 as f64 * scale,
        pairs,
        seconds: took * scale * if quadratic { scale.max(1.0) } else { 1.0 },
        memory,
    })
}

/// Rows of a snapshot as a snapshot.
struct Sample<'s> {
    rows: Vec<ContextRecord>,
    of: &'s dyn Snapshot,
}

impl Snapshot for Sample<'_> {
    fn uri(&self) -> &str {
        self.of.uri()
    }

    fn version(&self) -> u64 {
        self.of.version()
    }

    fn stats(&self) -> std::result::Result<StoreStats, StoreError> {
        self.of.stats()
    }

    fn scan<'s>(&'s self, scan: &Scan) -> std::result::Result<Rows<'s>, StoreError> {
        let parts = scan.parts;
        let rows = self.rows.iter().enumerate();
        Ok(Box::new(rows.map(move |(number, row)| {
            let mut row = row.clone();
            parts.strip(&mut row);
            Ok((RowNumber(number as u64), row))
        })))
    }

    fn take(
        &self,
        rows: &[RowNumber],
        parts: Parts,
    ) -> std::result::Result<Vec<ContextRecord>, StoreError> {
        let taken = rows.iter().filter_map(|number| {
            let mut row = self.rows.get(number.0 as usize)?.clone();
            parts.strip(&mut row);
            Some(row)
        });
        Ok(taken.collect())
    }

    fn get(&self, key: &Key) -> std::result::Result<Option<ContextRecord>, StoreError> {
        self.of.get(key)
    }

    fn search(&self, search: &Search) -> std::result::Result<Vec<Hit>, StoreError> {
        self.of.search(search)
    }
}
