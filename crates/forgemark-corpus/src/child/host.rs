//! The parent's side: start, feed, listen, wait, and turn every way to fail into a [`Damage`].

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::frames::{GuestRefusal, decode};
use super::{Extracted, Format};
use crate::options::{PdfChild, PdfLimits};
use crate::report::Damage;

/// Room for frame headers and notes beside the text.
const OVERHEAD_BYTES: u64 = 4 << 20;
/// How much of the guest's standard error is kept: the runtime names there what aborted it.
const STDERR_BYTES: u64 = 8 << 10;
/// How long a guest that has closed its output may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// How a guest ended.
struct Ending {
    stdout: Vec<u8>,
    stderr: String,
    status: io::Result<ExitStatus>,
    /// It was killed here, and why.
    killed: Option<Killed>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    Deadline,
    TooMuchOutput,
}

/// Extracts the text of one document.
pub(crate) fn extract(
    child: &PdfChild,
    limits: &PdfLimits,
    format: Format,
    document: &[u8],
) -> Result<Extracted, Damage> {
    let mut command = Command::new(&child.program);
    command
        .args(&child.leading_args)
        .arg(format.as_str())
        .arg(limits.memory_bytes.to_string())
        .arg(limits.cpu.as_secs().max(1).to_string())
        .arg(limits.output_bytes.to_string())
        .env_clear()
        // One thread and one heap: the address space of more would count against the limit.
        .env("RAYON_NUM_THREADS", "1")
        .env("MALLOC_ARENA_MAX", "1")
        .env("MIMALLOC_ARENA_RESERVE", "0")
        // Ctrl-C is for the host, which decides what becomes of this document.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let guest = command.spawn().map_err(|error| {
        Damage::passing(
            format!(
                "the program that reads such files, {}, does not start: {error}",
                child.program.display()
            ),
            "check the installation",
        )
    })?;
    let ending = run(guest, limits, document);
    judge(ending, limits, format)
}

fn run(mut guest: Child, limits: &PdfLimits, document: &[u8]) -> Ending {
    let deadline = Instant::now() + limits.wall;
    let cap = limits.output_bytes.saturating_add(OVERHEAD_BYTES);
    let (stdin, stdout, stderr) = (guest.stdin.take(), guest.stdout.take(), guest.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A guest that does not read to the end has given up, and says so.
                let _ = stdin.write_all(document);
            }
        });
        let stderr = scope.spawn(move || drain(stderr, STDERR_BYTES));
        let (sender, receiver) = mpsc::channel();
        scope.spawn(move || {
            let mut bytes = Vec::new();
            if let Some(stdout) = stdout {
                let _ = stdout.take(cap + 1).read_to_end(&mut bytes);
            }
            // The receiver may have given up at the deadline.
            let _ = sender.send(bytes);
        });
        let mut killed = None;
        let stdout = match receiver.recv_timeout(limits.wall) {
            Ok(bytes) if bytes.len() as u64 > cap => {
                killed = Some(Killed::TooMuchOutput);
                bytes
            }
            Ok(bytes) => {
                if !ends_by(&mut guest, deadline.max(Instant::now() + GRACE)) {
                    killed = Some(Killed::Deadline);
                }
                bytes
            }
            Err(_) => {
                killed = Some(Killed::Deadline);
                Vec::new()
            }
        };
        if killed.is_some() {
            // It leads a process group of its own, so this also ends what it may have started, which would else keep
            // the pipes open. It may have ended by itself meanwhile; then there is nothing to kill.
            if let Ok(group) = i32::try_from(guest.id()) {
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            let _ = guest.kill();
        }
        Ending {
            stdout,
            status: guest.wait(),
            stderr: stderr.join().unwrap_or_default(),
            killed,
        }
    })
}

/// Waits until the guest has ended, but not past `deadline`. The standard library has no such wait, so this asks again
/// in growing intervals; a guest that closed its output usually has ended at the first question.
fn ends_by(guest: &mut Child, deadline: Instant) -> bool {
    let mut pause = Duration::from_micros(200);
    loop {
        match guest.try_wait() {
            Ok(Some(_)) | Err(_) => return true,
            Ok(None) if Instant::now() >= deadline => return false,
            Ok(None) => thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Reads everything, so that the writer never blocks, and keeps the beginning.
fn drain(source: Option<impl Read>, keep: u64) -> String {
    let Some(mut source) = source else {
        return String::new();
    };
    let mut kept = Vec::new();
    let _ = source.by_ref().take(keep).read_to_end(&mut kept);
    let _ = io::copy(&mut source, &mut io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

fn judge(ending: Ending, limits: &PdfLimits, format: Format) -> Result<Extracted, Damage> {
    let kind = match format {
        Format::Pdf => "PDF",
        Format::Html => "HTML file",
    };
    let raise = |what: &str| {
        format!("raise {what} if you trust the file, or save it anew from the program that made it")
    };
    let memory = || {
        Damage::lasting(
            format!(
                "reading it takes more than {} of memory",
                bytes_text(limits.memory_bytes)
            ),
            raise(limits.memory_name),
        )
    };
    match ending.killed {
        Some(Killed::Deadline) => {
            return Err(Damage::passing(
                format!("reading it takes longer than {}", seconds_text(limits.wall)),
                raise(limits.time_name),
            ));
        }
        Some(Killed::TooMuchOutput) => return Err(too_much_text(limits)),
        None => {}
    }
    let status = ending
        .status
        .map_err(|error| Damage::passing(format!("its reader was lost: {error}"), "try again"))?;
    if let Some(number) = status.signal() {
        let signal = Signal::try_from(number).ok();
        return Err(match signal {
            Some(Signal::SIGXCPU) => Damage::lasting(
                format!(
                    "reading it takes more than {} of processor time",
                    seconds_text(limits.cpu)
                ),
                raise(limits.time_name),
            ),
            Some(Signal::SIGABRT) if ending.stderr.contains("memory allocation") => memory(),
            Some(Signal::SIGABRT | Signal::SIGSEGV | Signal::SIGBUS)
                if ending.stderr.contains("overflowed its stack") =>
            {
                Damage::lasting(
                    "it nests more deeply than any reader can follow",
                    "save it anew from the program that made it",
                )
            }
            Some(
                Signal::SIGABRT
                | Signal::SIGSEGV
                | Signal::SIGBUS
                | Signal::SIGILL
                | Signal::SIGFPE,
            ) => Damage::lasting(
                format!("its reader crashed on it (signal {number})"),
                "save it anew from the program that made it, or convert it to text",
            ),
            _ => Damage::passing(
                format!(
                    "its reader was stopped from outside (signal {number}), perhaps because the machine ran out of memory"
                ),
                "try again",
            ),
        });
    }
    let Some(answer) = decode(&ending.stdout) else {
        return Err(Damage::passing(
            format!("its reader gave no answer ({status})"),
            "check that the reader program is this version of the product",
        ));
    };
    answer.map_err(|refusal| match refusal {
        GuestRefusal::Encrypted => Damage::lasting(
            "it is protected by a password",
            "remove the password and save it anew",
        ),
        GuestRefusal::Damaged(why) => Damage::lasting(
            format!("it is no readable {kind}: {why}"),
            "save it anew from the program that made it, or remove it",
        ),
        GuestRefusal::NoTextLayer(pages) => Damage::lasting(
            format!("it has no text layer: its {pages} pages are pictures"),
            "run text recognition on it first (for example ocrmypdf), or remove it",
        ),
        GuestRefusal::TooMuchText => too_much_text(limits),
        GuestRefusal::Panicked(how) if how.contains("capacity overflow") => memory(),
        GuestRefusal::Panicked(how) => Damage::lasting(
            format!("its reader failed on it: {how}"),
            "save it anew from the program that made it, or convert it to text",
        ),
        GuestRefusal::Unlimited(why) => Damage::passing(
            format!("its reader could not limit itself ({why})"),
            "check the resource limits of this system (ulimit)",
        ),
    })
}

fn too_much_text(limits: &PdfLimits) -> Damage {
    Damage::lasting(
        format!(
            "it holds more than {} of text",
            bytes_text(limits.output_bytes)
        ),
        "split it",
    )
}

fn seconds_text(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// A size as people write it.
pub(crate) fn bytes_text(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) if bytes.is_multiple_of(*size) => format!("{} {unit}", bytes / size),
        Some((unit, size)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} bytes"),
    }
}
