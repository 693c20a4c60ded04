//! The guest's answer: a mark, then frames of a kind, a number, a length and bytes, up to the end frame.

use super::Extracted;

/// The version of the answer. Both ends are the same program, but a wrong `pdf_child` must be told from a crash.
const MARK: &[u8] = b"forgemark-text 1\n";

const PAGE: u8 = b'P';
const NOTE: u8 = b'N';
const REFUSAL: u8 = b'R';
const END: u8 = b'E';

/// Why the guest gave no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GuestRefusal {
    /// It needs a password.
    Encrypted,
    /// No reader can make sense of it; why.
    Damaged(String),
    /// Its pages, this many, are pictures.
    NoTextLayer(u32),
    /// More text than allowed.
    TooMuchText,
    /// The reader failed; how.
    Panicked(String),
    /// The guest could not limit itself; why.
    Unlimited(String),
}

impl GuestRefusal {
    fn code(&self) -> (u32, &str) {
        match self {
            GuestRefusal::Encrypted => (1, ""),
            GuestRefusal::Damaged(why) => (2, why),
            GuestRefusal::NoTextLayer(_) => (3, ""),
            GuestRefusal::TooMuchText => (4, ""),
            GuestRefusal::Panicked(how) => (5, how),
            GuestRefusal::Unlimited(why) => (6, why),
        }
    }
}

/// The bytes of an answer. More than `max_text` bytes of text become a refusal.
pub(super) fn encode(answer: &Result<Extracted, GuestRefusal>, max_text: u64) -> Vec<u8> {
    let mut out = MARK.to_vec();
    match answer {
        Ok(extracted) => {
            let length: u64 = extracted
                .pages
                .iter()
                .map(|(_, text)| text.len() as u64)
                .sum();
            if length > max_text {
                return encode(&Err(GuestRefusal::TooMuchText), max_text);
            }
            for (page, text) in &extracted.pages {
                frame(&mut out, PAGE, *page, text);
            }
            for note in &extracted.notes {
                frame(&mut out, NOTE, 0, note);
            }
        }
        Err(refusal) => {
            let (code, detail) = refusal.code();
            let pages = if let GuestRefusal::NoTextLayer(pages) = refusal {
                *pages
            } else {
                0
            };
            // The code in the low bits, a count of pages above it.
            frame(
                &mut out,
                REFUSAL,
                code | pages.min(u32::MAX >> 8) << 8,
                detail,
            );
        }
    }
    frame(&mut out, END, 0, "");
    out
}

/// The answer in the bytes, or `None` when they are cut off or no answer at all.
pub(super) fn decode(bytes: &[u8]) -> Option<Result<Extracted, GuestRefusal>> {
    let mut rest = bytes.strip_prefix(MARK)?;
    let mut extracted = Extracted::default();
    loop {
        let (kind, number, text, after) = next(rest)?;
        rest = after;
        match kind {
            PAGE => extracted.pages.push((number, text)),
            NOTE => extracted.notes.push(text),
            REFUSAL => {
                return Some(Err(match number & 0xff {
                    1 => GuestRefusal::Encrypted,
                    2 => GuestRefusal::Damaged(text),
                    3 => GuestRefusal::NoTextLayer(number >> 8),
                    4 => GuestRefusal::TooMuchText,
                    5 => GuestRefusal::Panicked(text),
                    6 => GuestRefusal::Unlimited(text),
                    _ => return None,
                }));
            }
            END => return Some(Ok(extracted)),
            _ => return None,
        }
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, number: u32, text: &str) {
    out.push(kind);
    out.extend_from_slice(&number.to_le_bytes());
    // A text over 4 GiB cannot be: the cap on output is lower.
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn next(bytes: &[u8]) -> Option<(u8, u32, String, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let text = String::from_utf8(text.to_vec()).ok()?;
    Some((*kind, u32::from_le_bytes(*number), text, rest))
}
