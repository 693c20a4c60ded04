//! Bytes of a segment: a header, then frames.
//!
//! ```text
//! segment  magic "FMJOURNL" · version u32 · 0 u32 · base u64 · 0 u32 · crc32 u32 of the 28 bytes before      (32 bytes)
//! frame    magic "FMf1" · crc32 u32 of all that follows · header length u32 · body length u32 ·
//!          durable u64 · kind u8 · 0 × 7                                                                      (32 bytes)
//!          header (JSON) · body (raw)
//! ```
//!
//! All numbers are little endian. A position is a byte of the whole journal: `base` is the position of the segment's first
//! byte, and the next segment begins where this one ends. `durable` is a position that was known to be durable when the
//! frame was made. It tells a torn tail from damage: a frame that cannot be read, followed by a valid one that says that
//! the bytes were durable, is damage and an error; otherwise nobody was ever told that those bytes are safe, whatever the
//! system wrote out of order, and they are cut.

mod scan;

use bytes::Bytes;
use crc32fast::Hasher;

pub(crate) use scan::{Scanner, Step, read_frame};

/// Extension of segment files.
pub(crate) const EXTENSION: &str = "fmj";

/// Version of the segment format.
///
/// - 1: the first.
/// - 2: records of batches; checkpoints with pending batches and with totals by endpoint.
pub(crate) const FORMAT: u32 = 2;

/// Length of a segment's header in bytes.
pub(crate) const SEGMENT_HEAD: u64 = 32;

/// Length of a frame's fixed part in bytes.
pub(crate) const FRAME_HEAD: usize = 32;

/// Most bytes of header and body together.
pub(crate) const MAX_PAYLOAD: u64 = 1 << 30;

const SEGMENT_MAGIC: &[u8; 8] = b"FMJOURNL";
pub(super) const FRAME_MAGIC: &[u8; 4] = b"FMf1";

/// The header of the segment whose first byte has position `base`.
pub(crate) fn segment_head(base: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(SEGMENT_HEAD as usize);
    head.extend_from_slice(SEGMENT_MAGIC);
    head.extend_from_slice(&FORMAT.to_le_bytes());
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&base.to_le_bytes());
    head.extend_from_slice(&[0; 4]);
    let crc = crc32fast::hash(&head);
    head.extend_from_slice(&crc.to_le_bytes());
    head
}

/// What a segment's header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SegmentHead {
    /// A segment that begins at this position.
    Base {
        /// The position.
        base: u64,
        /// Its format; an earlier one is read, and no longer written to.
        version: u32,
    },
    /// A later format.
    TooNew(u32),
    /// No header.
    Bad,
}

/// Reads a segment's header.
pub(crate) fn parse_segment_head(head: &[u8]) -> SegmentHead {
    let Some((content, crc)) = head.split_last_chunk::<4>() else {
        return SegmentHead::Bad;
    };
    if head.len() != SEGMENT_HEAD as usize
        || !content.starts_with(SEGMENT_MAGIC)
        || crc32fast::hash(content) != u32::from_le_bytes(*crc)
    {
        return SegmentHead::Bad;
    }
    match u32_at(content, 8) {
        0 => SegmentHead::Bad,
        newer if newer > FORMAT => SegmentHead::TooNew(newer),
        version => SegmentHead::Base {
            base: u64_at(content, 16),
            version,
        },
    }
}

/// A frame as bytes that are ready to be written: fixed part and header, and the shared body.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Bytes,
}

impl Encoded {
    pub(crate) fn len(&self) -> u64 {
        (self.head.len() + self.body.len()) as u64
    }
}

/// Builds a frame. `header` appends the JSON header. `body_crc` is the running checksum of the body, taken before, so that
/// a long body need not be read while a lock is held.
pub(crate) fn encode(
    kind: u8,
    durable: u64,
    header: impl FnOnce(&mut Vec<u8>),
    body: Bytes,
    body_crc: &Hasher,
) -> Encoded {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(FRAME_MAGIC);
    head.extend_from_slice(&[0; 12]);
    head.extend_from_slice(&durable.to_le_bytes());
    head.push(kind);
    head.extend_from_slice(&[0; 7]);
    header(&mut head);
    let header_len = (head.len() - FRAME_HEAD) as u32;
    head[8..12].copy_from_slice(&header_len.to_le_bytes());
    head[12..16].copy_from_slice(&(body.len() as u32).to_le_bytes());
    let mut crc = Hasher::new();
    crc.update(&head[8..]);
    crc.combine(body_crc);
    let crc = crc.finalize();
    head[4..8].copy_from_slice(&crc.to_le_bytes());
    Encoded { head, body }
}

/// The running checksum of a body.
pub(crate) fn checksum(body: &[u8]) -> Hasher {
    let mut crc = Hasher::new();
    crc.update(body);
    crc
}

/// A frame that was read and whose checksum is right.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    /// A position that was durable when the frame was made.
    pub(crate) durable: u64,
    pub(crate) header: Bytes,
    pub(crate) body: Bytes,
}

impl Frame {
    /// Its length on disk.
    pub(crate) fn len(&self) -> u64 {
        (FRAME_HEAD + self.header.len() + self.body.len()) as u64
    }
}

/// The fixed part of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    crc: u32,
    header_len: u32,
    body_len: u32,
    durable: u64,
    kind: u8,
}

impl Head {
    /// Reads the fixed part; `None` when it is none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Head> {
        let head = bytes.get(..FRAME_HEAD)?;
        let parsed = Head {
            crc: u32_at(head, 4),
            header_len: u32_at(head, 8),
            body_len: u32_at(head, 12),
            durable: u64_at(head, 16),
            kind: head[24],
        };
        let fits = u64::from(parsed.header_len) + u64::from(parsed.body_len) <= MAX_PAYLOAD;
        (head.starts_with(FRAME_MAGIC) && fits).then_some(parsed)
    }

    /// Length of the whole frame.
    pub(crate) fn frame_len(&self) -> usize {
        FRAME_HEAD + self.header_len as usize + self.body_len as usize
    }

    /// The frame, when `bytes` hold all of it and the checksum is right.
    pub(crate) fn finish(&self, bytes: &Bytes) -> Option<Frame> {
        let whole = self.frame_len();
        if bytes.len() < whole || crc32fast::hash(&bytes[8..whole]) != self.crc {
            return None;
        }
        let split = FRAME_HEAD + self.header_len as usize;
        Some(Frame {
            kind: self.kind,
            durable: self.durable,
            header: bytes.slice(FRAME_HEAD..split),
            body: bytes.slice(split..whole),
        })
    }
}

/// The little-endian number at `place`; zero when the bytes end before.
pub(crate) fn u32_at(bytes: &[u8], place: usize) -> u32 {
    let found = bytes.get(place..).and_then(|rest| rest.first_chunk());
    found.map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// The little-endian number at `place`; zero when the bytes end before.
pub(crate) fn u64_at(bytes: &[u8], place: usize) -> u64 {
    let found = bytes.get(place..).and_then(|rest| rest.first_chunk());
    found.map_or(0, |chunk| u64::from_le_bytes(*chunk))
}
