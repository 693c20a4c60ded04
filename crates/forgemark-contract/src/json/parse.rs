//! The reader: JSON text to a [`Json`] tree, with the place of the first error.

use super::Json;
use super::escape;
use super::object::{Key, Object};

/// How deep arrays and objects may nest. The contracts nest about ten levels; the limit bounds the stack.
pub const MAX_DEPTH: usize = 512;

/// Text that is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct JsonError {
    /// Line of the error, from 1.
    pub line: usize,
    /// Column of the error in characters, from 1.
    pub column: usize,
    /// Byte offset of the error in the input, from 0.
    pub offset: usize,
    /// What was expected or found, as a fragment.
    pub what: &'static str,
}

/// Reads one JSON value that fills the whole input, as Python's `json.loads` does: a byte order mark before it and white
/// space around it are fine, `NaN`, `Infinity` and `-Infinity` are numbers, and of a repeated key the last value counts.
///
/// # Errors
/// The first place that is not JSON, not UTF-8, or nested deeper than [`MAX_DEPTH`].
pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse_str(text),
        Err(error) => Err(error_at(bytes, error.valid_up_to(), "invalid UTF-8")),
    }
}

/// Reads one JSON value from text; see [`parse`].
///
/// # Errors
/// As [`parse`].
pub fn parse_str(text: &str) -> Result<Json, JsonError> {
    let mut parser = Parser::new(text, Dialect::Python);
    parser
        .whole()
        .map_err(|fault| error_at(text.as_bytes(), fault.offset, fault.what))
}

/// As [`parse`] for a file that is mostly one long array, without a tree of all of it: each item goes through `read` when it
/// is there. The array is the value itself, or stands under `key` of an object; in the value that comes back `null` stands in its
/// place. The items are `None` where there is no such array.
///
/// # Errors
/// As [`parse`].
pub fn parse_items<T>(
    bytes: &[u8],
    key: Option<&str>,
    read: impl FnMut(Json) -> T,
) -> Result<(Json, Option<Vec<T>>), JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| error_at(bytes, error.valid_up_to(), "invalid UTF-8"))?;
    let mut parser = Parser::new(text, Dialect::Python);
    let whole = parser.whole_items(key, read);
    whole.map_err(|fault| error_at(bytes, fault.offset, fault.what))
}

fn error_at(bytes: &[u8], offset: usize, what: &'static str) -> JsonError {
    let before = &bytes[..offset.min(bytes.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |place| place + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    // Continuation bytes are not characters of their own.
    let column = before[line_start..]
        .iter()
        .filter(|byte| **byte & 0xC0 != 0x80)
        .count()
        + 1;
    JsonError {
        line,
        column,
        offset,
        what,
    }
}

/// So many items of an array say how long the others are.
const SURE_ITEMS: usize = 64;

/// A list grows to at most so many times its length at once, however short its first items are.
const MOST_GROWTH: usize = 16;

/// What is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// What Python's `json.loads` accepts.
    Python,
    /// Also raw control characters in strings and a comma before a closing bracket, both common in replies of models.
    Relaxed,
}

/// An error before its line and column are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    offset: usize,
    what: &'static str,
}

pub(super) struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    place: usize,
    depth: usize,
    dialect: Dialect,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Self {
        Parser {
            text,
            bytes: text.as_bytes(),
            place: 0,
            depth: 0,
            dialect,
        }
    }

    /// One value and nothing else.
    pub(super) fn whole(&mut self) -> Result<Json, Fault> {
        self.all_of(Self::value)
    }

    /// See [`parse_items`].
    fn whole_items<T>(
        &mut self,
        key: Option<&str>,
        mut read: impl FnMut(Json) -> T,
    ) -> Result<(Json, Option<Vec<T>>), Fault> {
        self.all_of(|parser| {
            parser.skip_space();
            match (key, parser.peek()) {
                (None, Some(b'[')) => Ok((Json::Null, Some(parser.items(&mut read)?))),
                (Some(wanted), Some(b'{')) => {
                    let mut items = None;
                    let object = parser.object_of(|parser, key| {
                        if key != wanted {
                            return parser.value();
                        }
                        parser.skip_space();
                        if parser.peek() == Some(b'[') {
                            items = Some(parser.items(&mut read)?);
                            return Ok(Json::Null);
                        }
                        // Of a repeated key the last value counts.
                        items = None;
                        parser.value()
                    })?;
                    Ok((object, items))
                }
                _ => Ok((parser.value()?, None)),
            }
        })
    }

    /// What `read` takes, from the start to the end.
    fn all_of<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.text.starts_with('\u{FEFF}') {
            self.place = '\u{FEFF}'.len_utf8();
        }
        let value = read(self)?;
        self.skip_space();
        if self.place < self.bytes.len() {
            self.fail("text after the end of the value")
        } else {
            Ok(value)
        }
    }

    /// One value at the start; what follows does not matter.
    pub(super) fn value(&mut self) -> Result<Json, Fault> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'0'..=b'9') => self.number(),
            Some(b'-') if self.rest().starts_with(b"-Infinity") => {
                self.word("-Infinity", Json::Float(f64::NEG_INFINITY))
            }
            Some(b'-') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'N') => self.word("NaN", Json::Float(f64::NAN)),
            Some(b'I') => self.word("Infinity", Json::Float(f64::INFINITY)),
            Some(_) => self.fail("expected a value"),
            None => self.fail("expected a value, found the end"),
        }
    }

    /// How many bytes were read.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, Fault> {
        Err(Fault {
            offset: self.place,
            what,
        })
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.place..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.place).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.place += 1;
        }
    }

    fn word(&mut self, word: &'static str, value: Json) -> Result<Json, Fault> {
        if !self.rest().starts_with(word.as_bytes()) {
            return self.fail("expected a value");
        }
        self.place += word.len();
        Ok(value)
    }

    fn enter(&mut self) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return self.fail("nested too deeply");
        }
        self.depth += 1;
        self.place += 1;
        self.skip_space();
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.place += 1;
    }

    /// Whether another entry follows; `close` ends the container.
    fn another(&mut self, close: u8, what: &'static str) -> Result<bool, Fault> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.place += 1;
                self.skip_space();
                Ok(self.dialect == Dialect::Python || self.peek() != Some(close))
            }
            Some(byte) if byte == close => Ok(false),
            _ => self.fail(what),
        }
    }

    fn array(&mut self) -> Result<Json, Fault> {
        self.items(|value| value).map(Json::Array)
    }

    /// The items of an array, each put through `read`.
    fn items<T>(&mut self, mut read: impl FnMut(Json) -> T) -> Result<Vec<T>, Fault> {
        self.enter()?;
        let mut items = Vec::new();
        let start = self.place;
        if self.peek() != Some(b']') {
            loop {
                if items.len() >= SURE_ITEMS && items.len() == items.capacity() {
                    items.reserve(self.items_to_come(items.len(), start));
                }
                items.push(read(self.value()?));
                if !self.another(b']', "expected ',' or ']'")? {
                    break;
                }
            }
        }
        self.leave();
        Ok(items)
    }

    /// How many more items a long array is going to have, if they are as long as the `n` since `start`. Growing by halves touches
    /// every page of a large list several times; what is reserved in vain is never touched.
    fn items_to_come(&self, n: usize, start: usize) -> usize {
        let each = (self.place - start) / n + 1;
        ((self.bytes.len() - self.place) / each + 1).min(MOST_GROWTH * n)
    }

    fn object(&mut self) -> Result<Json, Fault> {
        self.object_of(|parser, _| parser.value())
    }

    /// An object whose values `read` takes, with their keys.
    fn object_of(
        &mut self,
        mut read: impl FnMut(&mut Self, &str) -> Result<Json, Fault>,
    ) -> Result<Json, Fault> {
        self.enter()?;
        let mut entries = Vec::new();
        if self.peek() != Some(b'}') {
            loop {
                let key = self.object_key()?;
                let value = read(self, key.as_str())?;
                entries.push((key, value));
                if !self.another(b'}', "expected ',' or '}'")? {
                    break;
                }
            }
        }
        self.leave();
        Ok(Json::Object(Object::from_entries(entries)))
    }

    fn object_key(&mut self) -> Result<Key, Fault> {
        if self.peek() != Some(b'"') {
            return self.fail("expected a key in double quotes");
        }
        let start = self.place;
        self.place += 1;
        let run = self.plain_run()?;
        let key = if self.peek() == Some(b'"') && !escape::is_marked(run) {
            self.place += 1;
            Key::new(run)
        } else {
            self.place = start;
            match self.string()? {
                Json::Str(text) if escape::is_marked(&text) => {
                    escape::key_from_marked(&text).into()
                }
                Json::Str(text) => text.into(),
                Json::Utf16(units) => escape::key_from_utf16(&units).into(),
                _ => return self.fail("expected a key in double quotes"),
            }
        };
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.fail("expected ':'");
        }
        self.place += 1;
        Ok(key)
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let start = self.place;
        let negative = self.peek() == Some(b'-');
        self.place += usize::from(negative);
        match self.peek() {
            Some(b'0') => self.place += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.fail("expected a digit"),
        }
        let whole_end = self.place;
        if self.peek() == Some(b'.')
            && self
                .bytes
                .get(self.place + 1)
                .is_some_and(u8::is_ascii_digit)
        {
            self.place += 1;
            self.digits();
        }
        if let Some(b'e' | b'E') = self.peek() {
            let sign = usize::from(matches!(self.bytes.get(self.place + 1), Some(b'+' | b'-')));
            if self
                .bytes
                .get(self.place + 1 + sign)
                .is_some_and(u8::is_ascii_digit)
            {
                self.place += 1 + sign;
                self.digits();
            }
        }
        let text = self.text.get(start..self.place).unwrap_or_default();
        if self.place == whole_end {
            // `-0` is the integer 0 in Python too.
            return Ok(text
                .parse::<i64>()
                .map_or_else(|_| Json::BigInt(text.into()), Json::Int));
        }
        // Beyond the range this is an infinity, as in Python.
        text.parse::<f64>()
            .map(Json::Float)
            .or_else(|_| self.fail("expected a number"))
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.place += 1;
        }
    }

    /// A string; the place is at its opening quote.
    fn string(&mut self) -> Result<Json, Fault> {
        self.place += 1;
        let first = self.plain_run()?;
        if self.peek() == Some(b'"') {
            self.place += 1;
            return Ok(Json::Str(first.to_owned()));
        }
        let mut whole = String::with_capacity(first.len() + self.length_to_quote());
        whole.push_str(first);
        let mut text = Text::Utf8(whole);
        loop {
            // `plain_run` stops at a quote or a backslash only.
            if self.peek() == Some(b'"') {
                self.place += 1;
                return Ok(match text {
                    Text::Utf8(text) => Json::Str(text),
                    Text::Utf16(units) => Json::from_utf16(units),
                });
            }
            self.escape(&mut text)?;
            let run = self.plain_run()?;
            text.push_str(run);
        }
    }

    /// Bytes up to the quote that ends the string, escapes as they stand: no text is longer than its escaped form.
    fn length_to_quote(&self) -> usize {
        let rest = self.rest();
        let mut length = 0;
        while let Some(found) = rest
            .get(length..)
            .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
        {
            length += found;
            if rest.get(length) == Some(&b'"') {
                break;
            }
            length += 2;
        }
        length.min(rest.len())
    }

    /// The text up to the next quote or backslash.
    fn plain_run(&mut self) -> Result<&'a str, Fault> {
        let rest = self.rest();
        let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
            self.place = self.bytes.len();
            return self.fail("unterminated string");
        };
        let run = &rest[..length];
        if self.dialect == Dialect::Python
            && let Some(control) = run.iter().position(|byte| *byte < 0x20)
        {
            self.place += control;
            return self.fail("control character in a string");
        }
        let start = self.place;
        self.place += length;
        // Quotes and backslashes are ASCII, so the slice ends between characters.
        Ok(self.text.get(start..self.place).unwrap_or_default())
    }

    /// An escape; the place is at its backslash.
    fn escape(&mut self, text: &mut Text) -> Result<(), Fault> {
        let letter = self.bytes.get(self.place + 1).copied();
        let c = match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(text),
            _ => return self.fail("invalid escape"),
        };
        self.place += 2;
        text.push(c);
        Ok(())
    }

    fn unicode_escape(&mut self, text: &mut Text) -> Result<(), Fault> {
        let Some(unit) = self.hex4(self.place) else {
            return self.fail("invalid \\u escape");
        };
        if let Some(c) = char::from_u32(unit.into()) {
            self.place += 6;
            text.push(c);
            return Ok(());
        }
        if let Some(low) = self.hex4(self.place + 6)
            && let Some(Ok(c)) = char::decode_utf16([unit, low]).next()
        {
            self.place += 12;
            text.push(c);
            return Ok(());
        }
        self.place += 6;
        text.push_unit(unit);
        Ok(())
    }

    /// The code unit of a `\uXXXX` at `place`.
    fn hex4(&self, place: usize) -> Option<u16> {
        let escape = self.bytes.get(place..place + 6)?;
        if !escape.starts_with(b"\\u") {
            return None;
        }
        escape[2..].iter().try_fold(0u16, |sum, digit| {
            Some(sum * 16 + char::from(*digit).to_digit(16)? as u16)
        })
    }
}

/// A string while it is read: UTF-8 until the first lone surrogate.
enum Text {
    Utf8(String),
    Utf16(Vec<u16>),
}

impl Text {
    fn push(&mut self, c: char) {
        match self {
            Text::Utf8(text) => text.push(c),
            Text::Utf16(units) => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
        }
    }

    fn push_str(&mut self, run: &str) {
        match self {
            Text::Utf8(text) => text.push_str(run),
            Text::Utf16(units) => units.extend(run.encode_utf16()),
        }
    }

    fn push_unit(&mut self, unit: u16) {
        if let Text::Utf8(text) = self {
            *self = Text::Utf16(text.encode_utf16().collect());
        }
        if let Text::Utf16(units) = self {
            units.push(unit);
        }
    }
}
