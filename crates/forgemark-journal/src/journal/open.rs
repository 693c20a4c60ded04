//! Opening: recover, lock, catch the index up, start the writer.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, OnceLock, RwLock};
use std::time::Duration;

use super::writer::WriterThread;
use super::{Journal, Queue, Shared};
use crate::error::JournalError;
use crate::frame::{SEGMENT_HEAD, segment_head};
use crate::index::{DiskIndex, IndexOptions};
use crate::items::Items;
use crate::lock::lock;
use crate::record::ImportRecord;
use crate::recover::{Access, Found, find, for_each_key, read_span};
use crate::segments::{Segments, encode_checkpoint, journal_dir, keys_dir};
use crate::state::{Committed, RunInfo, State, Totals};
use crate::storage::{AppendFile, Storage};

/// How a journal is opened.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Length in bytes at which a segment is full. Opening reads the last segment, so this bounds the time that it takes.
    pub segment_bytes: u64,
    /// How long the writer lets records gather after a sync when the last batch had several. A sync costs as much CPU as
    /// ten appends or more, so under load it is worth a short wait; at a low rate nobody is held up.
    pub gather: Duration,
    /// Whether batches are synced. Without, nothing survives a power loss: only for throw-away runs.
    pub sync: bool,
    /// Memory and merging of the key index.
    pub index: IndexOptions,
}

impl Default for OpenOptions {
    /// Segments of 64 MiB, two milliseconds to gather, synced, [`IndexOptions::USUAL`].
    fn default() -> Self {
        OpenOptions {
            segment_bytes: 64 << 20,
            gather: Duration::from_millis(2),
            sync: true,
            index: IndexOptions::USUAL,
        }
    }
}

/// What a journal held when it was opened.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// Every run in the order in which they first began.
    pub runs: Vec<RunInfo>,
    /// The run that began or went on last, as an index of `runs`.
    pub current: Option<usize>,
    /// Files that were imported.
    pub imports: Vec<ImportRecord>,
    /// What is committed, all commits and rewinds together; `None` before the first commit.
    pub last_commit: Option<Committed>,
    /// Usage and cost.
    pub totals: Totals,
    /// Number of records.
    pub records: u64,
    /// Bytes after the last whole record. They were never acknowledged, and were cut off if the journal was opened to be
    /// written.
    pub torn_bytes: u64,
    pub(crate) source: Arc<Source>,
}

/// What reading the items needs.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) segments: Segments,
    pub(crate) state: State,
    pub(crate) end: u64,
}

impl Recovered {
    pub(crate) fn new(segments: Segments, state: State, end: u64, torn_bytes: u64) -> Self {
        Recovered {
            runs: state.runs.clone(),
            current: state.current,
            imports: state.imports.clone(),
            last_commit: state.committed.clone(),
            totals: state.totals.clone(),
            records: state.records,
            torn_bytes,
            source: Arc::new(Source {
                segments,
                state,
                end,
            }),
        }
    }

    /// Number of committed items.
    pub fn items_committed(&self) -> u64 {
        self.source.state.through()
    }

    /// All committed items in order, read from the segments as they are asked for. Calls in between are not read.
    pub fn items(&self) -> Items {
        self.items_from(0)
    }

    /// The committed items from number `first` on; segments that only hold earlier ones are skipped.
    pub fn items_from(&self, first: u64) -> Items {
        Items::new(Arc::clone(&self.source), first)
    }
}

impl Journal {
    /// Opens the journal of `out_dir`, creating it when there is none. Reads the last segment only, cuts what was never
    /// acknowledged, and brings the key index up to date. Everything that it reports is durable.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when it is open already, [`JournalError::Corrupt`] when something that was durable is
    /// damaged or missing, [`JournalError::TooNew`], and the system's own.
    pub fn open(
        storage: Arc<dyn Storage>,
        out_dir: &Path,
        options: OpenOptions,
    ) -> Result<(Journal, Recovered), JournalError> {
        let dir = journal_dir(out_dir);
        storage
            .create_dir_all(&dir)
            .map_err(JournalError::write(&dir))?;
        let held = lock(
            storage.as_ref(),
            &dir.join("writer.lock"),
            "another journal handle",
        )?;
        let mut found = find(&storage, &dir, Access::Write)?;
        let file = open_last(&storage, &mut found)?;
        let base = found.segments.last().unwrap_or(0);
        let view = Segments::list(Arc::clone(&storage), &dir)?;
        let index = open_index(storage, out_dir, &found, options.index)?;
        let recovered = Recovered::new(view, found.state.clone(), found.end, found.torn_bytes);
        let shared = Arc::new(Shared {
            out_dir: out_dir.to_owned(),
            segments: found.segments,
            segment_bytes: options.segment_bytes,
            gather: options.gather,
            sync: options.sync,
            queue: Mutex::new(Queue {
                chunks: Vec::new(),
                end: found.end,
                base,
                frames: found.frames,
                earlier: found.earlier,
                state: found.state,
                pending: HashMap::new(),
                idle: false,
                closed: false,
            }),
            filled: Condvar::new(),
            durable: AtomicU64::new(found.end),
            acknowledged: AtomicU64::new(found.end),
            failed: OnceLock::new(),
            waiters: Mutex::new(Vec::new()),
            index_bytes: AtomicU64::new(index.bytes_written()),
            index: RwLock::new(index),
            journal_bytes: AtomicU64::new(0),
            artifact_bytes: AtomicU64::new(0),
        });
        let writer = WriterThread::start(Arc::clone(&shared), file, base, held)?;
        let journal = Journal {
            shared,
            _writer: Arc::new(writer),
        };
        Ok((journal, recovered))
    }

    /// The folder that this is the journal of.
    pub fn out_dir(&self) -> &Path {
        &self.shared.out_dir
    }

    /// Where the journal's files are.
    pub fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(self.shared.segments.storage())
    }
}

/// Opens the last segment to write, making the first one where there is none.
fn open_last(
    storage: &Arc<dyn Storage>,
    found: &mut Found,
) -> Result<Box<dyn AppendFile>, JournalError> {
    let dir = found.segments.dir().to_owned();
    let Some(base) = found.segments.last() else {
        let path = found.segments.path(0);
        let checkpoint = encode_checkpoint(&found.state, 0);
        let mut bytes = segment_head(0);
        bytes.extend_from_slice(&checkpoint.head);
        bytes.extend_from_slice(&checkpoint.body);
        let write = JournalError::write(&path);
        let mut file = storage.create(&path).map_err(&write)?;
        file.write_all(&bytes).map_err(&write)?;
        file.sync().map_err(&write)?;
        storage.sync_dir(&dir).map_err(JournalError::write(&dir))?;
        found.segments.push(0);
        found.end = SEGMENT_HEAD + checkpoint.len();
        return Ok(file);
    };
    let path = found.segments.path(base);
    let mut file = storage
        .open_append(&path)
        .map_err(JournalError::write(&path))?;
    // A killed process may have left bytes that only the system's cache knows. From here on they count, so they must last.
    file.sync().map_err(JournalError::write(&path))?;
    storage.sync_dir(&dir).map_err(JournalError::write(&dir))?;
    Ok(file)
}

/// Opens the key index and inserts what it does not cover.
pub(crate) fn open_index(
    storage: Arc<dyn Storage>,
    out_dir: &Path,
    found: &Found,
    options: IndexOptions,
) -> Result<DiskIndex, JournalError> {
    let keys = keys_dir(out_dir);
    let mut index = DiskIndex::open_with(storage, &keys, found.end, options)?;
    let covered = index.covered();
    let spans = found.segments.spans(found.end);
    let (last, sealed) = match spans.split_last() {
        Some((last, sealed)) => (last.base, sealed),
        None => return Ok(index),
    };
    for span in sealed.iter().filter(|span| span.end > covered) {
        read_span(&found.segments, *span, covered, |position, record| {
            for_each_key(position, &record, |key, value| {
                index.insert(key.prefix(), value);
            });
            if index.needs_flush() {
                // Everything before this record is in; the record itself may be inserted twice, which is no harm.
                index.flush(position)?;
            }
            Ok(())
        })?;
    }
    for (prefix, value) in &found.keys {
        if value & !crate::recover::FORGET >= covered {
            index.insert(*prefix, *value);
        }
    }
    if covered < last || index.needs_flush() {
        index.flush(found.end)?;
    }
    Ok(index)
}
