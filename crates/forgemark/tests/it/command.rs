//! Runs the binary in a folder of its own with an environment of its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder and an environment for the binary.
pub(crate) struct Bench {
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            env: Vec::new(),
        }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_forgemark")));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Exit code, stdout and stderr in one text.
    pub(crate) fn shown(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap()
                .replace(&self.folder.path().display().to_string(), "DIR")
        };
        let mut shown = format!("exit {}\n", code(&output));
        for (name, text) in [
            ("stdout", text(output.stdout)),
            ("stderr", text(output.stderr)),
        ] {
            if !text.is_empty() {
                writeln!(shown, "--- {name}\n{}", text.trim_end()).unwrap();
            }
        }
        shown
    }
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("ended by a signal")
}

/// Fails unless what [`Bench::shown`] made of a command has this exit code and contains all of these.
#[track_caller]
pub(crate) fn assert_says(shown: &str, code: i32, parts: &[&str]) {
    assert!(shown.starts_with(&format!("exit {code}\n")), "{shown}");
    for part in parts {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
