//! Reading frames: one by its place, or one after the other.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::{FRAME_HEAD, FRAME_MAGIC, Frame, Head};
use crate::storage::ReadFile;

/// How much is read ahead. A frame of a usual call has 2 to 4 KiB.
const CHUNK: usize = 256 * 1024;

/// How much of a frame is read with the first request; enough for most calls.
const FIRST_READ: u64 = 4096;

/// Reads the frame at `offset` of a file that ends at `end`. `None` when there is no valid frame.
pub(crate) fn read_frame(file: &dyn ReadFile, offset: u64, end: u64) -> io::Result<Option<Frame>> {
    let rest = end.saturating_sub(offset);
    let mut bytes = vec![0; rest.min(FIRST_READ) as usize];
    file.read_exact_at(&mut bytes, offset)?;
    let Some(head) = Head::parse(&bytes) else {
        return Ok(None);
    };
    let whole = head.frame_len();
    if whole as u64 > rest {
        return Ok(None);
    }
    let have = bytes.len();
    if whole > have {
        bytes.resize(whole, 0);
        file.read_exact_at(&mut bytes[have..], offset + have as u64)?;
    } else {
        bytes.truncate(whole);
    }
    Ok(head.finish(&Bytes::from(bytes)))
}

/// What a [`Scanner`] finds next.
#[derive(Debug)]
pub(crate) enum Step {
    /// A valid frame and its offset.
    Frame(u64, Frame),
    /// The end of the file.
    End,
    /// Something else than a frame at this offset.
    Bad(u64),
}

/// Reads the frames of one file in order, with a buffer of fixed size (but for frames that are longer).
#[derive(Debug)]
pub(crate) struct Scanner {
    file: Arc<dyn ReadFile>,
    offset: u64,
    end: u64,
    buffer: Vec<u8>,
    /// Where `offset` is in the buffer.
    start: usize,
}

impl Scanner {
    /// A scanner from `offset` up to `end`.
    pub(crate) fn new(file: Arc<dyn ReadFile>, offset: u64, end: u64) -> Self {
        Scanner {
            file,
            offset,
            end,
            buffer: Vec::new(),
            start: 0,
        }
    }

    /// The next frame. After [`Step::Bad`] it stays where it is.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let offset = self.offset;
        let rest = self.end.saturating_sub(offset);
        if rest == 0 {
            return Ok(Step::End);
        }
        if rest < FRAME_HEAD as u64 {
            return Ok(Step::Bad(offset));
        }
        self.fill(FRAME_HEAD)?;
        let Some(head) = Head::parse(&self.buffer[self.start..]) else {
            return Ok(Step::Bad(offset));
        };
        let whole = head.frame_len();
        if whole as u64 > rest {
            return Ok(Step::Bad(offset));
        }
        self.fill(whole)?;
        let bytes = Bytes::copy_from_slice(&self.buffer[self.start..self.start + whole]);
        let Some(frame) = head.finish(&bytes) else {
            return Ok(Step::Bad(offset));
        };
        self.start += whole;
        self.offset += whole as u64;
        Ok(Step::Frame(offset, frame))
    }

    /// Looks beyond a place without a frame for a valid frame that calls the byte at position `position` durable. Returns
    /// its offset.
    pub(crate) fn find_witness(&self, position: u64) -> io::Result<Option<u64>> {
        let mut chunk = vec![0; CHUNK];
        let mut at = self.offset + 1;
        while at + FRAME_HEAD as u64 <= self.end {
            let len = (self.end - at).min(CHUNK as u64) as usize;
            let bytes = &mut chunk[..len];
            self.file.read_exact_at(bytes, at)?;
            let hits = bytes
                .windows(FRAME_MAGIC.len())
                .enumerate()
                .filter(|(_, window)| window == FRAME_MAGIC);
            for (place, _) in hits {
                let offset = at + place as u64;
                let frame = read_frame(self.file.as_ref(), offset, self.end)?;
                if frame.is_some_and(|frame| frame.durable > position) {
                    return Ok(Some(offset));
                }
            }
            // The last bytes may be the beginning of a magic.
            at += (len - (FRAME_MAGIC.len() - 1)) as u64;
        }
        Ok(None)
    }

    /// Makes the buffer hold at least `need` bytes from the current offset; the caller knows that the file has them.
    fn fill(&mut self, need: usize) -> io::Result<()> {
        let have = self.buffer.len() - self.start;
        if have >= need {
            return Ok(());
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let rest = (self.end - self.offset) as usize;
        let want = need.max(CHUNK).min(rest);
        self.buffer.resize(want, 0);
        self.file
            .read_exact_at(&mut self.buffer[have..], self.offset + have as u64)
    }
}
