//! What every command on decisions begins with: the folder, and the policy.

use std::collections::HashSet;
use std::path::Path;

use forgemark_arena::policy::{PRESETS, RULES};
use forgemark_arena::{Corpus, Docket, Graph, Policy, PolicyError, faults};
use forgemark_contract::settings::nearest;
use forgemark_journal::write_atomic;

use super::check::corpus_error;
use crate::Context;
use crate::assemble::disk;
use crate::error::{AppError, ErrorKind};
use crate::escape;
use crate::human;
use crate::table::{Align, Table};

/// Faults of a folder that are said before anything is made of it.
const SHOWN_FAULTS: usize = 5;

/// Reads an arena folder, and says the first of its faults with file and key.
///
/// # Errors
/// A folder that is missing, holds no arena or cannot be read.
pub(super) fn load(dir: &Path, context: &Context<'_>) -> Result<Corpus, AppError> {
    if !dir.exists() {
        let what = format!("there is no folder {}", dir.display());
        return Err(AppError::new(ErrorKind::NotFound, what));
    }
    let corpus = Corpus::load(&*disk(), dir, false).map_err(corpus_error)?;
    let faults = faults(&corpus);
    for fault in faults.iter().take(SHOWN_FAULTS) {
        let key = match fault.key.as_str() {
            "" => String::new(),
            key => format!(" {key}:"),
        };
        let text = format!("{}:{key} {}", fault.place(), fault.what);
        context.printer.warn(escape::for_line(&text));
    }
    if !faults.is_empty() {
        let all = human::plural(faults.len() as u64, "fault", "faults");
        context.printer.warn(format!(
            "{all} in the folder; what cannot be read counts nowhere, of what stands twice the last counts: `forgemark arena check {}`",
            dir.display()
        ));
    }
    Ok(corpus)
}

/// Runs `$body` with a docket of a corpus.
pub(super) fn with_docket<T>(corpus: &Corpus, body: impl FnOnce(&Docket<'_>) -> T) -> T {
    let graph = Graph::new(corpus, &HashSet::new());
    body(&Docket::new(corpus, &graph))
}

/// The policy that an argument names: a preset, or a file.
///
/// # Errors
/// A name that is neither, and a file that says no policy.
pub(super) fn policy(asked: &str) -> Result<Policy, AppError> {
    if let Some(policy) = Policy::preset(asked) {
        return Ok(policy);
    }
    let path = Path::new(asked);
    if !path.exists() {
        let what = format!("there is no policy and no file '{asked}'");
        let error = AppError::new(ErrorKind::NotFound, what);
        return Err(match nearest(asked, PRESETS) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the policies are {}", PRESETS.join(", "))),
        });
    }
    let bytes = disk().read(path).map_err(|source| AppError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy());
    Policy::from_file(&bytes, &name.unwrap_or_default()).map_err(|error| {
        let app = AppError::new(ErrorKind::Config, format!("{}: {error}", path.display()));
        match error {
            PolicyError::Unknown {
                near: Some(near), ..
            } => app.hint(format!("did you mean `{near}`?")),
            _ => app.hint("`forgemark arena policy NAME --json` prints a whole file"),
        }
    })
}

/// A policy as tables of all its fields.
pub(super) fn policy_text(policy: &Policy) -> String {
    let mut rules = Table::new(&[
        ("rule", Align::Left),
        (RULES[0], Align::Left),
        (RULES[1], Align::Left),
        (RULES[2], Align::Left),
        (RULES[3], Align::Left),
    ]);
    let columns = policy.rules().map(forgemark_arena::policy::Rule::fields);
    for (at, (field, _)) in columns[0].iter().enumerate() {
        let words = columns.iter().map(|fields| fields[at].1);
        rules.row([*field].into_iter().chain(words));
    }
    let mut rest = Table::new(&[("", Align::Left), ("", Align::Left)]);
    for (field, word) in [
        ("contradictor_scope", policy.contradictor_scope.as_str()),
        ("missing_contradictor", policy.missing_contradictor.as_str()),
        ("orphans", policy.orphans.as_str()),
        ("label_keys", policy.label_keys.as_str()),
        ("people", &policy.people.to_text()),
        ("without_judges", &policy.without_judges.join(", ")),
    ] {
        rest.row([field, if word.is_empty() { "-" } else { word }]);
    }
    let head = format!("policy {} ({})", policy.name, policy.digest());
    format!("{}\n{rules}\n{rest}\n", crate::escape::for_line(&head))
}

/// Writes one file of a report, and the folders above it.
///
/// # Errors
/// When the system does not take it.
pub(super) fn write(path: &Path, text: &str) -> Result<(), AppError> {
    let storage = disk();
    let failed = |source| AppError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        storage.create_dir_all(folder).map_err(failed)?;
    }
    write_atomic(&*storage, path, text.as_bytes()).map_err(failed)
}
