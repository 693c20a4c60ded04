//! Arguments of the commands that make an arena.

use std::path::PathBuf;

use clap::Args;

use super::{JsonArgs, SetArgs};
use crate::progress::ProgressMode;

/// `forgemark arena run`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ArenaRunArgs {
    /// Ask nothing new: answers, critiques, debates and judgments of the questions that are there
    #[arg(long)]
    pub no_new_questions: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub stage: ArenaStageArgs,
}

const EXAMPLES: &str = "Examples:
  forgemark arena run arena.yaml
  forgemark arena run arena.yaml --estimate
  forgemark arena run arena.yaml --no-new-questions
  forgemark arena judge arena.yaml --retry-failed=bad_output";

/// `forgemark arena questions` and the other stages
#[derive(Debug, Args)]
pub struct ArenaStageArgs {
    /// The configuration file
    pub config: PathBuf,
    /// Stop after N records of this command; the rest stays resumable
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Make failed records again, all or those that failed for one reason
    #[arg(long, value_name = "REASON", num_args = 0..=1, default_missing_value = "", require_equals = true)]
    pub retry_failed: Option<String>,
    /// Records that each model works on at the same time
    #[arg(long, value_name = "N")]
    pub concurrency: Option<u32>,
    /// Forecast calls, tokens and cost instead of running; no call is made
    #[arg(long)]
    pub estimate: bool,
    /// How to show progress
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub progress: ProgressMode,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub set: SetArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark arena controls`
#[derive(Debug, Args)]
pub struct ArenaControlsArgs {
    /// The arena folder
    pub dir: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark arena demo`
#[derive(Debug, Args)]
pub struct ArenaDemoArgs {
    /// The folder that is made
    #[arg(long, default_value = "forgemark-arena-demo")]
    pub dir: PathBuf,
    /// How to show progress
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub progress: ProgressMode,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

const IMPORT_EXAMPLE: &str = "A line:
  {\"questioner\": \"openai/gpt-5.2\", \"run\": \"exam-7\", \"topic\": \"algebra\", \"question\": \"...\",
   \"answer\": \"...\", \"answers\": {\"lab/other\": \"...\"}}

`topic` and `answers` may be left out. The questioner is a model of the configuration, which defends the question
and criticises the answers to it. `forgemark arena run CONFIG --no-new-questions` goes on from there.";

/// `forgemark arena import`
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLE)]
pub struct ArenaImportArgs {
    /// The configuration file
    pub config: PathBuf,
    /// JSON lines, one a question
    pub file: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub set: SetArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}
