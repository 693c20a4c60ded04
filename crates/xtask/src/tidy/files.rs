//! Rules about whole files: their size, their head, their place, and what may not be left behind.

use std::path::Path;

use super::{Finding, Hit, Level, source::Source};

#[cfg(test)]
mod tests;

/// Code lines from which a file should be divided.
const WARN_LINES: usize = 600;
/// Code lines from which it must be.
const MAX_LINES: usize = 900;
/// The same for tests.
const MAX_TEST_LINES: usize = 1_500;

/// A file that is too long: lines with code on them count, comments and blank lines do not.
pub(super) fn size(source: &Source) -> Vec<Hit> {
    let Some(rust) = &source.rust else {
        return Vec::new();
    };
    let code = rust.regions.code.lines().zip(rust.regions.literals.lines());
    let lines = code
        .filter(|(code, literals)| !code.trim().is_empty() || !literals.trim().is_empty())
        .count();
    let (warn, max) = if source.is_test() {
        (MAX_TEST_LINES, MAX_TEST_LINES)
    } else {
        (WARN_LINES, MAX_LINES)
    };
    let hit = |level, limit| Hit {
        level,
        line: 0,
        what: format!("{lines} code lines, more than {limit}: divide it"),
    };
    if lines > max {
        vec![hit(Level::Fail, max)]
    } else if lines > warn {
        vec![hit(Level::Warn, warn)]
    } else {
        Vec::new()
    }
}

/// A Rust file that does not begin with its documentation. A unit test module (`foo/tests.rs`) is described by its place.
pub(super) fn module_doc(source: &Source) -> Vec<Hit> {
    if source.rust.is_none() || source.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let first = source
        .text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty());
    if first.is_some_and(|line| line.starts_with("//!")) {
        Vec::new()
    } else {
        vec![Hit::fail(
            1,
            "the file does not begin with its documentation (`//!`)",
        )]
    }
}

/// A module in a `mod.rs`.
pub(super) fn layout(source: &Source) -> Vec<Hit> {
    if source.path.ends_with("/mod.rs") {
        vec![Hit::fail(
            0,
            "modules stand in `foo.rs` beside `foo/`, not in `foo/mod.rs`",
        )]
    } else {
        Vec::new()
    }
}

/// A crate that does not take the lints of the workspace, or loosens one.
pub(super) fn lints(source: &Source) -> Vec<Hit> {
    if !(source.path.starts_with("crates/") && source.path.ends_with("/Cargo.toml")) {
        return Vec::new();
    }
    let mut section = "";
    let mut inherits = false;
    let mut hits = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if section == "lints" && line.replace(' ', "") == "workspace=true" {
            inherits = true;
        }
        if section.starts_with("lints.") && line.contains("\"allow\"") {
            hits.push(Hit::fail(at + 1, "a crate may not loosen a lint"));
        }
    }
    if !inherits {
        hits.push(Hit::fail(0, "the crate does not take the lints of the workspace (`[lints]` with `workspace = true`)"));
    }
    hits
}

/// Snapshots that nobody has looked at; git ignores them, so the folders are walked.
pub(super) fn leftovers(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut folders = vec![root.join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".snap.new") {
                findings.push(Finding {
                    level: Level::Fail,
                    check: "snapshot",
                    path: path
                        .strip_prefix(root)
                        .unwrap_or(&path)
                        .to_string_lossy()
                        .into_owned(),
                    line: 0,
                    what: "a new snapshot waits for a decision: accept it or delete it".to_owned(),
                });
            }
        }
    }
    Ok(findings)
}
