//! Python environments for the checks that need libraries or servers of other people.
//!
//! Each is made once from the package registry, in a folder below the target folder, and again when its list of requirements
//! changes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

/// The folder `name` below the target folder, made where it is missing.
pub(crate) fn folder(root: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = target(root).join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Where cargo builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || root.join("target"),
        |folder| root.join(PathBuf::from(folder)),
    )
}

/// The interpreter of an environment with what is required, or why there is none.
pub(crate) fn environment(
    requirements: &Path,
    folder: &Path,
) -> anyhow::Result<Result<PathBuf, String>> {
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
