//! `cargo xtask tidy`: the rules of this repository that no compiler checks.
//!
//! Each rule about one file is a [`FileCheck`]; rules about the whole (crate edges, forgotten snapshots) take the folder.
//! A line that must break a rule says so on itself or on the line above: `tidy: allow-NAME(reason)` in a comment, where
//! NAME is the name of the check. `tidy: allow-NAME-in-file(reason)` sets the rule aside for a whole file, and a file that
//! must be long says `tidy: allow-size(reason)` anywhere.
//!
//! ```text
//! git ls-files ─> Source (text, and for Rust the regions: code, comments, strings) ─> file checks ──┐
//! cargo metadata ─> edges ──────────────────────────────────────────────────────────────────────────┼─> findings
//! folders ─> leftovers ─────────────────────────────────────────────────────────────────────────────┘
//! ```

mod attributes;
mod edges;
mod files;
mod lexer;
mod network;
mod source;
mod words;

use std::fmt;
use std::path::Path;

use source::Source;

#[cfg(test)]
mod tests;

/// A rule about one file.
struct FileCheck {
    /// As it stands in findings and in `tidy: allow-NAME(reason)`.
    name: &'static str,
    find: fn(&Source) -> Vec<Hit>,
}

const FILE_CHECKS: &[FileCheck] = &[
    FileCheck {
        name: "size",
        find: files::size,
    },
    FileCheck {
        name: "head",
        find: files::module_doc,
    },
    FileCheck {
        name: "layout",
        find: files::layout,
    },
    FileCheck {
        name: "lints",
        find: files::lints,
    },
    FileCheck {
        name: "allow",
        find: attributes::allow,
    },
    FileCheck {
        name: "ignore",
        find: attributes::ignore,
    },
    FileCheck {
        name: "serde",
        find: attributes::serde,
    },
    FileCheck {
        name: "path",
        find: words::machine_path,
    },
    FileCheck {
        name: "todo",
        find: words::todo,
    },
    FileCheck {
        name: "ambient",
        find: words::ambient,
    },
    FileCheck {
        name: "address",
        find: network::address,
    },
];

/// What a check found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hit {
    level: Level,
    /// From 1; 0 for the file as a whole.
    line: usize,
    what: String,
}

impl Hit {
    fn fail(line: usize, what: impl Into<String>) -> Self {
        Hit {
            level: Level::Fail,
            line,
            what: what.into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Warn,
    Fail,
}

/// A hit with the file and the check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    level: Level,
    check: &'static str,
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warn => "warning",
            Level::Fail => "error",
        };
        write!(f, "{level}[{}] {}", self.check, self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Runs every check; `false` when one fails.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let sources = source::read_all(root)?;
    let mut findings: Vec<Finding> = sources.iter().flat_map(check_file).collect();
    findings.extend(files::leftovers(root)?);
    findings.extend(edges::check(root)?);
    findings.sort_by(|a, b| (b.level, &a.path, a.line).cmp(&(a.level, &b.path, b.line)));
    for finding in &findings {
        println!("{finding}");
    }
    let failures = findings
        .iter()
        .filter(|finding| finding.level == Level::Fail)
        .count();
    println!(
        "tidy: {} files, {} checks, {failures} errors, {} warnings",
        sources.len(),
        FILE_CHECKS.len() + 2,
        findings.len() - failures
    );
    Ok(failures == 0)
}

/// What all file checks find in one file, less what the file allows.
fn check_file(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in FILE_CHECKS {
        for hit in (check.find)(source) {
            if !source.allows(check.name, hit.line) {
                findings.push(Finding {
                    level: hit.level,
                    check: check.name,
                    path: source.path.clone(),
                    line: hit.line,
                    what: hit.what,
                });
            }
        }
    }
    findings
}
