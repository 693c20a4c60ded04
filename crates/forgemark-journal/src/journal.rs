//! The open journal: append, look up, add up.
//!
//! ```text
//! append: encode ──lock──> position, state, pending ──unlock──> writer thread ──> write, fdatasync ──> index ──> wake
//! ```
//!
//! A record gets its position under the lock, so the order of positions is the order of appends, and the state (totals, runs,
//! committed lengths) is that of everything appended. When a segment is full, the state goes into the checkpoint that
//! begins the next one. The writer takes whatever has gathered while it waited for the disk, so that replies that arrive
//! together share one sync.

mod durable;
mod open;
mod writer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::task::Waker;
use std::time::Duration;

use forgemark_contract::ids::CallKey;

use crate::error::JournalError;
use crate::frame::{Encoded, MAX_PAYLOAD, SEGMENT_HEAD, checksum, encode};
use crate::index::DiskIndex;
use crate::record::{
    BatchRecord, BatchStage, CallRecord, CommitRecord, Link, PendingBatch, Record, body_of,
    items_body, kind_of, write_header,
};
use crate::recover::FORGET;
use crate::segments::{Segments, encode_checkpoint};
use crate::state::{Committed, OpenBatch, State, Totals};

pub use durable::Durable;
pub use open::{OpenOptions, Recovered};
pub(crate) use open::{Source, open_index};

/// The journal of an output folder. Clones share it; when the last one is dropped, what was appended is written and the
/// folder is free again.
#[derive(Debug, Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    _writer: Arc<writer::WriterThread>,
}

/// What the handles, the writer and the waiting futures share.
#[derive(Debug)]
pub(crate) struct Shared {
    out_dir: PathBuf,
    segments: Segments,
    segment_bytes: u64,
    gather: Duration,
    sync: bool,
    queue: Mutex<Queue>,
    /// Signalled when the queue is no longer empty, or closed.
    filled: Condvar,
    /// Everything before this position is on disk.
    durable: AtomicU64,
    /// Everything before this position is on disk, and known to the index: what a [`Durable`] waits for.
    acknowledged: AtomicU64,
    /// The first failure. Nothing is accepted after it.
    failed: OnceLock<JournalError>,
    waiters: Mutex<Vec<(u64, Waker)>>,
    index: RwLock<DiskIndex>,
    journal_bytes: AtomicU64,
    index_bytes: AtomicU64,
    artifact_bytes: AtomicU64,
}

/// What waits for the writer, and the state after it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: Vec<Chunk>,
    /// Position of the next frame.
    end: u64,
    /// Position of the segment that the next frame goes to.
    base: u64,
    /// Frames in that segment after its checkpoint.
    frames: u64,
    /// Whether that segment has an earlier format: the next frame begins another.
    earlier: bool,
    state: State,
    /// Calls (or, without a record, forgotten calls) that are not yet in the index, in order of their position.
    pending: HashMap<CallKey, Vec<(u64, Option<CallRecord>)>>,
    idle: bool,
    closed: bool,
}

/// Work for the writer.
#[derive(Debug)]
enum Chunk {
    /// A frame at a position, and the keys that the index must learn.
    Frame {
        position: u64,
        frame: Encoded,
        keys: Keys,
    },
    /// A new segment with its checkpoint.
    Roll { base: u64, checkpoint: Encoded },
}

#[derive(Debug)]
enum Keys {
    None,
    Call(CallKey),
    Forget(Vec<CallKey>),
}

/// Bytes written by one handle since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BytesWritten {
    /// Segments.
    pub journal: u64,
    /// The key index, merges included.
    pub index: u64,
    /// Artifacts.
    pub artifacts: u64,
}

impl Journal {
    /// Appends a record. It gets its place at once: [`Journal::lookup`] and [`Journal::totals`] know it when this returns. It
    /// is safe when the [`Durable`] says so, and only then may anything be built on it.
    ///
    /// A refused record (a commit out of order, a record that is too large, a rewind to between two commits) fails its
    /// `Durable` and changes nothing; a failed write fails everything after it too. A rewind blocks until what was
    /// appended before is durable; everything else returns at once.
    pub fn append(&self, record: Record) -> Durable {
        let appended = match record {
            Record::Checkpoint { .. } => Err(JournalError::Reserved),
            Record::Commit(commit) => self.append_commit(commit),
            Record::Rewind { to, forget } => self.append_rewind(to, &forget),
            other => self.append_plain(other),
        };
        appended.unwrap_or_else(Durable::failed)
    }

    fn append_plain(&self, record: Record) -> Result<Durable, JournalError> {
        let shared = &self.shared;
        let link = Link::default();
        let body = body_of(&record);
        let crc = checksum(&body);
        check_size(body.len())?;
        let durable = shared.durable.load(Ordering::Acquire);
        let header = |out: &mut Vec<u8>| write_header(out, &record, &link);
        let frame = encode(kind_of(&record), durable, header, body, &crc);
        check_size(frame.head.len() + frame.body.len())?;
        let mut queue = shared.queue()?;
        let position = shared.place(&mut queue, frame.len());
        queue.state.apply(position, &record, &link);
        let keys = match record {
            Record::Call(call) => {
                let key = call.key;
                let waiting = queue.pending.entry(key).or_default();
                waiting.push((position, Some(call)));
                Keys::Call(key)
            }
            _ => Keys::None,
        };
        Ok(shared.enqueue(queue, position, frame, keys))
    }

    fn append_commit(&self, mut commit: CommitRecord) -> Result<Durable, JournalError> {
        let shared = &self.shared;
        // The items are written and summed before the lock; the rest of the record needs the state, and is short.
        let body = items_body(&commit.items);
        let crc = checksum(&body);
        check_size(body.len())?;
        let mut queue = shared.queue()?;
        let expected = queue.state.through() + commit.items.len() as u64;
        if commit.through != expected {
            return Err(JournalError::Order {
                expected,
                found: commit.through,
            });
        }
        if let Some(before) = &queue.state.committed {
            for (file, len) in &before.files {
                if !commit.files.contains_key(file) {
                    commit.files.insert(file.clone(), *len);
                }
            }
        }
        commit.totals = queue.state.totals.to_json();
        let link = Link {
            prev: queue.state.last_commit,
            run: queue.state.run_id().to_owned(),
            ..Link::default()
        };
        let record = Record::Commit(commit);
        let durable = shared.durable.load(Ordering::Acquire);
        let header = |out: &mut Vec<u8>| write_header(out, &record, &link);
        let frame = encode(kind_of(&record), durable, header, body, &crc);
        check_size(frame.head.len() + frame.body.len())?;
        let position = shared.place(&mut queue, frame.len());
        queue.state.apply(position, &record, &link);
        Ok(shared.enqueue(queue, position, frame, Keys::None))
    }

    fn append_rewind(&self, to: u64, forget: &[CallKey]) -> Result<Durable, JournalError> {
        let shared = &self.shared;
        loop {
            self.flush().wait()?;
            let (last, committed, imports) = {
                let queue = shared.queue()?;
                let state = &queue.state;
                (
                    state.last_commit,
                    state.committed.clone(),
                    state.imports.clone(),
                )
            };
            let committed = committed.unwrap_or_default();
            let boundary = self.boundary(last, to)?;
            if boundary.through != to {
                return Err(JournalError::Rewind {
                    to,
                    what: format!(
                        "the commit before it ends at item {} of {}",
                        boundary.through, committed.through
                    ),
                });
            }
            // A file that came later goes back to what it was before us.
            let mut files = boundary.files;
            for file in committed.files.into_keys() {
                let imported = imports.iter().rev().find(|import| import.file == file);
                let before = imported.map_or(0, |import| import.bytes);
                files.entry(file).or_insert(before);
            }
            let link = Link {
                prev: boundary.position,
                files,
                ..Link::default()
            };
            let record = Record::Rewind {
                to,
                forget: forget.to_vec(),
            };
            let durable = shared.durable.load(Ordering::Acquire);
            let frame = crate::segments::encode_record(&record, &link, durable);
            check_size(frame.head.len())?;
            let mut queue = shared.queue()?;
            if queue.state.last_commit != last {
                continue;
            }
            let position = shared.place(&mut queue, frame.len());
            queue.state.apply(position, &record, &link);
            for key in forget {
                queue
                    .pending
                    .entry(*key)
                    .or_default()
                    .push((position, None));
            }
            return Ok(shared.enqueue(queue, position, frame, Keys::Forget(forget.to_vec())));
        }
    }

    /// The largest number of items, `to` at most, to which the journal can be rewound: where a commit in force ended.
    ///
    /// # Errors
    /// [`JournalError::Rewind`] when a commit in between swapped files, whose old content is gone; [`JournalError::Read`]
    /// and [`JournalError::Corrupt`].
    pub fn rewind_point(&self, to: u64) -> Result<u64, JournalError> {
        self.flush().wait()?;
        let last = self.shared.queue()?.state.last_commit;
        Ok(self.boundary(last, to)?.through)
    }

    /// Walks back from the commit at `last` to the newest one that ends at item `to` or before.
    fn boundary(&self, last: Option<u64>, to: u64) -> Result<Boundary, JournalError> {
        let shared = &self.shared;
        let end = shared.durable.load(Ordering::Acquire);
        let mut place = last;
        let mut swapped = false;
        while let Some(position) = place {
            let (record, link) = shared.segments.record(position, end)?;
            let Record::Commit(commit) = record else {
                break;
            };
            if commit.through <= to {
                if swapped {
                    return Err(JournalError::Rewind {
                        to,
                        what: "files were replaced by a later commit".to_owned(),
                    });
                }
                return Ok(Boundary {
                    position: Some(position),
                    through: commit.through,
                    files: commit.files,
                });
            }
            swapped |= !commit.swaps.is_empty();
            place = link.prev;
        }
        Ok(Boundary::default())
    }

    /// The outcome that counts for `key`: the first that was appended since the key was last forgotten, whether it is
    /// durable yet or not. A key that is unknown costs a few memory accesses, a known one one or two short reads.
    ///
    /// # Errors
    /// [`JournalError::Read`] and [`JournalError::Corrupt`].
    pub fn lookup(&self, key: &CallKey) -> Result<Option<CallRecord>, JournalError> {
        let shared = &self.shared;
        let mut found = None;
        // First what waits, then the index: the writer goes the other way, so nothing falls between the two.
        {
            let queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(waiting) = queue.pending.get(key) {
                for (_, call) in waiting.iter().rev() {
                    match call {
                        Some(call) => found = Some(call.clone()),
                        None => return Ok(found),
                    }
                }
            }
        }
        let values = {
            let index = shared.index.read().unwrap_or_else(PoisonError::into_inner);
            index.lookup(key.prefix())?
        };
        let end = shared.durable.load(Ordering::Acquire);
        for value in by_position(values) {
            match shared.segments.record(value & !FORGET, end)?.0 {
                Record::Call(call) if call.key == *key => found = Some(call),
                Record::Rewind { forget, .. } if forget.contains(key) => break,
                _ => {}
            }
        }
        Ok(found)
    }

    /// The batches that were intended and not closed, oldest first: what a provider may still be working on, or may have
    /// been given without our knowing.
    ///
    /// # Errors
    /// [`JournalError::Read`] and [`JournalError::Corrupt`], or the journal's failure.
    pub fn pending_batches(&self) -> Result<Vec<PendingBatch>, JournalError> {
        self.flush().wait()?;
        let shared = &self.shared;
        let end = shared.durable.load(Ordering::Acquire);
        let open: Vec<OpenBatch> = self.state(|state| state.batches.values().cloned().collect());
        let mut pending = Vec::new();
        for batch in open {
            let (record, _) = shared.segments.record(batch.intended, end)?;
            if let Record::Batch(BatchRecord {
                id,
                at,
                stage: BatchStage::Intended(intent),
            }) = record
            {
                let provider_id = batch.provider_id;
                pending.push((
                    batch.intended,
                    PendingBatch {
                        id,
                        at,
                        intent,
                        provider_id,
                    },
                ));
            }
        }
        pending.sort_by_key(|(position, _)| *position);
        Ok(pending.into_iter().map(|(_, batch)| batch).collect())
    }

    /// Usage and cost of everything appended, over all runs and resumes.
    pub fn totals(&self) -> Totals {
        self.state(|state| state.totals.clone())
    }

    /// What is committed so far, appended but not yet durable commits included.
    pub fn committed(&self) -> Committed {
        self.state(|state| state.committed.clone().unwrap_or_default())
    }

    /// A [`Durable`] for everything appended so far.
    pub fn flush(&self) -> Durable {
        let end = self.shared.lock_queue().end;
        Durable::at(Arc::clone(&self.shared), end)
    }

    /// Bytes written to segments, key index and artifacts by this handle and its clones.
    pub fn bytes_written(&self) -> u64 {
        let bytes = self.bytes_by_kind();
        bytes.journal + bytes.index + bytes.artifacts
    }

    /// Bytes written, by what they were for.
    pub fn bytes_by_kind(&self) -> BytesWritten {
        BytesWritten {
            journal: self.shared.journal_bytes.load(Ordering::Relaxed),
            index: self.shared.index_bytes.load(Ordering::Relaxed),
            artifacts: self.shared.artifact_bytes.load(Ordering::Relaxed),
        }
    }

    /// The failure after which nothing is accepted any more, when there was one.
    pub fn failure(&self) -> Option<JournalError> {
        self.shared.failed.get().cloned()
    }

    /// Ends the life of this handle and its clones with `error`, because something that belongs to the journal could not be
    /// written.
    pub(crate) fn fail(&self, error: &JournalError) {
        self.shared.fail(error.clone());
    }

    pub(crate) fn count_artifact_bytes(&self, bytes: u64) {
        self.shared
            .artifact_bytes
            .fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn imported(&self, file: &str) -> Option<u64> {
        self.state(|state| {
            let import = state.imports.iter().rev().find(|i| i.file == file);
            import.map(|import| import.bytes)
        })
    }

    /// Position of the next record. It never comes again once a record stands there.
    pub fn end(&self) -> u64 {
        self.shared.lock_queue().end
    }

    pub(crate) fn has_commit(&self) -> bool {
        self.state(|state| state.committed.is_some())
    }

    fn state<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.shared.lock_queue().state)
    }
}

/// Where a commit in force ended.
#[derive(Debug, Default)]
struct Boundary {
    position: Option<u64>,
    through: u64,
    files: std::collections::BTreeMap<String, u64>,
}

impl Shared {
    fn lock_queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue, unless something has failed.
    fn queue(&self) -> Result<MutexGuard<'_, Queue>, JournalError> {
        let queue = self.lock_queue();
        match self.failed.get() {
            Some(error) => Err(error.clone()),
            None => Ok(queue),
        }
    }

    /// Finds the place of a frame, in a new segment when the current one is full.
    fn place(&self, queue: &mut Queue, len: u64) -> u64 {
        let full = queue.frames > 0 && queue.end - queue.base + len > self.segment_bytes;
        if full || queue.earlier {
            let durable = self.durable.load(Ordering::Acquire);
            let checkpoint = encode_checkpoint(&queue.state, durable);
            queue.base = queue.end;
            queue.frames = 0;
            queue.earlier = false;
            queue.end += SEGMENT_HEAD + checkpoint.len();
            let base = queue.base;
            queue.chunks.push(Chunk::Roll { base, checkpoint });
        }
        let position = queue.end;
        queue.end += len;
        queue.frames += 1;
        position
    }

    fn enqueue(
        self: &Arc<Self>,
        mut queue: MutexGuard<'_, Queue>,
        position: u64,
        frame: Encoded,
        keys: Keys,
    ) -> Durable {
        let end = position + frame.len();
        queue.chunks.push(Chunk::Frame {
            position,
            frame,
            keys,
        });
        let wake = std::mem::take(&mut queue.idle);
        drop(queue);
        if wake {
            self.filled.notify_one();
        }
        Durable::at(Arc::clone(self), end)
    }

    /// Refuses everything from now on and tells everybody who waits.
    fn fail(&self, error: JournalError) {
        {
            let mut queue = self.lock_queue();
            // Only the first failure counts; later ones follow from it.
            let _ = self.failed.set(error);
            queue.chunks.clear();
            queue.pending.clear();
        }
        self.wake(u64::MAX);
    }

    /// Wakes those who wait for a position up to `durable`.
    fn wake(&self, durable: u64) {
        let ready: Vec<Waker> = {
            let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            let ready = waiters.extract_if(.., |(position, _)| *position <= durable);
            ready.map(|(_, waker)| waker).collect()
        };
        for waker in ready {
            waker.wake();
        }
    }
}

fn check_size(bytes: usize) -> Result<(), JournalError> {
    let bytes = bytes as u64;
    if bytes > MAX_PAYLOAD {
        return Err(JournalError::TooLarge { bytes });
    }
    Ok(())
}

/// Index values from the newest to the oldest record.
fn by_position(mut values: Vec<u64>) -> Vec<u64> {
    values.sort_unstable_by_key(|value| std::cmp::Reverse(value & !FORGET));
    values
}
