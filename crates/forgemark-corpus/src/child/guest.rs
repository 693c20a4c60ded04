//! The child's side: limits first, then one document.

use std::any::Any;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::frames::{GuestRefusal, encode};
use super::{Extracted, Format};
use crate::{html, pdf};

/// Exit status for arguments that are not ours.
const USAGE: u8 = 2;
/// Exit status when the answer could not be written.
const UNHEARD: u8 = 3;

/// What the host asks for.
struct Task {
    format: Format,
    memory_bytes: u64,
    cpu_seconds: u64,
    output_bytes: u64,
}

/// Runs the extraction child: reads one document from standard input and writes its text to standard output.
///
/// The hidden subcommand that [`PdfChild`](crate::PdfChild) names must call this, with the arguments that follow it and
/// before anything else is set up: it limits the address space, processor time and files of the whole process, silences
/// panic messages, and is meant to be the last thing that the process does. Nothing but this crate should start it.
///
/// The exit code is 0 when an answer was written, also one that refuses the document; else the arguments were wrong or
/// nobody read the answer.
pub fn pdf_child_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Some(task) = task(args) else {
        return ExitCode::from(USAGE);
    };
    let answer = limit(&task)
        .map_err(GuestRefusal::Unlimited)
        .and_then(|()| {
            std::panic::set_hook(Box::new(|_| {}));
            catch_unwind(AssertUnwindSafe(|| read(task.format)))
                .unwrap_or_else(|panic| Err(GuestRefusal::Panicked(panic_text(panic.as_ref()))))
        });
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(&encode(&answer, task.output_bytes))
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(UNHEARD),
    }
}

fn task(args: impl IntoIterator<Item = OsString>) -> Option<Task> {
    let mut args = args.into_iter().map(|arg| arg.into_string().ok());
    let mut next = || args.next().flatten();
    let format = match next()?.as_str() {
        "pdf" => Format::Pdf,
        "html" => Format::Html,
        _ => return None,
    };
    Some(Task {
        format,
        memory_bytes: next()?.parse().ok()?,
        cpu_seconds: next()?.parse().ok()?,
        output_bytes: next()?.parse().ok()?,
    })
}

fn limit(task: &Task) -> Result<(), String> {
    let set = |name: &str, resource: Resource, soft: u64, hard: u64| {
        // An administrator's lower limit stays.
        let (_, ceiling) = getrlimit(resource).map_err(|error| format!("{name}: {error}"))?;
        let hard = hard.min(ceiling);
        setrlimit(resource, soft.min(hard), hard).map_err(|error| format!("{name}: {error}"))
    };
    set("core dumps", Resource::RLIMIT_CORE, 0, 0)?;
    set("file size", Resource::RLIMIT_FSIZE, 0, 0)?;
    // The soft limit sends SIGXCPU, which names the cause; the hard one is for a process that ignores it.
    set(
        "processor time",
        Resource::RLIMIT_CPU,
        task.cpu_seconds,
        task.cpu_seconds + 2,
    )?;
    #[cfg(target_os = "linux")]
    {
        set(
            "address space",
            Resource::RLIMIT_AS,
            task.memory_bytes,
            task.memory_bytes,
        )?;
        // Nobody is left to read the answer when the host is gone.
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
            .map_err(|error| format!("parent death signal: {error}"))?;
    }
    #[cfg(not(target_os = "linux"))]
    {
        // macOS accepts this limit and does not enforce it.
        let _ = task.memory_bytes;
    }
    Ok(())
}

fn read(format: Format) -> Result<Extracted, GuestRefusal> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| GuestRefusal::Damaged(format!("it could not be passed on: {error}")))?;
    match format {
        Format::Html => {
            let source = String::from_utf8_lossy(&bytes);
            Ok(Extracted {
                pages: vec![(0, html::to_text(&source))],
                notes: Vec::new(),
            })
        }
        Format::Pdf => match pdf::read(&bytes) {
            Ok(text) => Ok(Extracted {
                pages: text.pages,
                notes: text.notes,
            }),
            Err(pdf::Refusal::Encrypted) => Err(GuestRefusal::Encrypted),
            Err(pdf::Refusal::Damaged(why)) => Err(GuestRefusal::Damaged(why)),
            Err(pdf::Refusal::NoTextLayer { pages }) => {
                Err(GuestRefusal::NoTextLayer(pages as u32))
            }
        },
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}
