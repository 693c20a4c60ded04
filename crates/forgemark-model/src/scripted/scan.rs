//! What the engine has to know of a request body, found in one pass without building a tree.
//!
//! The scan walks the top level of the body, steps over strings with `memchr` and looks inside
//! only three members: `messages`, `tools` and `response_format`. It is not a validator: it
//! accepts some bytes that are not JSON, and never panics on any.

use std::ops::Range;

use memchr::memchr2;

/// Nesting that a body may have.
const DEPTH_LIMIT: usize = 256;

/// The few facts of a request that decide its reply. Slices are raw JSON text of the body,
/// still escaped, strings without their quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scan<'a> {
    /// `model`.
    pub(super) model: &'a [u8],
    /// `response_format.json_schema.name`.
    pub(super) schema_name: Option<&'a [u8]>,
    /// `tools[0].function.name`.
    pub(super) first_tool: Option<&'a [u8]>,
    /// Where the content of the last message of role `user` stands: a string without its quotes,
    /// or any value.
    pub(super) last_user: Range<usize>,
    /// A message of role `tool` follows the last one of role `user`.
    pub(super) tool_result: bool,
    /// `stream` is true.
    pub(super) stream: bool,
    /// `tool_choice` is `"none"`.
    pub(super) tools_off: bool,
}

/// Scans a request body; `None` when it is not an object with `messages`.
pub(super) fn scan(body: &[u8]) -> Option<Scan<'_>> {
    let mut found = Scan::default();
    let mut messages = false;
    // Every visitor consumes its value, so that each byte of the body is stepped over once.
    each_member(body, skip_space(body, 0), |key, at| {
        if key == b"messages" {
            messages = true;
            return scan_messages(body, at, &mut found);
        }
        let end = skip_value(body, at)?;
        let value = &body[at..end];
        match key {
            b"model" => found.model = string_inside(value).unwrap_or_default(),
            b"stream" => found.stream = value == b"true",
            b"tool_choice" => found.tools_off = value == b"\"none\"",
            b"tools" => found.first_tool = first_tool(value),
            b"response_format" => found.schema_name = schema_name(value),
            _ => {}
        }
        Some(end)
    })?;
    messages.then_some(found)
}

/// Raw text of the top-level member `name` of a body, quotes of a string included.
pub(super) fn member<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    each_member(body, skip_space(body, 0), |key, at| {
        let end = skip_value(body, at)?;
        if key == name {
            found = Some(&body[at..end]);
        }
        Some(end)
    })?;
    found
}

/// Reads the message list at `at`; its end.
fn scan_messages<'a>(body: &'a [u8], at: usize, found: &mut Scan<'a>) -> Option<usize> {
    each_item(body, at, |at| {
        let mut role: &[u8] = b"";
        let mut content = at..at;
        let end = each_member(body, at, |key, at| {
            let end = skip_value(body, at)?;
            let value = &body[at..end];
            match key {
                b"role" => role = string_inside(value).unwrap_or_default(),
                b"content" => {
                    let quote = usize::from(string_inside(value).is_some());
                    content = at + quote..end - quote;
                }
                _ => {}
            }
            Some(end)
        })?;
        match role {
            b"user" => {
                found.last_user = content;
                found.tool_result = false;
            }
            b"tool" => found.tool_result = true,
            _ => {}
        }
        Some(end)
    })
}

fn first_tool(tools: &[u8]) -> Option<&[u8]> {
    let start = skip_space(tools, 1);
    let end = skip_value(tools, start)?;
    let tool = tools.get(start..end)?;
    string_inside(member(member(tool, b"function")?, b"name")?)
}

fn schema_name(format: &[u8]) -> Option<&[u8]> {
    string_inside(member(member(format, b"json_schema")?, b"name")?)
}

/// Text between the quotes of a raw string value.
pub(super) fn string_inside(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// Calls `visit(key, value start)`, which answers the value's end, for each member of the object
/// at `at`; answers the object's end.
fn each_member<'a>(
    bytes: &'a [u8],
    at: usize,
    mut visit: impl FnMut(&'a [u8], usize) -> Option<usize>,
) -> Option<usize> {
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let mut at = skip_space(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    loop {
        let key_end = skip_string(bytes, at)?;
        let key = bytes.get(at + 1..key_end - 1)?;
        at = skip_space(bytes, key_end);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        at = skip_space(bytes, at + 1);
        at = skip_space(bytes, visit(key, at)?);
        match bytes.get(at)? {
            b',' => at = skip_space(bytes, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Calls `visit(start)`, which answers the item's end, for each item of the array at `at`;
/// answers the array's end.
fn each_item(
    bytes: &[u8],
    at: usize,
    mut visit: impl FnMut(usize) -> Option<usize>,
) -> Option<usize> {
    if bytes.get(at) != Some(&b'[') {
        return None;
    }
    let mut at = skip_space(bytes, at + 1);
    if bytes.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        at = skip_space(bytes, visit(at)?);
        match bytes.get(at)? {
            b',' => at = skip_space(bytes, at + 1),
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// End of the string whose opening quote is at `at`.
fn skip_string(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// End of the value that starts at `at`.
fn skip_value(bytes: &[u8], mut at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => return skip_string(bytes, at),
        b'{' | b'[' => {}
        _ => {
            let start = at;
            while !matches!(
                bytes.get(at),
                None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b'"' | b':')
            ) {
                at += 1;
            }
            return (at > start).then_some(at);
        }
    }
    let mut depth = 0;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = skip_string(bytes, at)?;
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_LIMIT {
                    return None;
                }
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests;
