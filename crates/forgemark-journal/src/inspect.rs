//! Reading a journal without opening it to write: for status, dumps and proofs, also while a run goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::JournalError;
use crate::frame::{SEGMENT_HEAD, Scanner, Step};
use crate::index::{DiskIndex, IndexOptions};
use crate::journal::Recovered;
use crate::lock::lock;
use crate::record::{Link, Record};
use crate::recover::{Access, find, for_each_key};
use crate::segments::{Segments, Span, journal_dir, keys_dir};
use crate::state::State;
use crate::storage::Storage;

/// What a journal holds, or `None` when there is none. Changes nothing on disk and needs no lock.
///
/// # Errors
/// As [`crate::Journal::open`], but for the lock.
pub fn inspect(
    storage: &Arc<dyn Storage>,
    out_dir: &Path,
) -> Result<Option<Recovered>, JournalError> {
    let found = find(storage, &journal_dir(out_dir), Access::Read)?;
    if found.segments.last().is_none() {
        return Ok(None);
    }
    Ok(Some(Recovered::new(
        found.segments,
        found.state,
        found.end,
        found.torn_bytes,
    )))
}

/// One record and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The file.
    pub segment: PathBuf,
    /// Byte in the file, from 0.
    pub offset: u64,
    /// Byte in the whole journal, from 0.
    pub position: u64,
    /// Length on disk in bytes.
    pub bytes: u64,
    /// The record.
    pub record: Record,
}

/// Iterator over all records, checkpoints included. Ends after the first error, and without one before a torn tail.
#[derive(Debug)]
pub struct Dump {
    segments: Segments,
    spans: Vec<Span>,
    /// Index of the current span, once its scanner is open.
    place: usize,
    scanner: Option<Scanner>,
    torn_bytes: u64,
    ended: bool,
}

/// All records of a journal in order.
///
/// # Errors
/// [`JournalError::Read`] when the folder cannot be listed. A missing journal has no records.
pub fn dump(storage: &Arc<dyn Storage>, out_dir: &Path) -> Result<Dump, JournalError> {
    let segments = Segments::list(Arc::clone(storage), &journal_dir(out_dir))?;
    let mut end = 0;
    if let Some(base) = segments.last() {
        let path = segments.path(base);
        let len = storage.len(&path).map_err(JournalError::read(&path))?;
        end = base + len.unwrap_or(0);
    }
    Ok(Dump {
        spans: segments.spans(end),
        segments,
        place: 0,
        scanner: None,
        torn_bytes: 0,
        ended: false,
    })
}

impl Dump {
    /// Bytes after the last whole record, once the iterator has ended.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    fn advance(&mut self) -> Result<Option<(Entry, Link)>, JournalError> {
        loop {
            let Some(span) = self.spans.get(self.place).copied() else {
                return Ok(None);
            };
            let path = self.segments.path(span.base);
            let last = self.place + 1 == self.spans.len();
            let len = span.end - span.base;
            if self.scanner.is_none() && last && len < SEGMENT_HEAD {
                self.torn_bytes = len;
                return Ok(None);
            }
            let mut scanner = match self.scanner.take() {
                Some(scanner) => scanner,
                None => Scanner::new(self.segments.reader(span.base)?, SEGMENT_HEAD, len),
            };
            match scanner.step().map_err(JournalError::read(&path))? {
                Step::End => self.place += 1,
                Step::Bad(offset) => {
                    let witness = scanner
                        .find_witness(span.base + offset)
                        .map_err(JournalError::read(&path))?;
                    if last && witness.is_none() {
                        self.torn_bytes = len - offset;
                        return Ok(None);
                    }
                    return Err(JournalError::corrupt(&path, offset, "no valid frame"));
                }
                Step::Frame(offset, frame) => {
                    self.scanner = Some(scanner);
                    let position = span.base + offset;
                    let bytes = frame.len();
                    let (record, link) = self.segments.decode(position, frame)?;
                    let entry = Entry {
                        segment: path,
                        offset,
                        position,
                        bytes,
                        record,
                    };
                    return Ok(Some((entry, link)));
                }
            }
        }
    }

    fn next_linked(&mut self) -> Option<Result<(Entry, Link), JournalError>> {
        if self.ended {
            return None;
        }
        let answer = self.advance().transpose();
        self.ended = !matches!(answer, Some(Ok(_)));
        answer
    }
}

impl Iterator for Dump {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_linked()?.map(|(entry, _)| entry))
    }
}

/// What [`verify`] has proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Segments.
    pub segments: u64,
    /// Records, checkpoints left out.
    pub records: u64,
    /// Calls among them.
    pub calls: u64,
    /// Commits among them.
    pub commits: u64,
    /// Items committed and not rewound.
    pub items: u64,
    /// Bytes of all valid records.
    pub bytes: u64,
    /// Bytes after the last whole record, which were never acknowledged.
    pub torn_bytes: u64,
    /// Entries of the key index on disk.
    pub index_entries: u64,
}

/// Reads the whole journal and its key index: every frame is whole, every checkpoint is what the records before it add up
/// to, commits follow each other, and the index finds every call that it covers.
///
/// # Errors
/// [`JournalError::Corrupt`] with the place of the first damage, or what prevents reading.
pub fn verify(storage: &Arc<dyn Storage>, out_dir: &Path) -> Result<Verified, JournalError> {
    let mut dump = dump(storage, out_dir)?;
    let end = dump.spans.last().map_or(0, |span| span.end);
    let keys = keys_dir(out_dir);
    let index = DiskIndex::open_read_only(Arc::clone(storage), &keys, end)?;
    let mut proven = Verified {
        segments: dump.spans.len() as u64,
        index_entries: index.verify()?,
        ..Verified::default()
    };
    let mut state = State::default();
    while let Some(next) = dump.next_linked() {
        let (entry, link) = next?;
        let damage = |what: &str| JournalError::corrupt(&entry.segment, entry.offset, what);
        proven.bytes += entry.bytes;
        proven.records += 1;
        match &entry.record {
            Record::Checkpoint { state: found } => {
                proven.records -= 1;
                let found = State::from_json(found).map_err(|what| damage(&what))?;
                let mut expected = state.clone();
                if found.uncounted > 0 {
                    // Begun by a release that did not count by endpoint.
                    expected.uncounted = found.uncounted;
                    expected.totals.by_endpoint = found.totals.by_endpoint.clone();
                }
                if found != expected {
                    return Err(damage("checkpoint is not the sum of the records before it"));
                }
            }
            Record::Commit(commit) => {
                proven.commits += 1;
                if commit.through != state.through() + commit.items.len() as u64 {
                    return Err(damage("commit does not follow the one before it"));
                }
            }
            Record::Call(_) => proven.calls += 1,
            _ => {}
        }
        state.apply(entry.position, &entry.record, &link);
        if entry.position < index.covered() {
            let mut missing = Ok(());
            for_each_key(entry.position, &entry.record, |key, value| {
                match index.lookup(key.prefix()) {
                    Ok(values) if values.contains(&value) => {}
                    Ok(_) => {
                        missing = Err(JournalError::corrupt(
                            &keys,
                            0,
                            format!("call {key} is not in the index"),
                        ));
                    }
                    Err(error) => missing = Err(error),
                }
            });
            missing?;
        }
    }
    proven.items = state.through();
    proven.torn_bytes = dump.torn_bytes();
    Ok(proven)
}

/// Makes the key index again from the segments and answers the number of its entries. The journal must not be open.
///
/// # Errors
/// [`JournalError::Locked`] when the journal is open, [`JournalError::Corrupt`] when a segment is damaged, and the system's
/// own.
pub fn rebuild_index(storage: &Arc<dyn Storage>, out_dir: &Path) -> Result<u64, JournalError> {
    let dir = journal_dir(out_dir);
    let keys = keys_dir(out_dir);
    storage
        .create_dir_all(&dir)
        .map_err(JournalError::write(&dir))?;
    let path = dir.join("writer.lock");
    let _held = lock(storage.as_ref(), &path, "journal index being rebuilt")?;
    let found = find(storage, &dir, Access::Write)?;
    // An index that ends at 0 covers too much whatever it covers, so opening empties it.
    let emptied = DiskIndex::open(Arc::clone(storage), &keys, 0)?;
    drop(emptied);
    let mut index =
        crate::journal::open_index(Arc::clone(storage), out_dir, &found, IndexOptions::USUAL)?;
    index.flush(found.end)?;
    Ok(index.entries_on_disk())
}
