//! Tokens: what a word is, for search only. Canonical text is not touched.
//!
//! Text is folded to NFKC and lower case. Runs of letters, digits and marks are words. Arabic vowel signs and tatweel, soft
//! hyphens and zero-width joiners are dropped. Scripts without spaces between words (Han, kana, Hangul, Thai, Lao, Khmer,
//! Burmese) become overlapping pairs of characters; a lone character is a token by itself.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are cut: what follows is data, not language, and would cost as much as it has characters.
const MAX_CHARS: usize = 48;

/// Room to work in, kept from call to call.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    word: Vec<char>,
}

/// A token: its hash, and its characters for those who need them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) hash: u64,
    spelling: Spelling<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Spelling<'a> {
    /// Letters and digits as they stand in the text, in any case.
    Ascii(&'a [u8]),
    Folded(&'a [char]),
}

impl Token<'_> {
    /// Appends the characters, folded.
    pub(super) fn spell(&self, out: &mut Vec<char>) {
        match self.spelling {
            Spelling::Ascii(bytes) => {
                out.extend(bytes.iter().map(|b| char::from(b.to_ascii_lowercase())));
            }
            Spelling::Folded(word) => out.extend_from_slice(word),
        }
    }
}

fn folded(word: &[char]) -> Token<'_> {
    Token {
        hash: hash(word),
        spelling: Spelling::Folded(word),
    }
}

/// Calls `each` with every token of `text` in order.
pub(super) fn each_token(text: &str, scratch: &mut Scratch, mut each: impl FnMut(Token<'_>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii() && !byte.is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|b| !b.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        if rest.get(length).is_none_or(u8::is_ascii) {
            let word = rest.get(..length.min(MAX_CHARS)).unwrap_or_default();
            each(Token {
                hash: ascii_hash(word),
                spelling: Spelling::Ascii(word),
            });
            at += length;
        } else {
            // A character beyond ASCII may change the letters before it, but folding never reaches over white space.
            let end = rest
                .iter()
                .position(u8::is_ascii_whitespace)
                .unwrap_or(rest.len());
            unicode(
                text.get(at..at + end).unwrap_or_default(),
                &mut scratch.word,
                &mut each,
            );
            at += end;
        }
    }
}

fn unicode(piece: &str, word: &mut Vec<char>, each: &mut impl FnMut(Token<'_>)) {
    // The last character of a run without spaces, and whether it already stands in a pair.
    let mut pending: Option<(char, bool)> = None;
    for character in piece.nfkc().flat_map(char::to_lowercase) {
        if is_dropped(character) {
            continue;
        }
        if is_unspaced(character) {
            flush(word, each);
            if let Some((before, _)) = pending {
                each(folded(&[before, character]));
            }
            pending = Some((character, pending.is_some()));
            continue;
        }
        if let Some((lone, false)) = pending.take() {
            each(folded(&[lone]));
        }
        if character.is_alphanumeric() || (is_combining_mark(character) && !word.is_empty()) {
            if word.len() < MAX_CHARS {
                word.push(character);
            }
        } else {
            flush(word, each);
        }
    }
    if let Some((lone, false)) = pending {
        each(folded(&[lone]));
    }
    flush(word, each);
}

fn flush(word: &mut Vec<char>, each: &mut impl FnMut(Token<'_>)) {
    if !word.is_empty() {
        each(folded(word));
        word.clear();
    }
}

/// Signs that are written or left out at will.
fn is_dropped(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{640}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}'
    )
}

/// Letters of scripts that put no spaces between words.
fn is_unspaced(character: char) -> bool {
    matches!(
        character,
        '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ecd}' | '\u{1000}'..='\u{103f}' | '\u{1780}'..='\u{17d3}'
        | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
    )
}

/// The hash of a token. It decides nothing but equality, so its only duty is to spread.
pub(super) fn hash(token: &[char]) -> u64 {
    finish(
        token
            .iter()
            .fold(SEED, |state, character| step(state, u32::from(*character))),
    )
}

fn ascii_hash(word: &[u8]) -> u64 {
    finish(word.iter().fold(SEED, |state, byte| {
        step(state, u32::from(byte.to_ascii_lowercase()))
    }))
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, a character at a time.
fn step(state: u64, character: u32) -> u64 {
    (state ^ u64::from(character)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Mixes all bits into all others (the finaliser of `MurmurHash3`).
fn finish(state: u64) -> u64 {
    let mut h = state;
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}
