//! YAML text as a tree that remembers where every node stands and how every scalar was written.
//!
//! ```text
//!  text ──> saphyr-parser events ──> Node { at, value }      Scalar keeps its text: `no`, `1.10`
//!                                      │                     and `007` become what the *key* says
//!                                      └─> Node::to_json()   (YAML 1.2 core schema) where nothing
//!                                                            says more
//! ```
//!
//! The events are used, not saphyr's own loader, because that one stops at the first duplicate key,
//! forgets how a scalar was written and resolves it before the type is known.
//!
//! Limits against hostile input: [`MAX_DEPTH`] levels, [`MAX_NODES`] nodes after aliases are
//! expanded.

use std::collections::hash_map::{self, HashMap};

use forgemark_contract::json::{Json, Object};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;

/// Most nodes of a file, counting those that aliases repeat.
pub const MAX_NODES: usize = 200_000;

/// Where something stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters that it covers on its first line, at least 1.
    pub len: usize,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where the node begins. For an alias: where the alias stands.
    pub at: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, number, truth value or nothing.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values, in the order of the file, without duplicates.
    Mapping(Vec<Entry>),
}

/// A scalar as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text without quotes, escapes resolved.
    pub text: String,
    /// Whether it stood there without quotes, so that it may be a number or a truth value.
    pub plain: bool,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_at: Span,
    /// The value.
    pub value: Node,
}

/// Something that is wrong with the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlProblem {
    /// What is wrong.
    pub what: String,
    /// Where.
    pub at: Span,
    /// Words for under the caret; may be empty.
    pub label: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The result of reading: a tree, and everything that is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The root of the only document; `None` when there is none or the syntax is broken.
    pub root: Option<Node>,
    /// All problems: at most one of syntax (nothing can be read behind it), any number of others.
    pub problems: Vec<YamlProblem>,
}

/// Reads one YAML document. A byte order mark is skipped.
pub fn parse(text: &str) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::new(text);
    let mut parser = Parser::new(StrInput::new(text));
    while let Some(event) = parser.next_event() {
        let flow = match event {
            Ok((event, span)) => builder.event(event, builder.span(span)),
            Err(error) => {
                builder.syntax(&error);
                Flow::Stop
            }
        };
        if let Flow::Stop = flow {
            builder.root = None;
            break;
        }
    }
    builder.problems.sort_by_key(|problem| problem.at);
    Parsed {
        root: builder.root,
        problems: builder.problems,
    }
}

/// Reads YAML (or JSON, which is YAML) as a plain value, by the YAML 1.2 core schema.
///
/// # Errors
/// The first problem of the text.
pub fn parse_json(text: &str) -> Result<Json, YamlProblem> {
    let parsed = parse(text);
    match (parsed.problems.into_iter().next(), parsed.root) {
        (Some(problem), _) => Err(problem),
        (None, Some(root)) => Ok(root.to_json()),
        (None, None) => Ok(Json::Null),
    }
}

impl Scalar {
    /// The value by the YAML 1.2 core schema: quoted text is text; plain text may be null, a truth
    /// value, an integer of any size or a float.
    ///
    /// # Source
    /// YAML 1.2.2, section 10.3.2. `yes` and `no` are text there.
    pub fn to_json(&self) -> Json {
        let text = self.text.as_str();
        if !self.plain {
            return Json::from(text);
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Json::Null,
            "true" | "True" | "TRUE" => return Json::Bool(true),
            "false" | "False" | "FALSE" => return Json::Bool(false),
            ".nan" | ".NaN" | ".NAN" => return Json::Float(f64::NAN),
            _ => {}
        }
        integer(text)
            .or_else(|| float(text))
            .unwrap_or_else(|| Json::from(text))
    }
}

fn integer(text: &str) -> Option<Json> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Json::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(Json::Int);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let number = text.parse().map(Json::Int).ok();
    number.or_else(|| Json::integer(text))
}

fn float(text: &str) -> Option<Json> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
        return Some(Json::Float(sign * f64::INFINITY));
    }
    // Rust also reads `inf`, `nan` and `infinity`; YAML does not.
    let numeric = unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'));
    if numeric {
        text.parse().map(Json::Float).ok()
    } else {
        None
    }
}

impl Node {
    /// The node as a plain value; see [`Scalar::to_json`].
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::Sequence(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|e| (e.key.clone(), e.value.to_json()))
                    .collect::<Object>(),
            ),
        }
    }

    /// Whether there is nothing: no text at all, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.to_json().is_null())
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::Sequence(items) => items.iter().map(Node::count).sum(),
            Value::Mapping(entries) => entries.iter().map(|e| 1 + e.value.count()).sum(),
        }
    }
}

enum Flow {
    Go,
    Stop,
}

/// A collection that is not closed yet.
struct Open {
    at: Span,
    anchor: usize,
    items: Vec<Node>,
    entries: Vec<Entry>,
    /// Line of every key in `entries`.
    seen: HashMap<String, usize>,
    /// The key whose value comes next.
    key: Option<(String, Span)>,
    /// Values of `<<`, merged when the mapping closes: its own keys win.
    merges: Vec<Node>,
    mapping: bool,
}

struct Builder<'t> {
    lines: Vec<&'t str>,
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    problems: Vec<YamlProblem>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            lines: split_lines(text),
            root: None,
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            problems: Vec::new(),
        }
    }

    /// Where an event stands; what goes on over several lines ends with its first.
    fn span(&self, span: saphyr_parser::Span) -> Span {
        let (line, column) = (span.start.line().max(1), span.start.col() + 1);
        let len = if span.end.line() == span.start.line() {
            span.end.col().saturating_sub(span.start.col())
        } else {
            let text = self.lines.get(line - 1).map_or("", |line| line.trim_end());
            text.chars().count().saturating_sub(span.start.col())
        };
        Span {
            line,
            column,
            len: len.max(1),
        }
    }

    fn problem(&mut self, at: Span, what: impl Into<String>, label: &str, hint: Option<&str>) {
        self.problems.push(YamlProblem {
            what: what.into(),
            at,
            label: label.to_owned(),
            hint: hint.map(str::to_owned),
        });
    }

    fn syntax(&mut self, error: &ScanError) {
        let mark = error.marker();
        let mut line = mark.line().clamp(1, self.lines.len().max(1));
        let mut column = mark.col() + 1;
        // What is missing at the end of the text is shown behind its last word.
        while line > 1 && self.lines[line - 1].trim().is_empty() {
            line -= 1;
            column = usize::MAX;
        }
        let text = self.lines.get(line - 1).map_or("", |line| line.trim_end());
        let column = column.min(text.chars().count() + 1);
        let indent = &text[..text.len() - text.trim_start().len()];
        let hint = if indent.contains('\t') || error.info().contains("tab") {
            Some("YAML is indented with spaces; replace the tab by spaces")
        } else if error.info().contains("mapping values are not allowed") {
            Some("put text that holds `: ` in quotes, and check the indentation")
        } else {
            None
        };
        let at = Span {
            line,
            column,
            len: 1,
        };
        self.problem(at, format!("not valid YAML: {}", error.info()), "", hint);
    }

    fn event(&mut self, event: Event<'_>, at: Span) -> Flow {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Flow::Go,
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents == 1 {
                    return Flow::Go;
                }
                self.problem(
                    at,
                    "a second YAML document begins here",
                    "",
                    Some("keep one document in a file"),
                );
                Flow::Stop
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let scalar = self.tagged(
                    Scalar {
                        text: text.into_owned(),
                        plain,
                    },
                    tag.as_deref(),
                    at,
                );
                self.add(
                    Node {
                        at,
                        value: Value::Scalar(scalar),
                    },
                    anchor,
                )
            }
            Event::SequenceStart(anchor, tag) => self.begin(at, anchor, tag.as_deref(), false),
            Event::MappingStart(anchor, tag) => self.begin(at, anchor, tag.as_deref(), true),
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
            Event::Alias(anchor) => self.alias(anchor, at),
        }
    }

    fn alias(&mut self, anchor: usize, at: Span) -> Flow {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            self.problem(
                at,
                "an alias stands inside the node that it names",
                "",
                None,
            );
            return Flow::Stop;
        };
        self.nodes += node.count();
        let value = node.value;
        self.add(Node { at, value }, 0)
    }

    /// Applies `!!str` and the like; any other tag is a problem.
    fn tagged(&mut self, scalar: Scalar, tag: Option<&Tag>, at: Span) -> Scalar {
        let Some(tag) = tag else { return scalar };
        let plain = Scalar {
            plain: true,
            ..scalar.clone()
        };
        let fits = match (
            tag.is_yaml_core_schema(),
            tag.suffix.as_str(),
            plain.to_json(),
        ) {
            (true, "str", _) => {
                return Scalar {
                    plain: false,
                    ..scalar
                };
            }
            (true, "int", Json::Int(_) | Json::BigInt(_))
            | (true, "float", Json::Int(_) | Json::BigInt(_) | Json::Float(_))
            | (true, "bool", Json::Bool(_))
            | (true, "null", Json::Null) => true,
            _ => false,
        };
        if !fits {
            self.problem(
                at,
                format!("the tag `{}` does not fit here", tag_text(tag)),
                "",
                Some("leave the tag out"),
            );
        }
        plain
    }

    fn begin(&mut self, at: Span, anchor: usize, tag: Option<&Tag>, mapping: bool) -> Flow {
        if let Some(tag) = tag {
            let own = if mapping { "map" } else { "seq" };
            if !(tag.is_yaml_core_schema() && tag.suffix == own) {
                self.problem(
                    at,
                    format!("the tag `{}` does not fit here", tag_text(tag)),
                    "",
                    Some("leave the tag out"),
                );
            }
        }
        if self
            .open
            .last()
            .is_some_and(|open| open.mapping && open.key.is_none())
        {
            self.problem(at, "a key must be a text", "this is a collection", None);
            return Flow::Stop;
        }
        if self.open.len() >= MAX_DEPTH {
            self.problem(
                at,
                format!("nested deeper than {MAX_DEPTH} levels"),
                "",
                None,
            );
            return Flow::Stop;
        }
        self.open.push(Open {
            at,
            anchor,
            items: Vec::new(),
            entries: Vec::new(),
            seen: HashMap::new(),
            key: None,
            merges: Vec::new(),
            mapping,
        });
        Flow::Go
    }

    fn end(&mut self, end: Span) -> Flow {
        let Some(mut open) = self.open.pop() else {
            return Flow::Stop;
        };
        if end.line == open.at.line {
            open.at.len = (end.column + end.len).saturating_sub(open.at.column).max(1);
        }
        let value = if open.mapping {
            for merged in std::mem::take(&mut open.merges) {
                self.merge(&mut open, merged);
            }
            Value::Mapping(open.entries)
        } else {
            Value::Sequence(open.items)
        };
        self.add(Node { at: open.at, value }, open.anchor)
    }

    /// Adds the keys of a `<<` value that are not there yet.
    fn merge(&mut self, open: &mut Open, merged: Node) {
        match merged.value {
            Value::Mapping(more) => {
                for entry in more {
                    if let hash_map::Entry::Vacant(slot) = open.seen.entry(entry.key.clone()) {
                        slot.insert(entry.key_at.line);
                        open.entries.push(entry);
                    }
                }
            }
            Value::Sequence(items)
                if items.iter().all(|i| matches!(i.value, Value::Mapping(_))) =>
            {
                for item in items {
                    self.merge(open, item);
                }
            }
            _ => self.problem(
                merged.at,
                "`<<` takes a mapping or a list of mappings",
                "",
                Some("write `<<: *name`, where `&name` marks a mapping"),
            ),
        }
    }

    fn add(&mut self, node: Node, anchor: usize) -> Flow {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.problem(
                node.at,
                format!("more than {MAX_NODES} nodes after aliases are expanded"),
                "",
                None,
            );
            return Flow::Stop;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            if self.root.is_none() {
                self.root = Some(node);
            }
            return Flow::Go;
        };
        if !open.mapping {
            open.items.push(node);
            return Flow::Go;
        }
        let Some((key, key_at)) = open.key.take() else {
            let at = node.at;
            if let Value::Scalar(scalar) = node.value {
                open.key = Some((scalar.text, at));
                return Flow::Go;
            }
            self.problem(at, "a key must be a text", "this is a collection", None);
            return Flow::Stop;
        };
        if key == "<<" {
            open.merges.push(node);
        } else if let Some(first) = open.seen.get(&key) {
            let label = format!("first set on line {first}");
            self.problem(
                key_at,
                format!("`{key}` is set twice"),
                &label,
                Some("keep one of the two lines"),
            );
        } else {
            open.seen.insert(key.clone(), key_at.line);
            open.entries.push(Entry {
                key,
                key_at,
                value: node,
            });
        }
        Flow::Go
    }
}

fn tag_text(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        format!("!!{}", tag.suffix)
    } else {
        tag.to_string()
    }
}

/// The lines of a text as YAML counts them (LF, CRLF or a lone CR), without their ends.
pub fn split_lines(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
            b'\r' | b'\n' => 1,
            _ => 0,
        };
        if end > 0 {
            lines.push(&text[start..at]);
            start = at + end;
        }
        at += end.max(1);
    }
    lines.push(&text[start..]);
    lines
}

#[cfg(test)]
mod tests;
