//! The arguments of `forgemark arena label`.

use std::path::PathBuf;

use clap::Args;
use forgemark_arena::label::QueuePolicy;

use super::JsonArgs;

const EXAMPLES: &str = "Examples:
  forgemark arena label DIR --user ann
  forgemark arena label DIR --user ann --queue rank-information
  forgemark arena label DIR --user ann --list
  forgemark arena label DIR --user ann --show 41c2f0a9be
  forgemark arena label DIR --user ann --verdict 41c2f0a9be=claimant_wins --confidence 4 --comment 'step 2'

Keys of the labeller: 1-7 verdict, + - confidence, c comment, Enter save, then Enter on to the next open claim,
n p next and previous, x next open one, g jump, u undo, Tab and arrows scroll, ? help, q leave.
A label is on disk before the screen says so; the same command goes on after whatever ended it.";

/// `forgemark arena label`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ArenaLabelArgs {
    /// The folder that holds `benchmarks/`, `answers/` and so on
    pub dir: PathBuf,
    /// Whose labels these are: they go to `evaluations/NAME.json`
    #[arg(long, value_name = "NAME")]
    pub user: String,
    /// Which claims are asked, and in which order
    #[arg(long, value_enum, default_value_t, value_name = "POLICY")]
    pub queue: LabelQueue,
    /// Which questions are valid, and what the ratings are: head, stats, panel-then-human or a JSON file
    #[arg(long, value_name = "PRESET|FILE", default_value = forgemark_arena::policy::DEFAULT)]
    pub policy: String,
    /// Show names, verdicts of judges and other people's labels before the label, too
    #[arg(long)]
    pub open: bool,
    /// List the queue and end
    #[arg(long, conflicts_with_all = ["show", "verdict"])]
    pub list: bool,
    /// Show one claim, by its ticket or key, and end
    #[arg(long, value_name = "KEY", conflicts_with = "verdict")]
    pub show: Option<String>,
    /// Save a verdict on one claim, by its ticket or key, and end
    #[arg(long, value_name = "KEY=VERDICT")]
    pub verdict: Option<String>,
    /// How sure you are of the verdict, from 1 to 5
    #[arg(long, value_name = "N", requires = "verdict", value_parser = clap::value_parser!(i64).range(1..=5))]
    pub confidence: Option<i64>,
    /// What you want to say about the verdict
    #[arg(long, value_name = "TEXT", requires = "verdict")]
    pub comment: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// Which claims are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LabelQueue {
    /// The judges do not agree, and nobody else decided with confidence
    #[default]
    Contested,
    /// Other people disagree
    TieBreak,
    /// Others labelled it: all of low confidence, a tenth of the rest
    Overlap,
    /// Contested, those first whose decision moves the ratings most
    RankInformation,
}

impl From<LabelQueue> for QueuePolicy {
    fn from(queue: LabelQueue) -> Self {
        match queue {
            LabelQueue::Contested => Self::Contested,
            LabelQueue::TieBreak => Self::TieBreak,
            LabelQueue::Overlap => Self::Overlap,
            LabelQueue::RankInformation => Self::RankInformation,
        }
    }
}
