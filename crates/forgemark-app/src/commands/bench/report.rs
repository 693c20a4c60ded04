//! What a benchmark prints: facts, then figures against their bars.

use forgemark_contract::json::{Json, Object};

use crate::Context;
use crate::error::AppError;
use crate::exit::Exit;
use crate::table::{Align, Table};

/// On which side of a bar a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Not above it.
    AtMost,
    /// Not below it.
    AtLeast,
}

/// A figure with its bar.
#[derive(Debug)]
struct Bar {
    key: &'static str,
    name: String,
    side: Side,
    limit: f64,
    measured: f64,
    unit: &'static str,
    digits: usize,
}

impl Bar {
    fn holds(&self) -> bool {
        match self.side {
            Side::AtMost => self.measured <= self.limit,
            Side::AtLeast => self.measured >= self.limit,
        }
    }

    fn number(&self, value: f64) -> String {
        let digits = self.digits;
        match self.unit {
            "" => format!("{value:.digits$}"),
            unit => format!("{value:.digits$} {unit}"),
        }
    }
}

/// A benchmark's result in the making.
#[derive(Debug)]
pub(super) struct Report {
    benchmark: &'static str,
    /// Whether the figures stand in the JSON object itself and not under `figures`.
    on_top: bool,
    facts: Vec<(&'static str, String, Json)>,
    bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(benchmark: &'static str) -> Self {
        Self {
            benchmark,
            on_top: false,
            facts: Vec::new(),
            bars: Vec::new(),
        }
    }

    /// The same with the figures in the JSON object itself.
    pub(super) fn with_figures_on_top(mut self) -> Self {
        self.on_top = true;
        self
    }

    /// Adds a figure without a bar: its JSON key (whose words are its name), as people read it, and
    /// for programs.
    pub(super) fn fact(
        &mut self,
        key: &'static str,
        shown: impl Into<String>,
        value: impl Into<Json>,
    ) {
        self.facts.push((key, shown.into(), value.into()));
    }

    /// Adds a number without a bar.
    pub(super) fn number(&mut self, key: &'static str, value: f64, unit: &str, digits: usize) {
        let shown = format!("{value:.digits$} {unit}");
        self.fact(key, shown.trim_end(), value);
    }

    /// Adds a figure with a bar.
    #[expect(
        clippy::too_many_arguments,
        reason = "a line of the table: the key, the words, the bar, the figure and how to write it"
    )]
    pub(super) fn bar(
        &mut self,
        key: &'static str,
        name: impl Into<String>,
        side: Side,
        bar: f64,
        measured: f64,
        unit: &'static str,
        digits: usize,
    ) {
        self.bars.push(Bar {
            key,
            name: name.into(),
            side,
            limit: bar,
            measured,
            unit,
            digits,
        });
    }

    /// Whether every bar holds.
    fn holds(&self) -> bool {
        self.bars.iter().all(Bar::holds)
    }

    fn to_json(&self) -> Json {
        let figures = self
            .facts
            .iter()
            .map(|(key, _, value)| ((*key).to_owned(), value.clone()));
        let bars = self.bars.iter().map(|bar| {
            let side = match bar.side {
                Side::AtMost => "at_most",
                Side::AtLeast => "at_least",
            };
            Json::object([
                ("key", Json::from(bar.key)),
                ("name", Json::from(bar.name.as_str())),
                (side, Json::from(bar.limit)),
                ("measured", Json::from(bar.measured)),
                ("unit", Json::from(bar.unit)),
                ("holds", Json::from(bar.holds())),
            ])
        });
        let mut json = Object::from([
            ("benchmark", Json::from(self.benchmark)),
            ("release_build", Json::from(!cfg!(debug_assertions))),
        ]);
        if self.on_top {
            for (key, value) in figures {
                json.insert(key, value);
            }
        } else {
            json.insert("figures", figures.collect::<Object>());
        }
        json.insert("bars", Json::Array(bars.collect()));
        json.insert("holds", self.holds());
        Json::Object(json)
    }

    fn to_text(&self) -> String {
        let mut facts = Table::new(&[("", Align::Left), ("", Align::Right)]);
        for (key, shown, _) in &self.facts {
            facts.row([key.replace('_', " "), shown.clone()]);
        }
        let mut bars = Table::new(&[
            ("figure", Align::Left),
            ("bar", Align::Right),
            ("measured", Align::Right),
            ("verdict", Align::Left),
        ]);
        for bar in &self.bars {
            let side = match bar.side {
                Side::AtMost => "at most",
                Side::AtLeast => "at least",
            };
            bars.row([
                bar.name.clone(),
                format!("{side} {}", bar.number(bar.limit)),
                bar.number(bar.measured),
                if bar.holds() { "holds" } else { "MISSED" }.to_owned(),
            ]);
        }
        format!("{facts}\n\n{bars}")
    }

    /// Prints it; what the exit code says.
    ///
    /// # Errors
    /// When stdout does not take it.
    pub(super) fn print(&self, json: bool, context: &Context<'_>) -> Result<Exit, AppError> {
        if json {
            context.printer.json_line(&self.to_json())?;
        } else {
            context.printer.result(self.to_text())?;
        }
        Ok(if self.holds() {
            Exit::Done
        } else {
            Exit::QualityGate
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_missed_bar_is_a_missed_benchmark() {
        let mut report = Report::new("overhead");
        report.number("turns", 12.0, "", 0);
        report.bar("cpu", "CPU a turn", Side::AtMost, 1.0, 0.612_34, "ms", 3);
        assert!(report.holds());
        report.bar(
            "share",
            "share of the bare loop",
            Side::AtLeast,
            30.0,
            29.99,
            "%",
            2,
        );
        assert!(!report.holds());
        insta::assert_snapshot!(report.to_text(), @r"
         turns   12

         figure                                bar   measured   verdict
        ────────────────────────────────────────────────────────────────
         CPU a turn               at most 1.000 ms   0.612 ms   holds
         share of the bare loop   at least 30.00 %    29.99 %   MISSED
        ");
        let json = report.to_json();
        assert_eq!(json.get("holds").and_then(Json::as_bool), Some(false));
    }
}
