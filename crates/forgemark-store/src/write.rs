//! Lists of edits as versions.
//!
//! ```text
//! lock (local) -> newest version -> rows that have the keys -> resolve -> data file, deletion vectors -> commit, only if
//!                       ^                                                                                 it is the next
//!                       └───────────────────────────── another version came in between ──────────────────────┘
//! ```
//!
//! A row that changes is deleted where it lies and written again with its ordinal, in one transaction: so there is one row
//! for each id in every version.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use datafusion::logical_expr::{Expr, lit};
use forgemark_contract::store::resolve::{self, Existing, Resolved, resolve};
use forgemark_contract::store::{ContextRecord, Edit, Key, StoreError, Written};
use forgemark_contract::time::Timestamp;
use lance::Dataset;
use lance::dataset::transaction::{Operation, Transaction, TransactionBuilder, UpdateMode};
use lance::dataset::{CommitBuilder, InsertBuilder, NewColumnTransform, WriteMode, WriteParams};
use lance_table::format::Fragment;

use crate::columns;
use crate::commit::is_conflict;
use crate::keys;
use crate::lock::WriteLock;
use crate::pushdown::column;
use crate::runtime::wait;
use crate::snapshot::LanceSnapshot;
use crate::table::{Table, lock, schema_of};
use crate::tally::Tally;

/// How often a write is redone because another one came in between. On a local disk writers queue at a lock; without one, each
/// round lets at least one writer through.
const ROUNDS: u32 = 100;
/// Up to so many keys are looked for in the table; with more, or once they are known, by their hashes.
const FEW_KEYS: usize = 256;
/// Keys in one query.
const QUERY: usize = 2048;

/// What kept a version from coming to be.
pub(crate) enum Failure {
    /// Another one came in between: read again and redo.
    Conflict,
    /// Anything else.
    Error(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Error(error)
    }
}

impl Table {
    /// What became of a commit that failed.
    pub(crate) fn failure(&self, doing: &str, error: lance::Error) -> Failure {
        if is_conflict(&error) {
            Failure::Conflict
        } else {
            Failure::Error(self.fault(doing, error))
        }
    }

    /// Does something that ends in a commit, again and again until no other commit comes in between.
    pub(crate) fn serially<T>(
        self: &Arc<Self>,
        mut attempt: impl FnMut(Arc<Dataset>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let _lock = WriteLock::take(self)?;
        for round in 0..ROUNDS {
            let dataset = wait(&self.uri, self.latest())?;
            match attempt(dataset) {
                Ok(done) => return Ok(done),
                Err(Failure::Error(error)) => return Err(error),
                Err(Failure::Conflict) => {
                    // Without a lock, losers spread out by their process number instead of meeting again.
                    let spread = std::process::id().wrapping_mul(2_654_435_761) % 7 + 1;
                    let pause = spread * round.min(10);
                    std::thread::sleep(Duration::from_millis(pause.into()));
                }
            }
        }
        Err(StoreError::Busy {
            uri: self.uri.clone(),
            owner: "another process".to_owned(),
        })
    }
}

/// Applies edits; see [`forgemark_contract::store::RecordStore::write`].
pub(crate) fn write(
    table: &Arc<Table>,
    edits: &[Edit],
    now: Timestamp,
) -> Result<Written, StoreError> {
    table.serially(|dataset| {
        let mut rows = Rows::prefetch(table, &dataset, edits)?;
        let dimensions = columns::dimensions(&schema_of(&dataset));
        let resolved = resolve(edits, &mut rows, dimensions, now)?;
        if resolved.is_empty() {
            return Ok(Written {
                version: dataset.version_id(),
                results: resolved.results,
            });
        }
        let places = rows.places;
        let (before, committed) = wait_commit(table, async {
            let dataset = with_vectors(table, dataset, resolved.dimensions).await?;
            let committed = commit(table, &dataset, &resolved, &places).await?;
            Ok((dataset, committed))
        })?;
        let mut keys = lock(&table.keys);
        if keys.unread(&before).is_empty() {
            let written = resolved.replaced.iter().chain(&resolved.added);
            keys.note(&committed, written);
        }
        Ok(Written {
            version: committed.version_id(),
            results: resolved.results,
        })
    })
}

/// Runs a commit, whose conflicts are no errors.
pub(crate) fn wait_commit<T: Send>(
    table: &Table,
    commit: impl Future<Output = Result<T, Failure>> + Send,
) -> Result<T, Failure> {
    let ended = wait(&table.uri, async {
        match commit.await {
            Ok(done) => Ok(Some(done)),
            Err(Failure::Conflict) => Ok(None),
            Err(Failure::Error(error)) => Err(error),
        }
    });
    ended?.ok_or(Failure::Conflict)
}

/// Where a row lies: its ordinal and its address.
type Place = (i64, u64);

/// The rows of a version that have certain keys.
struct Rows {
    snapshot: LanceSnapshot,
    /// Keys that were looked for.
    known: HashSet<Key>,
    by_id: HashMap<String, ContextRecord>,
    holders: HashMap<String, String>,
    places: HashMap<String, Place>,
}

impl Rows {
    /// Fetches the rows that `edits` name, in few queries.
    fn prefetch(
        table: &Arc<Table>,
        dataset: &Arc<Dataset>,
        edits: &[Edit],
    ) -> Result<Self, StoreError> {
        let mut rows = Rows {
            snapshot: LanceSnapshot::new(table.clone(), dataset.clone()),
            known: HashSet::new(),
            by_id: HashMap::new(),
            holders: HashMap::new(),
            places: HashMap::new(),
        };
        let wanted = resolve::keys(edits);
        let few = wanted.len() <= FEW_KEYS;
        let mut keys = lock(&table.keys);
        if few && !keys.is_loaded() {
            drop(keys);
            rows.fetch(&wanted)?;
        } else {
            let unread = keys.unread(dataset);
            let read = keys::read(&table.uri, dataset, unread, keys.hasher());
            let read = wait(&table.uri, read)?;
            keys.take_in(&read);
            let perhaps = wanted.iter().filter(|key| keys.may_hold(key)).cloned();
            let perhaps: Vec<Key> = perhaps.collect();
            drop(keys);
            rows.fetch(&perhaps)?;
        }
        rows.known.extend(wanted);
        Ok(rows)
    }

    fn fetch(&mut self, wanted: &[Key]) -> Result<(), StoreError> {
        let mut ids = Vec::new();
        let mut externals = Vec::new();
        for key in wanted {
            match key {
                Key::Id(id) => ids.push(lit(id.as_str())),
                Key::External(id) => externals.push(lit(id.as_str())),
            }
        }
        for (name, values) in [("id", ids), ("external_id", externals)] {
            for some in values.chunks(QUERY) {
                let rows: Expr = match some {
                    [one] => column(name).eq(one.clone()),
                    some => column(name).in_list(some.to_vec(), false),
                };
                let uri = &self.snapshot.table.uri;
                for (record, ordinal, address) in wait(uri, self.snapshot.find(rows))? {
                    if let Some(external) = record
                        .external_id
                        .as_ref()
                        .filter(|_| !record.is_tombstone())
                    {
                        self.holders.insert(external.clone(), record.id.clone());
                    }
                    self.places.insert(record.id.clone(), (ordinal, address));
                    self.by_id.insert(record.id.clone(), record);
                }
            }
        }
        Ok(())
    }

    fn look_for(&mut self, key: Key) -> Result<(), StoreError> {
        if self.known.contains(&key) {
            return Ok(());
        }
        self.fetch(std::slice::from_ref(&key))?;
        self.known.insert(key);
        Ok(())
    }
}

impl Existing for Rows {
    fn by_id(&mut self, id: &str) -> Result<Option<ContextRecord>, StoreError> {
        if !self.by_id.contains_key(id) {
            self.look_for(Key::Id(id.to_owned()))?;
        }
        Ok(self.by_id.get(id).cloned())
    }

    fn by_external_id(&mut self, external_id: &str) -> Result<Option<ContextRecord>, StoreError> {
        if !self.holders.contains_key(external_id) {
            self.look_for(Key::External(external_id.to_owned()))?;
        }
        let id = self.holders.get(external_id);
        Ok(id.and_then(|id| self.by_id.get(id)).cloned())
    }
}

/// The table with a column for vectors of this length, where it has none.
pub(crate) async fn with_vectors(
    table: &Table,
    dataset: Arc<Dataset>,
    dimensions: Option<u32>,
) -> Result<Arc<Dataset>, Failure> {
    let there = columns::dimensions(&schema_of(&dataset));
    let (None, Some(dimensions)) = (there, dimensions) else {
        return Ok(dataset);
    };
    let mut next = table.only_after(&dataset).await?;
    let column = arrow_schema::Schema::new(vec![columns::embedding_field(dimensions)]);
    let column = NewColumnTransform::AllNulls(Arc::new(column));
    let added = next.add_columns(column, None, None).await;
    added.map_err(|error| table.failure("adding a column for vectors", error))?;
    // Opened anew, without what held for that one commit only.
    let latest = table.latest().await?;
    if latest.version_id() == next.version_id() {
        Ok(latest)
    } else {
        Err(Failure::Conflict)
    }
}

/// Writes rows and makes a version of them, if it is the next one after `dataset`.
async fn commit(
    table: &Table,
    dataset: &Arc<Dataset>,
    resolved: &Resolved,
    places: &HashMap<String, Place>,
) -> Result<Arc<Dataset>, Failure> {
    let before = Tally::of(table, dataset).await?;
    let (rows, tally) = before.with(resolved, places);
    let schema = schema_of(dataset);
    let batches = columns::encode(&schema, &rows)
        .map_err(|error| table.fault("laying out rows", error.into()))?;
    let params = WriteParams {
        mode: WriteMode::Append,
        skip_auto_cleanup: true,
        ..WriteParams::default()
    };
    let insert = InsertBuilder::new(dataset.clone()).with_params(&params);
    let written = insert.execute_uncommitted(batches).await;
    let written = written.map_err(|error| table.failure("writing rows", error))?;
    let Operation::Append { fragments } = written.operation else {
        let what = "the storage layer did not append".to_owned();
        let uri = table.uri.clone();
        return Err(Failure::Error(StoreError::Storage {
            uri,
            what,
            source: None,
        }));
    };
    let done = finish(table, dataset, resolved, places, &fragments, &tally).await;
    if done.is_err() {
        discard(dataset, &fragments).await;
    }
    done
}

/// Deletes the rows that were replaced and commits.
async fn finish(
    table: &Table,
    dataset: &Arc<Dataset>,
    resolved: &Resolved,
    places: &HashMap<String, Place>,
    fragments: &[Fragment],
    tally: &Tally,
) -> Result<Arc<Dataset>, Failure> {
    let gone = resolved.replaced.iter().map(|row| &row.id);
    let gone = gone.chain(&resolved.reused);
    let gone: Vec<u64> = gone
        .filter_map(|id| places.get(id).map(|place| place.1))
        .collect();
    let operation = if gone.is_empty() {
        Operation::Append {
            fragments: fragments.to_vec(),
        }
    } else {
        let (updated_fragments, removed_fragment_ids) = delete(table, dataset, &gone).await?;
        Operation::Update {
            removed_fragment_ids,
            updated_fragments,
            new_fragments: fragments.to_vec(),
            fields_modified: Vec::new(),
            compacted_sstables: Vec::new(),
            fields_for_preserving_frag_bitmap: Vec::new(),
            update_mode: Some(UpdateMode::RewriteRows),
            inserted_rows_filter: None,
            updated_fragment_offsets: None,
        }
    };
    let transaction = TransactionBuilder::new(dataset.version_id(), operation)
        .transaction_properties(Some(Arc::new(tally.properties("write"))))
        .build();
    commit_only_next(table, dataset, transaction).await
}

/// Commits a transaction as the next version of `dataset` or not at all.
pub(crate) async fn commit_only_next(
    table: &Table,
    dataset: &Arc<Dataset>,
    transaction: Transaction,
) -> Result<Arc<Dataset>, Failure> {
    let version = dataset.version_id() + 1;
    let committed = CommitBuilder::new(dataset.clone())
        .with_commit_handler(table.committer.only(version))
        .with_skip_auto_cleanup(true)
        .execute(transaction)
        .await;
    let committed = committed.map_err(|error| table.failure("committing", error))?;
    Ok(table.advance(committed))
}

/// Marks rows as deleted; answers the fragments that have rows left, and the numbers of those that have none.
async fn delete(
    table: &Table,
    dataset: &Dataset,
    addresses: &[u64],
) -> Result<(Vec<Fragment>, Vec<u64>), Failure> {
    let mut by_fragment: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for address in addresses {
        let fragment = usize::try_from(address >> 32).unwrap_or(usize::MAX);
        let row = (address & u64::from(u32::MAX)) as u32;
        by_fragment.entry(fragment).or_default().push(row);
    }
    let mut updated = Vec::new();
    let mut removed = Vec::new();
    for (number, rows) in by_fragment {
        let Some(fragment) = dataset.get_fragment(number) else {
            // The addresses are from this version, so it has the fragment.
            return Err(Failure::Conflict);
        };
        let left = fragment.extend_deletions(rows).await;
        match left.map_err(|error| table.failure("deleting rows", error))? {
            Some(left) => updated.push(left.metadata().clone()),
            None => removed.push(number as u64),
        }
    }
    Ok((updated, removed))
}

/// Removes data files that no version names. What stays behind is removed by a clean-up later.
async fn discard(dataset: &Dataset, fragments: &[Fragment]) {
    let Ok(store) = dataset.object_store(None).await else {
        return;
    };
    for file in fragments.iter().flat_map(|fragment| &fragment.files) {
        let path = dataset.data_dir().join(file.path.as_str());
        let _ = store.delete(&path).await;
    }
}
