//! Lines of a file, one at a time, and what is wrong with their bytes.

use std::io;
use std::sync::Arc;

use forgemark_contract::json::{self, Json, to_line};
use forgemark_journal::ReadFile;

use super::report::{At, Collector, Kind};
use super::scan;

/// Bytes that are read at once.
const BLOCK: u64 = 1 << 20;
/// The longest line that is read. Rows are some ten kilobytes.
const LONGEST: usize = 256 << 20;

/// One line without its line feed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u64,
    /// Of its first byte.
    pub(crate) offset: u64,
    pub(crate) bytes: &'a [u8],
    /// Whether a line feed follows.
    pub(crate) ended: bool,
}

/// A file line by line; memory for one line and one block.
#[derive(Debug)]
pub(crate) struct Lines {
    file: Arc<dyn ReadFile>,
    /// Where to stop reading.
    end: u64,
    /// File offset of what follows the buffer.
    place: u64,
    buffer: Vec<u8>,
    /// Start of the next line in the buffer.
    start: usize,
    number: u64,
}

impl Lines {
    /// The lines of the first `end` bytes.
    pub(crate) fn new(file: Arc<dyn ReadFile>, end: u64) -> Self {
        Self {
            file,
            end,
            place: 0,
            buffer: Vec::new(),
            start: 0,
            number: 0,
        }
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = self.start;
        loop {
            let rest = self.buffer.get(searched..).unwrap_or_default();
            if let Some(found) = rest.iter().position(|byte| *byte == b'\n') {
                return Ok(self.cut(searched + found, true));
            }
            if self.place >= self.end {
                return Ok(if self.start < self.buffer.len() {
                    self.cut(self.buffer.len(), false)
                } else {
                    None
                });
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            searched = self.buffer.len();
            if searched > LONGEST {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("line {} is longer than {LONGEST} bytes", self.number + 1),
                ));
            }
            let step = BLOCK.min(self.end - self.place);
            self.buffer.resize(searched + step as usize, 0);
            let block = self.buffer.get_mut(searched..).unwrap_or_default();
            self.file.read_exact_at(block, self.place)?;
            self.place += step;
        }
    }

    fn cut(&mut self, to: usize, ended: bool) -> Option<Line<'_>> {
        let start = self.start;
        self.start = to + usize::from(ended);
        self.number += 1;
        Some(Line {
            number: self.number,
            offset: self.place - self.buffer.len() as u64 + start as u64,
            bytes: self.buffer.get(start..to)?,
            ended,
        })
    }
}

/// The value of a line, with a finding where it is not one line of JSON in the contract's spelling. What can be read is
/// read, so that one flaw is one finding.
pub(crate) fn parse_line(file: &str, line: Line<'_>, to: &mut Collector) -> Option<Json> {
    let at = At::line(file, line.number);
    if line.bytes.is_empty() && line.ended {
        to.add(at, Kind::EmptyLine, "", "the line is empty");
        return None;
    }
    if !line.ended {
        to.add(
            at,
            Kind::Torn,
            "",
            "the last line has no line feed at its end",
        );
        return json::parse(line.bytes).ok();
    }
    let value = parse(at, line.bytes, to)?;
    if to_line(&value) != line.bytes {
        spelled(at, line.bytes, to);
    }
    Some(value)
}

/// The value of JSON text, with a finding where it is none. Lines of findings are those of `bytes` when `at` has none.
pub(super) fn parse(at: At<'_>, bytes: &[u8], to: &mut Collector) -> Option<Json> {
    match json::parse(bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            let at = At {
                line: at.line.or(Some(error.line as u64)),
                ..at
            };
            let kind = if std::str::from_utf8(bytes).is_err() {
                Kind::Encoding
            } else {
                Kind::NotJson
            };
            to.add(
                at,
                kind,
                "",
                format!("{} at column {}", error.what, error.column),
            );
            None
        }
    }
}

/// Says how valid JSON differs from what the contract's writer makes of it.
pub(super) fn spelled(at: At<'_>, bytes: &[u8], to: &mut Collector) {
    match scan::repeated_key(bytes) {
        Some(found) => {
            let line = at.line.or_else(|| Some(scan::line_of(bytes, found.offset)));
            let what = format!(
                "the key '{}' stands twice; readers differ in which counts",
                found.key
            );
            to.add(At { line, ..at }, Kind::DuplicateKey, &found.path, what);
        }
        None => to.add(
            at,
            Kind::Spelling,
            "",
            "valid JSON, but not in the spelling that the contract's writer has (separators, escapes, numbers)",
        ),
    }
}

/// The part of a file that an entry names.
pub(crate) fn read_part(file: &dyn ReadFile, offset: u64, len: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// A value of the key `conversation_id` near the beginning of a line that is no JSON, where our rows have it.
pub(super) fn guess_id(bytes: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"{\"conversation_id\": \"";
    let rest = bytes.strip_prefix(KEY)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let id = std::str::from_utf8(rest.get(..end)?).ok()?;
    (!id.contains('\\') && !id.is_empty()).then(|| id.to_owned())
}
