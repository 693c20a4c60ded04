//! `cargo xtask ci`: every step that a change must pass, in one order, with one table of results at the end.
//!
//! A step that fails does not stop the others: one run shows all there is to mend.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::command::Line;
use crate::{codegen, loaders, runner, servers, tidy};

#[cfg(test)]
mod tests;

/// The steps in the order in which they run.
const STEPS: &[Step] = &[
    Step {
        name: "test",
        command: "cargo xtask test",
        needs: None,
        run: |root| runner::run(root, &[]),
    },
    Step {
        name: "clippy",
        command: "cargo clippy --workspace --all-targets -- -D warnings",
        needs: None,
        run: |root| {
            Line::cargo([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])
            .run(root)
        },
    },
    Step {
        name: "fmt",
        command: "cargo fmt --all --check",
        needs: None,
        run: |root| Line::cargo(["fmt", "--all", "--check"]).run(root),
    },
    Step {
        name: "doc",
        command: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
        needs: None,
        run: |root| {
            Line::cargo(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings")
                .run(root)
        },
    },
    Step {
        name: "loaders",
        command: "cargo xtask loaders",
        needs: None,
        run: loaders::run,
    },
    Step {
        name: "servers",
        command: "cargo xtask servers",
        needs: None,
        run: servers::run,
    },
    Step {
        name: "tidy",
        command: "cargo xtask tidy",
        needs: None,
        run: tidy::run,
    },
    Step {
        name: "codegen",
        command: "cargo xtask codegen --check",
        needs: None,
        run: |root| codegen::run(root, codegen::Mode::Check),
    },
    Step {
        name: "deny",
        command: "cargo deny check",
        needs: Some(&["deny", "--version"]),
        run: |root| Line::cargo(["deny", "check"]).run(root),
    },
];

struct Step {
    name: &'static str,
    /// How to run it alone.
    command: &'static str,
    /// The cargo command that must work; where it does not, the step is left out and says so.
    needs: Option<&'static [&'static str]>,
    run: fn(&Path) -> anyhow::Result<bool>,
}

/// Which steps to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
}

impl Selection {
    /// Reads `--only STEP` and `--skip STEP`, each any number of times.
    pub(crate) fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut selection = Selection::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let list = match arg.as_str() {
                "--only" => &mut selection.only,
                "--skip" => &mut selection.skip,
                other => anyhow::bail!(
                    "unexpected argument '{other}': only --only STEP and --skip STEP are known"
                ),
            };
            let name = args
                .next()
                .with_context(|| format!("{arg} needs the name of a step"))?;
            anyhow::ensure!(
                STEPS.iter().any(|step| step.name == name),
                "there is no step '{name}': the steps are {}",
                STEPS
                    .iter()
                    .map(|step| step.name)
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            list.push(name.clone());
        }
        Ok(selection)
    }

    fn contains(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|only| only == name))
            && !self.skip.iter().any(|skip| skip == name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    NotInstalled,
}

struct Row {
    step: &'static Step,
    verdict: Verdict,
    took: Duration,
}

/// Runs the chosen steps; `false` when one failed.
pub(crate) fn run(root: &Path, selection: &Selection) -> bool {
    let mut rows = Vec::new();
    for step in STEPS.iter().filter(|step| selection.contains(step.name)) {
        eprintln!("\n== {}", step.name);
        let start = Instant::now();
        let missing = step
            .needs
            .is_some_and(|probe| !Line::cargo(probe.iter().copied()).works(root));
        let verdict = if missing {
            eprintln!("not installed here: {}", step.command);
            Verdict::NotInstalled
        } else {
            match (step.run)(root) {
                Ok(true) => Verdict::Passed,
                Ok(false) => Verdict::Failed,
                Err(error) => {
                    eprintln!("error: {error:#}");
                    Verdict::Failed
                }
            }
        };
        rows.push(Row {
            step,
            verdict,
            took: start.elapsed(),
        });
    }
    print!("\n{}", table(&rows));
    rows.iter().all(|row| row.verdict != Verdict::Failed)
}

fn table(rows: &[Row]) -> String {
    let total: Duration = rows.iter().map(|row| row.took).sum();
    let mut text = format!("{:<8} {:<13} {:>8}  command\n", "step", "result", "seconds");
    for row in rows {
        let verdict = match row.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::NotInstalled => "not installed",
        };
        let (name, command) = (row.step.name, row.step.command);
        let seconds = row.took.as_secs_f64();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<8} {verdict:<13} {seconds:>8.1}  {command}");
    }
    let _ = writeln!(text, "{:<8} {:<13} {:>8.1}", "all", "", total.as_secs_f64());
    text
}
