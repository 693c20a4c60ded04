//! The writer thread: one write and one sync for whatever has gathered.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Chunk, Keys, Shared};
use crate::error::JournalError;
use crate::frame::segment_head;
use crate::recover::FORGET;
use crate::storage::{AppendFile, Held};

/// A write buffer that grew beyond this is given back.
const MAX_IDLE_BUFFER: usize = 4 << 20;

/// Records that must arrive in a gathering time for it to be worth waiting.
const CROWD: u64 = 4;

/// How long traffic is watched before it is judged again.
const WINDOW: Duration = Duration::from_millis(20);

/// The thread and the folder's lock. Dropping it writes what is queued, ends the thread and gives the lock back.
#[derive(Debug)]
pub(super) struct WriterThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    _held: Box<dyn Held>,
}

impl WriterThread {
    /// Starts the thread; `file` is the last segment.
    pub(super) fn start(
        shared: Arc<Shared>,
        file: Box<dyn AppendFile>,
        base: u64,
        held: Box<dyn Held>,
    ) -> Result<Self, JournalError> {
        let mut writer = Writer {
            shared: Arc::clone(&shared),
            file,
            base,
            buffer: Vec::new(),
            traffic: Traffic::new(),
        };
        let thread = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(JournalError::write(&shared.segments.path(base)))?;
        Ok(WriterThread {
            shared,
            thread: Some(thread),
            _held: held,
        })
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.shared.lock_queue().closed = true;
        self.shared.filled.notify_one();
        // A waker may own the last handle, and the writer drops wakers: it cannot wait for itself, and ends by itself.
        let own = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !own(thread)) {
            // A panic of the writer has been told to everybody who waited; there is nobody else to tell.
            let _ = thread.join();
        }
    }
}

struct Writer {
    shared: Arc<Shared>,
    file: Box<dyn AppendFile>,
    base: u64,
    buffer: Vec<u8>,
    traffic: Traffic,
}

/// How many records come, to tell whether waiting for more saves syncs. Only the time to wait depends on it.
struct Traffic {
    /// When the last batch was done.
    last: Instant,
    /// Since when records and batches are counted.
    since: Instant,
    records: u64,
    batches: u64,
    crowded: bool,
}

impl Traffic {
    fn new() -> Self {
        let now = Instant::now();
        Traffic {
            last: now,
            since: now,
            records: 0,
            batches: 0,
            crowded: false,
        }
    }

    /// Takes in a batch that is done.
    fn note(&mut self, records: u64, gather: Duration) {
        self.last = Instant::now();
        self.records += records;
        self.batches += 1;
        let watched = self.last - self.since;
        if watched < WINDOW {
            return;
        }
        let expected = self.records as f64 * gather.as_secs_f64() / watched.as_secs_f64();
        // Callers that wait for each record in turn never share a batch, however fast they are.
        let shared = self.records - self.batches;
        self.crowded = expected >= CROWD as f64 && shared * 8 >= self.batches;
        self.since = self.last;
        self.records = 0;
        self.batches = 0;
    }
}

/// Whoever waits must not wait forever when the thread ends by a defect.
struct TellEnd(Arc<Shared>);

impl Drop for TellEnd {
    fn drop(&mut self) {
        self.0.fail(JournalError::WriterGone);
    }
}

impl Writer {
    fn run(&mut self) {
        let _tell = TellEnd(Arc::clone(&self.shared));
        let mut chunks = Vec::new();
        while let Some(end) = self.take(&mut chunks) {
            if let Err(error) = self.write_batch(&chunks, end) {
                self.shared.fail(error);
            }
            self.traffic.note(chunks.len() as u64, self.shared.gather);
            chunks.clear();
        }
    }

    /// Waits for work and takes all of it, at the earliest a gathering time after the last sync when there is a crowd.
    /// Answers the position where it ends, or `None` when the journal is closed.
    fn take(&self, chunks: &mut Vec<Chunk>) -> Option<u64> {
        if self.traffic.crowded {
            let rest = self
                .shared
                .gather
                .saturating_sub(self.traffic.last.elapsed());
            std::thread::sleep(rest);
        }
        let mut queue = self.shared.lock_queue();
        while queue.chunks.is_empty() {
            if queue.closed {
                return None;
            }
            queue.idle = true;
            queue = self
                .shared
                .filled
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        queue.idle = false;
        std::mem::swap(&mut queue.chunks, chunks);
        Some(queue.end)
    }

    fn write_batch(&mut self, chunks: &[Chunk], end: u64) -> Result<(), JournalError> {
        let mut rolled = false;
        for chunk in chunks {
            match chunk {
                Chunk::Frame { frame, .. } => {
                    self.buffer.extend_from_slice(&frame.head);
                    self.buffer.extend_from_slice(&frame.body);
                }
                Chunk::Roll { base, checkpoint } => {
                    self.write_out()?;
                    self.roll(*base)?;
                    self.buffer.extend_from_slice(&segment_head(*base));
                    self.buffer.extend_from_slice(&checkpoint.head);
                    self.buffer.extend_from_slice(&checkpoint.body);
                    rolled = true;
                }
            }
        }
        self.write_out()?;
        if self.buffer.capacity() > MAX_IDLE_BUFFER {
            self.buffer = Vec::new();
        }
        let shared = Arc::clone(&self.shared);
        if rolled {
            let dir = shared.segments.dir();
            let storage = shared.segments.storage();
            storage.sync_dir(dir).map_err(JournalError::write(dir))?;
        }
        // In this order a lookup finds every record in at least one of the two places, and can read what the index names.
        shared.durable.store(end, Ordering::Release);
        let full = index_keys(&shared, chunks);
        forget_pending(&shared, chunks);
        // Who waits does so for a flush as well: it holds up the next batch anyway, and a failure is told at once.
        if full || rolled {
            flush_index(&shared, end)?;
        }
        shared.acknowledged.store(end, Ordering::Release);
        shared.wake(end);
        Ok(())
    }

    /// Writes the buffer to the current segment and syncs it.
    fn write_out(&mut self) -> Result<(), JournalError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let path = || self.shared.segments.path(self.base);
        self.file
            .write_all(&self.buffer)
            .map_err(|e| JournalError::write(&path())(e))?;
        if self.shared.sync {
            self.file
                .sync()
                .map_err(|e| JournalError::write(&path())(e))?;
        }
        self.shared
            .journal_bytes
            .fetch_add(self.buffer.len() as u64, Ordering::Relaxed);
        self.buffer.clear();
        Ok(())
    }

    /// Goes on in a new segment; the one before is complete and synced.
    fn roll(&mut self, base: u64) -> Result<(), JournalError> {
        let segments = &self.shared.segments;
        let path = segments.path(base);
        self.file = segments
            .storage()
            .create(&path)
            .map_err(JournalError::write(&path))?;
        self.base = base;
        segments.push(base);
        Ok(())
    }
}

/// Tells the index what is durable now. Answers whether its memtable is full.
fn index_keys(shared: &Shared, chunks: &[Chunk]) -> bool {
    let mut index = shared.index.write().unwrap_or_else(PoisonError::into_inner);
    for chunk in chunks {
        match chunk {
            Chunk::Frame {
                position,
                keys: Keys::Call(key),
                ..
            } => index.insert(key.prefix(), *position),
            Chunk::Frame {
                position,
                keys: Keys::Forget(keys),
                ..
            } => {
                for key in keys {
                    index.insert(key.prefix(), *position | FORGET);
                }
            }
            _ => {}
        }
    }
    index.needs_flush()
}

/// Drops from memory what the index knows now.
fn forget_pending(shared: &Shared, chunks: &[Chunk]) {
    let mut queue = shared.lock_queue();
    for chunk in chunks {
        let Chunk::Frame { position, keys, .. } = chunk else {
            continue;
        };
        let keys = match keys {
            Keys::None => &[],
            Keys::Call(key) => std::slice::from_ref(key),
            Keys::Forget(keys) => keys.as_slice(),
        };
        for key in keys {
            if let Some(waiting) = queue.pending.get_mut(key) {
                waiting.retain(|(other, _)| other != position);
                if waiting.is_empty() {
                    queue.pending.remove(key);
                }
            }
        }
    }
}

/// Writes the index's memtable; lookups go on meanwhile.
fn flush_index(shared: &Shared, covered: u64) -> Result<(), JournalError> {
    let flush = {
        let index = shared.index.read().unwrap_or_else(PoisonError::into_inner);
        index.begin_flush(covered)
    };
    let flushed = flush.write()?;
    let mut index = shared.index.write().unwrap_or_else(PoisonError::into_inner);
    index.finish_flush(flushed);
    let bytes = index.bytes_written();
    shared.index_bytes.store(bytes, Ordering::Relaxed);
    Ok(())
}
