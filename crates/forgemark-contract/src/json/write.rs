//! The streaming writer: Python's bytes without a tree.

use std::any::Any;
use std::sync::Arc;

use super::Json;
use super::escape;
use super::memo::{Known, Memo, paste};
use super::number;
use super::object::Object;

/// A line break and the spaces of all usual depths.
static BREAK: [u8; 65] = {
    let mut line = [b' '; 65];
    line[0] = b'\n';
    line
};

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Spaces for each level, every entry on its own line; `None` writes one line.
    pub indent: Option<u8>,
    /// Whether everything outside printable ASCII is escaped, as with Python's `ensure_ascii=True`.
    pub ascii: bool,
    /// Whether the space after `,` and `:` is left out.
    pub compact: bool,
    /// How floats are spelled.
    pub numbers: Numbers,
}

/// How floats are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// As Python's `repr`: `1e-07`, `1e+16`, `NaN`.
    Python,
    /// As Rust's `serde_json`: `1e-7`, `1e+16`, `null` for what is not finite.
    Rust,
}

impl Style {
    /// A row of a JSONL file: `json.dumps(value, ensure_ascii=False)`.
    pub const LINE: Style = Style {
        indent: None,
        ascii: false,
        compact: false,
        numbers: Numbers::Python,
    };
    /// A file of its own: `json.dumps(value, ensure_ascii=False, indent=2)`.
    pub const FILE: Style = Style {
        indent: Some(2),
        ascii: false,
        compact: false,
        numbers: Numbers::Python,
    };
    /// Wire bodies, hashes and schemas: no spaces.
    pub const COMPACT: Style = Style {
        indent: None,
        ascii: false,
        compact: true,
        numbers: Numbers::Python,
    };
    /// `serde_json::to_string`, for files whose other writer is a Rust program.
    pub const RUST_LINE: Style = Style {
        numbers: Numbers::Rust,
        ..Style::COMPACT
    };
    /// `serde_json::to_string_pretty`.
    pub const RUST_FILE: Style = Style {
        numbers: Numbers::Rust,
        ..Style::FILE
    };
}

/// Something that can write itself as exactly one JSON value.
pub trait WriteJson {
    /// Writes this value at the writer's place.
    fn write_json(&self, w: &mut Writer<'_>);
}

/// Appends JSON to a byte buffer, piece by piece. Commas, colons and line breaks are its own business; the caller
/// calls `begin_*` and `end_*` in pairs and `key` before each value of an object.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    style: Style,
    /// Open containers.
    depth: usize,
    /// Whether the innermost container has no entry yet.
    first: bool,
    /// Whether a key was just written.
    after_key: bool,
    /// Where shared values stand in `out`, when that is remembered.
    memo: Option<&'a mut Memo>,
    /// Texts to copy shared values from.
    known: &'a [Known<'a>],
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, style: Style) -> Self {
        Writer {
            out,
            style,
            depth: 0,
            first: true,
            after_key: false,
            memo: None,
            known: &[],
        }
    }

    /// The same, which copies shared values from `known` texts and from its own, and notes in `memo` where they stand
    /// now. `memo` is that of `out`, or empty.
    pub fn with_memo(
        out: &'a mut Vec<u8>,
        style: Style,
        memo: &'a mut Memo,
        known: &'a [Known<'a>],
    ) -> Self {
        Writer {
            memo: Some(memo),
            known,
            ..Writer::new(out, style)
        }
    }

    /// The style that this writer follows.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Opens an object.
    pub fn begin_object(&mut self) {
        self.begin(b'{');
    }

    /// Closes the object.
    pub fn end_object(&mut self) {
        self.end(b'}');
    }

    /// Opens an array.
    pub fn begin_array(&mut self) {
        self.begin(b'[');
    }

    /// Closes the array.
    pub fn end_array(&mut self) {
        self.end(b']');
    }

    /// Writes the key of the next value.
    pub fn key(&mut self, key: &str) {
        debug_assert!(!self.after_key, "two keys in a row");
        self.separate();
        escape::write_key(self.out, key, self.style.ascii);
        self.out
            .extend_from_slice(if self.style.compact { b":" } else { b": " });
        self.after_key = true;
    }

    /// Writes a string.
    pub fn str(&mut self, text: &str) {
        self.before_value();
        escape::write_text(self.out, text, self.style.ascii);
    }

    /// Writes a string from UTF-16 code units; lone surrogates are written as `\udXXX` in every style.
    pub fn utf16(&mut self, units: &[u16]) {
        self.before_value();
        escape::write_utf16(self.out, units.iter().copied(), self.style.ascii);
    }

    /// Writes an integer.
    pub fn int(&mut self, value: i64) {
        self.before_value();
        number::write_i64(self.out, value);
    }

    /// Writes a non-negative integer.
    pub fn uint(&mut self, value: u64) {
        self.before_value();
        number::write_u64(self.out, value);
    }

    /// Writes a float as the style spells it.
    pub fn float(&mut self, value: f64) {
        self.before_value();
        match self.style.numbers {
            Numbers::Python => number::write_f64(self.out, value),
            Numbers::Rust => number::write_f64_rust(self.out, value),
        }
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) {
        self.before_value();
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.before_value();
        self.out.extend_from_slice(b"null");
    }

    /// Writes a value.
    pub fn value(&mut self, value: &(impl WriteJson + ?Sized)) {
        value.write_json(self);
    }

    /// Writes a key and its value.
    pub fn field(&mut self, key: &str, value: &(impl WriteJson + ?Sized)) {
        self.key(key);
        value.write_json(self);
    }

    /// Writes the entries of `object` into the object that is open.
    pub fn entries(&mut self, object: &Object) {
        for (key, value) in object {
            self.key(key);
            self.json(value);
        }
    }

    /// Writes one value that is JSON text already. The caller answers for it being valid and in this writer's style,
    /// so this is of use in one-line styles, to write a shared part once and paste it often.
    pub fn raw(&mut self, json: &[u8]) {
        debug_assert!(self.style.indent.is_none(), "raw text has no indentation");
        self.before_value();
        self.out.extend_from_slice(json);
    }

    /// Writes a shared value: with a memo, copied from where it stands already.
    pub fn shared<T: WriteJson + Any + Send + Sync>(&mut self, value: &Arc<T>) {
        if self.memo.is_none() {
            return value.as_ref().write_json(self);
        }
        self.before_value();
        let (style, depth) = (self.style, self.depth);
        let spaces = |depth: usize| depth * usize::from(style.indent.unwrap_or(0));
        let start = self.out.len();
        let own = self.memo.as_ref().and_then(|memo| memo.place(value, style));
        if let Some((range, from)) = own {
            if spaces(from) == spaces(depth) {
                self.out.extend_from_within(range);
            } else {
                let text = self.out.get(range).unwrap_or_default().to_vec();
                paste(self.out, &text, spaces(from), spaces(depth));
            }
            return;
        }
        let found = self.known.iter().find_map(|known| known.find(value, style));
        if let Some(found) = found {
            paste(self.out, found.text, spaces(found.depth), spaces(depth));
        } else {
            // What separates it stands there already.
            self.after_key = true;
            value.as_ref().write_json(self);
        }
        let end = self.out.len();
        if let Some(memo) = &mut self.memo {
            memo.note(value, style, depth, start, end);
        }
    }

    /// Writes a tree.
    pub fn json(&mut self, value: &Json) {
        match value {
            Json::Null => self.null(),
            Json::Bool(value) => self.bool(*value),
            Json::Int(value) => self.int(*value),
            Json::BigInt(text) => {
                self.before_value();
                self.out.extend_from_slice(text.as_bytes());
            }
            Json::Float(value) => self.float(*value),
            Json::Str(text) => self.str(text),
            Json::Utf16(units) => self.utf16(units),
            Json::Array(items) => {
                self.begin_array();
                for item in items {
                    self.json(item);
                }
                self.end_array();
            }
            Json::Object(object) => {
                self.begin_object();
                self.entries(object);
                self.end_object();
            }
        }
    }

    fn begin(&mut self, bracket: u8) {
        self.before_value();
        self.out.push(bracket);
        self.depth += 1;
        self.first = true;
    }

    fn end(&mut self, bracket: u8) {
        debug_assert!(
            self.depth > 0 && !self.after_key,
            "nothing to close, or a key without its value"
        );
        self.depth = self.depth.saturating_sub(1);
        if !self.first {
            self.break_line();
        }
        self.out.push(bracket);
        self.first = false;
    }

    /// What stands before a value: nothing after a key, else what separates entries.
    fn before_value(&mut self) {
        if self.after_key {
            self.after_key = false;
        } else if self.depth > 0 {
            self.separate();
        }
    }

    fn separate(&mut self) {
        if !self.first {
            let bytes: &[u8] = if self.style.compact || self.style.indent.is_some() {
                b","
            } else {
                b", "
            };
            self.out.extend_from_slice(bytes);
        }
        self.first = false;
        self.break_line();
    }

    fn break_line(&mut self) {
        if let Some(indent) = self.style.indent {
            let spaces = self.depth * usize::from(indent);
            if let Some(line) = BREAK.get(..=spaces) {
                self.out.extend_from_slice(line);
            } else {
                self.out.push(b'\n');
                self.out.resize(self.out.len() + spaces, b' ');
            }
        }
    }
}

/// `value` as one line, without the line feed.
pub fn to_line(value: &(impl WriteJson + ?Sized)) -> Vec<u8> {
    to_bytes(value, Style::LINE)
}

/// `value` with an indent of 2, without a final line feed, as Python writes it.
pub fn to_pretty(value: &(impl WriteJson + ?Sized)) -> Vec<u8> {
    to_bytes(value, Style::FILE)
}

/// `value` without any space.
pub fn to_compact(value: &(impl WriteJson + ?Sized)) -> Vec<u8> {
    to_bytes(value, Style::COMPACT)
}

/// Appends `value` as one row of a JSONL file, line feed included.
pub fn write_line(out: &mut Vec<u8>, value: &(impl WriteJson + ?Sized)) {
    value.write_json(&mut Writer::new(out, Style::LINE));
    out.push(b'\n');
}

/// `value` as one line of text, as the contracts put JSON inside a string.
pub fn to_line_text(value: &(impl WriteJson + ?Sized)) -> String {
    // The writer makes UTF-8 only: text comes from `str`, everything else is ASCII.
    String::from_utf8(to_line(value)).unwrap_or_default()
}

fn to_bytes(value: &(impl WriteJson + ?Sized), style: Style) -> Vec<u8> {
    let mut out = Vec::new();
    value.write_json(&mut Writer::new(&mut out, style));
    out
}

impl WriteJson for Json {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.json(self);
    }
}

impl WriteJson for Object {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_object();
        w.entries(self);
        w.end_object();
    }
}

impl WriteJson for str {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.str(self);
    }
}

impl WriteJson for String {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.str(self);
    }
}

impl WriteJson for bool {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.bool(*self);
    }
}

impl WriteJson for i64 {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.int(*self);
    }
}

impl WriteJson for u32 {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.uint(u64::from(*self));
    }
}

impl WriteJson for u64 {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.uint(*self);
    }
}

impl WriteJson for f64 {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.float(*self);
    }
}

impl WriteJson for f32 {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.float(number::shortest_f32(*self));
    }
}

impl<T: WriteJson> WriteJson for Option<T> {
    fn write_json(&self, w: &mut Writer<'_>) {
        match self {
            Some(value) => value.write_json(w),
            None => w.null(),
        }
    }
}

impl<T: WriteJson> WriteJson for [T] {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_array();
        for item in self {
            item.write_json(w);
        }
        w.end_array();
    }
}

impl<T: WriteJson> WriteJson for Vec<T> {
    fn write_json(&self, w: &mut Writer<'_>) {
        self.as_slice().write_json(w);
    }
}

impl<T: WriteJson + ?Sized> WriteJson for &T {
    fn write_json(&self, w: &mut Writer<'_>) {
        (**self).write_json(w);
    }
}
