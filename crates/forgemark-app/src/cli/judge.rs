//! The arguments of `forgemark dialogue judge`.

use std::path::PathBuf;

use clap::Args;

use super::{JsonArgs, SetArgs};
use crate::progress::ProgressMode;

const EXAMPLES: &str = "Examples:
  forgemark dialogue judge CONFIG
  forgemark dialogue judge CONFIG --granularity conversation
  forgemark dialogue judge CONFIG --repeat 3 --set 'judge.panel=[\"model-a\", \"model-b\"]'
  forgemark dialogue judge CONFIG --estimate
  forgemark dialogue judge CONFIG --retry-failed

`judge.mode` and `judge.enabled` say what a run does; this command judges whatever they say. What was judged before by the
same judge, prompts and granularity is not asked again, and a killed command goes on where it stopped.";

/// `forgemark dialogue judge`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DialogueJudgeArgs {
    /// The configuration file
    pub config: PathBuf,
    /// What is judged at a time; without it `judge.granularity`
    #[arg(long, value_enum, value_name = "WHAT")]
    pub granularity: Option<JudgeGranularity>,
    /// Ask each judge N times about the same thing; without it `judge.repeats`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeat: Option<u32>,
    /// Ask about at most N conversations in this command; the rest stays for the next
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Ask again where a judge failed or could not be read
    #[arg(long)]
    pub retry_failed: bool,
    /// Conversations at the same time
    #[arg(long, value_name = "N")]
    pub concurrency: Option<u32>,
    /// Forecast calls, tokens and cost of what is not judged yet; nobody is asked
    #[arg(long)]
    pub estimate: bool,
    /// Hash every document instead of trusting size and time
    #[arg(long)]
    pub verify: bool,
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

/// What is judged at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum JudgeGranularity {
    /// Every turn.
    Turn,
    /// The conversation once.
    Conversation,
}

impl JudgeGranularity {
    /// The word of `judge.granularity`.
    pub fn as_str(self) -> &'static str {
        match self {
            JudgeGranularity::Turn => "turn",
            JudgeGranularity::Conversation => "conversation",
        }
    }
}
