//! The profile `lance-context-1`: what the original's `export_training` writes, line for line and byte for byte.
//!
//! ```text
//! list ─ drop contradicted ─ min_reward ─ dedup ─ decontaminate ─ (split) ─ group ─ OUT, OUT.manifest.json, OUT.stats.json
//! ```
//!
//! Whoever depends on the original's files gets them here, with its faults: thresholds that remove the rejected side of
//! pairs, prompts that join the questions of several turns, turns taken out of conversations. The default profile has
//! none of them. Lines and statistics are equal byte for byte; the manifest has the original's keys with the original's
//! values and one more, `forgemark`, last. One thing is refused that the original does without an order: a list of
//! candidates of which only some have a rank.

mod config;
mod curate;
mod files;
mod group;
mod lines;
mod split;
mod stats;

#[cfg(test)]
mod tests;

use forgemark_contract::store::ContextRecord;

pub use config::{Config, Form, GroupBy, Split, Task};
pub use files::{Counts, Manifest, SplitSide};
pub(crate) use split::fraction;
pub use split::split_paths;

use crate::error::Result;
use crate::output::Output;
use crate::select;

/// The version of the manifest's schema.
pub const SCHEMA_VERSION: &str = "1";

/// The name of this profile.
pub const PROFILE: &str = "lance-context-1";

/// Where rows came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The address of the store.
    pub uri: String,
    /// The version that the rows are of.
    pub version: u64,
}

/// Curates `rows` and writes the lines, the manifest and, when asked for, the statistics; with a split both sides of
/// each, beside `path`. Returns the manifest (of a split that of the train side).
///
/// `rows` are those of one version in the order of the store's list, which is the order of insertion: the first of
/// several near duplicates stays. Rows that the lifecycle or the filter hides may be among them or not.
///
/// # Errors
/// [`CurateError::PartialRanks`](crate::CurateError::PartialRanks) for a ranked export of a list of which only some
/// candidates have a rank, and an error for a file that cannot be written.
pub fn export(
    rows: impl IntoIterator<Item = ContextRecord>,
    snapshot: &Snapshot,
    config: &Config,
    path: &str,
    output: &mut dyn Output,
) -> Result<Manifest> {
    let listed = select::list(rows, config.visibility, &config.filter);
    let (curated, counts) = curate::curate(listed, config);
    let Some(split) = &config.split else {
        return files::write(curated, config, snapshot, counts, path, None, output);
    };
    let (train_path, eval_path) = split_paths(path);
    let (eval, train): (Vec<_>, Vec<_>) = curated
        .into_iter()
        .partition(|record| split::is_eval(split, record));
    let side = |side, complement: &str| SplitSide {
        side,
        eval_fraction: split.eval_fraction,
        by: split.by.label(),
        seed: split.seed,
        complement_path: complement.to_owned(),
    };
    let sides = (side("train", &eval_path), side("eval", &train_path));
    let manifest = files::write(
        train,
        config,
        snapshot,
        counts,
        &train_path,
        Some(sides.0),
        output,
    )?;
    files::write(
        eval,
        config,
        snapshot,
        counts,
        &eval_path,
        Some(sides.1),
        output,
    )?;
    Ok(manifest)
}
