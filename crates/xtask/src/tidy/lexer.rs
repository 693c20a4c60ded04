//! Tells code, comments and literals of a Rust source apart, so that a word in a string is not taken for code.
//!
//! It knows nested block comments, raw strings, escapes, and a character from a lifetime. It need not know more of the
//! grammar, and it accepts any text.

#[cfg(test)]
mod tests;

/// One text of the same length as the source for each region: what belongs to another region is blank there, so that
/// offsets and line numbers are the same in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Regions {
    /// Everything but comments and the insides of literals.
    pub(super) code: String,
    /// Comments with their slashes.
    pub(super) comments: String,
    /// The insides of string and character literals.
    pub(super) literals: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Region {
    Code,
    Comment,
    Literal,
}

/// Splits a source into its regions.
pub(super) fn regions(source: &str) -> Regions {
    let of = classify(source.as_bytes());
    let only = |wanted: Region| {
        let mut text = String::with_capacity(source.len());
        for (at, c) in source.char_indices() {
            if c == '\n' || of[at] == wanted {
                text.push(c);
            } else {
                text.extend(std::iter::repeat_n(' ', c.len_utf8()));
            }
        }
        text
    };
    Regions {
        code: only(Region::Code),
        comments: only(Region::Comment),
        literals: only(Region::Literal),
    }
}

fn classify(source: &[u8]) -> Vec<Region> {
    let mut of = vec![Region::Code; source.len()];
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let (len, region, open, close) = if rest.starts_with(b"//") {
            (line_length(rest), Region::Comment, 0, 0)
        } else if rest.starts_with(b"/*") {
            (block_length(rest), Region::Comment, 0, 0)
        } else if let Some((len, close)) = raw_string(source, at) {
            // One letter more opens it than closes it.
            (len, Region::Literal, close + 1, close)
        } else if rest[0] == b'"' {
            (quoted_length(rest, b'"'), Region::Literal, 1, 1)
        } else if let Some(len) = character(rest) {
            (len, Region::Literal, 1, 1)
        } else {
            (1, Region::Code, 0, 0)
        };
        let end = (at + len).min(source.len());
        if region != Region::Code {
            // The quotes are code: a string stays visible there as an empty one.
            let inside = (at + open).min(end)..end.saturating_sub(close).max(at);
            for place in of.get_mut(inside).into_iter().flatten() {
                *place = region;
            }
        }
        at = end;
    }
    of
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len())
}

/// Block comments nest in Rust.
fn block_length(rest: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of the raw string that begins at `at`, and of what closes it.
fn raw_string(source: &[u8], at: usize) -> Option<(usize, usize)> {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    // `br` and `cr` come here at their `r`; the letter before is then no part of a longer word.
    let prefixed =
        at >= 1 && matches!(source[at - 1], b'b' | b'c') && (at < 2 || !word(&source[at - 2]));
    if source[at] != b'r' || (at >= 1 && word(&source[at - 1]) && !prefixed) {
        return None;
    }
    let rest = &source[at + 1..];
    let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let body = &rest[hashes + 1..];
    let end = body
        .windows(close.len())
        .position(|window| window == close)
        .map_or(body.len(), |found| found + close.len());
    Some((1 + hashes + 1 + end, hashes + 1))
}

/// The length of a literal in `quote`s, both included.
fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal; nothing for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    match rest.get(1)? {
        b'\\' => Some(quoted_length(rest, b'\'')),
        first => {
            let width = match first {
                0..=0x7f => 1,
                0..=0xdf => 2,
                0..=0xef => 3,
                _ => 4,
            };
            (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
        }
    }
}
