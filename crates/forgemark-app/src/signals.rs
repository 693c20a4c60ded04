//! Ctrl-C and SIGTERM: the first asks for a drain, the second stops at once.
//!
//! A thread of its own waits for the signals, so that a runtime whose threads are all busy cannot
//! delay them.

use std::io;

use forgemark_run::Cancel;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;
use crate::printer::Printer;

/// Watches SIGINT and SIGTERM until the process ends. On the first, pulls `cancel` and notes
/// `draining`; on the second, ends the process with exit code 130.
///
/// What was committed is durable at any instant, so nothing is lost by stopping at once.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn drain_on_signal(
    printer: &Printer,
    cancel: &Cancel,
    draining: &'static str,
) -> io::Result<()> {
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
            let mut seen = 0_u32;
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => {}
                    Some(()) = terminate.recv() => {}
                    else => return,
                }
                seen += 1;
                if seen == 1 {
                    cancel.cancel();
                    printer.note(draining);
                } else {
                    stop_now();
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
