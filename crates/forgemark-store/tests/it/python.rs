//! A Python environment with the programs that our tables are compared with.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use forgemark_contract::json::{Json, parse_str};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");

/// An environment in the target folder with pinned packages.
pub(crate) struct Python(PathBuf);

impl Python {
    /// What most tests want.
    pub(crate) fn new() -> Option<Self> {
        Self::with("requirements")
    }

    /// The packages of a list in `tests/python`; the environment is made once for every state of that file. `None`, with a line
    /// that says so, where there is no python3 or no package registry.
    pub(crate) fn with(list: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python");
        let folder = folder.join(list);
        let list = Path::new(SCRIPTS).join(format!("{list}.txt"));
        let wanted = std::fs::read_to_string(&list).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        // Tests run as processes side by side: the first makes it, the others wait.
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let made_of = folder.join("made-of");
        let python = folder.join("venv/bin/python");
        if std::fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == wanted) {
            return Some(Python(python));
        }
        let _ = std::fs::remove_file(&made_of);
        let venv = folder.join("venv");
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        if let Err(why) = run(&mut make) {
            println!("skipped: no python3 with venv: {why}");
            return None;
        }
        let mut install = Command::new(&python);
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ]);
        if let Err(why) = run(install.arg(&list)) {
            println!("skipped: the packages cannot be installed: {why}");
            return None;
        }
        std::fs::write(&made_of, wanted).unwrap();
        Some(Python(python))
    }

    /// The interpreter.
    #[cfg(feature = "s3")]
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.0)
    }

    /// Runs a script of `tests/python` and reads the JSON that it prints.
    pub(crate) fn json(&self, script: &str, arguments: &[&str]) -> Json {
        let mut command = Command::new(&self.0);
        command.arg(Path::new(SCRIPTS).join(script)).args(arguments);
        let printed = run(&mut command).unwrap_or_else(|why| panic!("{script}: {why}"));
        parse_str(&printed).unwrap_or_else(|error| panic!("{script}: {error}: {printed}"))
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
