//! Counts that each version of ours carries, so that nobody has to read the table for them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use datafusion::logical_expr::lit;
use forgemark_contract::store::resolve::Resolved;
use forgemark_contract::store::{ContextRecord, StoreError, TOMBSTONE_CONTENT_TYPE};
use futures_util::TryStreamExt as _;
use lance::Dataset;
use lance::dataset::transaction::{Operation, Transaction};

use crate::columns::ORDINAL;
use crate::pushdown::column;
use crate::table::Table;

const ROWS: &str = "forgemark:rows";
const TOMBSTONES: &str = "forgemark:tombstones";
const NEXT_ORDINAL: &str = "forgemark:next_ordinal";
/// What made the version.
pub(crate) const OPERATION: &str = "forgemark:operation";

/// How many versions that leave the rows alone are passed over to find counts.
const BACK: u64 = 32;

/// The counts of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Rows that are not deleted.
    pub(crate) rows: u64,
    /// Rows that say that their id was deleted.
    pub(crate) tombstones: u64,
    /// Above every ordinal.
    next_ordinal: i64,
}

impl Tally {
    /// The counts of `dataset`, from what its versions carry, else by reading it.
    pub(crate) async fn of(table: &Table, dataset: &Arc<Dataset>) -> Result<Self, StoreError> {
        if dataset.count_fragments() == 0 {
            return Ok(Tally::default());
        }
        let newest = dataset.version_id();
        for version in (newest.saturating_sub(BACK)..=newest).rev() {
            // What cannot be read is counted.
            let transaction = dataset.read_transaction_by_version(version).await;
            let Ok(Some(transaction)) = transaction else {
                break;
            };
            if let Some(tally) = Tally::carried(&transaction) {
                return Ok(tally);
            }
            if !leaves_rows(&transaction.operation) {
                break;
            }
        }
        Tally::count(table, dataset).await
    }

    /// The counts that a transaction carries.
    pub(crate) fn carried(transaction: &Transaction) -> Option<Self> {
        let properties = transaction.transaction_properties.as_ref()?;
        Some(Tally {
            rows: properties.get(ROWS)?.parse().ok()?,
            tombstones: properties.get(TOMBSTONES)?.parse().ok()?,
            next_ordinal: properties.get(NEXT_ORDINAL)?.parse().ok()?,
        })
    }

    async fn count(table: &Table, dataset: &Arc<Dataset>) -> Result<Self, StoreError> {
        let fault = |error| table.fault("counting rows", error);
        let all = dataset.count_rows(None).await.map_err(fault)? as u64;
        let mut dead = dataset.scan();
        dead.filter_expr(column("content_type").eq(lit(TOMBSTONE_CONTENT_TYPE)));
        let tombstones = dead.count_rows().await.map_err(fault)?;
        let mut scan = dataset.scan();
        scan.project(&[ORDINAL]).map_err(fault)?;
        let mut batches = scan.try_into_stream().await.map_err(fault)?;
        let mut next_ordinal = 0;
        while let Some(batch) = batches.try_next().await.map_err(fault)? {
            let ordinals = batch.column(0).as_primitive::<Int64Type>().values();
            let largest = ordinals.iter().max().copied().unwrap_or(-1);
            next_ordinal = next_ordinal.max(largest.saturating_add(1));
        }
        Ok(Tally {
            rows: all - tombstones,
            tombstones,
            next_ordinal,
        })
    }

    /// The rows that edits write, with their ordinals, and the counts afterwards.
    pub(crate) fn with<'r>(
        self,
        resolved: &'r Resolved,
        places: &HashMap<String, (i64, u64)>,
    ) -> (Vec<(i64, &'r ContextRecord)>, Tally) {
        let mut tally = self;
        let mut rows = Vec::with_capacity(resolved.replaced.len() + resolved.added.len());
        for row in &resolved.replaced {
            let ordinal = places.get(&row.id).map_or(0, |place| place.0);
            rows.push((ordinal, row));
            // Only live rows are replaced.
            if row.is_tombstone() {
                tally.rows = tally.rows.saturating_sub(1);
                tally.tombstones += 1;
            }
        }
        rows.sort_by_key(|(ordinal, _)| *ordinal);
        tally.tombstones = tally
            .tombstones
            .saturating_sub(resolved.reused.len() as u64);
        for row in &resolved.added {
            rows.push((tally.next_ordinal, row));
            tally.next_ordinal += 1;
            if row.is_tombstone() {
                tally.tombstones += 1;
            } else {
                tally.rows += 1;
            }
        }
        (rows, tally)
    }

    /// What a transaction carries of them.
    pub(crate) fn properties(&self, operation: &str) -> HashMap<String, String> {
        HashMap::from([
            (ROWS.to_owned(), self.rows.to_string()),
            (TOMBSTONES.to_owned(), self.tombstones.to_string()),
            (NEXT_ORDINAL.to_owned(), self.next_ordinal.to_string()),
            (OPERATION.to_owned(), operation.to_owned()),
        ])
    }
}

/// Whether an operation changes how rows are stored, and not which there are.
pub(crate) fn leaves_rows(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Rewrite { .. }
            | Operation::CreateIndex { .. }
            | Operation::UpdateConfig { .. }
            | Operation::ReserveFragments { .. }
            | Operation::Merge { .. }
    )
}
