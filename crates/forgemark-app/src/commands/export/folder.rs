//! The folder of a cut: its files appear together, and what was there stays until they do.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use forgemark_contract::json::{Json, parse};
use forgemark_curate::cut::MANIFEST;
use forgemark_curate::output::Output;
use forgemark_curate::spill::{Scratch, ScratchFile};
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{JournalError, Staged, recover};

use crate::assemble::{disk, owner};
use crate::error::{AppError, ErrorKind};

/// What the folder shows before the first cut: nothing, or a cut.
pub(crate) struct Folder {
    staged: Staged,
    /// The files of the cut that is there.
    old: Vec<String>,
}

impl Folder {
    /// Begins a cut in `dir`.
    ///
    /// # Errors
    /// A folder that holds something else, or a cut that is not to be replaced; one that another process writes to.
    pub(crate) fn begin(dir: &Path, replace: bool) -> Result<Self, AppError> {
        if dir.exists() && !dir.is_dir() {
            let what = format!("{} is a file, not a folder", dir.display());
            return Err(AppError::new(ErrorKind::Usage, what));
        }
        recover(&*disk(), dir, &owner())?;
        let old = files_of(dir)?;
        let any = listed(dir)?.iter().any(|name| !name.starts_with('.'));
        if any && old.is_empty() {
            let what = format!("{} holds other files and no cut", dir.display());
            return Err(AppError::new(ErrorKind::Usage, what)
                .hint("name a folder that is empty or not there"));
        }
        if any && !replace {
            let what = format!("{} holds a cut already", dir.display());
            return Err(AppError::new(ErrorKind::Usage, what)
                .hint("name another folder, or add --replace; until the new cut is whole the old one stays"));
        }
        let staged = Staged::begin(disk(), dir, &owner())?;
        Ok(Folder { staged, old })
    }

    /// Makes the temporary files of a cut in `dir`, on the disk that has room for the cut itself.
    pub(crate) fn scratch(dir: &Path) -> impl Scratch {
        let dir = dir.join(STATE_DIR);
        move || -> io::Result<Box<dyn ScratchFile>> { Ok(Box::new(tempfile::tempfile_in(&dir)?)) }
    }

    /// Shows the new cut and takes the old one away.
    ///
    /// # Errors
    /// A disk that takes nothing.
    pub(crate) fn commit(self) -> Result<(), AppError> {
        Ok(self.staged.commit(&self.old)?)
    }
}

impl Output for Folder {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.staged
            .append(name, bytes)
            .map_err(|error| match error {
                JournalError::Write { source, .. } => {
                    io::Error::new(source.kind(), source.to_string())
                }
                other => io::Error::other(other),
            })
    }
}

/// The names of the manifests in a folder of a cut, in byte order, after a commit that was cut short is ended.
pub(super) fn manifests(dir: &Path) -> Result<Vec<String>, AppError> {
    if !dir.is_dir() {
        let what = format!("there is no folder {}", dir.display());
        return Err(AppError::new(ErrorKind::NotFound, what));
    }
    recover(&*disk(), dir, &owner())?;
    let mut names = listed(dir)?;
    names.retain(|name| name.ends_with(MANIFEST));
    if names.is_empty() {
        let what = format!("{} holds no cut: there is no manifest", dir.display());
        return Err(AppError::new(ErrorKind::NotFound, what)
            .hint("`forgemark export sft STORE DIR` makes one"));
    }
    Ok(names)
}

/// A JSON file of the folder.
pub(super) fn read_json(dir: &Path, name: &str) -> Result<Json, AppError> {
    let path = dir.join(name);
    let bytes = read(&path)?;
    parse(&bytes).map_err(|error| {
        let what = format!("{}: {error}", path.display());
        AppError::new(ErrorKind::Damaged, what).hint("make the cut again with --replace")
    })
}

/// Hands over every line of the files whose names end so, of the cut with this manifest.
///
/// # Errors
/// A file that cannot be read, a line that is no JSON.
pub(super) fn each_line(
    dir: &Path,
    manifest: &Json,
    end: &str,
    visit: &mut dyn FnMut(Json),
) -> Result<(), AppError> {
    for file in manifest.items("files") {
        let name = file.str_or("path", "");
        if !name.ends_with(end) {
            continue;
        }
        let path = dir.join(name);
        let lines = BufReader::new(opened(&path)?).split(b'\n');
        for (number, line) in lines.enumerate() {
            let line = line.map_err(|source| unreadable(&path, source))?;
            visit(parse(&line).map_err(|error| {
                let what = format!("{}:{}: {error}", path.display(), number + 1);
                AppError::new(ErrorKind::Damaged, what)
                    .hint("`forgemark export verify` says what is wrong with the cut")
            })?);
        }
    }
    Ok(())
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, AppError> {
    std::fs::read(path).map_err(|source| unreadable(path, source))
}

pub(super) fn opened(path: &Path) -> Result<File, AppError> {
    File::open(path).map_err(|source| unreadable(path, source))
}

fn unreadable(path: &Path, source: io::Error) -> AppError {
    AppError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    }
}

/// Every file that a cut in `dir` consists of, as far as its manifests say; none where there is no cut.
fn files_of(dir: &Path) -> Result<Vec<String>, AppError> {
    let mut files = Vec::new();
    for name in listed(dir)? {
        if !name.ends_with(MANIFEST) {
            continue;
        }
        let manifest = read_json(dir, &name)?;
        let of_ours = manifest.get("forgemark").unwrap_or(&manifest);
        let entries = of_ours.items("files").iter();
        files.extend(entries.map(|file| file.str_or("path", "").to_owned()));
        files.push(name);
    }
    files.retain(|name| !name.is_empty());
    files.sort();
    files.dedup();
    Ok(files)
}

fn listed(dir: &Path) -> Result<Vec<String>, AppError> {
    let listed = disk().list(dir);
    listed.map_err(|source| unreadable(dir, source))
}
