//! Writing a run from its entries in order.

use std::path::{Path, PathBuf};

use super::{BLOCK, ENTRY, Entry, FULL, Filter, MAGIC, MAX_FENCES, TRAILER};
use crate::error::JournalError;
use crate::storage::{AppendFile, Storage};

/// How much is gathered before it is written.
const BUFFER: usize = 64 * BLOCK;

/// Writes a run. Durable after [`RunWriter::finish`], but for its name in the folder.
#[derive(Debug)]
pub(in crate::index) struct RunWriter {
    path: PathBuf,
    file: Box<dyn AppendFile>,
    buffer: Vec<u8>,
    /// Entries of the open block.
    open: Vec<Entry>,
    blocks: u64,
    entries: u64,
    stride: u64,
    fences: Vec<u64>,
    filter: Filter,
    last: Option<Entry>,
}

impl RunWriter {
    /// Creates the file. `bound` is at least the number of entries.
    pub(in crate::index) fn create(
        storage: &dyn Storage,
        path: &Path,
        bound: u64,
    ) -> Result<Self, JournalError> {
        let file = storage.create(path).map_err(JournalError::write(path))?;
        Ok(RunWriter {
            path: path.to_owned(),
            file,
            buffer: Vec::with_capacity(BUFFER),
            open: Vec::with_capacity(FULL),
            blocks: 0,
            entries: 0,
            stride: bound.div_ceil(FULL as u64).div_ceil(MAX_FENCES).max(1),
            fences: Vec::new(),
            filter: Filter::sized_for(bound),
            last: None,
        })
    }

    /// Adds an entry; entries come in ascending order, and a repeated one is skipped.
    pub(in crate::index) fn push(&mut self, entry: Entry) -> Result<(), JournalError> {
        if self.last == Some(entry) {
            return Ok(());
        }
        self.last = Some(entry);
        self.filter.insert(entry.0);
        self.open.push(entry);
        self.entries += 1;
        if self.open.len() == FULL {
            self.close_block()?;
        }
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), JournalError> {
        let Some((first, _)) = self.open.first() else {
            return Ok(());
        };
        if self.blocks.is_multiple_of(self.stride) {
            self.fences.push(*first);
        }
        let start = self.buffer.len();
        for (hash, value) in &self.open {
            self.buffer.extend_from_slice(&hash.to_le_bytes());
            self.buffer.extend_from_slice(&value.to_le_bytes());
        }
        self.buffer.resize(start + FULL * ENTRY, 0);
        self.buffer
            .extend_from_slice(&(self.open.len() as u32).to_le_bytes());
        self.buffer
            .extend_from_slice(&(self.blocks as u32).to_le_bytes());
        self.buffer.extend_from_slice(&[0; 4]);
        let crc = crc32fast::hash(&self.buffer[start..]);
        self.buffer.extend_from_slice(&crc.to_le_bytes());
        self.open.clear();
        self.blocks += 1;
        if self.buffer.len() >= BUFFER {
            self.write_out()?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), JournalError> {
        self.file
            .write_all(&self.buffer)
            .map_err(JournalError::write(&self.path))?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the rest and syncs. Answers entries and bytes.
    pub(in crate::index) fn finish(mut self) -> Result<(u64, u64), JournalError> {
        self.close_block()?;
        let footer = self.buffer.len();
        for word in self.fences.iter().chain(&self.filter.words) {
            self.buffer.extend_from_slice(&word.to_le_bytes());
        }
        let trailer = self.buffer.len();
        self.buffer.extend_from_slice(MAGIC);
        for field in [
            self.stride,
            self.entries,
            self.blocks,
            self.fences.len() as u64,
            self.filter.words.len() as u64,
            self.last.map_or(0, |(hash, _)| hash),
        ] {
            self.buffer.extend_from_slice(&field.to_le_bytes());
        }
        let crc = u64::from(crc32fast::hash(&self.buffer[footer..]));
        self.buffer.extend_from_slice(&crc.to_le_bytes());
        debug_assert_eq!(self.buffer.len() - trailer, TRAILER);
        self.write_out()?;
        self.file.sync().map_err(JournalError::write(&self.path))?;
        Ok((self.entries, self.file.len()))
    }
}
