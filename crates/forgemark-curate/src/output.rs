//! Where the files of a cut go.

use std::collections::BTreeMap;
use std::io;

use forgemark_contract::json::{WriteJson, Writer};
use forgemark_contract::text::hex;
use sha2::{Digest, Sha256};

use crate::encode::TableSink;
use crate::error::{CurateError, Result};

/// Takes the files of a cut as they are made. Whoever implements it decides when they become visible: nothing may stand
/// under its final name before the cut has returned without an error.
pub trait Output {
    /// Appends `bytes` to the file `name`; the first call makes it, also with no bytes.
    ///
    /// # Errors
    /// Whatever keeps the bytes from being written.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// What takes tables that are not written as bytes; `None` where there is nothing such.
    fn tables(&mut self) -> Option<&mut dyn TableSink> {
        None
    }
}

/// Files in memory, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryOutput {
    /// What was written.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Output for MemoryOutput {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.files
            .entry(name.to_owned())
            .or_default()
            .extend_from_slice(bytes);
        Ok(())
    }
}

/// What a manifest says of a file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigest {
    /// The name.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Lines, that is line feeds; of a file of rows the rows, whatever it is kept in.
    pub lines: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl FileDigest {
    /// The digest of a whole file.
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        FileDigest {
            name: name.to_owned(),
            bytes: bytes.len() as u64,
            lines: count_lines(bytes),
            sha256: hex(&Sha256::digest(bytes)),
        }
    }

    /// The digest of a table of `rows` rows: that of its files' names and digests, in the order of names.
    pub fn of_table(name: &str, rows: u64, files: &[FileDigest]) -> Self {
        let mut files: Vec<&FileDigest> = files.iter().collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let mut hash = Sha256::new();
        for file in &files {
            hash.update(format!("{} {}\n", file.sha256, file.name));
        }
        FileDigest {
            name: name.to_owned(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            lines: rows,
            sha256: hex(&hash.finalize()),
        }
    }
}

impl WriteJson for FileDigest {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_object();
        w.field("path", &self.name);
        w.field("bytes", &self.bytes);
        w.field("lines", &self.lines);
        w.field("sha256", &self.sha256);
        w.end_object();
    }
}

/// Writes one file of lines: gathers them, counts them, and keeps their digest.
pub(crate) struct LineFile<'a> {
    output: &'a mut dyn Output,
    name: String,
    buffer: Vec<u8>,
    hash: Sha256,
    bytes: u64,
    lines: u64,
}

/// Bytes that are gathered before the output is asked to take them.
const GATHER: usize = 1 << 16;

impl<'a> LineFile<'a> {
    /// Makes the file.
    pub(crate) fn create(output: &'a mut dyn Output, name: &str) -> Result<Self> {
        let mut file = LineFile {
            output,
            name: name.to_owned(),
            buffer: Vec::with_capacity(GATHER + 4096),
            hash: Sha256::new(),
            bytes: 0,
            lines: 0,
        };
        file.flush()?;
        Ok(file)
    }

    /// Lets `write` append what it likes, whole lines with their line feeds.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        write(&mut self.buffer);
        if self.buffer.len() >= GATHER {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands the rest over and says what was written.
    pub(crate) fn finish(mut self) -> Result<FileDigest> {
        self.flush()?;
        Ok(FileDigest {
            name: self.name,
            bytes: self.bytes,
            lines: self.lines,
            sha256: hex(&self.hash.finalize()),
        })
    }

    fn flush(&mut self) -> Result<()> {
        self.hash.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        self.lines += count_lines(&self.buffer);
        put(self.output, &self.name, &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Appends to a file; an error names it.
pub(crate) fn put(output: &mut dyn Output, name: &str, bytes: &[u8]) -> Result<()> {
    output
        .append(name, bytes)
        .map_err(|source| CurateError::Output {
            file: name.to_owned(),
            source,
        })
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
