//! Bytes to text: which encoding, and whether anything was lost.
//!
//! The order of decision, first match wins: byte order mark; UTF-16 without a mark, told by its NUL pattern; valid
//! UTF-8; UTF-8 with a few broken bytes; the charset that an HTML file declares; a guess (chardetng, as in browsers).
//! The name of the encoding and the loss are kept with the document and shown, because a guess can be wrong.

#[cfg(test)]
mod tests;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How much of a file the guess looks at, from its first byte beyond ASCII on.
const SAMPLE_BYTES: usize = 1 << 20;

/// Share of control characters, in percent, above which something is no text.
const MAX_CONTROL_PERCENT: usize = 2;

/// So many control characters are forgiven in any case, for short texts.
const FORGIVEN_CONTROLS: usize = 8;

/// A decoded file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// Name of the encoding as in the Encoding Standard, for example `windows-1252`.
    pub(crate) encoding: &'static str,
    /// Whether it was guessed from the content, without a mark, a declaration or validity as proof.
    pub(crate) guessed: bool,
    /// Whether some bytes meant nothing in that encoding and became U+FFFD.
    pub(crate) replaced: bool,
}

/// Decodes a whole file. `declared` is the charset that the file itself names, if its format has such a thing.
pub(crate) fn decode(bytes: Vec<u8>, declared: Option<&'static Encoding>) -> Decoded {
    match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, rest @ ..] => return utf32(rest, u32::from_le_bytes, "UTF-32LE"),
        [0, 0, 0xfe, 0xff, rest @ ..] => return utf32(rest, u32::from_be_bytes, "UTF-32BE"),
        [0xff, 0xfe, rest @ ..] => return with(UTF_16LE, rest, false),
        [0xfe, 0xff, rest @ ..] => return with(UTF_16BE, rest, false),
        [0xef, 0xbb, 0xbf, rest @ ..] => return with(UTF_8, rest, false),
        _ => {}
    }
    if let Some(encoding) = unmarked_utf16(&bytes) {
        return with(encoding, &bytes, true);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Decoded {
            text,
            encoding: UTF_8.name(),
            guessed: false,
            replaced: false,
        },
        Err(error) => {
            let bytes = error.into_bytes();
            if is_mostly_utf8(&bytes) {
                return with(UTF_8, &bytes, false);
            }
            // A file that says UTF-8 and is not has told nothing.
            match declared.filter(|encoding| *encoding != UTF_8) {
                Some(encoding) => with(encoding, &bytes, false),
                None => with(guess(&bytes), &bytes, true),
            }
        }
    }
}

/// Why these bytes are no text, or `None` when they may be. Told by the first bytes of common binary formats.
pub(crate) fn binary_format(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"%PDF-", "a PDF"),
        (b"PK\x03\x04", "a ZIP archive or an Office document"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "an old Office document",
        ),
        (b"{\\rtf", "an RTF document"),
        (b"\x7fELF", "a program"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"BZh", "a bzip2 archive"),
        (b"\xfd7zXZ\0", "an xz archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"SQLite format 3\0", "an SQLite database"),
    ];
    MAGIC
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map(|(_, name)| *name)
}

/// Whether a decoded text has so many control characters that it is binary data.
pub(crate) fn looks_binary(text: &str) -> bool {
    let controls = text
        .bytes()
        .filter(|b| matches!(b, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
        .count();
    controls > FORGIVEN_CONTROLS && controls * 100 > text.len() * MAX_CONTROL_PERCENT
}

fn with(encoding: &'static Encoding, bytes: &[u8], guessed: bool) -> Decoded {
    let (text, replaced) = encoding.decode_without_bom_handling(bytes);
    Decoded {
        text: text.into_owned(),
        encoding: encoding.name(),
        guessed,
        replaced,
    }
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32, encoding: &'static str) -> Decoded {
    let (units, rest) = bytes.as_chunks::<4>();
    let mut replaced = !rest.is_empty();
    let text = units
        .iter()
        .map(|&bytes| {
            char::from_u32(unit(bytes)).unwrap_or_else(|| {
                replaced = true;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    Decoded {
        text,
        encoding,
        guessed: false,
        replaced,
    }
}

/// UTF-16 without a mark, for text with a fair share of ASCII: the high bytes are NUL, always on the same side.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..bytes.len().min(4096))?;
    if sample.len() < 4 || !sample.contains(&0) {
        return None;
    }
    let (pairs, _) = sample.as_chunks::<2>();
    let first = pairs.iter().filter(|pair| pair[0] == 0).count();
    let second = pairs.iter().filter(|pair| pair[1] == 0).count();
    let (many, few, encoding) = if first > second {
        (first, second, UTF_16BE)
    } else {
        (second, first, UTF_16LE)
    };
    (many * 5 >= pairs.len() * 2 && few * 50 <= pairs.len()).then_some(encoding)
}

/// A text that has at least four good multi-byte sequences for each bad one is UTF-8 that was damaged.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().bytes().filter(|b| *b >= 0xc0).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= 4 * bad
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let from = bytes.iter().position(|b| !b.is_ascii()).unwrap_or(0);
    let from = from.saturating_sub(4096);
    let sample = bytes
        .get(from..bytes.len().min(from + SAMPLE_BYTES))
        .unwrap_or_default();
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, true);
    detector.guess(None, Utf8Detection::Deny)
}
