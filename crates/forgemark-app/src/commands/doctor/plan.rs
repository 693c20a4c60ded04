//! What a configuration says about this machine: output folder, lock, disk, documents, open files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use forgemark_corpus::Media;
use forgemark_dialogue::config::Config;
use forgemark_journal::{DiskStorage, RunLock};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;

use super::report::{Level, Report};
use crate::error::io_hint;
use crate::human;

/// Free space below which a run will hardly end well, in bytes.
const LITTLE_SPACE: u64 = 100 << 20;
/// Free space below which a large run may not end well, in bytes.
const SOME_SPACE: u64 = 1 << 30;
/// Files that the program has open besides its connections.
const OTHER_FILES: u64 = 64;
/// Most entries of the documents' folder that are looked at.
const MAX_ENTRIES: usize = 1_000_000;
/// Clocks of the machine and of a file server that differ by more are worth a word, in seconds.
const MAX_SKEW: u64 = 60;

/// Adds the checks. Relative paths are relative to `base`, the configuration's folder.
pub(super) fn check(config: &Config, base: &Path, report: &mut Report) {
    folder(&base.join(&config.output_dir), "saving.output_dir", report);
    documents(&base.join(&config.documents), report);
    open_files(config.concurrency as u64, report);
}

/// Adds what the output folder is good for; `key` names it.
pub(super) fn folder(out: &Path, key: &str, report: &mut Report) {
    output(out, key, report);
    lock(out, report);
    disk(out, report);
}

/// Tries to write where the run will write, and takes it away again.
fn output(out: &Path, key: &str, report: &mut Report) {
    const NAME: &str = "output";
    let shown = out.display();
    let hint = Some(format!("set `{key}` to a folder that can be written"));
    if out.exists() && !out.is_dir() {
        return report.add_with_hint(NAME, Level::Fail, format!("{shown} is not a folder"), hint);
    }
    let place = existing(out);
    match write_and_remove(&place) {
        Ok(skew) if skew > MAX_SKEW => report.add_with_hint(
            NAME,
            Level::Warn,
            format!("{shown} can be written, but its file server's clock differs by {skew} s"),
            Some("set the clocks of both machines"),
        ),
        Ok(_) if place == out => report.add(NAME, Level::Ok, format!("{shown} can be written")),
        Ok(_) => report.add(NAME, Level::Ok, format!("{shown} will be created")),
        Err(error) => {
            let text = format!("{} cannot be written: {error}", place.display());
            report.add_with_hint(
                NAME,
                Level::Fail,
                text,
                io_hint(&error).map(str::to_owned).or(hint),
            );
        }
    }
}

/// Writes a file of its own, and answers by how many seconds its time differs from the clock.
fn write_and_remove(folder: &Path) -> io::Result<u64> {
    let file = tempfile::Builder::new()
        .prefix(".forgemark-doctor-")
        .tempfile_in(folder)?;
    fs::write(file.path(), b"x")?;
    let modified = file.as_file().metadata()?.modified()?;
    let now = SystemTime::now();
    let skew = now
        .duration_since(modified)
        .or_else(|_| modified.duration_since(now));
    Ok(skew.map_or(0, |skew| skew.as_secs()))
}

/// The folder itself, or the nearest one above it that exists.
fn existing(path: &Path) -> PathBuf {
    let above = path.ancestors().find(|folder| folder.is_dir());
    match above {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn lock(out: &Path, report: &mut Report) {
    match RunLock::holder(&DiskStorage, out) {
        Ok(None) => report.add("lock", Level::Ok, "no run works there"),
        Ok(Some(owner)) => report.add_with_hint(
            "lock",
            Level::Warn,
            format!("a run works there: {owner}"),
            Some("wait until it has finished, stop it, or choose another output folder"),
        ),
        Err(error) => {
            report.add_with_hint("lock", Level::Fail, error.to_string(), Some(error.remedy()));
        }
    }
}

fn disk(out: &Path, report: &mut Report) {
    let free = match statvfs(&existing(out)) {
        Ok(stat) => wide(stat.blocks_available()).saturating_mul(wide(stat.fragment_size())),
        Err(error) => {
            return report.add(
                "disk",
                Level::Warn,
                format!("free space is not known: {error}"),
            );
        }
    };
    let text = format!("{} free", human::bytes(free));
    let (level, hint) = match free {
        ..LITTLE_SPACE => (
            Level::Fail,
            Some("free some space, or choose another output folder"),
        ),
        LITTLE_SPACE..SOME_SPACE => (
            Level::Warn,
            Some("a large run may need more; it stops when the disk is full and loses nothing"),
        ),
        SOME_SPACE.. => (Level::Ok, None),
    };
    report.add_with_hint("disk", level, text, hint);
}

fn documents(folder: &Path, report: &mut Report) {
    const NAME: &str = "documents";
    let shown = folder.display();
    let hint = Some("put .txt, .md, .html or .pdf files there, or set `documents.path`");
    if !folder.is_dir() {
        return report.add_with_hint(
            NAME,
            Level::Fail,
            format!("there is no folder {shown}"),
            hint,
        );
    }
    let mut found = Found::default();
    found.walk(folder);
    if found.documents == 0 && found.unreadable.is_none() {
        let text = format!(
            "no document in {shown} ({})",
            human::plural(found.others, "other file", "other files")
        );
        return report.add_with_hint(NAME, Level::Fail, text, hint);
    }
    let text = format!(
        "{} in {shown}, {}",
        human::plural(found.documents, "file", "files"),
        human::bytes(found.bytes)
    );
    match found.unreadable {
        Some((what, remedy)) => {
            report.add_with_hint(NAME, Level::Warn, format!("{text}; {what}"), Some(remedy));
        }
        None => report.add(NAME, Level::Ok, text),
    }
}

/// What stands in the documents' folder.
#[derive(Default)]
struct Found {
    documents: u64,
    others: u64,
    bytes: u64,
    /// The first that cannot be read, and what to do about it.
    unreadable: Option<(String, &'static str)>,
}

impl Found {
    fn walk(&mut self, root: &Path) {
        let mut folders = vec![root.to_owned()];
        let mut entries = 0;
        while let Some(folder) = folders.pop() {
            let list = match fs::read_dir(&folder) {
                Ok(list) => list,
                Err(error) => {
                    self.cannot_read(&folder, &error);
                    continue;
                }
            };
            for entry in list.flatten() {
                entries += 1;
                if entries > MAX_ENTRIES {
                    return;
                }
                self.entry(&entry, &mut folders);
            }
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry, folders: &mut Vec<PathBuf>) {
        // Links are followed once the run reads them; here a loop of them must not matter.
        let Ok(kind) = entry.file_type() else { return };
        if kind.is_dir() {
            folders.push(entry.path());
        } else if Media::of_name(&entry.file_name().to_string_lossy()).is_none() {
            self.others += 1;
        } else {
            self.documents += 1;
            // A pipe must not be opened: that would wait for whoever writes into it.
            let opened = fs::metadata(entry.path()).and_then(|metadata| {
                if metadata.is_file() {
                    fs::File::open(entry.path())?;
                    Ok(metadata.len())
                } else {
                    Err(io::Error::other("it is no regular file"))
                }
            });
            match opened {
                Ok(bytes) => self.bytes += bytes,
                Err(error) => self.cannot_read(&entry.path(), &error),
            }
        }
    }

    fn cannot_read(&mut self, path: &Path, error: &io::Error) {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "remove the link, or put back what it names",
            io::ErrorKind::PermissionDenied => "check who owns it and its permissions",
            _ => "move it out of the documents",
        };
        let what = format!("{} cannot be read: {error}", path.display());
        self.unreadable.get_or_insert((what, remedy));
    }
}

/// Every call in flight is a connection, and every connection an open file.
pub(super) fn open_files(concurrency: u64, report: &mut Report) {
    let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    let soft = wide(soft);
    let needed = concurrency.saturating_add(OTHER_FILES);
    if soft < needed {
        let text =
            format!("{soft} may be open; run.concurrency {concurrency} needs about {needed}");
        report.add_with_hint(
            "open files",
            Level::Warn,
            text,
            Some(format!(
                "run `ulimit -n {needed}` first, or lower run.concurrency"
            )),
        );
    } else {
        report.add(
            "open files",
            Level::Ok,
            format!("{} may be open", human::count(soft)),
        );
    }
}

/// The system's numbers differ in width from one system to the other.
fn wide(n: impl Into<u64>) -> u64 {
    n.into()
}
