//! The only place that writes to stdout and stderr.
//!
//! ```text
//!  results (text or JSON)  ──> stdout   what a script reads; nothing else ever goes there
//!  notes, warnings, errors ──> stderr   for people; shortened by -q, extended by -v
//!  progress                ──> stderr   a bar on a terminal, else a line now and then
//! ```
//!
//! Colour only repeats what the words already say, and is left out when the stream is no terminal
//! or `NO_COLOR` is set. When the reader of stdout goes away (`| head`), the command ends quietly.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use forgemark_contract::json::{self, WriteJson};

use crate::env::Environment;
use crate::escape;
use crate::secrets::Secrets;

/// Bold red: errors and failed checks.
pub const RED: Style = AnsiColor::Red.on_default().bold();
/// Bold yellow: warnings.
pub const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// Green: what is well.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Cyan: hints and names to type.
pub const CYAN: Style = AnsiColor::Cyan.on_default();
/// Blue: rules and line numbers around quoted source.
pub const BLUE: Style = AnsiColor::Blue.on_default().bold();
/// Bold: what a message is about.
pub const BOLD: Style = Style::new().bold();
/// Dim: what can be skipped.
pub const DIM: Style = Style::new().dimmed();

/// Wraps text in a style; whoever prints it strips the style again where there is no colour.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How much is said on stderr. Results on stdout do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// `-qq`: errors only.
    Silent,
    /// `-q`: errors and warnings; no notes, no progress.
    Quiet,
    /// Notes and progress too.
    Normal,
    /// `-v`: details of what is done.
    Verbose,
    /// `-vv`: everything.
    Debug,
}

impl Verbosity {
    /// The level that a number of `-q` and `-v` flags asks for.
    pub fn from_counts(quiet: u8, verbose: u8) -> Self {
        match i16::from(verbose) - i16::from(quiet) {
            ..=-2 => Verbosity::Silent,
            -1 => Verbosity::Quiet,
            0 => Verbosity::Normal,
            1 => Verbosity::Verbose,
            2.. => Verbosity::Debug,
        }
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorMode {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A result could not be written to stdout.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The reader is gone (`| head`). Not a failure: the command stops and ends quietly.
    #[error("the reader of standard output has gone away")]
    Closed,
    /// The result is lost: a full disk behind a redirection, say.
    #[error("cannot write to standard output")]
    Failed(#[source] io::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => OutputError::Closed,
            _ => OutputError::Failed(error),
        }
    }
}

/// What draws on stderr besides the printer (a progress bar) and must step aside for a line.
pub trait StepAside: Send + Sync {
    /// Runs `print` while nothing is drawn.
    fn step_aside(&self, print: &mut dyn FnMut());
}

/// Prints results, notes, warnings and errors. Cheap to clone; all clones share the streams.
#[derive(Clone)]
pub struct Printer {
    shared: Arc<Shared>,
    verbosity: Verbosity,
}

struct Shared {
    streams: Mutex<Streams>,
    drawing: Mutex<Option<Arc<dyn StepAside>>>,
    secrets: Mutex<Secrets>,
    out_is_terminal: bool,
    err_is_terminal: bool,
}

struct Streams {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    out_color: bool,
    err_color: bool,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer")
            .field("verbosity", &self.verbosity)
            .finish_non_exhaustive()
    }
}

impl Printer {
    /// A printer on the streams of the process, that hides the secrets of its environment.
    pub fn process(verbosity: Verbosity, color: ColorMode, env: &Environment) -> Self {
        let choose = |auto: anstream::ColorChoice| match color {
            ColorMode::Auto => auto != anstream::ColorChoice::Never,
            ColorMode::Always => true,
            ColorMode::Never => false,
        };
        let streams = Streams {
            out_color: choose(anstream::AutoStream::choice(&io::stdout())),
            err_color: choose(anstream::AutoStream::choice(&io::stderr())),
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
        };
        // A terminal that knows no cursor movements gets lines, not a bar.
        let dumb = matches!(env.get("TERM"), Ok(Some("dumb")));
        Self::new(
            streams,
            verbosity,
            env.secrets(),
            io::stdout().is_terminal(),
            io::stderr().is_terminal() && !dumb,
        )
    }

    /// A printer on given writers, without colour.
    pub fn to_writers(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        verbosity: Verbosity,
    ) -> Self {
        let streams = Streams {
            out,
            err,
            out_color: false,
            err_color: false,
        };
        Self::new(streams, verbosity, Secrets::default(), false, false)
    }

    fn new(
        streams: Streams,
        verbosity: Verbosity,
        secrets: Secrets,
        out_tty: bool,
        err_tty: bool,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                streams: Mutex::new(streams),
                drawing: Mutex::new(None),
                secrets: Mutex::new(secrets),
                out_is_terminal: out_tty,
                err_is_terminal: err_tty,
            }),
            verbosity,
        }
    }

    /// The same streams at another verbosity.
    #[must_use]
    pub fn with_verbosity(&self, verbosity: Verbosity) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            verbosity,
        }
    }

    /// How much is said on stderr.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Whether stdout is a terminal.
    pub fn out_is_terminal(&self) -> bool {
        self.shared.out_is_terminal
    }

    /// Whether stderr is a terminal that can redraw a line.
    pub fn err_is_terminal(&self) -> bool {
        self.shared.err_is_terminal
    }

    /// Hides one more value in everything that goes to stderr.
    pub fn hide(&self, secret: &str) {
        lock(&self.shared.secrets).add(secret);
    }

    /// Prints a line of the result to stdout.
    ///
    /// # Errors
    /// [`OutputError`] when stdout does not take it.
    pub fn result(&self, line: impl AsRef<str>) -> Result<(), OutputError> {
        self.write_result(line.as_ref().as_bytes(), true)
    }

    /// Prints text to stdout as it is, without a line break behind it.
    ///
    /// # Errors
    /// [`OutputError`] when stdout does not take it.
    pub fn result_raw(&self, text: &str) -> Result<(), OutputError> {
        self.write_result(text.as_bytes(), false)
    }

    /// Prints a value as one line of JSON to stdout.
    ///
    /// # Errors
    /// [`OutputError`] when stdout does not take it.
    pub fn json_line(&self, value: &impl WriteJson) -> Result<(), OutputError> {
        self.write_result(escape::for_json(json::to_line(value)).as_bytes(), true)
    }

    /// Prints a value as indented JSON to stdout.
    ///
    /// # Errors
    /// [`OutputError`] when stdout does not take it.
    pub fn json(&self, value: &impl WriteJson) -> Result<(), OutputError> {
        self.write_result(escape::for_json(json::to_pretty(value)).as_bytes(), true)
    }

    /// Prints a note to stderr, unless quiet.
    pub fn note(&self, text: impl AsRef<str>) {
        if self.verbosity >= Verbosity::Normal {
            self.write_err(text.as_ref());
        }
    }

    /// Prints a detail to stderr with `-v`.
    pub fn detail(&self, text: impl AsRef<str>) {
        if self.verbosity >= Verbosity::Verbose {
            self.write_err(text.as_ref());
        }
    }

    /// Prints `warning: text` to stderr, unless `-qq`.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.warn_raw(&format!("{}: {}", paint(YELLOW, "warning"), text.as_ref()));
    }

    /// Prints a rendered warning to stderr, unless `-qq`.
    pub fn warn_raw(&self, text: &str) {
        if self.verbosity >= Verbosity::Quiet {
            self.write_err(text);
        }
    }

    /// Prints a rendered error to stderr, always.
    pub fn error_raw(&self, text: &str) {
        self.write_err(text);
    }

    /// Lets something draw on stderr; until [`Printer::release`] it steps aside for every line.
    pub fn lend(&self, drawing: Arc<dyn StepAside>) {
        *lock(&self.shared.drawing) = Some(drawing);
    }

    /// Ends [`Printer::lend`].
    pub fn release(&self) {
        *lock(&self.shared.drawing) = None;
    }

    fn write_result(&self, bytes: &[u8], line_break: bool) -> Result<(), OutputError> {
        let mut outcome = Ok(());
        self.aside(&mut || {
            let mut streams = lock(&self.shared.streams);
            let Streams { out, out_color, .. } = &mut *streams;
            let mut write = || -> io::Result<()> {
                if *out_color {
                    out.write_all(bytes)?;
                } else {
                    for part in anstream::adapter::strip_bytes(bytes) {
                        out.write_all(part)?;
                    }
                }
                if line_break {
                    out.write_all(b"\n")?;
                }
                out.flush()
            };
            outcome = write().map_err(OutputError::from);
        });
        outcome
    }

    fn write_err(&self, text: &str) {
        let text = lock(&self.shared.secrets).mask(text).into_owned();
        self.aside(&mut || {
            let mut streams = lock(&self.shared.streams);
            let Streams { err, err_color, .. } = &mut *streams;
            // Nobody can be told when stderr is gone.
            let _ = if *err_color {
                writeln!(err, "{text}")
            } else {
                writeln!(err, "{}", anstream::adapter::strip_str(&text))
            };
            let _ = err.flush();
        });
    }

    fn aside(&self, print: &mut dyn FnMut()) {
        let drawing = lock(&self.shared.drawing).clone();
        match drawing {
            Some(drawing) => drawing.step_aside(print),
            None => print(),
        }
    }
}

/// Locks; a panic elsewhere while printing must not silence the error that follows.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests;
