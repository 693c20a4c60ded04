//! Strings as Python's `json` escapes them, and object keys with what a `str` cannot hold.

/// For each byte: 0 where it stands for itself, else the letter after the backslash (`u` for `\u00XX`).
static ESCAPES: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0A] = b'n';
    table[0x0C] = b'f';
    table[0x0D] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

const HEX: &[u8; 16] = b"0123456789abcdef";

fn write_unit(out: &mut Vec<u8>, unit: u16) {
    let digit = |shift: u16| HEX[usize::from((unit >> shift) & 15)];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

/// Appends `text` as a JSON string.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str, ascii: bool) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    write_escaped(out, text, ascii);
    out.push(b'"');
}

/// Appends `text` with its escapes and without quotes.
fn write_escaped(out: &mut Vec<u8>, text: &str, ascii: bool) {
    if ascii && !text.bytes().all(|byte| (0x20..0x7F).contains(&byte)) {
        return text.chars().for_each(|c| write_char(out, c, true));
    }
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_prefix(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else { return };
        write_escape(out, byte, ESCAPES[usize::from(byte)]);
        rest = &rest[plain + 1..];
    }
}

/// How many bytes at the start stand for themselves. Whole blocks are tested without a branch, which the compiler turns
/// into vector instructions: most text has no escape for hundreds of bytes.
fn plain_prefix(bytes: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let special =
        |byte: &u8| u8::from(*byte < 0x20) | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
    let is_plain =
        |block: &&[u8; BLOCK]| block.iter().fold(0, |found, byte| found | special(byte)) == 0;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let mut start = blocks.iter().take_while(is_plain).count() * BLOCK;
    let (words, _) = bytes[start..].as_chunks::<8>();
    start += words
        .iter()
        .take_while(|word| is_plain_word(**word))
        .count()
        * 8;
    let tail = &bytes[start..];
    start
        + tail
            .iter()
            .position(|byte| special(byte) != 0)
            .unwrap_or(tail.len())
}

/// Whether none of eight bytes has to be escaped: the usual test of all bytes of a word at once (`x - n` borrows into the
/// top bit of each byte that is below `n`), which says "some byte" rightly, though not always which.
fn is_plain_word(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let word = u64::from_le_bytes(bytes);
    let below = |word: u64, n: u8| word.wrapping_sub(ONES * u64::from(n)) & !word & TOPS;
    let equals = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    below(word, 0x20) | equals(b'"') | equals(b'\\') == 0
}

fn write_escape(out: &mut Vec<u8>, byte: u8, escape: u8) {
    if escape == b'u' {
        write_unit(out, byte.into());
    } else {
        out.extend_from_slice(&[b'\\', escape]);
    }
}

fn write_char(out: &mut Vec<u8>, c: char, ascii: bool) {
    if c.is_ascii() {
        let escape = ESCAPES[c as usize];
        match (escape, c) {
            // Python escapes DEL in ASCII mode only.
            (0, '\x7F') if ascii => write_unit(out, 0x7F),
            (0, _) => out.push(c as u8),
            _ => write_escape(out, c as u8, escape),
        }
    } else if ascii {
        c.encode_utf16(&mut [0; 2])
            .iter()
            .for_each(|unit| write_unit(out, *unit));
    } else {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Appends UTF-16 code units as a JSON string; lone surrogates as `\udXXX` in every style.
pub(super) fn write_utf16(out: &mut Vec<u8>, units: impl Iterator<Item = u16>, ascii: bool) {
    out.push(b'"');
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(c) => write_char(out, c, ascii),
            Err(lone) => write_unit(out, lone.unpaired_surrogate()),
        }
    }
    out.push(b'"');
}

/// The mark before a held surrogate; the rule stands at [`Object`](super::Object).
const MARK: char = '\u{10FFFF}';
const BASE: u32 = 0x10_0000;
const SURROGATES: u32 = 0xD800;

/// Whether a key holds what a `str` cannot, or might seem to.
pub(super) fn is_marked(key: &str) -> bool {
    // U+10FFFF starts with this byte, which is rare enough to settle most keys. Keys are short, so a loop is faster than
    // the call of a vector search.
    key.bytes().any(|byte| byte == 0xF4) && key.contains(MARK)
}

/// Appends a key as a JSON string: held surrogates as `\udXXX` and a doubled mark as one.
pub(super) fn write_key(out: &mut Vec<u8>, key: &str, ascii: bool) {
    if !is_marked(key) {
        return write_text(out, key, ascii);
    }
    out.push(b'"');
    let mut chars = key.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().map_or(0, u32::from);
        if c == MARK && (BASE..BASE + 0x800).contains(&next) {
            write_unit(out, (next - BASE + SURROGATES) as u16);
            chars.next();
            continue;
        }
        write_char(out, c, ascii);
        if c == MARK && next == u32::from(MARK) {
            chars.next();
        }
    }
    out.push(b'"');
}

/// The key for text that came as UTF-16 code units.
pub(super) fn key_from_utf16(units: &[u16]) -> String {
    let mut key = String::with_capacity(units.len() + 8);
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(c) => push(&mut key, c),
            Err(lone) => {
                let held = u32::from(lone.unpaired_surrogate()) - SURROGATES + BASE;
                key.push(MARK);
                key.push(char::from_u32(held).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
    }
    key
}

/// The key for text that holds the mark itself.
pub(super) fn key_from_marked(text: &str) -> String {
    let mut key = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| push(&mut key, c));
    key
}

fn push(key: &mut String, c: char) {
    key.push(c);
    if c == MARK {
        key.push(MARK);
    }
}
