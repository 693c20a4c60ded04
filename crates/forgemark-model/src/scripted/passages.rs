//! What a prompt offers: passages, and the question that is asked.
//!
//! Our prompts delimit data as `<passage id="ID" source="file#chunk3">text</passage>`. In a
//! request body this stands inside a JSON string, and in a tool result often inside a JSON text
//! inside a JSON string, so a quote is preceded by 1 or 3 backslashes. The number of backslashes
//! says how often the text has to be unescaped.

use std::ops::Range;

use memchr::{memchr, memmem, memrchr};

/// More passages than this are not looked at.
const PASSAGES: usize = 64;
/// A longer raw passage text is cut here before it is read.
const TEXT_BYTES: usize = 6_000;
/// Characters of a question that is taken from a prompt.
const QUESTION_CHARS: usize = 300;
/// Raw bytes of a prompt that are read when its beginning serves as the question.
const QUESTION_BYTES: usize = 2 * QUESTION_CHARS;

/// A passage as it stands in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passage<'a> {
    id: &'a [u8],
    source: &'a [u8],
    text: &'a [u8],
    level: u32,
}

impl<'a> Passage<'a> {
    /// The passage that begins at `start`; `None` when it is not closed or has no id.
    pub(super) fn at(body: &'a [u8], start: usize) -> Option<Self> {
        let rest = body.get(start..)?;
        let tag = &rest[..memchr(b'>', rest)?];
        let text = &rest[tag.len() + 1..];
        let text = &text[..memmem::find(text, b"</passage>")?];
        let (id, level) = attribute(tag, b" id=")?;
        let source = attribute(tag, b" source=").map_or(&b""[..], |(source, _)| source);
        Some(Self {
            id,
            source,
            text,
            level,
        })
    }

    /// The `id` attribute.
    pub(super) fn id(&self) -> String {
        decode(self.id, self.level)
    }

    /// The `source` attribute; empty when there is none.
    pub(super) fn source(&self) -> String {
        decode(self.source, self.level)
    }

    /// A sentence of the text, chosen by `bits`, without line breaks, at most 240 characters.
    pub(super) fn snippet(&self, bits: u64) -> String {
        let text = decode(beginning(self.text, TEXT_BYTES), self.level);
        let mut sentences = sentences(&text);
        sentences.retain(|sentence| sentence.chars().nth(24).is_some());
        if sentences.is_empty() {
            sentences.push(text.trim());
        }
        let chosen = sentences[(bits % sentences.len() as u64) as usize];
        clip(
            &chosen.split_whitespace().collect::<Vec<_>>().join(" "),
            240,
        )
    }
}

/// Where the passages that matter for a reply begin: those behind the last user message (tool
/// results) if there are any, else those in it, else all.
///
/// `last_user` is the byte range of the last user message in `body`. The passages themselves are
/// read by [`Passage::at`]: a prompt offers many, and a reply needs one.
pub(super) fn offered(body: &[u8], last_user: Range<usize>) -> Vec<usize> {
    let regions = [
        last_user.end..body.len(),
        last_user.clone(),
        0..last_user.start,
    ];
    regions
        .into_iter()
        .map(|region| {
            let start = region.start;
            let text = body.get(region).unwrap_or_default();
            let found = memmem::find_iter(text, b"<passage ").take(PASSAGES);
            found.map(|at| start + at).collect::<Vec<usize>>()
        })
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Raw value of an attribute, and how often it is escaped.
fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<(&'a [u8], u32)> {
    let at = memmem::find(tag, name)? + name.len();
    let rest = &tag[at..];
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    let value = rest[slashes..].strip_prefix(b"\"")?;
    let end = memchr(b'"', value)?;
    // 0, 1, 3, 7 backslashes: each level doubles them and adds one.
    let level = (slashes + 1).ilog2();
    Some((&value[..end.saturating_sub(slashes)], level))
}

/// The question that a prompt puts: the last `<question>` element of the last user message, else
/// the last `"user_message"` of a JSON text in it, else its beginning. `raw` is the content of
/// that message as it stands in the body. At most [`QUESTION_CHARS`] characters, without line
/// breaks.
pub(super) fn question(raw: &[u8]) -> String {
    let text = element(raw)
        .or_else(|| json_member(raw))
        .unwrap_or_else(|| decode(beginning(raw, QUESTION_BYTES), 1));
    clip(
        &text.split_whitespace().collect::<Vec<_>>().join(" "),
        QUESTION_CHARS,
    )
}

/// The first `bytes` bytes, cut back to a space, so that no escape is torn; without any space to
/// the whole text.
fn beginning(raw: &[u8], bytes: usize) -> &[u8] {
    if raw.len() <= bytes {
        return raw;
    }
    memrchr(b' ', &raw[..bytes]).map_or(raw, |space| &raw[..space])
}

fn element(raw: &[u8]) -> Option<String> {
    let open = b"<question>";
    let rest = &raw[last(raw, open)? + open.len()..];
    Some(decode(&rest[..memmem::find(rest, b"</question>")?], 1))
}

fn json_member(raw: &[u8]) -> Option<String> {
    let start = last(raw, b"user_message\\\"")?;
    let end = raw.len().min(start + 12 * QUESTION_CHARS);
    let text = decode(&raw[start..end], 1);
    let value = text
        .strip_prefix("user_message\"")?
        .trim_start()
        .strip_prefix(':')?;
    let inner = value.trim_start().strip_prefix('"')?.as_bytes();
    let mut end = 0;
    while !matches!(inner.get(end), None | Some(b'"')) {
        end += if inner[end] == b'\\' { 2 } else { 1 };
    }
    Some(decode(inner.get(..end)?, 1))
}

/// Cuts at line ends and behind a full stop, exclamation or question mark before white space.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends = match c {
            '\n' | '。' => true,
            '.' | '!' | '?' | '؟' => chars.peek().is_none_or(|(_, next)| next.is_whitespace()),
            _ => false,
        };
        if ends {
            let end = at + c.len_utf8();
            found.push(text[start..end].trim());
            start = end;
        }
    }
    found.push(text[start..].trim());
    found
}

/// Where `needle` is found last. Searching forward is several times faster than backward, because
/// only that is vectorised.
fn last(text: &[u8], needle: &[u8]) -> Option<usize> {
    memmem::find_iter(text, needle).last()
}

/// The first `chars` characters, cut back to a word end where there is one.
pub(super) fn clip(text: &str, chars: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(chars) else {
        return text.to_owned();
    };
    let cut = &text[..end];
    cut.rfind(' ').map_or(cut, |space| &cut[..space]).to_owned()
}

/// JSON-unescapes `raw` `levels` times, then resolves the XML entities of a delimited passage.
fn decode(raw: &[u8], levels: u32) -> String {
    let mut text = String::from_utf8_lossy(raw).into_owned();
    for _ in 0..levels {
        if !text.contains('\\') {
            break;
        }
        text = unescape(&text);
    }
    if text.contains('&') {
        for (entity, plain) in [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&amp;", "&"),
        ] {
            text = text.replace(entity, plain);
        }
    }
    text
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let mut chars = rest[at + 1..].chars();
        match chars.next() {
            None => return out,
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let (c, after) = unicode_escape(chars.as_str());
                out.push(c);
                rest = after;
                continue;
            }
            Some(other) => out.push(other),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// The character behind `\u`, and what follows it. A lone surrogate becomes U+FFFD.
fn unicode_escape(rest: &str) -> (char, &str) {
    let Some(first) = hex4(rest) else {
        return (char::REPLACEMENT_CHARACTER, rest);
    };
    let after = &rest[4..];
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = after.strip_prefix("\\u").and_then(hex4)
        && (0xdc00..0xe000).contains(&second)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
            &after[6..],
        );
    }
    (
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        after,
    )
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests;
