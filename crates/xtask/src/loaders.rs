//! `cargo xtask loaders`: files of every trainer's format, and bundles, through the libraries that trainers read them with.
//!
//! The Python environment is made once from the package registry, under the target folder, and again when
//! `tests/loaders/requirements.txt` changes. Where there is no Python or no registry, a line says so and nothing is checked.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::command::Line;

/// Runs it; `false` when a file was not read as it was written.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let tests = root.join("tests/loaders");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || root.join("target"),
        |folder| root.join(PathBuf::from(folder)),
    );
    let folder = target.join("loaders");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let python = match environment(&tests.join("requirements.txt"), &folder.join("env"))? {
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

/// The interpreter of an environment with what is required, or why there is none.
fn environment(requirements: &Path, folder: &Path) -> anyhow::Result<Result<PathBuf, String>> {
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let python = folder.join("bin/python");
    let mark = folder.join("requirements.txt");
    if fs::read_to_string(&mark).is_ok_and(|made| made == wanted) && works(&python) {
        return Ok(Ok(python));
    }
    if !works("python3") {
        return Ok(Err("there is no python3".to_owned()));
    }
    eprintln!("$ python3 -m venv {}", folder.display());
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(folder);
    if !succeeds(&mut make)? {
        return Ok(Err(
            "python3 makes no environment (its venv module is missing)".to_owned(),
        ));
    }
    let mut install = Command::new(&python);
    install
        .args(["-m", "pip", "install", "--quiet", "--retries", "2"])
        .args([
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "-r",
        ])
        .arg(requirements);
    eprintln!("$ pip install -r {}", requirements.display());
    if !succeeds(&mut install)? {
        return Ok(Err(format!(
            "the package registry did not give what {} asks for",
            requirements.display()
        )));
    }
    fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))?;
    Ok(Ok(python))
}

fn works(python: impl AsRef<OsStr>) -> bool {
    let mut command = Command::new(python);
    let quiet = command
        .args(["-c", "import venv"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(status.success())
}
