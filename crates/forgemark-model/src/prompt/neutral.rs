//! Text that cannot be taken for structure.

use std::borrow::Cow;

/// Names that a tag in a text must not have: our own blocks, and the ones that chat templates
/// and models give a meaning to. Compared without regard to ASCII case.
const RESERVED: &[&str] = &[
    "answer",
    "asked_before",
    "assistant",
    "avoid",
    "bos",
    "claim",
    "conversation",
    "critique",
    "end_of_turn",
    "eos",
    "feedback",
    "history",
    "instructions",
    "last",
    "last_answer",
    "message",
    "note",
    "passage",
    "passages",
    "persona",
    "question",
    "reasons",
    "rejected",
    "reply",
    "retrieved",
    "s",
    "schema",
    "seed",
    "start_of_turn",
    "system",
    "task",
    "think",
    "tool_call",
    "tool_response",
    "topic",
    "transcript",
    "turn",
    "user",
];

/// Whether a byte may begin something to neutralise: a control character, a delimiter, or the first byte of U+202D and
/// U+202E (0xe2) or of U+E0000 to U+E007F (0xf3).
const fn is_suspect(byte: u8) -> bool {
    (byte < 0x20 && byte != 0x09 && byte != 0x0a)
        || matches!(byte, 0x7f | b'<' | b'&' | b'[' | 0xe2 | 0xf3)
}

/// `text` with everything neutralised that could be taken for a delimiter of ours, a control
/// token of a chat template, or that no reader would see.
///
/// | in the text | written as |
/// |---|---|
/// | `<` before a reserved tag name, before `\|`, or in `<<SYS>>` | `&lt;` |
/// | `[` of `[INST]` and `[/INST]` | `&#91;` |
/// | control characters but tab and line feed, direction overrides, tag characters U+E00xx | `&#x1b;` |
/// | `&` of what would now read as one of these | `&amp;` |
///
/// Everything else is unchanged, so most texts are borrowed. [`restore`] is the exact inverse.
pub fn neutralise(text: &str) -> Cow<'_, str> {
    if next_change(text.as_bytes(), 0).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 64);
    push_neutral(&mut out, text);
    Cow::Owned(out)
}

/// Appends [`neutralise`]d text without an intermediate string.
pub fn push_neutral(out: &mut String, text: &str) {
    out.reserve(text.len());
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some((at, change)) = next_change(bytes, from) {
        out.push_str(&text[from..at]);
        match change {
            Change::Less => out.push_str("&lt;"),
            Change::Bracket => out.push_str("&#91;"),
            Change::Ampersand => out.push_str("&amp;"),
            Change::Hidden(point, _) => push_reference(out, point),
        }
        from = at + change.width();
    }
    out.push_str(&text[from..]);
}

/// Appends `&#x<hex>;`.
pub(super) fn push_reference(out: &mut String, point: u32) {
    out.push_str("&#x");
    let digits = (32 - point.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let digit = (point >> (4 * place)) & 0xf;
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
    out.push(';');
}

/// The text that [`neutralise`] was given.
///
/// Character references that it never writes are left as they are.
pub fn restore(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match escape_at(rest.as_bytes()) {
            Some((0, length)) => {
                match decode(&rest[1..length]) {
                    Some(c) => out.push(c),
                    None => out.push_str(&rest[..length]),
                }
                length
            }
            Some((_, length)) => {
                out.push('&');
                out.push_str(&rest["&amp;".len()..length]);
                length
            }
            None => {
                out.push('&');
                1
            }
        };
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character of a reference without its `&`: `lt;`, `#91;`, `#x1b;`.
fn decode(reference: &str) -> Option<char> {
    match reference {
        "lt;" => Some('<'),
        "#91;" => Some('['),
        _ => {
            let hex = reference.strip_prefix("#x")?.strip_suffix(';')?;
            char::from_u32(u32::from_str_radix(hex, 16).ok()?)
        }
    }
}

enum Change {
    Less,
    Bracket,
    Ampersand,
    /// A code point and its length in bytes.
    Hidden(u32, usize),
}

impl Change {
    fn width(&self) -> usize {
        match self {
            Self::Hidden(_, width) => *width,
            Self::Less | Self::Bracket | Self::Ampersand => 1,
        }
    }
}

fn next_change(bytes: &[u8], from: usize) -> Option<(usize, Change)> {
    let mut at = from;
    loop {
        at += next_suspect(&bytes[at..])?;
        if let Some(change) = change_at(&bytes[at..]) {
            return Some((at, change));
        }
        at += 1;
    }
}

/// Where the first byte stands that may begin something. Whole blocks are tested without a branch, which the compiler
/// turns into vector instructions: most text has none for hundreds of bytes.
fn next_suspect(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let is_plain = |block: &&[u8; BLOCK]| {
        let found = |found, byte: &u8| found | u8::from(is_suspect(*byte));
        block.iter().fold(0, found) == 0
    };
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let start = blocks.iter().take_while(is_plain).count() * BLOCK;
    let suspect = |byte: &u8| is_suspect(*byte);
    bytes[start..].iter().position(suspect).map(|at| start + at)
}

fn change_at(rest: &[u8]) -> Option<Change> {
    match rest[0] {
        b'<' => opens_tag(rest).then_some(Change::Less),
        b'&' => escape_at(rest).map(|_| Change::Ampersand),
        b'[' => (starts_with(rest, b"[INST]") || starts_with(rest, b"[/INST]"))
            .then_some(Change::Bracket),
        0xe2 => match rest {
            [_, 0x80, last @ (0xad | 0xae), ..] => {
                Some(Change::Hidden(0x2000 + u32::from(last & 0x3f), 3))
            }
            _ => None,
        },
        0xf3 => match rest {
            [_, 0xa0, third @ (0x80 | 0x81), last, ..] => {
                let low = u32::from(third & 1) << 6 | u32::from(last & 0x3f);
                Some(Change::Hidden(0xe_0000 + low, 4))
            }
            _ => None,
        },
        control => Some(Change::Hidden(u32::from(control), 1)),
    }
}

/// Whether `rest`, which begins with `<`, opens or closes a reserved tag or a control token.
fn opens_tag(rest: &[u8]) -> bool {
    if starts_with(rest, b"<|") || starts_with(rest, b"<<SYS>>") || starts_with(rest, b"<</SYS>>") {
        return true;
    }
    let mut name = &rest[1..];
    // "< / passage" reads as a tag to a model, whatever a parser says.
    while let [b'/' | b' ' | b'\t' | b'\n' | b'\r', after @ ..] = name {
        name = after;
    }
    let length = name
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
        .unwrap_or(name.len());
    let name = &name[..length];
    RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved.as_bytes()))
}

/// For `rest` that begins with `&`: whether it reads `&(amp;)*` and then a reference of ours;
/// gives the number of `amp;` and the length of all of it.
fn escape_at(rest: &[u8]) -> Option<(usize, usize)> {
    let mut at = 1;
    let mut ampersands = 0;
    while rest[at..].starts_with(b"amp;") {
        at += 4;
        ampersands += 1;
    }
    let tail = &rest[at..];
    let length = if tail.starts_with(b"lt;") {
        3
    } else if tail.starts_with(b"#91;") {
        4
    } else if tail.starts_with(b"#x") {
        let digits = tail[2..]
            .iter()
            .take(7)
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        if !(1..=6).contains(&digits) || tail.get(2 + digits) != Some(&b';') {
            return None;
        }
        digits + 3
    } else {
        return None;
    };
    Some((ampersands, at + length))
}

fn starts_with(rest: &[u8], token: &[u8]) -> bool {
    rest.get(..token.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(token))
}
