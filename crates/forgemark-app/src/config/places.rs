//! Remembers where every value was set, so that an error found later can show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forgemark_contract::settings::Origin;

use super::SourceFile;
use super::problem::{Place, char_len};
use super::yaml::{Node, Span, Value, split_lines};

/// Places by dotted path; items of a list are `path[0]`.
#[derive(Debug, Clone, Default)]
pub struct Places {
    file: Option<FileText>,
    in_file: BTreeMap<String, Span>,
    /// Text of each variable and flag that set something, by its origin's name.
    texts: BTreeMap<String, Place>,
}

#[derive(Debug, Clone)]
struct FileText {
    name: String,
    lines: Vec<String>,
}

impl Places {
    /// Places in a file; without a file only variables and flags are known.
    pub(super) fn of(file: Option<&SourceFile>) -> Self {
        Self {
            file: file.map(|file| FileText {
                name: file.name.clone(),
                lines: split_lines(&file.text)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            }),
            ..Self::default()
        }
    }

    /// What an error is about: the file's name, or the configuration.
    pub fn subject(&self) -> String {
        self.file
            .as_ref()
            .map_or_else(|| "the configuration".to_owned(), |file| file.name.clone())
    }

    /// A place in the file.
    pub(super) fn in_file(&self, at: Span, label: &str) -> Option<Place> {
        let file = self.file.as_ref()?;
        Some(Place {
            file: Some(file.name.clone()),
            source: String::new(),
            line: file.lines.get(at.line - 1).cloned().unwrap_or_default(),
            at,
            label: label.to_owned(),
        })
    }

    /// A place in a variable or on the command line: `name=value`, of which the value is marked.
    pub(super) fn in_text(origin: &Origin, name: &str, value: &str) -> Place {
        Place {
            file: None,
            source: origin.to_string(),
            line: format!("{name}={value}"),
            at: Span {
                line: 1,
                column: char_len(name) + 2,
                len: char_len(value),
            },
            label: String::new(),
        }
    }

    /// Remembers where everything below a node stands.
    pub(super) fn remember(&mut self, path: &str, node: &Node) {
        self.in_file.insert(path.to_owned(), node.at);
        match &node.value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.remember(&format!("{path}[{index}]"), item);
                }
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    self.remember(&format!("{path}.{}", entry.key), &entry.value);
                }
            }
        }
    }

    /// Remembers where a section begins.
    pub(super) fn remember_section(&mut self, path: &str, at: Span) {
        self.in_file.insert(path.to_owned(), Span { len: 1, ..at });
    }

    /// Remembers what a variable or a flag set.
    pub(super) fn remember_text(&mut self, path: &str, place: Place) {
        self.texts.insert(path.to_owned(), place);
    }

    /// The place of a path that came from `origin`, or of the nearest path above it.
    pub(super) fn find(&self, path: &str, origin: &Origin) -> Option<Place> {
        let path = with_brackets(path);
        let mut at = path.as_str();
        loop {
            match origin {
                Origin::Env(_) | Origin::Flag(_) => {
                    if let Some(place) = self.texts.get(at) {
                        return Some(place.clone());
                    }
                }
                // A path below a key has no origin of its own.
                Origin::File { .. } | Origin::Default => {
                    if let Some(span) = self.in_file.get(at) {
                        return self.in_file(*span, "");
                    }
                }
            }
            at = &at[..at.rfind(['.', '['])?];
        }
    }
}

/// `a.0.b` as `a[0].b`.
fn with_brackets(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for (index, part) in path.split('.').enumerate() {
        if index > 0 && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
            let _ = write!(out, "[{part}]");
            continue;
        }
        if index > 0 {
            out.push('.');
        }
        out.push_str(part);
    }
    out
}
