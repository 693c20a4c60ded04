//! Words as the support score and the offline agents compare them.
//!
//! A token is a hash of a folded word: lower case, without diacritics of Arabic, without the most
//! common endings. The folding is crude on purpose; it has to be the same on both sides and cheap
//! (a turn compares about ten kilobytes), not linguistically right.

mod lists;

use std::sync::LazyLock;

use lists::{FUNCTION, NEGATION, NUMBER_WORDS};

/// What a token is worth in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word that carries content.
    Content,
    /// A number, or a word with digits in it such as `M6`.
    Number,
    /// An article, pronoun, auxiliary or the like.
    Function,
    /// A word that denies.
    Negation,
}

/// A word of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// Hash of the folded word; equal words have equal hashes.
    pub(crate) hash: u64,
    /// Byte where the word begins.
    pub(crate) start: u32,
    /// Byte behind its end.
    pub(crate) end: u32,
    /// What it is worth.
    pub(crate) kind: Kind,
    /// Whether it begins with a capital letter.
    pub(crate) capital: bool,
}

impl Token {
    /// The word as it stands in `text`.
    pub(crate) fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start as usize..self.end as usize]
    }

    /// Whether the token counts when texts are compared.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.kind, Kind::Content | Kind::Number)
    }
}

/// Tokens of `text`, in order.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::with_capacity(text.len() / 5);
    scan(text, |token| found.push(token));
    found
}

/// Calls `each` for every token of `text`, in order.
///
/// Texts of 4 GiB or more are cut there: offsets are 32 bits.
pub(crate) fn scan(text: &str, mut each: impl FnMut(Token)) {
    let bytes = text.as_bytes();
    let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
    let words = &*WORDS;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at = match CLASS[usize::from(byte)] {
            NOTHING => at + 1,
            DIGIT => number(bytes, at, &mut each),
            WIDE => unicode_word(words, text, at, &mut each),
            _ => word(words, text, at, &mut each),
        };
    }
}

/// What a byte is to [`scan`].
const CLASS: [u8; 256] = {
    let mut table = [NOTHING; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        if c.is_ascii_alphabetic() {
            table[byte] = LETTER;
        } else if c.is_ascii_digit() {
            table[byte] = DIGIT;
        } else if c >= 0x80 {
            table[byte] = WIDE;
        }
        byte += 1;
    }
    table
};
const NOTHING: u8 = 0;
const DIGIT: u8 = 1;
const WIDE: u8 = 2;
const LETTER: u8 = 3;

/// A folded word: at most 32 bytes, zeros behind it. Longer words are cut.
#[derive(Clone, Copy)]
struct Folded {
    bytes: [u8; 32],
    length: usize,
}

impl Folded {
    const EMPTY: Self = Self {
        bytes: [0; 32],
        length: 0,
    };

    fn new(bytes: &[u8]) -> Self {
        let mut folded = Self::EMPTY;
        for byte in bytes {
            folded.push(*byte);
        }
        folded
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn hash(&self) -> u64 {
        self.prefix_hash(self.length)
    }

    fn prefix_hash(&self, length: usize) -> u64 {
        let [first, rest @ ..] = self.bytes.as_chunks::<8>().0 else {
            return 0;
        };
        let mut hash = step(start_of(length), u64::from_le_bytes(*first), length);
        for (index, chunk) in rest.iter().enumerate() {
            let done = 8 * (index + 1);
            if done < length {
                hash = step(hash, u64::from_le_bytes(*chunk), length - done);
            }
        }
        hash
    }
}

/// The same hash for a word of ASCII letters as it stands in the text, in lower case.
///
/// It reads the text eight bytes at a time instead of copying letters: this is most of what
/// scanning costs.
fn ascii_hash(bytes: &[u8], start: usize, length: usize) -> u64 {
    let mut hash = start_of(length);
    let mut done = 0;
    let length = length.min(32);
    while done < length {
        let from = start + done;
        let chunk = if let Some(chunk) = bytes.get(from..from + 8) {
            chunk.try_into().unwrap_or_default()
        } else {
            let mut padded = [0; 8];
            for (to, byte) in padded.iter_mut().zip(&bytes[from..]) {
                *to = *byte;
            }
            padded
        };
        // The bit that makes a letter small; digits and apostrophes have it already.
        let small = u64::from_le_bytes(chunk) | 0x2020_2020_2020_2020;
        hash = step(hash, small, length - done);
        done += 8;
    }
    hash
}

fn start_of(length: usize) -> u64 {
    0x9e37_79b9_7f4a_7c15 ^ length.min(32) as u64
}

/// Mixes in the first `used` bytes of `word`.
fn step(hash: u64, word: u64, used: usize) -> u64 {
    let word = if used < 8 {
        word & ((1 << (8 * used)) - 1)
    } else {
        word
    };
    let product = u128::from(hash ^ word) * 0xd6e8_feb8_6659_fd93_u128;
    (product as u64) ^ ((product >> 64) as u64)
}

/// Digits with what belongs to them: `1,200` is `1200`, `3.50` is `3.5`, `22:00` stays.
fn number(bytes: &[u8], start: usize, each: &mut impl FnMut(Token)) -> usize {
    let mut folded = Folded::EMPTY;
    let mut at = start;
    let mut fraction = false;
    while let Some(&byte) = bytes.get(at) {
        let followed = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => {}
            b',' | b'\'' if followed && !fraction && thousands(&bytes[at + 1..]) => {
                at += 1;
                continue;
            }
            b'.' | b',' if followed && !fraction => fraction = true,
            b':' if followed => {}
            _ => break,
        }
        // A decimal comma and a decimal point are the same number.
        folded.push(if byte == b',' { b'.' } else { byte });
        at += 1;
    }
    if fraction {
        while folded.as_slice().ends_with(b"0") {
            folded.length -= 1;
        }
        if folded.as_slice().ends_with(b".") {
            folded.length -= 1;
        }
    }
    each(Token {
        hash: folded.hash(),
        start: start as u32,
        end: at as u32,
        kind: Kind::Number,
        capital: false,
    });
    at
}

/// Whether exactly three digits follow: the mark before them groups thousands.
fn thousands(rest: &[u8]) -> bool {
    rest.iter().take_while(|byte| byte.is_ascii_digit()).count() == 3
}

fn word(words: &Words, text: &str, start: usize, each: &mut impl FnMut(Token)) -> usize {
    let bytes = text.as_bytes();
    let mut at = start + letters(bytes, start);
    let mut odd = false;
    while let Some(&byte) = bytes.get(at) {
        let inside = match CLASS[usize::from(byte)] {
            WIDE => return unicode_word(words, text, start, each),
            LETTER | DIGIT => true,
            // The apostrophe of "don't" belongs to the word; the hyphen of "rock-hard" does not.
            _ => {
                matches!(byte, b'\'' | b'_')
                    && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
            }
        };
        if !inside {
            break;
        }
        odd = true;
        at += 1;
    }
    let raw = &bytes[start..at];
    let (hash, kind) = if odd {
        let mut folded = Folded::EMPTY;
        for byte in raw {
            folded.push(byte.to_ascii_lowercase());
        }
        if raw.iter().any(u8::is_ascii_digit) {
            (folded.hash(), Kind::Number)
        } else if raw.contains(&b'\'') {
            contracted(words, &folded)
        } else {
            plain(words, &folded)
        }
    } else {
        let known = if raw.len() <= LONGEST_WORD {
            words.find(ascii_hash(bytes, start, raw.len()))
        } else {
            None
        };
        known.unwrap_or_else(|| (ascii_hash(bytes, start, stem(raw)), Kind::Content))
    };
    let capital = bytes[start].is_ascii_uppercase();
    each(Token {
        hash,
        start: start as u32,
        end: at as u32,
        kind,
        capital,
    });
    at
}

/// How many ASCII letters stand at `start`, counted eight at a time.
fn letters(bytes: &[u8], start: usize) -> usize {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut count = 0;
    while let Some(chunk) = bytes.get(start + count..start + count + 8) {
        let chunk = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        let small = (chunk | (0x20 * EACH)) & !HIGH;
        // The high bit of a byte of `from_a` is set from 'a' on, of `past_z` behind 'z'.
        let from_a = small + (0x80 - u64::from(b'a')) * EACH;
        let past_z = small + (0x80 - u64::from(b'z') - 1) * EACH;
        let other = !(from_a & !past_z & !chunk) & HIGH;
        if other != 0 {
            return count + other.trailing_zeros() as usize / 8;
        }
        count += 8;
    }
    let tail = &bytes[start + count..];
    count
        + tail
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count()
}

/// The hash and kind of a word of letters.
fn plain(words: &Words, word: &Folded) -> (u64, Kind) {
    if word.length <= LONGEST_WORD
        && let Some(known) = words.find(word.hash())
    {
        return known;
    }
    (word.prefix_hash(stem(word.as_slice())), Kind::Content)
}

/// The same for a word with an apostrophe.
fn contracted(words: &Words, word: &Folded) -> (u64, Kind) {
    let letters = word.as_slice();
    if letters.ends_with(b"n't") {
        return (word.hash(), Kind::Negation);
    }
    let letters = letters.strip_suffix(b"'s").unwrap_or(letters);
    match (words.find(word.prefix_hash(letters.len())), elided(letters)) {
        (Some(known), _) => known,
        (None, Some(rest)) => plain(words, &Folded::new(rest)),
        (None, None) => plain(words, &Folded::new(letters)),
    }
}

/// What stands behind the apostrophe of "l'eau", "d'une", "qu'il".
fn elided(folded: &[u8]) -> Option<&[u8]> {
    let at = folded.iter().take(3).position(|byte| *byte == b'\'')?;
    folded.get(at + 1..).filter(|rest| rest.len() > 1)
}

/// Length of `word` without its commonest English endings; harmless elsewhere because both sides
/// lose them. Capital letters are read as small ones.
fn stem(word: &[u8]) -> usize {
    let mut n = word.len();
    let ends = |n: usize, ending: &[u8]| {
        word[..n].len() >= ending.len() && word[n - ending.len()..n].eq_ignore_ascii_case(ending)
    };
    if n < 4 {
        return n;
    }
    if word[n - 1] | 0x20 == b's' {
        match word[n - 2] | 0x20 {
            b's' | b'u' | b'i' => {}
            b'e' if n > 5 && ends(n - 2, b"i") => return n - 3,
            b'e' if sibilant(&word[..n - 2]) => n -= 2,
            _ => n -= 1,
        }
    }
    match word[n - 1] | 0x20 {
        b'g' if n > 5 && ends(n, b"ing") && has_vowel(&word[..n - 3]) => n = undouble(word, n - 3),
        b'd' if n > 4 && ends(n, b"ed") && has_vowel(&word[..n - 2]) => n = undouble(word, n - 2),
        b'y' if n > 5 && ends(n, b"ly") => n -= 2,
        _ => {}
    }
    if n > 3 && matches!(word[n - 1] | 0x20, b'e' | b'y' | b'i') {
        n -= 1;
    }
    n
}

fn sibilant(rest: &[u8]) -> bool {
    match rest {
        [.., before, last] => match last | 0x20 {
            b's' | b'x' | b'z' => true,
            b'h' => matches!(before | 0x20, b'c' | b's'),
            _ => false,
        },
        _ => false,
    }
}

fn has_vowel(rest: &[u8]) -> bool {
    rest.iter()
        .any(|byte| matches!(byte | 0x20, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'))
}

/// "stopp" is "stop"; "roll" and "press" stay.
fn undouble(word: &[u8], n: usize) -> usize {
    let last = word[n - 1] | 0x20;
    let doubled = word[n - 2] | 0x20 == last && !matches!(last, b'l' | b's' | b'z');
    if doubled { n - 1 } else { n }
}

/// A word with letters outside ASCII; scripts without spaces give overlapping pairs.
fn unicode_word(words: &Words, text: &str, start: usize, each: &mut impl FnMut(Token)) -> usize {
    let mut folded = String::new();
    let mut digits = false;
    let mut capital = false;
    let mut end = start;
    let mut spaceless: Option<(usize, char)> = None;
    for (offset, c) in text[start..].char_indices() {
        let at = start + offset;
        if is_spaceless(c) {
            if !folded.is_empty() {
                break;
            }
            if let Some((before, previous)) = spaceless {
                each(pair(before, at + c.len_utf8(), previous, c));
            }
            spaceless = Some((at, c));
            end = at + c.len_utf8();
            continue;
        }
        if spaceless.is_some() {
            break;
        }
        let joins = matches!(c, '\'' | '\u{2019}');
        if !(c.is_alphanumeric() || is_mark(c) || (joins && !folded.is_empty())) {
            // Punctuation and symbols outside ASCII are separators of their own.
            if folded.is_empty() {
                return at + c.len_utf8();
            }
            break;
        }
        end = at + c.len_utf8();
        if folded.is_empty() {
            capital = c.is_uppercase();
        }
        digits |= c.is_numeric();
        fold(c, &mut folded);
    }
    if let Some((at, c)) = spaceless {
        // A single character, or the last of a run: the run ends with a token of its own only
        // when it had no pair.
        if end - at == end - start {
            each(pair(at, end, c, c));
        }
        return end;
    }
    let folded = folded.trim_end_matches('\'');
    let folded = strip_article(folded);
    let folded = Folded::new(folded.as_bytes());
    let (hash, kind) = match folded.as_slice() {
        _ if digits => (folded.hash(), Kind::Number),
        letters if letters.contains(&b'\'') => contracted(words, &folded),
        _ => plain(words, &folded),
    };
    each(Token {
        hash,
        start: start as u32,
        end: end as u32,
        kind,
        capital,
    });
    end.max(start + 1)
}

fn pair(start: usize, end: usize, left: char, right: char) -> Token {
    let mut buffer = [0_u8; 8];
    let used = left.encode_utf8(&mut buffer).len();
    let used = used + right.encode_utf8(&mut buffer[used..]).len();
    Token {
        hash: Folded::new(&buffer[..used]).hash(),
        start: start as u32,
        end: end as u32,
        kind: Kind::Content,
        capital: false,
    }
}

/// Scripts that put no spaces between words.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// Combining marks that belong to a word.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0640}' | '\u{064b}'..='\u{065f}' | '\u{0670}' | '\u{0900}'..='\u{0dff}')
}

fn fold(c: char, out: &mut String) {
    match c {
        // Tatweel and the vowel signs are typography.
        '\u{0640}' | '\u{064b}'..='\u{065f}' | '\u{0670}' | '\u{0300}'..='\u{036f}' => {}
        'أ' | 'إ' | 'آ' => out.push('ا'),
        'ى' => out.push('ي'),
        'ة' => out.push('ه'),
        '٠'..='٩' => out.push(digit(c, '٠')),
        '۰'..='۹' => out.push(digit(c, '۰')),
        '\u{2019}' => out.push('\''),
        c if c.is_ascii() => out.push(c.to_ascii_lowercase()),
        c => out.extend(c.to_lowercase()),
    }
}

fn digit(c: char, zero: char) -> char {
    char::from_digit(u32::from(c) - u32::from(zero), 10).unwrap_or('0')
}

/// The Arabic article, also behind a preposition.
fn strip_article(word: &str) -> &str {
    for article in ["وال", "بال", "كال", "فال", "ال", "لل"] {
        if let Some(rest) = word.strip_prefix(article)
            && rest.chars().count() > 2
        {
            return rest;
        }
    }
    word
}

/// Bytes of the longest listed word, folded.
const LONGEST_WORD: usize = 12;

/// Open addressing over the few hundred listed words: one probe for most words of a text.
struct Words {
    /// Hash of the folded word (0 where there is none), what it stands for, and its kind.
    slots: Vec<(u64, u64, Kind)>,
}

impl Words {
    const SLOTS: usize = 1024;

    fn new() -> Self {
        let mut words = Self {
            slots: vec![(0, 0, Kind::Content); Self::SLOTS],
        };
        let folded = |word: &str| {
            let mut out = String::new();
            word.chars().for_each(|c| fold(c, &mut out));
            Folded::new(strip_article(&out).as_bytes()).hash()
        };
        for (list, kind) in [(NEGATION, Kind::Negation), (FUNCTION, Kind::Function)] {
            for word in list.split_whitespace() {
                words.insert((folded(word), folded(word), kind));
            }
        }
        for (word, digits) in NUMBER_WORDS {
            words.insert((
                folded(word),
                Folded::new(digits.as_bytes()).hash(),
                Kind::Number,
            ));
        }
        words
    }

    /// The first entry of a word stays.
    fn insert(&mut self, entry: (u64, u64, Kind)) {
        let mut slot = entry.0 as usize % Self::SLOTS;
        while self.slots[slot].0 != 0 && self.slots[slot].0 != entry.0 {
            slot = (slot + 1) % Self::SLOTS;
        }
        if self.slots[slot].0 == 0 {
            self.slots[slot] = entry;
        }
    }

    /// The hash that stands for a known word, and its kind.
    fn find(&self, hash: u64) -> Option<(u64, Kind)> {
        let mut slot = hash as usize % Self::SLOTS;
        loop {
            match self.slots[slot] {
                (0, ..) => return None,
                (found, as_hash, kind) if found == hash => return Some((as_hash, kind)),
                _ => slot = (slot + 1) % Self::SLOTS,
            }
        }
    }
}

static WORDS: LazyLock<Words> = LazyLock::new(Words::new);

#[cfg(test)]
mod tests;
