//! Where sentences begin and end.

use std::ops::Range;

/// Words whose period ends a sentence only when a capital letter follows.
const ABBREVIATIONS: &[&str] = &[
    "approx", "bzw", "ca", "cf", "e.g", "eg", "etc", "fig", "figs", "i.e", "ie", "incl", "max",
    "min", "no", "nr", "pp", "sec", "usw", "vol", "vs", "z.b",
];

/// Words whose period never ends one: a name follows.
const TITLES: &[&str] = &["dr", "mr", "mrs", "ms", "prof", "st"];

/// No abbreviation, with an opening bracket or quotation mark, has more bytes than this.
const LONGEST: usize = 9;

/// Byte ranges of the sentences of `text`, in order, without surrounding white space and without
/// the marker of a list item or heading.
///
/// A sentence ends at `.`, `!`, `?` and their Arabic and Chinese kin, at an empty line, and at a
/// line break that is followed by a list item or heading or that follows a heading. A single line
/// break inside a paragraph is a space. Headings and fragments are ranges too; the caller decides
/// what is worth reading.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::with_capacity(16);
    let mut start = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(next) = bytes[at..]
        .iter()
        .position(|byte| STOPS[usize::from(*byte)])
    {
        at += next;
        match bytes[at] {
            b'\n' => {
                if breaks_line(text, start, at) {
                    push(text, start..at, &mut found);
                    start = at + 1;
                }
                at += 1;
            }
            b'.' | b'!' | b'?' => {
                let end = closing(text, at + 1);
                if ends_sentence(text, start, at, end) {
                    push(text, start..end, &mut found);
                    start = end;
                }
                at = end;
            }
            _ => {
                let c = text[at..].chars().next().unwrap_or(' ');
                at += c.len_utf8();
                let ends = match c {
                    '。' | '！' | '？' => true,
                    '؟' | '…' => text[at..].chars().next().is_none_or(char::is_whitespace),
                    _ => false,
                };
                if ends {
                    at = closing(text, at);
                    push(text, start..at, &mut found);
                    start = at;
                }
            }
        }
    }
    push(text, start..text.len(), &mut found);
    found
}

/// Bytes at which a sentence may end: the stops and every character outside ASCII.
const STOPS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0x80;
    while byte < 256 {
        table[byte] = true;
        byte += 1;
    }
    table[b'\n' as usize] = true;
    table[b'.' as usize] = true;
    table[b'!' as usize] = true;
    table[b'?' as usize] = true;
    table
};

/// Past closing quotes, brackets and further stops.
fn closing(text: &str, from: usize) -> usize {
    let tail = &text[from..];
    let more = tail
        .find(|c| {
            !matches!(
                c,
                '.' | '!' | '?' | '"' | '\'' | ')' | ']' | '\u{201d}' | '\u{2019}' | '\u{bb}' | '*'
            )
        })
        .unwrap_or(tail.len());
    from + more
}

/// Whether the stop at `at`, closed at `end`, ends the sentence that began at `start`.
fn ends_sentence(text: &str, start: usize, at: usize, end: usize) -> bool {
    let Some(next) = text[end..].chars().next() else {
        return true;
    };
    if !next.is_whitespace() {
        return false;
    }
    if text.as_bytes()[at] != b'.' {
        return true;
    }
    let after = text[end..].trim_start().chars().next();
    if after.is_some_and(char::is_lowercase) {
        return false;
    }
    let before = &text[start..at];
    let from = before.bytes().rposition(|byte| byte.is_ascii_whitespace());
    let word = &before[from.map_or(0, |space| space + 1)..];
    if word.len() > LONGEST {
        return true;
    }
    let word = word.trim_start_matches(['(', '[', '"', '\u{201c}']);
    let among = |list: &[&str]| list.iter().any(|known| word.eq_ignore_ascii_case(known));
    // A single letter is an initial, a bare number at the beginning a list marker.
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let marker = before.trim().bytes().all(|byte| byte.is_ascii_digit());
    // "approx. 40" and "no. 7" go on; "etc. The" does not.
    let goes_on = after.is_some_and(|c| c.is_ascii_digit() || c == '(');
    !(initial || marker || among(TITLES) || (goes_on && among(ABBREVIATIONS)))
}

/// Whether the line break at `at` ends what began at `start`.
fn breaks_line(text: &str, start: usize, at: usize) -> bool {
    /// Lines of running text that break before a capital letter are longer than this.
    const HEADING: usize = 48;
    let next = &text[at + 1..];
    let line = next.lines().next().unwrap_or("");
    let current = text[start..at].trim_start();
    let capital = line.chars().next().is_some_and(char::is_uppercase);
    line.trim().is_empty()
        || current.starts_with('#')
        || current.starts_with('|')
        || marker_length(line.trim_start()) > 0
        || (capital && current.len() <= HEADING && !current.contains('\n'))
}

/// Length of a list, heading, quote or table marker at the start of a line, with its space.
fn marker_length(line: &str) -> usize {
    let bytes = line.as_bytes();
    let signs = bytes.iter().take_while(|byte| **byte == b'#').count();
    if signs > 0 {
        return if bytes.get(signs) == Some(&b' ') {
            signs + 1
        } else {
            0
        };
    }
    if matches!(bytes, [b'-' | b'*' | b'+' | b'>' | b'|', b' ', ..]) {
        return 2;
    }
    if let Some(rest) = line.strip_prefix("• ") {
        return line.len() - rest.len();
    }
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let bracket = matches!(bytes.get(digits), Some(b'.' | b')'));
    if (1..=3).contains(&digits) && bracket && bytes.get(digits + 1) == Some(&b' ') {
        return digits + 2;
    }
    0
}

fn push(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let raw = &text[range.clone()];
    let mut start = range.start + (raw.len() - raw.trim_start().len());
    let mut length = marker_length(&text[start..range.end]);
    while length > 0 {
        start += length;
        let rest = &text[start..range.end];
        start += rest.len() - rest.trim_start().len();
        length = marker_length(&text[start..range.end]);
    }
    let end = start + text[start..range.end.max(start)].trim_end().len();
    if text[start..end].chars().any(char::is_alphanumeric) {
        found.push(start..end);
    }
}

#[cfg(test)]
mod tests;
