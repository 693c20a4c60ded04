//! Arguments of `forgemark dialogue stats` and `forgemark dialogue bundle`.

use std::path::PathBuf;

use clap::Args;

use super::{JsonArgs, SetArgs};

/// `forgemark dialogue stats`
#[derive(Debug, Args)]
#[command(after_help = STATS_EXAMPLES)]
pub struct DialogueStatsArgs {
    /// An output folder, of ours or of the original; a bundle; or a file of its rows
    pub path: PathBuf,
    /// The file of rows in the folder; without it the judged one, or the other where nothing was judged
    #[arg(long, value_name = "NAME")]
    pub file: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

const STATS_EXAMPLES: &str = "Examples:
  forgemark dialogue stats outputs
  forgemark dialogue stats outputs --json > dataset_stats.json";

/// `forgemark dialogue bundle`
#[derive(Debug, Args)]
#[command(after_help = BUNDLE_EXAMPLES)]
pub struct DialogueBundleArgs {
    /// The configuration file of the run
    pub config: PathBuf,
    /// The folder of the bundle, relative to here; without it `saving.hf_push.export_dir` in the output folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub set: SetArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

const BUNDLE_EXAMPLES: &str = "Examples:
  forgemark dialogue bundle run.yaml
  forgemark dialogue bundle run.yaml --out published --set saving.bundle.license=cc-by-4.0

Nothing is uploaded. `forgemark validate DIR` proves a bundle.";
