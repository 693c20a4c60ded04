//! Ctrl-C and SIGTERM: the first asks for a drain, the second stops at once.
//!
//! A thread of its own waits for the signals, so that a runtime whose threads are all busy cannot
//! delay them.

use std::io;
use std::time::{Duration, Instant};

use forgemark_run::Cancel;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::printer::Printer;

/// A signal so soon after the first is the same request: a terminal signals the whole group, and a
/// parent passes on what it gets.
const SAME: Duration = Duration::from_millis(300);

/// What a signal asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Drain,
    Again,
    StopNow,
}

/// Tells what a signal means that arrives at `now`, when the first came at `first`.
fn asked(first: &mut Option<Instant>, now: Instant) -> Asked {
    match first {
        None => {
            *first = Some(now);
            Asked::Drain
        }
        Some(first) if now.saturating_duration_since(*first) < SAME => Asked::Again,
        Some(_) => Asked::StopNow,
    }
}

/// Watches SIGINT and SIGTERM until the process ends. On the first, pulls `cancel` and notes
/// `draining`; on another one that does not come together with the first, ends the process with exit
/// code 130.
///
/// What was committed is durable at any instant, so nothing is lost by stopping at once.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn drain_on_signal(
    printer: &Printer,
    cancel: &Cancel,
    draining: &'static str,
) -> Result<(), AppError> {
    watch(printer, cancel, draining)
        .map_err(|error| AppError::new(ErrorKind::Io, "cannot watch for signals").caused_by(error))
}

fn watch(printer: &Printer, cancel: &Cancel, draining: &'static str) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    let (printer, cancel) = (printer.clone(), cancel.clone());
    let body = move || {
        runtime.block_on(async move {
            let mut first = None;
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => {}
                    Some(()) = terminate.recv() => {}
                    else => return,
                }
                match asked(&mut first, Instant::now()) {
                    Asked::Drain => {
                        cancel.cancel();
                        printer.note(draining);
                    }
                    Asked::Again => {}
                    Asked::StopNow => stop_now(),
                }
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(body)?;
    Ok(())
}

#[expect(
    clippy::exit,
    reason = "the second Ctrl-C must not wait for anything; what is committed is durable"
)]
fn stop_now() -> ! {
    std::process::exit(Exit::Interrupted.code().into())
}

#[cfg(test)]
mod tests;
