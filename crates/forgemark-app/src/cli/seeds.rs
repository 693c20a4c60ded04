//! The arguments of `forgemark dialogue seeds-migrate`.

use std::path::PathBuf;

use clap::Args;

use super::{JsonArgs, SetArgs};

const EXAMPLES: &str = "Examples:
  forgemark dialogue seeds-migrate config.yaml --overwrite
  forgemark dialogue seeds-migrate config.yaml --source-file old.yaml --dest-file data/seeds/topics.yaml";

/// `forgemark dialogue seeds-migrate`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SeedsMigrateArgs {
    /// The configuration file
    pub config: PathBuf,
    /// Seed topics of any shape, a file or a folder; else `run.data.seeding.topics.path`
    #[arg(long, value_name = "PATH")]
    pub source_file: Option<PathBuf>,
    /// Where the new file goes; else `run.data.seeding.topics.path`
    #[arg(long, value_name = "FILE")]
    pub dest_file: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long)]
    pub overwrite: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub set: SetArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}
