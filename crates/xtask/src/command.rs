//! External commands: built once, shown as one would type them, run with the surroundings of a plain shell.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

#[cfg(test)]
mod tests;

/// One command line, run in the workspace root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    env: Vec<(&'static str, String)>,
    args: Vec<String>,
}

impl Line {
    /// `cargo` with these arguments.
    pub(crate) fn cargo<I>(args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Line {
            env: Vec::new(),
            args: args.into_iter().map(Into::into).collect(),
        }
    }

    /// The same line with an environment variable.
    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// The same line with more arguments.
    pub(crate) fn args(mut self, args: &[String]) -> Self {
        self.args.extend(args.iter().cloned());
        self
    }

    /// Runs it, its output going where ours goes; `true` when it succeeded.
    pub(crate) fn run(&self, root: &Path) -> anyhow::Result<bool> {
        self.announce();
        let status = self
            .command(root)
            .status()
            .with_context(|| self.cannot_start())?;
        Ok(status.success())
    }

    /// Runs it and hands every line of its standard output to `seen`, which is also shown as it comes.
    pub(crate) fn run_watched(
        &self,
        root: &Path,
        mut seen: impl FnMut(&str),
    ) -> anyhow::Result<bool> {
        self.announce();
        let mut child = self
            .command(root)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| self.cannot_start())?;
        let output = child.stdout.take().context("the output was not captured")?;
        let mut reader = BufReader::new(output);
        let mut line = Vec::new();
        let mut out = std::io::stdout().lock();
        while reader.read_until(b'\n', &mut line)? > 0 {
            out.write_all(&line)?;
            out.flush()?;
            seen(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
        drop(out);
        Ok(child.wait()?.success())
    }

    /// Runs it silently and returns its standard output.
    pub(crate) fn output(&self, root: &Path) -> anyhow::Result<String> {
        let output = self
            .command(root)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| self.cannot_start())?;
        anyhow::ensure!(
            output.status.success(),
            "`{self}` failed: {}",
            output.status
        );
        String::from_utf8(output.stdout).with_context(|| format!("`{self}` did not print text"))
    }

    /// Whether it can be run at all; what it prints is thrown away.
    pub(crate) fn works(&self, root: &Path) -> bool {
        self.command(root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn announce(&self) {
        eprintln!("$ {self}");
    }

    fn cannot_start(&self) -> String {
        format!("cannot start `{self}`")
    }

    fn command(&self, root: &Path) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(&self.args).current_dir(root);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(set_by_cargo_run) {
                command.env_remove(name);
            }
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str("cargo")?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

/// As a shell would need it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Whether `cargo run` sets this variable for the program that it starts. Build scripts watch some of them (ring's does),
/// so that a nested cargo that inherits them builds again what a cargo typed by hand had built, and the other way round.
fn set_by_cargo_run(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || [
            "CARGO",
            "CARGO_BIN_NAME",
            "CARGO_CRATE_NAME",
            "CARGO_PRIMARY_PACKAGE",
            "OUT_DIR",
        ]
        .contains(&name)
}

/// The folder of the workspace that this command was started from.
pub(crate) fn workspace_root() -> anyhow::Result<PathBuf> {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
    let root = Path::new(&manifest_dir)
        .ancestors()
        .nth(2)
        .context("xtask stands in no workspace")?;
    Ok(root.to_owned())
}
