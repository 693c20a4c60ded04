//! What does not fit in memory: intermediate results in temporary files, and an order over more of them than memory holds.
//!
//! ```text
//! Scratch   makes temporary files; whoever calls says where
//!   ├ Spool   entries one after the other, read again from the front or at a place
//!   └ Sorter  entries with keys: sorted runs of at most a buffer, merged when they are read
//! ```
//!
//! Buffers have one size whatever the number of entries, so that a cut of ten times the rows takes the same memory. Keys are
//! bytes that compare as the values do (`code::Key`).

pub(crate) mod code;
mod sorter;

#[cfg(test)]
mod tests;

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use crate::error::{CurateError, Result};

pub(crate) use sorter::{Merge, Sorted, Sorter};

/// A temporary file.
pub trait ScratchFile: Read + Write + Seek + Send {}

impl<T: Read + Write + Seek + Send> ScratchFile for T {}

/// Makes temporary files, empty and nameless: nothing may be left of one when it is dropped or the process is killed.
/// `&|| Ok(Box::new(tempfile::tempfile_in(folder)?) as _)` is one.
pub trait Scratch {
    /// A new file.
    ///
    /// # Errors
    /// Whatever keeps it from being made.
    fn file(&self) -> io::Result<Box<dyn ScratchFile>>;
}

impl<F: Fn() -> io::Result<Box<dyn ScratchFile>>> Scratch for F {
    fn file(&self) -> io::Result<Box<dyn ScratchFile>> {
        self()
    }
}

/// Temporary files in memory: for small cuts and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryScratch;

impl Scratch for MemoryScratch {
    fn file(&self) -> io::Result<Box<dyn ScratchFile>> {
        Ok(Box::new(Cursor::new(Vec::new())))
    }
}

/// Bytes that are gathered before they are written, and read at once.
const CHUNK: usize = 1 << 16;

/// An error of a temporary file.
pub(crate) fn failed(source: io::Error) -> CurateError {
    CurateError::Scratch { source }
}

/// A temporary file that was appended to.
struct Tape {
    file: Box<dyn ScratchFile>,
    end: u64,
}

impl Tape {
    fn new(scratch: &dyn Scratch) -> Result<Self> {
        let file = scratch.file().map_err(failed)?;
        Ok(Tape { file, end: 0 })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let write = |file: &mut dyn ScratchFile| {
            file.seek(SeekFrom::Start(self.end))?;
            file.write_all(bytes)
        };
        write(&mut *self.file).map_err(failed)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn read_exact_at(&mut self, at: u64, bytes: &mut [u8]) -> Result<()> {
        self.file.seek(SeekFrom::Start(at)).map_err(failed)?;
        self.file.read_exact(bytes).map_err(failed)
    }
}

/// A place on a tape, and the bytes from there that were read.
struct Reel {
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    place: usize,
}

impl Reel {
    fn new(at: u64, end: u64) -> Self {
        Reel {
            at,
            end,
            buffer: Vec::new(),
            place: 0,
        }
    }

    /// Sees to it that the next `size` bytes stand in the buffer, or as many as there are.
    fn hold(&mut self, tape: &mut Tape, size: usize) -> Result<()> {
        if self.buffer.len() - self.place >= size || self.at == self.end {
            return Ok(());
        }
        self.buffer.drain(..self.place);
        self.place = 0;
        let wanted = size.saturating_sub(self.buffer.len()).max(CHUNK);
        let more = wanted.min((self.end - self.at) as usize);
        let old = self.buffer.len();
        self.buffer.resize(old + more, 0);
        tape.read_exact_at(self.at, &mut self.buffer[old..])?;
        self.at += more as u64;
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.at == self.end && self.place == self.buffer.len()
    }

    /// The next bytes, which [`Reel::hold`] has made ready.
    fn take(&mut self, size: usize) -> Result<&[u8]> {
        let bytes = self.buffer.get(self.place..self.place + size);
        self.place += size;
        bytes.ok_or_else(|| failed(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// Bytes of the length in front of an entry.
const LENGTH: usize = 4;

/// Entries one after the other.
pub(crate) struct Spool {
    tape: Tape,
    pending: Vec<u8>,
    entries: u64,
    /// Where the last entry that was asked for ended, and what was read from there on.
    ahead: Reel,
}

impl Spool {
    pub(crate) fn new(scratch: &dyn Scratch) -> Result<Self> {
        Ok(Spool {
            tape: Tape::new(scratch)?,
            pending: Vec::new(),
            entries: 0,
            ahead: Reel::new(0, 0),
        })
    }

    /// Appends an entry; returns its place.
    pub(crate) fn push(&mut self, entry: &[u8]) -> Result<u64> {
        let place = self.tape.end + self.pending.len() as u64;
        self.pending
            .extend_from_slice(&(entry.len() as u32).to_le_bytes());
        self.pending.extend_from_slice(entry);
        self.entries += 1;
        if self.pending.len() >= CHUNK {
            self.flush()?;
        }
        Ok(place)
    }

    /// Entries so far.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    fn flush(&mut self) -> Result<()> {
        self.tape.append(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Reads from the front.
    pub(crate) fn read(&mut self) -> Result<Entries<'_>> {
        self.flush()?;
        let reel = Reel::new(0, self.tape.end);
        Ok(Entries {
            tape: &mut self.tape,
            reel,
        })
    }

    /// The entry at a place that [`Spool::push`] returned. One after the other they are read in large pieces.
    pub(crate) fn at(&mut self, place: u64) -> Result<Vec<u8>> {
        self.flush()?;
        let unread = (self.ahead.buffer.len() - self.ahead.place) as u64;
        if self.ahead.at - unread == place {
            self.ahead.end = self.tape.end;
            return next_entry(&mut self.tape, &mut self.ahead).map(<[u8]>::to_vec);
        }
        let mut length = [0; LENGTH];
        self.tape.read_exact_at(place, &mut length)?;
        let start = place + LENGTH as u64;
        let mut entry = vec![0; u32::from_le_bytes(length) as usize];
        self.tape.read_exact_at(start, &mut entry)?;
        self.ahead = Reel::new(start + entry.len() as u64, self.tape.end);
        Ok(entry)
    }
}

fn next_entry<'r>(tape: &mut Tape, reel: &'r mut Reel) -> Result<&'r [u8]> {
    reel.hold(tape, LENGTH)?;
    let mut length = [0; LENGTH];
    length.copy_from_slice(reel.take(LENGTH)?);
    let size = u32::from_le_bytes(length) as usize;
    reel.hold(tape, size)?;
    reel.take(size)
}

/// The entries of a spool, from the front.
pub(crate) struct Entries<'s> {
    tape: &'s mut Tape,
    reel: Reel,
}

impl Entries<'_> {
    /// The next entry.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        if self.reel.is_empty() {
            return Ok(None);
        }
        next_entry(self.tape, &mut self.reel).map(Some)
    }
}
