//! The files under the root of a corpus.
//!
//! Names that begin with a dot are not looked at, nor is the index. Symbolic links are followed; loops, dead links and
//! folders that cannot be listed are reported. Order is by relative path, byte by byte, so it is the same everywhere.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::error::CorpusError;
use crate::media::Media;
use crate::options::CorpusOptions;
use crate::report::{Damage, Damaged};

/// What tells an unchanged file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) size: u64,
    /// Nanoseconds since 1970; clamped to the range of the type, which ends in 2262.
    pub(crate) mtime_ns: i64,
}

impl Stat {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Stat {
            size: metadata.len(),
            mtime_ns: metadata
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(metadata.mtime_nsec()),
        }
    }
}

/// A file that should be a document.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Relative to the root, with `/` between its parts.
    pub(crate) path: String,
    /// Where to open it.
    pub(crate) file: PathBuf,
    pub(crate) media: Media,
    pub(crate) stat: Stat,
}

/// Everything under the root.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) found: Vec<Found>,
    pub(crate) damaged: Vec<Damaged>,
    pub(crate) ignored: Vec<String>,
}

/// Lists the files under the root.
pub(crate) fn walk(options: &CorpusOptions) -> Result<Walk, CorpusError> {
    let root = &options.root;
    let root_error = |source| CorpusError::Root {
        path: root.clone(),
        source,
    };
    // The walk reports a root that cannot be listed like any other folder; here it is an error.
    fs::read_dir(root).map_err(root_error)?;
    let index = fs::canonicalize(&options.index_dir).ok();
    let is_index = |entry: &DirEntry| {
        entry.file_type().is_dir()
            && options.index_dir.file_name() == Some(entry.file_name())
            && fs::canonicalize(entry.path()).ok() == index
            && index.is_some()
    };
    let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let mut walk = Walk::default();
    let entries = WalkDir::new(root)
        .follow_links(true)
        .min_depth(1)
        .into_iter()
        .filter_entry(|entry| {
            entry.depth() == 0 || !(is_hidden(entry.file_name()) || is_index(entry))
        });
    for entry in entries {
        match entry {
            Ok(entry) => walk.file(root, &entry),
            Err(error) => {
                if !error
                    .path()
                    .and_then(Path::file_name)
                    .is_some_and(is_hidden)
                {
                    walk.damaged.push(trouble(root, &error));
                }
            }
        }
    }
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    walk.damaged.sort();
    walk.ignored.sort();
    Ok(walk)
}

impl Walk {
    fn file(&mut self, root: &Path, entry: &DirEntry) {
        let shown = shown(root, entry.path());
        let media = entry.file_name().to_str().and_then(Media::of_name);
        let file_type = entry.file_type();
        if file_type.is_dir() {
            if media.is_some() {
                self.damaged.push(
                    Damage::passing(
                        "it is a folder, although its name is that of a document",
                        "rename it; what lies in it is read",
                    )
                    .of(shown),
                );
            }
            return;
        }
        let Some(media) = media else {
            // A name that is no text may still have an extension of ours.
            if Media::of_name(&shown).is_some() {
                self.damaged.push(unnamed(shown));
            } else {
                self.ignored.push(shown);
            }
            return;
        };
        if !file_type.is_file() {
            self.damaged.push(
                Damage::passing(
                    "it is no regular file but a device, pipe or socket",
                    "remove it",
                )
                .of(shown),
            );
            return;
        }
        let Some(path) = relative(root, entry.path()) else {
            self.damaged.push(unnamed(shown));
            return;
        };
        match entry.metadata() {
            Ok(metadata) => self.found.push(Found {
                path,
                file: entry.path().to_owned(),
                media,
                stat: Stat::of(&metadata),
            }),
            Err(error) => self.damaged.push(trouble(root, &error)),
        }
    }
}

fn unnamed(shown: String) -> Damaged {
    Damage::passing("its path is not valid UTF-8", "rename it").of(shown)
}

fn trouble(root: &Path, error: &walkdir::Error) -> Damaged {
    let path = error
        .path()
        .map_or_else(|| ".".to_owned(), |path| shown(root, path));
    if error.loop_ancestor().is_some() {
        return Damage::passing(
            "it is a symbolic link to a folder that it lies in",
            "remove the link",
        )
        .of(path);
    }
    let dead = error.path().is_some_and(Path::is_symlink);
    let said = error
        .io_error()
        .map_or_else(|| error.to_string(), ToString::to_string);
    match error.io_error().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::NotFound) if dead => Damage::passing(
            "it is a symbolic link to nothing",
            "remove the link, or put back what it names",
        ),
        Some(std::io::ErrorKind::PermissionDenied) => Damage::passing(
            format!("it cannot be looked into: {said}"),
            "give this user the right to read it",
        ),
        _ => Damage::passing(
            format!("it cannot be looked at: {said}"),
            "check the file and its disk",
        ),
    }
    .of(path)
}

/// The relative path with `/` between its parts, or `None` when it is no text.
fn relative(root: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path
        .strip_prefix(root)
        .ok()?
        .iter()
        .map(OsStr::to_str)
        .collect();
    parts.map(|parts| parts.join("/"))
}

/// The same for a person to read.
fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}
