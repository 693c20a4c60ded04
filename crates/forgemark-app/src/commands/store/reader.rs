//! Lines of a file, with an end to how long one may be.

use std::io::{self, BufRead};

/// A line that is longer is passed over: 64 MiB, which no conversation reaches.
pub(super) const LONGEST: usize = 64 << 20;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its bytes, without the line feed.
    Whole(Vec<u8>),
    /// It was too long; how many bytes it had.
    TooLong(u64),
}

/// Reads lines; memory is bounded by the longest line that is allowed.
pub(super) struct LineReader<R> {
    inner: R,
    longest: usize,
}

impl<R: BufRead> LineReader<R> {
    pub(super) fn new(inner: R, longest: usize) -> Self {
        LineReader { inner, longest }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut length = 0_u64;
        loop {
            let here = match self.inner.fill_buf() {
                Ok(here) => here,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if here.is_empty() {
                return Ok((length > 0).then(|| self.line(bytes, length)));
            }
            let end = here.iter().position(|byte| *byte == b'\n');
            let part = &here[..end.unwrap_or(here.len())];
            length += part.len() as u64;
            if length <= self.longest as u64 {
                bytes.extend_from_slice(part);
            } else {
                bytes = Vec::new();
            }
            let taken = part.len() + usize::from(end.is_some());
            self.inner.consume(taken);
            if end.is_some() {
                return Ok(Some(self.line(bytes, length)));
            }
        }
    }

    fn line(&self, bytes: Vec<u8>, length: u64) -> Line {
        if length > self.longest as u64 {
            Line::TooLong(length)
        } else {
            Line::Whole(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, buffer: usize) -> Vec<Line> {
        let inner = io::BufReader::with_capacity(buffer, text.as_bytes());
        let mut reader = LineReader::new(inner, 4);
        std::iter::from_fn(|| reader.next().unwrap()).collect()
    }

    #[test]
    fn lines_come_whole_or_not_at_all() {
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        for buffer in [1, 3, 100] {
            assert_eq!(lines("", buffer), []);
            assert_eq!(
                lines("ab\n\ncdef", buffer),
                [whole("ab"), whole(""), whole("cdef")]
            );
            assert_eq!(
                lines("abcde\nx\nabcdefgh", buffer),
                [Line::TooLong(5), whole("x"), Line::TooLong(8)]
            );
        }
    }
}
