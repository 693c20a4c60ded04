//! Rules about words: no folder of somebody's machine, no promise without a number, no clock, environment or chance below
//! the app.

use super::{Hit, source::Source};

#[cfg(test)]
mod tests;

/// Folders that exist on one machine only. Put together here, so that this file does not name them.
const MACHINE_FOLDERS: &[&str] = &["work", "root", "home", "Users"];

/// A path of a machine: `/` and one of the folders, where a path begins.
pub(super) fn machine_path(source: &Source) -> Vec<Hit> {
    // Other people's text, and names and hashes of packages.
    if source.path == "LICENSE" || source.path == "Cargo.lock" {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            let path = format!("/{folder}/");
            let begins = |offset: usize| {
                !line[..offset].ends_with(|c: char| c.is_alphanumeric() || "._-*}])/".contains(c))
            };
            if line.match_indices(&path).any(|(offset, _)| begins(offset)) {
                hits.push(Hit::fail(
                    at + 1,
                    format!("`{path}` is a path of one machine"),
                ));
            }
        }
    }
    hits
}

/// Something left to do that no issue keeps: the words below without `(#NUMBER)` behind them. Looked for in comments.
pub(super) fn todo(source: &Source) -> Vec<Hit> {
    let hash_comments = [".toml", ".yaml", ".yml", ".sh", ".ci/run"];
    let text = match &source.rust {
        Some(rust) => &rust.regions.comments,
        None if hash_comments.iter().any(|end| source.path.ends_with(end)) => &source.text,
        None => return Vec::new(),
    };
    let mut hits = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for word in [concat!("TO", "DO"), concat!("FIX", "ME")] {
            let open = line.match_indices(word).any(|(offset, _)| {
                let whole = !line[..offset].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let rest = &line[offset + word.len()..];
                whole
                    && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
                    && !has_number(rest)
            });
            if open {
                hits.push(Hit::fail(
                    at + 1,
                    format!("`{word}` needs the number of its issue: `{word}(#12)`"),
                ));
            }
        }
    }
    hits
}

/// Crates that may ask the system what time it is and what the environment holds; all others are handed it.
const MAY_ASK: &[&str] = &["forgemark-app", "forgemark", "forgemark-testkit", "xtask"];

/// What asks the system for something that differs from run to run. `Instant::now` is left out: it measures time, and no
/// result may depend on it.
const AMBIENT: &[&str] = &[
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "env::var",
    "env::current_dir",
    "env::temp_dir",
    "rand::rng",
    "rand::random",
    "from_os_rng",
    "from_entropy",
];

/// A clock, a variable or a random source below the app.
pub(super) fn ambient(source: &Source) -> Vec<Hit> {
    let (Some(rust), Some(path)) = (&source.rust, source.path.strip_prefix("crates/")) else {
        return Vec::new();
    };
    let name = path.split('/').next().unwrap_or_default();
    if MAY_ASK.contains(&name) {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for word in AMBIENT {
        for (offset, _) in rust.regions.code.match_indices(word) {
            if !rust.tests.iter().any(|range| range.contains(&offset)) {
                let what = format!(
                    "`{word}` below the app: results may not depend on it, let it be handed in"
                );
                hits.push(Hit::fail(source.line_of(offset), what));
            }
        }
    }
    hits
}

fn has_number(rest: &str) -> bool {
    rest.strip_prefix("(#")
        .and_then(|rest| rest.split_once(')'))
        .is_some_and(|(number, _)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}
