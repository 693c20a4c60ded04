//! `cargo xtask test`: nextest where it is installed, else `cargo test`; the same tests either way.
//!
//! nextest knows no examples in the documentation, so no crate runs them (tidy sees to it): both run the same tests. Plain
//! `cargo test` closes with the result of the last of many test programs; one line with the sum of all follows it.

use std::path::Path;

use crate::command::Line;

#[cfg(test)]
mod tests;

/// Runs the tests; further arguments go to the runner as they are. `false` when one failed.
pub(crate) fn run(root: &Path, args: &[String]) -> anyhow::Result<bool> {
    if Line::cargo(["nextest", "--version"]).works(root) {
        nextest(args, std::env::var_os("CI").is_some()).run(root)
    } else {
        eprintln!("cargo-nextest is not installed; running `cargo test`");
        let mut sum = Sum::default();
        let ok = plain(args).run_watched(root, |line| sum.add(line))?;
        println!("\n{}", sum.closing_line());
        Ok(ok && sum.failed == 0)
    }
}

fn nextest(args: &[String], ci: bool) -> Line {
    let profile: &[&str] = if ci { &["--profile", "ci"] } else { &[] };
    Line::cargo(
        ["nextest", "run"]
            .iter()
            .chain(profile)
            .chain(scope(args))
            .copied(),
    )
    .args(args)
}

fn plain(args: &[String]) -> Line {
    // One failing program must not hide the others.
    Line::cargo(
        ["test", "--no-fail-fast"]
            .iter()
            .chain(scope(args))
            .copied(),
    )
    .args(args)
}

/// The whole workspace, unless the arguments choose packages.
fn scope(args: &[String]) -> &'static [&'static str] {
    let own = args.iter().take_while(|arg| *arg != "--");
    let chosen = own.into_iter().any(|arg| {
        arg.starts_with("-p")
            || arg == "--workspace"
            || arg.starts_with("--package")
            || arg.starts_with("--exclude")
    });
    if chosen { &[] } else { &["--workspace"] }
}

/// The counts of all test programs of one `cargo test`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Sum {
    /// Adds `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s`.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.trim().strip_prefix("test result: ") else {
            return;
        };
        let counts = rest.split_once(". ").map_or("", |(_, counts)| counts);
        for part in counts.split(';') {
            let mut words = part.split_whitespace();
            let Some(count) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
                continue;
            };
            match words.next() {
                Some("passed") => self.passed += count,
                Some("failed") => self.failed += count,
                Some("ignored" | "filtered") => self.skipped += count,
                _ => {}
            }
        }
    }

    fn closing_line(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}
