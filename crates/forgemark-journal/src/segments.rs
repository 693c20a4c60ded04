//! The files of a journal, and any frame by its position.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::JournalError;
use crate::frame::{
    self, EXTENSION, Encoded, Frame, SEGMENT_HEAD, SegmentHead, checksum, encode,
    parse_segment_head, read_frame,
};
use crate::lock::STATE_DIR;
use crate::record::{Link, Record, body_of, decode, kind_of, write_header};
use crate::state::State;
use crate::storage::{ReadFile, Storage};

/// Open segments at most; beyond that the one with the lowest position is closed.
const MAX_OPEN: usize = 64;

/// The folder of the segments.
pub(crate) fn journal_dir(out_dir: &Path) -> PathBuf {
    out_dir.join(STATE_DIR).join("journal")
}

/// The folder of the key index.
pub(crate) fn keys_dir(out_dir: &Path) -> PathBuf {
    out_dir.join(STATE_DIR).join("keys")
}

/// The segments by the position of their first byte.
#[derive(Debug)]
pub(crate) struct Segments {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Ascending.
    bases: Vec<u64>,
    open: BTreeMap<u64, Arc<dyn ReadFile>>,
}

/// One segment and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) base: u64,
    pub(crate) end: u64,
}

impl Segments {
    /// The segments of `dir` as their names say. Nothing is read.
    pub(crate) fn list(storage: Arc<dyn Storage>, dir: &Path) -> Result<Segments, JournalError> {
        let names = storage.list(dir).map_err(JournalError::read(dir))?;
        let bases = names.iter().filter_map(|name| {
            let digits = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
            digits.parse().ok().filter(|_| digits.len() == 20)
        });
        let known = Known {
            bases: bases.collect(),
            open: BTreeMap::new(),
        };
        Ok(Segments {
            storage,
            dir: dir.to_owned(),
            known: Mutex::new(known),
        })
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn path(&self, base: u64) -> PathBuf {
        self.dir.join(format!("{base:020}.{EXTENSION}"))
    }

    /// All segments that begin before `end`; the last ends there.
    pub(crate) fn spans(&self, end: u64) -> Vec<Span> {
        let mut bases = self.known().bases.clone();
        bases.retain(|base| *base < end);
        let ends = bases.iter().copied().skip(1).chain([end]);
        bases
            .iter()
            .copied()
            .zip(ends)
            .map(|(base, end)| Span { base, end })
            .collect()
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.known().bases.last().copied()
    }

    /// Adds a segment after the others.
    pub(crate) fn push(&self, base: u64) {
        self.known().bases.push(base);
    }

    /// Forgets the last segment.
    pub(crate) fn pop(&self) {
        let mut known = self.known();
        if let Some(base) = known.bases.pop() {
            known.open.remove(&base);
        }
    }

    /// The segment at `base`, open to read, its header checked.
    pub(crate) fn reader(&self, base: u64) -> Result<Arc<dyn ReadFile>, JournalError> {
        if let Some(open) = self.known().open.get(&base) {
            return Ok(Arc::clone(open));
        }
        let path = self.path(base);
        let file = self
            .storage
            .open_read(&path)
            .map_err(JournalError::read(&path))?;
        let len = file.len().map_err(JournalError::read(&path))?;
        let mut head = vec![0; len.min(SEGMENT_HEAD) as usize];
        file.read_exact_at(&mut head, 0)
            .map_err(JournalError::read(&path))?;
        match parse_segment_head(&head) {
            SegmentHead::Base { base: found, .. } if found == base => {}
            SegmentHead::TooNew(found) => {
                return Err(JournalError::TooNew {
                    path,
                    found,
                    supported: frame::FORMAT,
                });
            }
            SegmentHead::Base { .. } | SegmentHead::Bad => {
                return Err(JournalError::corrupt(&path, 0, "no segment header"));
            }
        }
        let mut known = self.known();
        if known.open.len() >= MAX_OPEN {
            known.open.pop_first();
        }
        known.open.insert(base, Arc::clone(&file));
        Ok(file)
    }

    /// The frame at `position`, which must be there; the journal ends at `end`.
    pub(crate) fn frame(&self, position: u64, end: u64) -> Result<Frame, JournalError> {
        let (base, segment_end) = {
            let known = self.known();
            let after = known.bases.partition_point(|base| *base <= position);
            let base = known.bases.get(after.wrapping_sub(1)).copied().unwrap_or(0);
            (base, known.bases.get(after).copied().unwrap_or(end))
        };
        let path = self.path(base);
        let file = self.reader(base)?;
        let offset = position - base;
        let frame = read_frame(file.as_ref(), offset, segment_end.saturating_sub(base))
            .map_err(JournalError::read(&path))?;
        frame.ok_or_else(|| JournalError::corrupt(&path, offset, "no valid frame"))
    }

    /// The record at `position`.
    pub(crate) fn record(&self, position: u64, end: u64) -> Result<(Record, Link), JournalError> {
        let frame = self.frame(position, end)?;
        self.decode(position, frame)
    }

    /// Position of the commit before the one at `position`.
    pub(crate) fn commit_before(
        &self,
        position: u64,
        end: u64,
    ) -> Result<Option<u64>, JournalError> {
        let frame = self.frame(position, end)?;
        let header = forgemark_contract::json::parse(&frame.header);
        Ok(header.ok().and_then(|header| header.at("prev").as_u64()))
    }

    /// Decodes a frame; what is wrong with it is told with its place.
    pub(crate) fn decode(
        &self,
        position: u64,
        frame: Frame,
    ) -> Result<(Record, Link), JournalError> {
        decode(frame.kind, &frame.header, frame.body).map_err(|what| {
            let known = self.known();
            let after = known.bases.partition_point(|base| *base <= position);
            let base = known.bases.get(after.wrapping_sub(1)).copied().unwrap_or(0);
            JournalError::corrupt(&self.path(base), position - base, what)
        })
    }

    /// The state at the beginning of a segment.
    pub(crate) fn checkpoint(&self, span: Span) -> Result<State, JournalError> {
        let position = span.base + SEGMENT_HEAD;
        let damage = |what: &str| JournalError::corrupt(&self.path(span.base), SEGMENT_HEAD, what);
        match self.record(position, span.end)? {
            (Record::Checkpoint { state }, _) => State::from_json(&state).map_err(|e| damage(&e)),
            _ => Err(damage("segment without checkpoint")),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The frame of `record`.
pub(crate) fn encode_record(record: &Record, link: &Link, durable: u64) -> Encoded {
    let body = body_of(record);
    let crc = checksum(&body);
    encode(
        kind_of(record),
        durable,
        |out| write_header(out, record, link),
        body,
        &crc,
    )
}

/// The checkpoint frame of `state`.
pub(crate) fn encode_checkpoint(state: &State, durable: u64) -> Encoded {
    let record = Record::Checkpoint {
        state: state.to_json(),
    };
    encode_record(&record, &Link::default(), durable)
}
