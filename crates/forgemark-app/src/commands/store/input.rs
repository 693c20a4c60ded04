//! What `ingest` is given: files and folders, and what each holds.

use std::path::{Path, PathBuf};

use forgemark_arena::is_arena;
use forgemark_contract::ingest::{Arena, RowShape};

use crate::assemble::disk;
use crate::error::{AppError, ErrorKind};

/// The conversations of a dialogue run.
const CONVERSATIONS: &str = "synthetic_qa.jsonl";

/// Folders within folders that are looked into.
const DEEPEST: usize = 16;

/// One thing to take in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A file of lines, what its keys begin with unless a source is named, and its shape where that is known.
    Lines(PathBuf, String, Option<RowShape>),
    /// The files of an arena in the order in which one stands on another, and what their keys begin with.
    Arena(PathBuf, String, Vec<String>),
}

/// Everything that a path stands for.
///
/// # Errors
/// A path that is not there, and a folder that holds nothing that could be taken in.
pub(super) fn inputs(path: &Path) -> Result<Vec<Input>, AppError> {
    if !path.exists() {
        let what = format!("there is no {}", path.display());
        return Err(AppError::new(ErrorKind::NotFound, what));
    }
    if !path.is_dir() {
        return Ok(vec![Input::Lines(path.to_owned(), stem(path), None)]);
    }
    let mut found = Vec::new();
    folder(path, path, 0, &mut found)?;
    if found.is_empty() {
        let what = format!("{} holds nothing that can be taken in", path.display());
        return Err(AppError::new(ErrorKind::NotFound, what).hint(
            "name the output folder of a dialogue run (`saving.output_dir`), an arena folder, or files of JSON lines",
        ));
    }
    Ok(found)
}

fn folder(root: &Path, dir: &Path, depth: usize, found: &mut Vec<Input>) -> Result<(), AppError> {
    if dir.join(CONVERSATIONS).is_file() {
        // The other files of the folder say the same once more.
        let shape = Some(RowShape::Dialogue);
        let file = dir.join(CONVERSATIONS);
        found.push(Input::Lines(file, "dialogue".to_owned(), shape));
        return Ok(());
    }
    if is_arena(&*disk(), dir) {
        let mut files = Vec::new();
        arena_files(dir, "", 0, &mut files)?;
        files.sort();
        let files = files.into_iter().map(|(_, path)| path).collect();
        found.push(Input::Arena(dir.to_owned(), stem(dir), files));
        return Ok(());
    }
    for name in names(dir)? {
        let path = dir.join(&name);
        if path.is_dir() {
            if depth < DEEPEST {
                folder(root, &path, depth + 1, found)?;
            }
        } else if path.extension().is_some_and(|end| end == "jsonl") {
            let inside = path.strip_prefix(root).unwrap_or(&path).with_extension("");
            let origin = inside.to_string_lossy().replace('\\', "/");
            found.push(Input::Lines(path, origin, None));
        }
    }
    Ok(())
}

/// The files of an arena with their ranks.
fn arena_files(
    root: &Path,
    inside: &str,
    depth: usize,
    files: &mut Vec<(usize, String)>,
) -> Result<(), AppError> {
    for name in names(&root.join(inside))? {
        let path = match inside {
            "" => name,
            folder => format!("{folder}/{name}"),
        };
        if root.join(&path).is_dir() {
            if depth < DEEPEST {
                arena_files(root, &path, depth + 1, files)?;
            }
        } else {
            files.extend(Arena::rank(&path).map(|rank| (rank, path)));
        }
    }
    Ok(())
}

/// The names in a folder in order, without hidden ones.
fn names(dir: &Path) -> Result<Vec<String>, AppError> {
    let mut names = disk().list(dir).map_err(|source| AppError::Io {
        action: "read",
        path: dir.to_owned(),
        source,
    })?;
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// The name without its extension; that of `.` and the like is found out.
fn stem(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let named = if path.is_dir() {
        absolute.file_name()
    } else {
        absolute.file_stem()
    };
    let name = named.map(|name| name.to_string_lossy().into_owned());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "data".to_owned())
}
