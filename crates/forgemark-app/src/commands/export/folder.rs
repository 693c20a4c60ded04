//! The folder of a cut: its files appear together, and what was there stays until they do.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use forgemark_contract::json::{Json, parse};
use forgemark_contract::text::hex;
use forgemark_curate::cut::{CutFiles, MANIFEST};
use forgemark_curate::encode::{self, OpenTable, Rows, TableSink, Tables, table_rows};
use forgemark_curate::output::{FileDigest, Output};
use forgemark_curate::spill::{Scratch, ScratchFile};
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{JournalError, Staged, recover};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::assemble::{disk, owner};
use crate::error::{AppError, ErrorKind};

/// What the folder shows before the first cut: nothing, or a cut.
pub(crate) struct Folder {
    dir: PathBuf,
    staged: Staged,
    /// The files of the cut that is there.
    old: Vec<String>,
    /// Who writes tables.
    tables: Option<&'static dyn Tables>,
    /// The table on its way: its name, the folder that it is made in, and who writes it.
    table: Option<(String, TempDir, Box<dyn OpenTable>)>,
}

impl Folder {
    /// Begins a cut in `dir`.
    ///
    /// # Errors
    /// A folder that holds something else, or a cut that is not to be replaced; one that another process writes to.
    pub(crate) fn begin(
        dir: &Path,
        replace: bool,
        tables: Option<&'static dyn Tables>,
    ) -> Result<Self, AppError> {
        if dir.exists() && !dir.is_dir() {
            let what = format!("{} is a file, not a folder", dir.display());
            return Err(AppError::new(ErrorKind::Usage, what));
        }
        recover(&*disk(), dir, &owner())?;
        let old = files_of(dir)?;
        let mut listed = listed(dir)?.into_iter();
        let any = listed.any(|name| !name.starts_with('.') && !is_empty(&dir.join(name)));
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
        Ok(Folder {
            dir: dir.to_owned(),
            staged,
            old,
            tables,
            table: None,
        })
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
        self.staged.commit(&self.old)?;
        // What is left of tables that were replaced.
        for folder in self.old.iter().filter_map(|name| name.split_once('/')) {
            remove_empty(&self.dir.join(folder.0));
        }
        Ok(())
    }
}

/// Whether a folder holds nothing but such folders.
fn is_empty(path: &Path) -> bool {
    path.is_dir()
        && std::fs::read_dir(path).is_ok_and(|mut entries| {
            entries.all(|entry| entry.is_ok_and(|entry| is_empty(&entry.path())))
        })
}

/// Removes a folder that holds nothing but empty ones. One that stays does no harm.
fn remove_empty(path: &Path) {
    if is_empty(path) {
        let _ = std::fs::remove_dir_all(path);
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

    fn tables(&mut self) -> Option<&mut dyn TableSink> {
        self.tables.is_some().then_some(self)
    }
}

/// A table is made in a temporary folder, and its files appear with the others.
impl TableSink for Folder {
    fn begin(&mut self, name: &str, schema: &Schema) -> io::Result<()> {
        let tables = self.tables.ok_or(io::ErrorKind::Unsupported)?;
        let place = tempfile::tempdir_in(self.dir.join(STATE_DIR))?;
        let table = tables.begin(&place.path().join("table"), schema)?;
        self.table = Some((name.to_owned(), place, table));
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match &mut self.table {
            Some((_, _, table)) => table.batch(batch),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn finish(&mut self) -> io::Result<Vec<FileDigest>> {
        let (name, place, table) = self.table.take().ok_or(io::ErrorKind::InvalidInput)?;
        table.finish()?;
        let made = place.path().join("table");
        let mut digests = Vec::new();
        for file in below(&made)? {
            let to = format!("{name}/{file}");
            let mut source = File::open(made.join(&file))?;
            let mut chunk = vec![0; 1 << 16];
            loop {
                let read = source.read(&mut chunk)?;
                self.append(&to, &chunk[..read])?;
                if read == 0 {
                    break;
                }
            }
            digests.push(digest(&to, File::open(made.join(&file))?)?);
        }
        Ok(digests)
    }
}

/// The files below a folder, by paths with `/` between their parts, in byte order.
fn below(dir: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(dir.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name().into_string();
            let name = name.map_err(|_| io::Error::other("the name of a file is not UTF-8"))?;
            let path = match folder.as_str() {
                "" => name,
                folder => format!("{folder}/{name}"),
            };
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Size and digest of a file, read piece by piece.
fn digest(name: &str, mut file: File) -> io::Result<FileDigest> {
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut file, &mut hash)?;
    Ok(FileDigest {
        name: name.to_owned(),
        bytes,
        lines: 0,
        sha256: hex(&hash.finalize()),
    })
}

/// The files of a cut in a folder.
pub(super) struct Files<'d> {
    pub(super) dir: &'d Path,
    pub(super) tables: Option<&'static dyn Tables>,
}

impl CutFiles for Files<'_> {
    fn digest(&mut self, name: &str) -> io::Result<Option<FileDigest>> {
        let path = self.dir.join(name);
        if path.is_dir() {
            let files = below(&path)?.into_iter().map(|file| {
                let name = format!("{name}/{file}");
                digest(&name, File::open(path.join(file))?)
            });
            let files = files.collect::<io::Result<Vec<_>>>()?;
            return Ok(Some(FileDigest::of_table(name, 0, &files)));
        }
        match File::open(&path) {
            Ok(file) => digest(name, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rows(&mut self, name: &str) -> io::Result<Rows> {
        rows_of(&self.dir.join(name), self.tables)
    }
}

/// The rows of a file or table of a cut, by the end of its name.
pub(super) fn rows_of(path: &Path, tables: Option<&'static dyn Tables>) -> io::Result<Rows> {
    if path.is_dir() {
        let tables = tables.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                "this binary was built without the store and reads no Lance tables",
            )
        })?;
        return Ok(table_rows(tables.read(path)?));
    }
    let name = path.to_string_lossy();
    encode::rows(&name, File::open(path)?).map_err(io::Error::other)
}

/// Whether a folder holds a cut.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn is_cut(dir: &Path) -> Result<bool, AppError> {
    recover(&*disk(), dir, &owner())?;
    Ok(dir.is_dir() && listed(dir)?.iter().any(|name| name.ends_with(MANIFEST)))
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
        for file in of_ours.items("files") {
            let path = file.str_or("path", "");
            if dir.join(path).is_dir() {
                let below = below(&dir.join(path)).map_err(|source| unreadable(dir, source))?;
                files.extend(below.into_iter().map(|file| format!("{path}/{file}")));
            } else {
                files.push(path.to_owned());
            }
        }
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
