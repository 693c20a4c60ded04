//! What happens when forgemark itself has a bug: a short message that says where to report it.
//!
//! A panic's text may hold anything that was in memory, so secrets are hidden in it and control
//! characters are escaped, and nothing else of the process is shown. Files are safe: whatever was
//! committed is in the journal.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use crate::escape;
use crate::printer::{CYAN, Printer, RED, paint};

/// Longest panic text that is shown, in columns.
const MAX_TEXT: usize = 300;

/// Makes panics of every thread print through `printer`.
pub fn install(printer: &Printer, version: String, report_to: &'static str) {
    let printer = printer.clone();
    panic::set_hook(Box::new(move |info| {
        printer.error_raw(&render(
            &text_of(info),
            &place_of(info),
            &version,
            report_to,
        ));
        // Off unless RUST_BACKTRACE asks for it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            printer.error_raw(&trace.to_string());
        }
    }));
}

fn render(text: &str, place: &str, version: &str, report_to: &str) -> String {
    let text = escape::for_line(text);
    format!(
        "{}: forgemark has a bug: {} ({place}, {version})\n\n{}: please report this line and the command to {report_to}; what was committed is safe",
        paint(RED, "error"),
        escape::truncate(&text, MAX_TEXT),
        paint(CYAN, "hint"),
    )
}

fn text_of(info: &PanicHookInfo<'_>) -> String {
    info.payload_as_str()
        .unwrap_or("a panic without a text")
        .to_owned()
}

fn place_of(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(
        || "somewhere".to_owned(),
        |at| format!("{}:{}", at.file(), at.line()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_short_and_safe() {
        let text = format!("index out of range in \u{1b}[2J{}", "x".repeat(1000));
        let shown = render(
            &text,
            "src/a.rs:7",
            "forgemark 0.1.0",
            "https://project.example/issues",
        );
        let shown = anstream::adapter::strip_str(&shown).to_string();
        assert!(
            shown.starts_with("error: forgemark has a bug: index out of range in \\u{1b}[2Jxxx"),
            "{shown}"
        );
        assert!(
            shown.contains("… (src/a.rs:7, forgemark 0.1.0)\n\nhint: please report"),
            "{shown}"
        );
        assert!(shown.len() < 600);
    }
}
