//! The report: lines with a word for how each check came out.

use std::fmt::Write as _;

use anstyle::Style;
use forgemark_contract::json::Json;

use crate::escape;
use crate::human;
use crate::printer::{BOLD, CYAN, GREEN, RED, YELLOW, paint};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// A run works, but something deserves a look.
    Warn,
    /// A run would not work.
    Fail,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        }
    }

    fn style(self) -> Style {
        match self {
            Level::Ok => GREEN,
            Level::Warn => YELLOW,
            Level::Fail => RED,
        }
    }
}

#[derive(Debug)]
struct Check {
    name: String,
    level: Level,
    text: String,
    hint: Option<String>,
}

/// All checks, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Report {
    checks: Vec<Check>,
}

impl Report {
    /// Adds a check.
    pub(super) fn add(&mut self, name: &str, level: Level, text: impl Into<String>) {
        self.add_with_hint(name, level, text, None::<String>);
    }

    /// Adds a check with what to do about it.
    pub(super) fn add_with_hint(
        &mut self,
        name: &str,
        level: Level,
        text: impl Into<String>,
        hint: Option<impl Into<String>>,
    ) {
        self.checks.push(Check {
            name: name.to_owned(),
            level,
            text: text.into(),
            hint: hint.map(Into::into),
        });
    }

    /// Whether a check failed.
    pub(super) fn has_failed(&self) -> bool {
        self.count(Level::Fail) > 0
    }

    fn count(&self, level: Level) -> usize {
        self.checks
            .iter()
            .filter(|check| check.level == level)
            .count()
    }

    /// One line a check, hints below their line, and a line that counts.
    pub(super) fn render(&self) -> String {
        let width = self
            .checks
            .iter()
            .map(|check| check.name.chars().count())
            .max()
            .unwrap_or(0);
        let mut out = String::new();
        for check in &self.checks {
            let word = format!("{:4}", check.level.word());
            let name = format!("{:width$}", check.name);
            let _ = writeln!(
                out,
                "{}  {}  {}",
                paint(check.level.style(), word),
                paint(BOLD, name),
                escape::for_line(&check.text)
            );
            if let Some(hint) = &check.hint {
                let _ = writeln!(
                    out,
                    "      {:width$}  {}: {}",
                    "",
                    paint(CYAN, "hint"),
                    escape::for_line(hint)
                );
            }
        }
        let _ = write!(
            out,
            "\n{}: {} ok, {}, {} failed",
            human::plural(self.checks.len() as u64, "check", "checks"),
            self.count(Level::Ok),
            human::plural(self.count(Level::Warn) as u64, "warning", "warnings"),
            self.count(Level::Fail),
        );
        out
    }

    /// The same for programs.
    pub(super) fn to_json(&self) -> Json {
        let checks = self.checks.iter().map(|check| {
            Json::object([
                ("check", check.name.as_str().into()),
                ("level", check.level.word().into()),
                ("text", check.text.as_str().into()),
                ("hint", check.hint.clone().into()),
            ])
        });
        Json::from([
            ("ok", (!self.has_failed()).into()),
            ("checks", checks.collect()),
        ])
    }
}
