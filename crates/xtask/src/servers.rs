//! `cargo xtask servers`: the binary and its client against servers of other people, with a tiny model that is made here.
//!
//! Where there is no Python or no registry, a line says so and nothing is checked.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::command::Line;
use crate::python;

/// Runs it; `false` when a check did not hold.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let tests = root.join("tests/servers");
    let folder = python::folder(root, "servers")?;
    let python = match python::environment(&tests.join("requirements.txt"), &folder.join("env"))? {
        Ok(python) => python,
        Err(reason) => {
            println!("servers: skipped, {reason}");
            return Ok(true);
        }
    };
    // Each by itself: cargo joins the features of what it builds together.
    let binary = Line::cargo(["build", "-q", "-p", "forgemark", "--no-default-features"]);
    let example = ["build", "-q", "-p", "forgemark-model", "--example"];
    let checks = Line::cargo(example).args(&["server_checks".to_owned()]);
    if !binary.run(root)? || !checks.run(root)? {
        return Ok(false);
    }
    let built = python::target(root).join("debug");
    let status = Command::new(python)
        .arg(tests.join("run.py"))
        .arg(built.join("forgemark"))
        .arg(built.join("examples/server_checks"))
        .arg(folder.join("files"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .status()
        .context("cannot start Python")?;
    Ok(status.success())
}
