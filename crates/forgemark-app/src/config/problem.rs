//! What is wrong with a configuration, with the place it concerns, and how it is shown.
//!
//! ```text
//! error: `run.batch_size`: expected an integer of at least 1, found "two"
//!  --> config.yaml:3:15
//!   |
//! 3 |   batch_size: two
//!   |               ^^^
//!
//! hint: ...
//! ```
//!
//! The quoted line never shows the value of a key whose name means a secret.

use std::fmt::Write as _;

use forgemark_contract::settings::SettingError;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::escape;
use crate::printer::{BLUE, CYAN, RED, YELLOW, paint};
use crate::secrets;

use super::places::Places;
use super::yaml::Span;

/// Widest piece of a line that is quoted, in columns.
const QUOTE_WIDTH: usize = 100;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, with the key and the value.
    pub message: String,
    /// The dotted path of the key; empty when the problem concerns no key.
    pub path: String,
    /// Where it stands.
    pub place: Option<Place>,
    /// What to do.
    pub hints: Vec<String>,
}

/// A place in a file, a variable or the command line, with the text that stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it; `None` for the environment and the command line.
    pub file: Option<String>,
    /// `environment variable X`, `flag --set`; empty for a file.
    pub source: String,
    /// The line of text, as it is.
    pub line: String,
    /// What part of it is meant.
    pub at: Span,
    /// Words for under the caret; may be empty.
    pub label: String,
}

/// Everything that is wrong with a configuration; nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} in {subject}", count(.problems.len()))]
pub struct ConfigError {
    /// The file, or `the configuration`.
    pub subject: String,
    /// All problems, at least one, in the order of their sources and places.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// All problems of a configuration; it is named by its file when all of them stand there.
    pub(super) fn new(problems: Vec<Problem>, places: &Places) -> Self {
        let outside = |problem: &Problem| {
            problem
                .place
                .as_ref()
                .is_some_and(|place| place.file.is_none())
        };
        let subject = if problems.iter().any(outside) {
            "the configuration".to_owned()
        } else {
            places.subject()
        };
        Self { subject, problems }
    }

    /// Renders all problems, and a last line that counts them when there are several.
    pub fn render(&self) -> String {
        let mut out: Vec<String> = self.problems.iter().map(Problem::render).collect();
        if self.problems.len() > 1 {
            out.push(format!(
                "{}: {self}; nothing was started",
                paint(RED, "error")
            ));
        }
        out.join("\n\n")
    }
}

impl Problem {
    /// Renders the problem as a warning, on one line.
    pub fn render_warning(&self) -> String {
        let place = self
            .place
            .as_ref()
            .map(|place| format!(" ({})", place.title()))
            .unwrap_or_default();
        let text = format!("{}{place}", self.message);
        format!("{}: {}", paint(YELLOW, "warning"), escape::for_line(&text))
    }

    fn render(&self) -> String {
        let mut out = format!(
            "{}: {}",
            paint(RED, "error"),
            escape::for_line(&self.message)
        );
        if let Some(place) = &self.place {
            out.push('\n');
            out.push_str(&place.render());
        }
        if !self.hints.is_empty() {
            out.push('\n');
        }
        for hint in &self.hints {
            let _ = write!(out, "\n{}: {}", paint(CYAN, "hint"), escape::for_line(hint));
        }
        out
    }
}

impl Place {
    /// `config.yaml:3:15`, `environment variable X` or `flag --set`.
    pub fn title(&self) -> String {
        match &self.file {
            Some(file) => format!("{file}:{}:{}", self.at.line, self.at.column),
            None => self.source.clone(),
        }
    }

    fn render(&self) -> String {
        let number = if self.file.is_some() {
            self.at.line.to_string()
        } else {
            " ".to_owned()
        };
        let gutter = " ".repeat(number.len());
        let bar = paint(BLUE, "|");
        let (line, before, width) = quote(&secrets::mask_line(&self.line), self.at);
        let label = if self.label.is_empty() {
            String::new()
        } else {
            format!(" {}", escape::for_line(&self.label))
        };
        format!(
            "{gutter}{arrow} {title}\n{gutter} {bar}\n{number} {bar} {line}\n{gutter} {bar} {pad}{caret}",
            arrow = paint(BLUE, "-->"),
            title = escape::for_line(&self.title()),
            number = paint(BLUE, number),
            pad = " ".repeat(before),
            caret = paint(RED, format!("{}{label}", "^".repeat(width))),
        )
    }
}

/// The line as it is shown, the columns before the marked part and the columns it takes. A long
/// line is cut around the mark.
fn quote(line: &str, at: Span) -> (String, usize, usize) {
    let cells: Vec<String> = line
        .chars()
        .map(|c| {
            if c == '\t' {
                "    ".to_owned()
            } else {
                escape::for_line(c.encode_utf8(&mut [0; 4])).into_owned()
            }
        })
        .collect();
    let start = (at.column.max(1) - 1).min(cells.len());
    let end = (start + at.len.max(1)).min(cells.len()).max(start);
    let width =
        |range: &[String]| -> usize { range.iter().map(|cell| cell.as_str().width()).sum() };
    let mut from = 0;
    while width(&cells[from..start]) > QUOTE_WIDTH / 2 && width(&cells[from..]) > QUOTE_WIDTH {
        from += 1;
    }
    let mut shown = String::new();
    let mut before = width(&cells[from..start]);
    if from > 0 {
        shown.push('…');
        before += 1;
    }
    shown.push_str(&cells[from..].concat());
    let marked = width(&cells[start..end]).clamp(1, QUOTE_WIDTH);
    let room = before + marked + QUOTE_WIDTH / 2;
    let cut = escape::truncate(&shown, room.max(QUOTE_WIDTH)).into_owned();
    // A cut may end inside the mark.
    let marked = marked
        .min(cut.as_str().width().saturating_sub(before))
        .max(1);
    (cut, before, marked)
}

/// The message of a setting error; the value of a secret key is left out.
pub(super) fn setting_message(error: &SettingError) -> String {
    let name = error.path.rsplit('.').next().unwrap_or(&error.path);
    let what = match error.what.split_once(", found ") {
        Some((expected, _)) if secrets::is_secret_name(name) => expected,
        _ => error.what.as_str(),
    };
    // A value may hold a secret further inside.
    format!("`{}`: {}", error.path, secrets::mask_line(what))
}

fn count(problems: usize) -> String {
    if problems == 1 {
        "1 problem".to_owned()
    } else {
        format!("{problems} problems")
    }
}

/// Characters of a text, for a mark.
pub(super) fn char_len(text: &str) -> usize {
    text.chars().filter(|c| c.width().is_some()).count().max(1)
}
