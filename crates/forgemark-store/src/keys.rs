//! Which keys a table may hold: a set of hashes that answers "surely not" without reading.
//!
//! The set only grows: keys that were freed stay in it, and two keys may share a hash. So a key that is in the set is looked up in
//! the table, and one that is not is free. It is read from the table once and then follows it fragment by fragment.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use forgemark_contract::store::{ContextRecord, Key, StoreError};
use futures_util::TryStreamExt as _;
use lance::Dataset;
use lance_table::format::Fragment;
use rustc_hash::FxHashSet;

use crate::fault::fault;

/// The hashes of keys.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    hasher: RandomState,
    /// Numbers of fragments whose keys are here; numbers are never used twice.
    fragments: HashSet<u64>,
    // Hashes already, of a hasher that nobody can foresee.
    ids: FxHashSet<u64>,
    externals: FxHashSet<u64>,
}

impl Keys {
    /// What makes the hashes of this set.
    pub(crate) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    /// Whether anything was read yet.
    pub(crate) fn is_loaded(&self) -> bool {
        !self.fragments.is_empty()
    }

    /// Whether a row may hold `key`.
    pub(crate) fn may_hold(&self, key: &Key) -> bool {
        match key {
            Key::Id(id) => self.ids.contains(&self.hasher.hash_one(id.as_str())),
            Key::External(id) => self.externals.contains(&self.hasher.hash_one(id.as_str())),
        }
    }

    /// The fragments of `dataset` whose keys are not here.
    pub(crate) fn unread(&self, dataset: &Dataset) -> Vec<Fragment> {
        let fragments = dataset.iter_fragments();
        let unread = fragments.filter(|fragment| !self.fragments.contains(&fragment.id));
        unread.cloned().collect()
    }

    /// Takes in the keys of fragments, hashed by [`Keys::hasher`].
    pub(crate) fn take_in(&mut self, read: &Read) {
        self.ids.extend(&read.ids);
        self.externals.extend(&read.externals);
        self.fragments.extend(&read.fragments);
    }
}

impl Keys {
    /// Takes in the keys of rows that were just written, which are those of all fragments of `dataset` that are not here yet.
    pub(crate) fn note<'r>(
        &mut self,
        dataset: &Dataset,
        rows: impl Iterator<Item = &'r ContextRecord>,
    ) {
        for row in rows {
            self.ids.insert(self.hasher.hash_one(row.id.as_str()));
            if let Some(external) = &row.external_id {
                self.externals
                    .insert(self.hasher.hash_one(external.as_str()));
            }
        }
        let numbers = dataset.iter_fragments().map(|fragment| fragment.id);
        self.fragments.extend(numbers);
    }
}

/// The hashes of the keys of some fragments.
#[derive(Debug, Default)]
pub(crate) struct Read {
    fragments: Vec<u64>,
    ids: Vec<u64>,
    externals: Vec<u64>,
}

/// Reads the keys of `fragments`.
pub(crate) async fn read(
    uri: &str,
    dataset: &Arc<Dataset>,
    fragments: Vec<Fragment>,
    hasher: RandomState,
) -> Result<Read, StoreError> {
    let mut read = Read {
        fragments: fragments.iter().map(|fragment| fragment.id).collect(),
        ..Read::default()
    };
    if fragments.is_empty() {
        return Ok(read);
    }
    let fault = |error| fault(uri, "reading the keys", error);
    let mut scan = dataset.scan();
    scan.with_fragments(fragments);
    scan.project(&["id", "external_id"]).map_err(fault)?;
    let mut batches = scan.try_into_stream().await.map_err(fault)?;
    while let Some(batch) = batches.try_next().await.map_err(fault)? {
        let ids = batch.column(0).as_string::<i32>().iter().flatten();
        read.ids.extend(ids.map(|id| hasher.hash_one(id)));
        let externals = batch.column(1).as_string::<i32>().iter().flatten();
        read.externals
            .extend(externals.map(|id| hasher.hash_one(id)));
    }
    Ok(read)
}
