//! From the files of a journal to its state.
//!
//! Only the last segment is read: its checkpoint holds what the others add up to. What cannot be read at its end was never
//! acknowledged and is cut; see [`crate::frame`] for how that is told from damage.

use std::path::Path;
use std::sync::Arc;

use forgemark_contract::ids::CallKey;

use crate::error::JournalError;
use crate::frame::{FORMAT, SEGMENT_HEAD, Scanner, SegmentHead, Step, parse_segment_head};
use crate::record::Record;
use crate::segments::{Segments, Span};
use crate::state::State;
use crate::storage::Storage;

/// Marks a position in the key index as that of a rewind that forgets the key.
pub(crate) const FORGET: u64 = 1 << 63;

/// Whether files may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
}

/// A journal as found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) segments: Segments,
    pub(crate) state: State,
    /// Position after the last valid frame; 0 when there is no segment.
    pub(crate) end: u64,
    /// Bytes at the end that were never acknowledged and cannot be read.
    pub(crate) torn_bytes: u64,
    /// What the key index must know of the last segment, in order.
    pub(crate) keys: Vec<(u64, u64)>,
    /// Frames in the last segment after its checkpoint.
    pub(crate) frames: u64,
    /// Whether the last segment has an earlier format, so that nothing may be added to it.
    pub(crate) earlier: bool,
}

/// Finds the state of the journal in `dir`. With [`Access::Write`] torn bytes are cut off.
pub(crate) fn find(
    storage: &Arc<dyn Storage>,
    dir: &Path,
    access: Access,
) -> Result<Found, JournalError> {
    let segments = Segments::list(Arc::clone(storage), dir)?;
    check_sealed(&segments)?;
    let mut torn_bytes = 0;
    while let Some(base) = segments.last() {
        let path = segments.path(base);
        let len = storage.len(&path).map_err(JournalError::read(&path))?;
        let len = len.unwrap_or(0);
        let scan = scan_last(&segments, base, len)?;
        torn_bytes += len - scan.valid;
        if let Some(state) = scan.state {
            if access == Access::Write && scan.valid < len {
                storage
                    .truncate(&path, scan.valid)
                    .map_err(JournalError::write(&path))?;
            }
            return Ok(Found {
                segments,
                state,
                end: base + scan.valid,
                torn_bytes,
                keys: scan.keys,
                frames: scan.frames,
                earlier: scan.version < FORMAT,
            });
        }
        // The crash came while this segment was made: nothing in it was acknowledged.
        segments.pop();
        if access == Access::Write {
            storage.remove(&path).map_err(JournalError::write(&path))?;
            storage.sync_dir(dir).map_err(JournalError::write(dir))?;
        }
    }
    Ok(Found {
        segments,
        state: State::default(),
        end: 0,
        torn_bytes,
        keys: Vec::new(),
        frames: 0,
        earlier: false,
    })
}

/// Checks by their lengths alone that no sealed segment is missing or cut.
fn check_sealed(segments: &Segments) -> Result<(), JournalError> {
    let spans = segments.spans(u64::MAX);
    if let Some(first) = spans.first()
        && first.base != 0
    {
        let path = segments.path(0);
        return Err(JournalError::corrupt(&path, 0, "segment is missing"));
    }
    for span in spans.iter().take(spans.len().saturating_sub(1)) {
        let path = segments.path(span.base);
        let len = segments
            .storage()
            .len(&path)
            .map_err(JournalError::read(&path))?
            .unwrap_or(0);
        if len != span.end - span.base {
            return Err(JournalError::corrupt(
                &path,
                len,
                format!(
                    "segment has {len} bytes, the next begins after {}",
                    span.end - span.base
                ),
            ));
        }
    }
    Ok(())
}

/// What the last segment holds.
struct Scan {
    /// Length of the valid part.
    valid: u64,
    /// `None` when not even its checkpoint is whole.
    state: Option<State>,
    keys: Vec<(u64, u64)>,
    frames: u64,
    version: u32,
}

fn scan_last(segments: &Segments, base: u64, len: u64) -> Result<Scan, JournalError> {
    let path = segments.path(base);
    let mut scan = Scan {
        valid: 0,
        state: None,
        keys: Vec::new(),
        frames: 0,
        version: FORMAT,
    };
    let file = segments
        .storage()
        .open_read(&path)
        .map_err(JournalError::read(&path))?;
    let mut head = vec![0; len.min(SEGMENT_HEAD) as usize];
    file.read_exact_at(&mut head, 0)
        .map_err(JournalError::read(&path))?;
    let headed = match parse_segment_head(&head) {
        SegmentHead::Base {
            base: found,
            version,
        } => {
            scan.version = version;
            found == base
        }
        SegmentHead::Bad => false,
        SegmentHead::TooNew(found) => {
            return Err(JournalError::TooNew {
                path,
                found,
                supported: FORMAT,
            });
        }
    };
    let first = if headed { SEGMENT_HEAD } else { 0 };
    let mut scanner = Scanner::new(file, first, len);
    let mut next = if headed {
        scanner.step().map_err(JournalError::read(&path))?
    } else {
        Step::Bad(0)
    };
    loop {
        match next {
            Step::End => return Ok(scan),
            Step::Bad(offset) => {
                let witness = scanner
                    .find_witness(base + offset)
                    .map_err(JournalError::read(&path))?;
                return match witness {
                    None => Ok(scan),
                    Some(later) => Err(JournalError::corrupt(
                        &path,
                        offset,
                        format!(
                            "no valid frame, but the one at byte {later} says that it was there"
                        ),
                    )),
                };
            }
            Step::Frame(offset, frame) => {
                let position = base + offset;
                let frame_len = frame.len();
                let (record, link) = segments.decode(position, frame)?;
                let place = |what: String| JournalError::corrupt(&path, offset, what);
                match (&mut scan.state, &record) {
                    (None, Record::Checkpoint { state }) => {
                        scan.state = Some(State::from_json(state).map_err(place)?);
                    }
                    (None, _) => return Err(place("segment without checkpoint".to_owned())),
                    (Some(state), record) => {
                        state.apply(position, record, &link);
                        scan.frames += 1;
                        for_each_key(position, record, |key, value| {
                            scan.keys.push((key.prefix(), value));
                        });
                    }
                }
                scan.valid = offset + frame_len;
            }
        }
        next = scanner.step().map_err(JournalError::read(&path))?;
    }
}

/// Tells what the key index must know of a record.
pub(crate) fn for_each_key(position: u64, record: &Record, mut tell: impl FnMut(&CallKey, u64)) {
    match record {
        Record::Call(call) => tell(&call.key, position),
        Record::Rewind { forget, .. } => {
            for key in forget {
                tell(key, position | FORGET);
            }
        }
        _ => {}
    }
}

/// Reads the records of a span from `from` on (a position in it), which must all be valid.
pub(crate) fn read_span(
    segments: &Segments,
    span: Span,
    from: u64,
    mut tell: impl FnMut(u64, Record) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let path = segments.path(span.base);
    let file = segments.reader(span.base)?;
    let first = from.max(span.base + SEGMENT_HEAD) - span.base;
    let mut scanner = Scanner::new(file, first, span.end - span.base);
    loop {
        match scanner.step().map_err(JournalError::read(&path))? {
            Step::End => return Ok(()),
            Step::Bad(offset) => {
                return Err(JournalError::corrupt(&path, offset, "no valid frame"));
            }
            Step::Frame(offset, frame) => {
                let position = span.base + offset;
                tell(position, segments.decode(position, frame)?.0)?;
            }
        }
    }
}
