//! The files that tidy looks at: what git tracks or would track, read once.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::lexer::{Regions, regions};

#[cfg(test)]
mod tests;

/// One text file.
pub(super) struct Source {
    /// Relative to the root, with forward slashes.
    pub(super) path: String,
    pub(super) text: String,
    /// For Rust only.
    pub(super) rust: Option<Rust>,
}

/// What is known of a Rust file beyond its text.
pub(super) struct Rust {
    pub(super) regions: Regions,
    /// Byte ranges that are compiled for tests only.
    pub(super) tests: Vec<Range<usize>>,
}

impl Source {
    pub(super) fn new(path: &str, text: String) -> Self {
        let rust = is_rust(path).then(|| {
            let regions = regions(&text);
            let tests = if is_test_file(path) {
                std::iter::once(0..text.len()).collect()
            } else {
                test_modules(&regions.code)
            };
            Rust { regions, tests }
        });
        Source {
            path: path.to_owned(),
            text,
            rust,
        }
    }

    /// Whether nothing in it reaches a product: an integration test, a unit test module, the testkit.
    pub(super) fn is_test(&self) -> bool {
        is_rust(&self.path) && is_test_file(&self.path)
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        1 + self.text[..offset].matches('\n').count()
    }

    /// Whether the file allows the check at this line (or at all, for line 0), with a reason.
    pub(super) fn allows(&self, check: &str, line: usize) -> bool {
        let has = |text: &str, marker: &str| {
            let rest = text.split_once(marker).map(|(_, rest)| rest.trim_start());
            rest.and_then(|rest| rest.find(')'))
                .is_some_and(|end| end > 0)
        };
        let everywhere = format!("tidy: allow-{check}-in-file(");
        if self.text.lines().any(|text| has(text, &everywhere)) {
            return true;
        }
        let here = format!("tidy: allow-{check}(");
        if line == 0 {
            return self.text.lines().any(|text| has(text, &here));
        }
        let first = line.saturating_sub(2);
        let lines = self.text.lines().skip(first).take(line - first);
        lines.into_iter().any(|text| has(text, &here))
    }
}

pub(super) fn is_rust(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|extension| extension == "rs")
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.contains("/tests/")
        || path.starts_with("tests/")
        || path.starts_with("crates/forgemark-testkit/")
}

/// The ranges of `#[cfg(test)] mod x { ... }`.
fn test_modules(code: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = code[from..].find("#[cfg(test)]").map(|at| from + at) {
        let head = start + "#[cfg(test)]".len();
        from = head;
        let item = code[head..].trim_start();
        if !item.starts_with("mod ") {
            continue;
        }
        let Some(open) = code[head..].find(['{', ';']).map(|at| head + at) else {
            break;
        };
        if code.as_bytes()[open] == b'{' {
            from = closing_brace(code, open);
            found.push(start..from);
        }
    }
    found
}

fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Reads every text file that git tracks or would track. What is no UTF-8 is no text and is left out.
pub(super) fn read_all(root: &Path) -> anyhow::Result<Vec<Source>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("cannot start git, which lists the files to check")?;
    anyhow::ensure!(
        output.status.success(),
        "git cannot list the files to check: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let list = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let mut sources = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        let full = root.join(path);
        // A file may be deleted and still be tracked.
        if !full.is_file() {
            continue;
        }
        let bytes = std::fs::read(&full).with_context(|| format!("cannot read {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source::new(path, text));
        }
    }
    anyhow::ensure!(
        !sources.is_empty(),
        "git lists no file under {}",
        root.display()
    );
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}
