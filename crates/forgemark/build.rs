//! Tells the binary which commit it was built from: the commit of the repository that this crate
//! stands in, else `FORGEMARK_COMMIT` (for builds from an archive), else `unknown`.
//!
//! The script runs again only when the checked-out commit changes, not on every build.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Digits of a commit that are shown.
const DIGITS: usize = 12;

fn main() {
    let crate_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    let commit = from_git(&crate_dir).or_else(|| std::env::var("FORGEMARK_COMMIT").ok());
    let commit = commit.map(|commit| commit.trim().chars().take(DIGITS).collect::<String>());
    let commit = commit
        .filter(|commit| !commit.is_empty())
        .unwrap_or_else(|| "unknown".to_owned());
    say(&format!("rustc-env=FORGEMARK_BUILD_COMMIT={commit}"));
    say("rerun-if-changed=build.rs");
    say("rerun-if-env-changed=FORGEMARK_COMMIT");
}

/// The commit, when the repository really is this project's and not one that happens to lie around
/// an unpacked archive.
fn from_git(crate_dir: &Path) -> Option<String> {
    let top = PathBuf::from(git(crate_dir, &["rev-parse", "--show-toplevel"])?);
    let project = crate_dir.ancestors().nth(2)?;
    if top.canonicalize().ok()? != project.canonicalize().ok()? {
        return None;
    }
    let branch = git(crate_dir, &["symbolic-ref", "--quiet", "HEAD"]);
    // A file that does not exist would make cargo run the script every time.
    for name in ["HEAD", "logs/HEAD", "packed-refs"]
        .into_iter()
        .chain(branch.as_deref())
    {
        let file = git(crate_dir, &["rev-parse", "--git-path", name])?;
        let file = crate_dir.join(file);
        if file.is_file() {
            say(&format!("rerun-if-changed={}", file.display()));
        }
    }
    git(crate_dir, &["rev-parse", "HEAD"])
}

fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn say(instruction: &str) {
    println!("cargo::{instruction}");
}
