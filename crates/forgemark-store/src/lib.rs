//! The versioned record store: tables on Lance, on a disk or in an object store.
//!
//! ```text
//! LanceStores ─ open ─┬─ LanceStore     a table of ours: one row for each id in every version
//!                     │    ├ write      lock, keys, tally, commit: edits as versions, one after the other
//!                     │    ├ snapshot   pushdown, order, decode, search: what a version shows
//!                     │    └ maintain, fsck
//!                     └─ foreign        a table of the original, which is only read
//! LanceTables                           plain tables of cuts: `--format lance`
//! ```
//!
//! Nothing of Lance is seen outside: the traits are those of [`forgemark_contract::store`], and what an edit or a filter means
//! is said there.

mod columns;
mod commit;
mod decode;
mod exported;
mod fault;
mod foreign;
mod fsck;
mod keys;
mod lock;
mod maintain;
mod order;
mod payload;
mod pushdown;
mod runtime;
mod search;
mod snapshot;
mod table;
mod tally;
mod write;

use std::path::Path;
use std::sync::Arc;

use forgemark_contract::store::{
    At, CleanedUp, Compacted, ContextRecord, Edit, Finding, IndexKind, Payload, RecordStore,
    Snapshot, StoreError, StoreOptions, Stores, VectorModel, Version, Written,
};
use forgemark_contract::time::Timestamp;

pub use crate::exported::LanceTables;

use crate::foreign::ForeignStore;
use crate::runtime::wait;
use crate::snapshot::LanceSnapshot;
use crate::table::{Opened, Table};

/// Opens and makes stores on Lance. Credentials and addresses of object stores come from the environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct LanceStores;

impl Stores for LanceStores {
    fn open(&self, uri: &str) -> Result<Box<dyn RecordStore>, StoreError> {
        match wait(uri, table::open(uri))? {
            Opened::Ours(table) => Ok(Box::new(LanceStore(table))),
            Opened::Foreign(dataset) => Ok(Box::new(ForeignStore::new(uri, dataset)?)),
        }
    }

    fn create(
        &self,
        uri: &str,
        options: &StoreOptions,
    ) -> Result<Box<dyn RecordStore>, StoreError> {
        let table = wait(uri, table::create(uri, options))?;
        Ok(Box::new(LanceStore(Arc::new(table))))
    }

    fn put_payload(&self, uri: &str, file: &Path) -> Result<Payload, StoreError> {
        payload::put_payload(uri, file)
    }

    fn fetch_payload(
        &self,
        uri: &str,
        record: &ContextRecord,
        into: &Path,
    ) -> Result<u64, StoreError> {
        payload::fetch_payload(uri, record, into)
    }
}

/// A table of ours.
struct LanceStore(Arc<Table>);

impl RecordStore for LanceStore {
    fn uri(&self) -> &str {
        &self.0.uri
    }

    fn snapshot(&self, at: &At) -> Result<Box<dyn Snapshot>, StoreError> {
        let dataset = wait(&self.0.uri, self.0.at(at))?;
        Ok(Box::new(LanceSnapshot::new(self.0.clone(), dataset)))
    }

    fn write(&self, edits: Vec<Edit>, now: Timestamp) -> Result<Written, StoreError> {
        write::write(&self.0, &edits, now)
    }

    fn versions(&self) -> Result<Vec<Version>, StoreError> {
        wait(&self.0.uri, self.0.versions())
    }

    fn set_tag(&self, name: &str, version: u64) -> Result<(), StoreError> {
        wait(&self.0.uri, self.0.set_tag(name, version))
    }

    fn remove_tag(&self, name: &str) -> Result<(), StoreError> {
        wait(&self.0.uri, self.0.remove_tag(name))
    }

    fn compact(&self) -> Result<Compacted, StoreError> {
        wait(&self.0.uri, self.0.compact())
    }

    fn clean_up(&self, before: Timestamp, keep: &[u64]) -> Result<CleanedUp, StoreError> {
        wait(&self.0.uri, self.0.clean_up(before, keep))
    }

    fn build_index(&self, kind: IndexKind) -> Result<(), StoreError> {
        wait(&self.0.uri, self.0.build_index(kind))
    }

    fn declare_vectors(&self, model: &VectorModel) -> Result<(), StoreError> {
        maintain::declare_vectors(&self.0, model)
    }

    fn fsck(&self) -> Result<Vec<Finding>, StoreError> {
        fsck::fsck(&self.0)
    }
}
