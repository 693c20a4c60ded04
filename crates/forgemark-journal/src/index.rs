//! A multimap from 64-bit hashes to 64-bit values that lives on disk and needs little memory.
//!
//! ```text
//! insert ──> memtable ──flush(covered)──> run (sorted, immutable) ──> MANIFEST names it
//!                                          level 0  ▢▢▢▢▢▢▢  the eighth merges all of them
//!                                          level 1  ▢▢        into one run of the next level
//! lookup: memtable, then every run: filter (memory) ─> fences (memory) ─> one block (4 KiB, checksummed)
//! ```
//!
//! It serves call keys (hash of the request to journal position) and question dedup (band hash to row). It holds nothing
//! of its own: whoever fills it can fill it again. That makes crash safety simple. A run is durable before the manifest
//! names it; the manifest says up to which position or row of the owner's log the runs hold everything (`covered`); after
//! an open the owner inserts again what lies after. A damaged or foreign index is emptied and covers nothing.
//!
//! Memory: the memtable, and for each run a filter of at most 1 MiB and at most 4,096 fences; there are at most
//! `fan_in` - 1 runs a level, and levels grow by a factor of `fan_in`.

mod manifest;
mod run;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::JournalError;
use crate::storage::Storage;

use manifest::{Manifest, RunEntry};
use run::{Run, RunWriter, merge};

/// One pair of hash and value.
pub(crate) type Entry = (u64, u64);

/// How an index trades memory for writes.
#[derive(Debug, Clone, Copy)]
pub struct IndexOptions {
    /// Entries in memory at which [`DiskIndex::needs_flush`] says so. About 40 bytes each.
    pub memtable_entries: usize,
    /// Runs of one level that merge into one of the next; at least 2.
    pub fan_in: usize,
}

impl IndexOptions {
    /// What the journal uses: 32,768 entries, about 1.3 MiB, and eight runs a level.
    pub const USUAL: IndexOptions = IndexOptions {
        memtable_entries: 32_768,
        fan_in: 8,
    };
}

/// The index. One handle a folder; the owner's lock sees to that.
#[derive(Debug)]
pub struct DiskIndex {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    options: IndexOptions,
    memtable: BTreeSet<Entry>,
    manifest: Manifest,
    runs: Vec<Arc<Run>>,
    was_reset: bool,
    bytes_written: u64,
}

/// How an index is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    Read,
}

impl DiskIndex {
    /// Opens the index in `dir` with [`IndexOptions::USUAL`]; see [`DiskIndex::open_with`].
    ///
    /// # Errors
    /// As [`DiskIndex::open_with`].
    pub fn open(
        storage: Arc<dyn Storage>,
        dir: &Path,
        limit: u64,
    ) -> Result<DiskIndex, JournalError> {
        DiskIndex::open_with(storage, dir, limit, IndexOptions::USUAL)
    }

    /// Opens the index in `dir`, which is created when it is missing. `limit` is the end of the owner's log: an index that
    /// covers more knows things that never came to be (or were rewound), so it is emptied, as is a damaged one; the owner
    /// sees [`DiskIndex::covered`] = 0 and inserts everything again.
    ///
    /// # Errors
    /// [`JournalError::Read`] and [`JournalError::Write`] of the system.
    pub fn open_with(
        storage: Arc<dyn Storage>,
        dir: &Path,
        limit: u64,
        options: IndexOptions,
    ) -> Result<DiskIndex, JournalError> {
        storage
            .create_dir_all(dir)
            .map_err(JournalError::write(dir))?;
        DiskIndex::load(storage, dir, limit, options, Access::Write)
    }

    /// Opens the index to look things up only; nothing on disk changes.
    ///
    /// # Errors
    /// [`JournalError::Read`] of the system.
    pub fn open_read_only(
        storage: Arc<dyn Storage>,
        dir: &Path,
        limit: u64,
    ) -> Result<DiskIndex, JournalError> {
        DiskIndex::load(storage, dir, limit, IndexOptions::USUAL, Access::Read)
    }

    fn load(
        storage: Arc<dyn Storage>,
        dir: &Path,
        limit: u64,
        options: IndexOptions,
        access: Access,
    ) -> Result<DiskIndex, JournalError> {
        let found = manifest::read(storage.as_ref(), dir)?;
        let mut index = DiskIndex {
            storage,
            dir: dir.to_owned(),
            options: IndexOptions {
                fan_in: options.fan_in.max(2),
                ..options
            },
            memtable: BTreeSet::new(),
            manifest: Manifest::default(),
            runs: Vec::new(),
            was_reset: false,
            bytes_written: 0,
        };
        match found {
            Some(manifest) if manifest.covered <= limit => match index.open_runs(&manifest) {
                Ok(runs) => {
                    index.runs = runs;
                    index.manifest = manifest;
                }
                Err(JournalError::Corrupt { .. }) => index.was_reset = true,
                Err(error) => return Err(error),
            },
            Some(_) => index.was_reset = true,
            None => {
                let manifest = dir.join(manifest::NAME);
                let known = index
                    .storage
                    .len(&manifest)
                    .map_err(JournalError::read(&manifest))?;
                index.was_reset = known.is_some();
            }
        }
        if access == Access::Write {
            if index.was_reset {
                // The manifest goes first: runs without a manifest are nothing, a manifest without runs is damage.
                let manifest = dir.join(manifest::NAME);
                let storage = &index.storage;
                storage
                    .remove(&manifest)
                    .map_err(JournalError::write(&manifest))?;
                storage.sync_dir(dir).map_err(JournalError::write(dir))?;
            }
            index.remove_orphans()?;
        }
        Ok(index)
    }

    fn open_runs(&self, manifest: &Manifest) -> Result<Vec<Arc<Run>>, JournalError> {
        let open = |entry: &RunEntry| {
            let path = self.dir.join(&entry.file);
            Run::open(self.storage.as_ref(), &path, entry.entries).map(Arc::new)
        };
        manifest.runs.iter().map(open).collect()
    }

    /// Removes runs that no manifest names: a crash came between the two.
    fn remove_orphans(&self) -> Result<(), JournalError> {
        let names = self
            .storage
            .list(&self.dir)
            .map_err(JournalError::read(&self.dir))?;
        for name in names {
            let named = self.manifest.runs.iter().any(|run| run.file == name);
            if manifest::is_run(&name) && !named {
                let path = self.dir.join(name);
                self.storage
                    .remove(&path)
                    .map_err(JournalError::write(&path))?;
            }
        }
        Ok(())
    }

    /// Adds a pair; one that is there already stays single. It is on disk only after a [`DiskIndex::flush`].
    pub fn insert(&mut self, hash: u64, value: u64) {
        self.memtable.insert((hash, value));
    }

    /// Whether the memtable is full. The owner should flush at its next safe point; until then it grows.
    pub fn needs_flush(&self) -> bool {
        self.memtable.len() >= self.options.memtable_entries
    }

    /// All values under `hash` in ascending order.
    ///
    /// # Errors
    /// [`JournalError::Read`] of the system and [`JournalError::Corrupt`] when a block is damaged.
    pub fn lookup(&self, hash: u64) -> Result<Vec<u64>, JournalError> {
        let mut values = Vec::new();
        for run in &self.runs {
            run.lookup(hash, &mut values)?;
        }
        let fresh = self.memtable.range((hash, 0)..=(hash, u64::MAX));
        values.extend(fresh.map(|(_, value)| *value));
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }

    /// Up to which position or row of the owner's log everything is on disk.
    pub fn covered(&self) -> u64 {
        self.manifest.covered
    }

    /// Whether the index on disk was of no use and was emptied when it was opened.
    pub fn was_reset(&self) -> bool {
        self.was_reset
    }

    /// Entries on disk; pairs that stand in several runs count several times.
    pub fn entries_on_disk(&self) -> u64 {
        self.manifest.runs.iter().map(|run| run.entries).sum()
    }

    /// Bytes written by this handle, runs, merges and manifests.
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// Writes the memtable as a run, merging what is due, and says from now on that everything up to `covered` is on disk.
    /// Durable when it returns. After an error the index on disk is the one before.
    ///
    /// # Errors
    /// [`JournalError::Write`] and, from merging, those of [`DiskIndex::lookup`].
    pub fn flush(&mut self, covered: u64) -> Result<(), JournalError> {
        let flushed = self.begin_flush(covered).write()?;
        self.finish_flush(flushed);
        Ok(())
    }

    /// The first of three steps of a flush, for an owner that shares the index: only the second, [`Flush::write`], takes
    /// time, and it needs no access to the index.
    pub(crate) fn begin_flush(&self, covered: u64) -> Flush {
        Flush {
            storage: Arc::clone(&self.storage),
            dir: self.dir.clone(),
            fan_in: self.options.fan_in,
            entries: self.memtable.iter().copied().collect(),
            manifest: Manifest {
                covered,
                ..self.manifest.clone()
            },
            runs: self.runs.clone(),
        }
    }

    /// The last step of a flush.
    pub(crate) fn finish_flush(&mut self, flushed: Flushed) {
        if flushed.entries.len() == self.memtable.len() {
            self.memtable.clear();
        } else {
            for entry in &flushed.entries {
                self.memtable.remove(entry);
            }
        }
        self.manifest = flushed.manifest;
        self.runs = flushed.runs;
        self.bytes_written += flushed.bytes;
    }

    /// Reads every run and checks order, checksums and counts. Answers the number of entries.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] for the first damage, [`JournalError::Read`] of the system.
    pub fn verify(&self) -> Result<u64, JournalError> {
        self.runs.iter().map(|run| run.verify()).sum()
    }
}

/// A flush on its way.
#[derive(Debug)]
pub(crate) struct Flush {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    fan_in: usize,
    entries: Vec<Entry>,
    manifest: Manifest,
    runs: Vec<Arc<Run>>,
}

/// A flush that is durable.
#[derive(Debug)]
pub(crate) struct Flushed {
    entries: Vec<Entry>,
    manifest: Manifest,
    runs: Vec<Arc<Run>>,
    bytes: u64,
}

impl Flush {
    /// Writes run and manifest, both durably, then removes what they replace.
    pub(crate) fn write(self) -> Result<Flushed, JournalError> {
        let Flush {
            storage,
            dir,
            fan_in,
            entries,
            mut manifest,
            runs,
        } = self;
        let mut bytes = 0;
        let mut kept: Vec<Arc<Run>> = Vec::new();
        let mut obsolete: Vec<RunEntry> = Vec::new();
        if entries.is_empty() {
            kept = runs;
        } else {
            // The new run takes in every level that it would fill, so that one write does the work of a cascade.
            let mut level = 0;
            while manifest
                .runs
                .iter()
                .filter(|run| run.level == level)
                .count()
                + 1
                >= fan_in
            {
                level += 1;
            }
            let mut merged: Vec<Arc<Run>> = Vec::new();
            let mut stay = Vec::new();
            for (entry, run) in manifest.runs.drain(..).zip(runs) {
                if entry.level < level {
                    obsolete.push(entry);
                    merged.push(run);
                } else {
                    stay.push(entry);
                    kept.push(run);
                }
            }
            manifest.runs = stay;
            let file = manifest::run_name(manifest.next);
            manifest.next += 1;
            let path = dir.join(&file);
            let bound = entries.len() as u64 + obsolete.iter().map(|run| run.entries).sum::<u64>();
            let mut writer = RunWriter::create(storage.as_ref(), &path, bound)?;
            merge(&entries, &merged, |entry| writer.push(entry))?;
            let (count, run_bytes) = writer.finish()?;
            bytes += run_bytes;
            storage.sync_dir(&dir).map_err(JournalError::write(&dir))?;
            kept.push(Arc::new(Run::open(storage.as_ref(), &path, count)?));
            manifest.runs.push(RunEntry {
                file,
                level,
                entries: count,
            });
        }
        bytes += manifest::write(storage.as_ref(), &dir, &manifest)?;
        for run in obsolete {
            let path = dir.join(run.file);
            storage.remove(&path).map_err(JournalError::write(&path))?;
        }
        Ok(Flushed {
            entries,
            manifest,
            runs: kept,
            bytes,
        })
    }
}
