//! `cargo xtask loaders`: files of every trainer's format, and bundles, through the libraries that trainers read them with.
//!
//! Where there is no Python or no registry, a line says so and nothing is checked.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::command::Line;
use crate::python;

/// Runs it; `false` when a file was not read as it was written.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let tests = root.join("tests/loaders");
    let folder = python::folder(root, "loaders")?;
    let python = match python::environment(&tests.join("requirements.txt"), &folder.join("env"))? {
        Ok(python) => python,
        Err(reason) => {
            println!("loaders: skipped, {reason}");
            return Ok(true);
        }
    };
    let files = folder.join("files");
    let Some(name) = files.to_str() else {
        anyhow::bail!(
            "{} is no text; choose another target folder",
            files.display()
        );
    };
    let bundles = folder.join("bundles");
    let bundles_name = bundles.to_string_lossy();
    let written = [
        ("forgemark-curate", "trainer_files", name),
        ("forgemark-dialogue", "bundle_files", &*bundles_name),
    ];
    for (package, example, to) in written {
        let example = ["run", "-q", "-p", package, "--example", example];
        let arguments = ["--".to_owned(), to.to_owned()];
        if !Line::cargo(example).args(&arguments).run(root)? {
            return Ok(false);
        }
    }
    let status = Command::new(python)
        .arg(tests.join("load.py"))
        .args([&files, &bundles])
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HOME", folder.join("cache"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .context("cannot start Python")?;
    Ok(status.success())
}
