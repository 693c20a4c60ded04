//! `cargo xtask codegen`: the documents that are made from the code, by asking the built program.
//!
//! A document is one line of [`GENERATED`]: where it stands, what it begins with, and what the program prints for it.
//! `--check` says what differs and writes nothing. It also reads the one page on configuration keys that is written by
//! hand ([`agree`]).

mod agree;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use serde_json::Value;

use crate::command::Line;

#[cfg(test)]
mod tests;

/// One document.
#[derive(Debug, Clone, Copy)]
struct Generated {
    /// Relative to the root.
    path: &'static str,
    /// What comes before the program's text.
    head: &'static str,
    content: Content,
}

/// Where the text comes from.
#[derive(Debug, Clone, Copy)]
enum Content {
    /// What `forgemark ARGS` prints.
    Printed(&'static [&'static str]),
    /// The same as a block of plain text in Markdown.
    Block(&'static [&'static str]),
    /// The help of the program and of every command in it.
    Commands,
}

/// All generated documents.
const GENERATED: &[Generated] = &[
    Generated {
        path: "docs/reference/configuration.md",
        head: "# Configuration keys\n\nMade by `cargo xtask codegen` from the table of keys. `forgemark config show CONFIG --origin` \
               says what a file resolves to.\n\n",
        content: Content::Printed(&["config", "keys"]),
    },
    Generated {
        path: "docs/reference/commands.md",
        head: "# Commands\n\nMade by `cargo xtask codegen` from the program's own help.\n",
        content: Content::Commands,
    },
    Generated {
        path: "docs/reference/exit-codes.md",
        head: "# Exit codes\n\nMade by `cargo xtask codegen`. `forgemark help exit-codes` prints the same.\n\n",
        content: Content::Block(&["help", "exit-codes"]),
    },
    Generated {
        path: "docs/reference/environment.md",
        head: "# Environment variables\n\nMade by `cargo xtask codegen`. `forgemark help environment` prints the same.\n\n",
        content: Content::Block(&["help", "environment"]),
    },
    Generated {
        path: "docs/reference/export-configuration.md",
        head: "# Configuration keys of an export\n\nMade by `cargo xtask codegen` from the table of keys. `forgemark config show CONFIG --for export \
               --origin` says what a file resolves to.\n\n",
        content: Content::Printed(&["config", "keys", "--for", "export"]),
    },
    Generated {
        path: "docs/reference/arena-configuration.md",
        head: "# Configuration keys of an arena\n\nMade by `cargo xtask codegen` from the table of keys. `forgemark config show CONFIG --for arena \
               --origin` says what a file resolves to.\n\n",
        content: Content::Printed(&["config", "keys", "--for", "arena"]),
    },
    Generated {
        path: "schemas/dialogue-config.schema.json",
        head: "",
        content: Content::Printed(&["config", "schema"]),
    },
    Generated {
        path: "schemas/dialogue-bundle.schema.json",
        head: "",
        content: Content::Printed(&["schema", "dialogue-bundle"]),
    },
    Generated {
        path: "schemas/arena-config.schema.json",
        head: "",
        content: Content::Printed(&["config", "schema", "--for", "arena"]),
    },
    Generated {
        path: "schemas/export-config.schema.json",
        head: "",
        content: Content::Printed(&["config", "schema", "--for", "export"]),
    },
];

/// Whether to write or only to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

impl Mode {
    /// Reads the arguments: none, or `--check`.
    pub(crate) fn parse(args: &[String]) -> anyhow::Result<Self> {
        match args {
            [] => Ok(Mode::Write),
            [only] if only == "--check" => Ok(Mode::Check),
            _ => anyhow::bail!("only --check is known, found '{}'", args.join(" ")),
        }
    }
}

/// Writes or checks every document; `false` when one is out of date.
pub(crate) fn run(root: &Path, mode: Mode) -> anyhow::Result<bool> {
    let program = build(root)?;
    let print = |args: &[&str]| ask(&program, args);
    let mut in_order = generate(root, mode, GENERATED, &print)?;
    let page = std::fs::read_to_string(root.join(agree::PAGE))
        .with_context(|| format!("cannot read {}", agree::PAGE))?;
    for difference in agree::differences(&print(&["config", "keys"])?, &page) {
        in_order = false;
        println!("{}: {difference}", agree::PAGE);
    }
    Ok(in_order)
}

/// Builds the program and says where it is.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let messages = Line::cargo([
        "build",
        "--quiet",
        "--package",
        "forgemark",
        "--message-format",
        "json-render-diagnostics",
        // The help is the same without the store, which compiles for minutes.
        "--no-default-features",
    ])
    .output(root)?;
    let executable = messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == "forgemark";
        let executable = message["executable"].as_str().filter(|_| ours)?;
        Some(PathBuf::from(executable))
    });
    executable.context("cargo built no program named forgemark")
}

/// What the program prints. Nothing of the surroundings may show in it.
fn ask(program: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(args)
        .env_clear()
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let shown = args.join(" ");
    anyhow::ensure!(
        output.status.success(),
        "`forgemark {shown}` failed: {}",
        output.status
    );
    let text = String::from_utf8(output.stdout)?;
    anyhow::ensure!(
        !text.trim().is_empty(),
        "`forgemark {shown}` printed nothing"
    );
    Ok(text)
}

type Print<'a> = &'a dyn Fn(&[&str]) -> anyhow::Result<String>;

impl Generated {
    fn text(&self, print: Print<'_>) -> anyhow::Result<String> {
        let mut text = self.head.to_owned();
        match self.content {
            Content::Printed(args) => text += &print(args)?,
            Content::Block(args) => text += &block(&print(args)?),
            Content::Commands => commands(&mut text, &[], print)?,
        }
        Ok(text)
    }
}

fn block(text: &str) -> String {
    let mut lines = String::from("```text\n");
    for line in text.trim_end().lines() {
        lines += line.trim_end();
        lines.push('\n');
    }
    lines + "```\n"
}

/// The help of the command at `path` and of all commands below it, in the order in which the help lists them.
fn commands(out: &mut String, path: &[&str], print: Print<'_>) -> anyhow::Result<()> {
    let mut args = path.to_vec();
    args.push("--help");
    let help = print(&args)?;
    let name = [&["forgemark"], path].concat().join(" ");
    // Writing to a string cannot fail.
    let _ = write!(out, "\n## {name}\n\n{}", block(&help));
    for name in listed(&help) {
        let mut below = path.to_vec();
        below.push(name);
        commands(out, &below, print)?;
    }
    Ok(())
}

/// The commands that a help text lists.
fn listed(help: &str) -> impl Iterator<Item = &str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // Deeper lines go on with the description of the command above.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
}

fn generate(
    root: &Path,
    mode: Mode,
    documents: &[Generated],
    print: Print<'_>,
) -> anyhow::Result<bool> {
    let mut stale = 0;
    for document in documents {
        let text = document.text(print)?;
        let path = root.join(document.path);
        let present = match std::fs::read_to_string(&path) {
            Ok(present) => present,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", document.path));
            }
        };
        if present == text {
            continue;
        }
        match mode {
            Mode::Write => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                std::fs::write(&path, &text)
                    .with_context(|| format!("cannot write {}", document.path))?;
                println!("written: {}", document.path);
            }
            Mode::Check => {
                stale += 1;
                let difference = difference(&present, &text);
                println!(
                    "out of date: {} ({difference}); run `cargo xtask codegen`",
                    document.path
                );
            }
        }
    }
    println!(
        "codegen: {} documents, {stale} out of date",
        documents.len()
    );
    Ok(stale == 0)
}

/// The first line that differs.
fn difference(present: &str, wanted: &str) -> String {
    if present.is_empty() {
        return "missing".to_owned();
    }
    let (mut present, mut wanted) = (present.lines(), wanted.lines());
    let mut number = 1;
    loop {
        match (present.next(), wanted.next()) {
            (Some(a), Some(b)) if a == b => number += 1,
            (None, None) => return "the end of the last line".to_owned(),
            (a, b) => {
                let show = |line: Option<&str>| {
                    line.map_or("the end of the file".to_owned(), |line| format!("'{line}'"))
                };
                return format!("line {number}: {} should be {}", show(a), show(b));
            }
        }
    }
}
