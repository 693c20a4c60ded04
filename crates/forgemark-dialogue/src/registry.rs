//! The memory of all final questions of an output folder, on disk.
//!
//! ```text
//! OUT/.forgemark/questions/KIND/      exact, or near-BxR with B bands of R rows
//!   log          the questions, one record each: length, commit number, text, length
//!   index/       bucket -> offset in the log (DiskIndex)
//!   void         ranges of the log that do not count: questions that were indexed before a crash
//!                took their commit back
//! ```
//!
//! Where meanings are compared, the questions' vectors are in memory beside it, in the order of the log. They are in the journal, as
//! answers of the embedding model; [`Registry::without_vectors`] says of which questions they have to be brought when a run begins.
//!
//! Both are derived: the journal's outcomes hold every question. What the index covers is durable;
//! what lies after is cut on open and put in again by the caller, from the commit number that
//! [`Registry::open`] reports. Memory is fixed by the index, however many questions there are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use forgemark_journal::index::DiskIndex;
use forgemark_journal::{AppendFile, JournalError, ReadFile, Storage, write_atomic};
use forgemark_run::{ItemKey, Knowledge};

use forgemark_model::service::vectors::cosine;

use crate::question::{EVERYBODY, Matching, Question};

const HEADER: usize = 12;
const TRAILER: usize = 4;
/// Bytes read at once; nearly every question fits.
const FIRST_READ: usize = 512;

/// Final questions of a folder.
#[derive(Debug)]
pub(crate) struct Registry {
    matching: Matching,
    inner: Mutex<Inner>,
    /// The vectors of all final questions, one after the other.
    vectors: RwLock<Vec<Arc<[f32]>>>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    index: DiskIndex,
    log: Box<dyn AppendFile>,
    reader: Arc<dyn ReadFile>,
    length: u64,
    /// Number of the commit whose questions come next.
    seq: u64,
    /// Offsets that do not count, as half-open ranges.
    void: Vec<(u64, u64)>,
}

fn unwritable(path: &Path, source: std::io::Error) -> JournalError {
    JournalError::Write {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> JournalError {
    JournalError::Read {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}

impl Registry {
    /// Opens or makes the memory under `dir`. Questions of commits after `committed` do not count.
    /// Returns the number of the last commit that it holds; the caller adds the questions of later
    /// ones with [`Registry::add`].
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub(crate) fn open(
        storage: &Arc<dyn Storage>,
        dir: &Path,
        matching: Matching,
        committed: u64,
    ) -> Result<(Self, u64), JournalError> {
        storage
            .create_dir_all(dir)
            .map_err(|source| unwritable(dir, source))?;
        // The buckets of a question depend on the banding, so each has its own folder.
        let kind = matching.banding().map_or_else(
            || "exact".to_owned(),
            |banding| format!("near-{}x{}", banding.bands, banding.rows),
        );
        let dir = dir.join(kind);
        storage
            .create_dir_all(&dir)
            .map_err(|source| unwritable(&dir, source))?;
        let path = dir.join("log");
        let existing = storage
            .len(&path)
            .map_err(|source| unreadable(&path, source))?;
        let found = existing.unwrap_or(0);
        let index = DiskIndex::open(Arc::clone(storage), &dir.join("index"), found)?;
        let length = index.covered();
        if found > length {
            storage
                .truncate(&path, length)
                .map_err(|source| unwritable(&path, source))?;
        }
        let log = storage
            .open_append(&path)
            .map_err(|source| unwritable(&path, source))?;
        if existing.is_none() {
            // What the index covers is durable only together with the name of the log.
            for folder in dir.ancestors().take(3) {
                storage
                    .sync_dir(folder)
                    .map_err(|source| unwritable(folder, source))?;
            }
        }
        let reader = storage
            .open_read(&path)
            .map_err(|source| unreadable(&path, source))?;
        let void_path = dir.join("void");
        let void = match storage.len(&void_path) {
            Ok(Some(_)) if length == 0 => {
                // The log begins anew (its index was lost), so old ranges would hide new questions.
                storage
                    .remove(&void_path)
                    .map_err(|source| unwritable(&void_path, source))?;
                Vec::new()
            }
            Ok(Some(_)) => read_ranges(
                &storage
                    .read(&void_path)
                    .map_err(|source| unreadable(&void_path, source))?,
            ),
            _ => Vec::new(),
        };
        let mut inner = Inner {
            path,
            index,
            log,
            reader,
            length,
            seq: 1,
            void,
        };
        let mut end = length;
        let mut last = 0;
        while let Some((start, seq)) = inner.record_before(end)? {
            if seq <= committed && !inner.is_void(start) {
                last = seq;
                break;
            }
            end = start;
        }
        if end < length {
            inner.void.push((end, length));
            let lines: Vec<String> = inner
                .void
                .iter()
                .map(|(from, to)| format!("{from} {to}"))
                .collect();
            let text = lines.join(
                "
",
            ) + "
";
            write_atomic(&**storage, &void_path, text.as_bytes())
                .map_err(|source| unwritable(&void_path, source))?;
        }
        inner.seq = last + 1;
        Ok((
            Self {
                matching,
                inner: Mutex::new(inner),
                vectors: RwLock::default(),
            },
            last,
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the questions of commit number `seq`. Commits without questions need not be named.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn add<'a>(
        &self,
        seq: u64,
        questions: impl IntoIterator<Item = &'a Question>,
    ) -> Result<(), JournalError> {
        let mut inner = self.lock();
        for question in questions {
            inner.push(seq, question)?;
            self.bring(question);
        }
        inner.seq = seq + 1;
        if inner.index.needs_flush() {
            inner.flush()?;
        }
        Ok(())
    }

    /// The texts of the final questions in the order of the log, when meanings are compared and before any vector was brought.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn without_vectors(&self) -> Result<Vec<String>, JournalError> {
        if self.matching.cosine.is_none() {
            return Ok(Vec::new());
        }
        let inner = self.lock();
        let mut end = inner.length;
        let mut texts = Vec::new();
        while let Some((start, _)) = inner.record_before(end)? {
            if !inner.is_void(start) {
                texts.push(inner.text_at(start)?);
            }
            end = start;
        }
        texts.reverse();
        Ok(texts)
    }

    /// Takes in the vector of a final question.
    pub(crate) fn bring(&self, question: &Question) {
        if let Some(vector) = question.vector() {
            let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
            vectors.push(Arc::from(vector));
        }
    }

    /// Whether a final question means the same.
    fn means_what_was_asked(&self, claim: &Question) -> bool {
        let Some((threshold, vector)) = self.matching.cosine.zip(claim.vector()) else {
            return false;
        };
        let vectors = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
        vectors
            .iter()
            .any(|known| cosine(known, vector) >= threshold)
    }

    /// Makes everything durable, so that the next start has nothing to add again.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn flush(&self) -> Result<(), JournalError> {
        self.lock().flush()
    }

    /// Bytes written by this handle.
    pub(crate) fn bytes_written(&self) -> u64 {
        let inner = self.lock();
        inner.index.bytes_written() + inner.length
    }
}

/// Reads the ranges of the void file; a line that does not parse ends the list, because the file is
/// replaced as a whole.
fn read_ranges(bytes: &[u8]) -> Vec<(u64, u64)> {
    String::from_utf8_lossy(bytes)
        .lines()
        .map_while(|line| {
            let (from, to) = line.split_once(' ')?;
            Some((from.parse().ok()?, to.parse().ok()?))
        })
        .collect()
}

impl Inner {
    fn push(&mut self, seq: u64, question: &Question) -> Result<(), JournalError> {
        let text = question.text().as_bytes();
        let length = text.len() as u32;
        let mut record = Vec::with_capacity(HEADER + text.len() + TRAILER);
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&seq.to_le_bytes());
        record.extend_from_slice(text);
        record.extend_from_slice(&length.to_le_bytes());
        self.log
            .write_all(&record)
            .map_err(|source| unwritable(&self.path, source))?;
        // A bucket that holds everybody finds nobody.
        for bucket in question
            .buckets()
            .iter()
            .filter(|bucket| **bucket != EVERYBODY)
        {
            self.index.insert(*bucket, self.length);
        }
        self.length += record.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        if self.length == self.index.covered() {
            return Ok(());
        }
        self.log
            .sync()
            .map_err(|source| unwritable(&self.path, source))?;
        self.index.flush(self.length)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), JournalError> {
        self.reader
            .read_exact_at(buffer, offset)
            .map_err(|source| unreadable(&self.path, source))
    }

    fn text_at(&self, offset: u64) -> Result<String, JournalError> {
        let available = (self.length - offset.min(self.length)) as usize;
        let mut buffer = vec![0u8; available.min(FIRST_READ)];
        self.read(&mut buffer, offset)?;
        let length = buffer
            .first_chunk::<4>()
            .map(|bytes| u32::from_le_bytes(*bytes) as usize)
            .filter(|length| HEADER + length + TRAILER <= available)
            .ok_or_else(|| self.damaged(offset))?;
        if HEADER + length > buffer.len() {
            buffer.resize(HEADER + length, 0);
            self.read(&mut buffer, offset)?;
        }
        buffer.truncate(HEADER + length);
        buffer.drain(..HEADER);
        String::from_utf8(buffer).map_err(|_| self.damaged(offset))
    }

    /// Start and commit number of the record that ends at `end`; `None` at the beginning.
    fn record_before(&self, end: u64) -> Result<Option<(u64, u64)>, JournalError> {
        if end == 0 {
            return Ok(None);
        }
        let mut trailer = [0u8; TRAILER];
        self.read(&mut trailer, end.saturating_sub(TRAILER as u64))?;
        let record = u64::from(u32::from_le_bytes(trailer)) + (HEADER + TRAILER) as u64;
        let start = end.checked_sub(record).ok_or_else(|| self.damaged(end))?;
        let mut header = [0u8; HEADER];
        self.read(&mut header, start)?;
        let mut seq = [0u8; 8];
        seq.copy_from_slice(&header[4..]);
        Ok(Some((start, u64::from_le_bytes(seq))))
    }

    fn is_void(&self, offset: u64) -> bool {
        self.void
            .iter()
            .any(|(from, to)| (*from..*to).contains(&offset))
    }

    fn damaged(&self, offset: u64) -> JournalError {
        JournalError::Corrupt {
            path: self.path.clone(),
            offset,
            what: "not a question record; delete the folder, it is rebuilt from the journal"
                .to_owned(),
        }
    }
}

impl Knowledge for Registry {
    type Claim = Question;
    type Error = JournalError;

    fn buckets<'a>(&self, claim: &'a Question) -> &'a [u64] {
        claim.buckets()
    }

    fn conflicts(&self, left: &Question, right: &Question) -> bool {
        left.matches(right, self.matching)
    }

    fn conflicts_with_final(&self, claim: &Question) -> Result<bool, JournalError> {
        if self.means_what_was_asked(claim) {
            return Ok(true);
        }
        let inner = self.lock();
        let mut looked_at: Vec<u64> = Vec::new();
        for bucket in claim
            .buckets()
            .iter()
            .filter(|bucket| **bucket != EVERYBODY)
        {
            for offset in inner.index.lookup(*bucket)? {
                if looked_at.contains(&offset) || inner.is_void(offset) {
                    continue;
                }
                looked_at.push(offset);
                let text = inner.text_at(offset)?;
                if Question::new(&text, self.matching).matches(claim, self.matching) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn finalize(&self, _key: ItemKey, claims: &[Question]) -> Result<(), JournalError> {
        let seq = self.lock().seq;
        self.add(seq, claims)
    }
}

#[cfg(test)]
mod tests;
