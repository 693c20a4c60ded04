//! Shows how a run goes on, on stderr.
//!
//! ```text
//!  ProgressSource::snapshot() <── read once a second by one thread
//!        │
//!        ├── a terminal ──> a bar with a line of details below it
//!        └── anything else ──> a counter line every few seconds, when something changed
//! ```
//!
//! The run never waits for the display and does not know that there is one. Progress is never
//! written to stdout.

mod eta;
mod line;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use forgemark_model::caller::Caller;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::{Printer, StepAside, Verbosity};
use eta::Eta;

/// How often the counters are read.
const POLL: Duration = Duration::from_secs(1);
/// How often a counter line is printed when something changed.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often a counter line is printed when nothing changed, so that a log shows that it lives.
const LINE_AT_LEAST_EVERY: Duration = Duration::from_mins(1);

/// When and how to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, else a counter line.
    #[default]
    Auto,
    /// A bar; where stderr is no terminal, a counter line.
    Bar,
    /// A counter line every few seconds.
    Counter,
    /// Nothing.
    None,
}

/// One reading of a run's counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// What is counted: `dialogues`.
    pub label: String,
    /// Finished ones, those of earlier runs included.
    pub done: u64,
    /// How many there will be, if that is known.
    pub total: Option<u64>,
    /// Calls in flight.
    pub in_flight: u64,
    /// Calls that may be in flight now; moves as endpoints push back.
    pub limit: u64,
    /// Replies with status 429 so far.
    pub n_429: u64,
    /// Attempts beyond the first so far.
    pub retries: u64,
    /// Prompt tokens so far.
    pub tokens_in: u64,
    /// Completion tokens so far.
    pub tokens_out: u64,
    /// Cost so far in millionths of a dollar, as far as prices are known.
    pub cost_micro_usd: u64,
    /// Calls whose price is not known.
    pub unknown_price_calls: u64,
    /// Calls whose replies were thrown away by a rewind.
    pub discarded: u64,
    /// Turns so far.
    pub turns: u64,
    /// Items that were dropped so far.
    pub dropped: u64,
    /// Time since this process began the run.
    pub elapsed: Duration,
    /// Time left, when the run knows better than a look at `done`.
    pub eta: Option<Duration>,
}

impl ProgressSnapshot {
    /// What a caller knows of its calls; everything else is at its default.
    pub fn of_calls(caller: &Caller) -> Self {
        let calls = caller.snapshot();
        Self {
            in_flight: calls.in_flight,
            limit: calls.limit,
            n_429: calls.n_429,
            retries: calls.retries,
            tokens_in: calls.usage.prompt,
            tokens_out: calls.usage.completion,
            cost_micro_usd: calls.cost_micro_usd,
            unknown_price_calls: calls.unknown_cost,
            ..Self::default()
        }
    }
}

/// What can be watched.
pub trait ProgressSource: Send + Sync {
    /// Reads the counters; called from the display's thread, so it must not block.
    fn snapshot(&self) -> ProgressSnapshot;
}

/// A running display; [`Display::finish`] (or dropping it) ends it.
#[derive(Debug)]
pub struct Display {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Bar,
    Counter,
    Nothing,
}

impl Display {
    /// Begins to show `source`. Where nothing is to be shown, no thread is started.
    pub fn start(printer: &Printer, mode: ProgressMode, source: Arc<dyn ProgressSource>) -> Self {
        let shape = shape(mode, printer.verbosity(), printer.err_is_terminal());
        if shape == Shape::Nothing {
            return Self {
                stop: None,
                thread: None,
            };
        }
        let (stop, stopped) = mpsc::channel();
        let printer = printer.clone();
        let body = move || match shape {
            Shape::Bar => draw_bar(&printer, source.as_ref(), &stopped),
            Shape::Counter | Shape::Nothing => print_lines(&printer, source.as_ref(), &stopped),
        };
        // Without a thread there is no progress; the run goes on all the same.
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(body)
            .ok();
        Self {
            stop: Some(stop),
            thread,
        }
    }

    /// Ends the display and waits until its last line is out.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the display was reported by the hook; it must not fail the run.
            let _ = thread.join();
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end();
    }
}

fn shape(mode: ProgressMode, verbosity: Verbosity, terminal: bool) -> Shape {
    if verbosity < Verbosity::Normal {
        return Shape::Nothing;
    }
    match mode {
        ProgressMode::None => Shape::Nothing,
        ProgressMode::Auto | ProgressMode::Bar if terminal => Shape::Bar,
        ProgressMode::Auto | ProgressMode::Bar | ProgressMode::Counter => Shape::Counter,
    }
}

/// Waits for the next reading; `false` when the display is to end.
fn wait(stopped: &mpsc::Receiver<()>) -> bool {
    matches!(stopped.recv_timeout(POLL), Err(RecvTimeoutError::Timeout))
}

struct BarAside(ProgressBar);

impl StepAside for BarAside {
    fn step_aside(&self, print: &mut dyn FnMut()) {
        self.0.suspend(print);
    }
}

fn draw_bar(printer: &Printer, source: &dyn ProgressSource, stopped: &mpsc::Receiver<()>) {
    let mut snapshot = source.snapshot();
    // Hidden until there is something to show.
    let bar = ProgressBar::with_draw_target(snapshot.total, ProgressDrawTarget::hidden());
    // The first line is the prefix, which is short; the second is cut to the terminal's width.
    let template = match snapshot.total {
        Some(_) => "{bar:24} {prefix}\n  {wide_msg}",
        None => "{prefix}\n  {wide_msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━─"));
    }
    printer.lend(Arc::new(BarAside(bar.clone())));
    let mut eta = Eta::default();
    loop {
        eta.observe(&snapshot);
        if snapshot.total != bar.length() {
            bar.set_length(snapshot.total.unwrap_or(0));
        }
        bar.set_position(snapshot.done);
        bar.set_prefix(line::head(&snapshot, eta.left(&snapshot)));
        bar.set_message(line::details(&snapshot));
        if bar.is_hidden() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.tick();
        if !wait(stopped) {
            break;
        }
        snapshot = source.snapshot();
    }
    printer.release();
    bar.finish_and_clear();
}

fn print_lines(printer: &Printer, source: &dyn ProgressSource, stopped: &mpsc::Receiver<()>) {
    let begin = Instant::now();
    let mut counter = Counter::default();
    while wait(stopped) {
        if let Some(text) = counter.line(begin.elapsed(), &source.snapshot()) {
            printer.note(text);
        }
    }
    if let Some(text) = counter.last_line(&source.snapshot()) {
        printer.note(text);
    }
}

/// Decides when a counter line is due.
#[derive(Debug, Default)]
struct Counter {
    eta: Eta,
    printed: Option<(Duration, ProgressSnapshot)>,
}

impl Counter {
    fn line(&mut self, now: Duration, snapshot: &ProgressSnapshot) -> Option<String> {
        self.eta.observe(snapshot);
        let since = now.saturating_sub(self.printed.as_ref().map_or(Duration::ZERO, |(at, _)| *at));
        if since < LINE_EVERY {
            return None;
        }
        if !self.is_new(snapshot) && since < LINE_AT_LEAST_EVERY {
            return None;
        }
        self.printed = Some((now, snapshot.clone()));
        Some(self.text(snapshot))
    }

    /// The closing line, when lines were printed and this one says something new.
    fn last_line(&mut self, snapshot: &ProgressSnapshot) -> Option<String> {
        (self.printed.is_some() && self.is_new(snapshot)).then(|| self.text(snapshot))
    }

    /// Whether anything but the clock moved since the last line.
    fn is_new(&self, snapshot: &ProgressSnapshot) -> bool {
        self.printed.as_ref().is_none_or(|(_, last)| {
            *last
                != ProgressSnapshot {
                    elapsed: last.elapsed,
                    eta: last.eta,
                    ..snapshot.clone()
                }
        })
    }

    fn text(&self, snapshot: &ProgressSnapshot) -> String {
        format!(
            "{} | {}",
            line::head(snapshot, self.eta.left(snapshot)),
            line::details(snapshot)
        )
    }
}

#[cfg(test)]
mod tests;
