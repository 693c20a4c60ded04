//! The arguments of `forgemark bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use forgemark_curate::similar::planted::Kind;

use super::JsonArgs;

/// `forgemark bench ...`
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// CPU time a turn, and calls a second beside a bare loop of the same HTTP client
    Overhead(BenchArgs),
    /// Share of the slots' time that is spent waiting on a model (takes minutes)
    Utilisation(BenchUtilisationArgs),
    /// Time, memory and bytes written for ten times the conversations
    Growth(BenchArgs),
    /// Exact near duplicates among made-up vectors
    Dedup(BenchDedupArgs),
    /// Reading, counting and rating an arena folder; a hundred times as many synthetic claims
    Arena(BenchArenaArgs),
    /// Planning and resuming a finished run of an arena, made by solvers
    ArenaResume(JsonArgs),
    /// Writing made-up records into a store that holds many, listing and reading them
    Ingest(BenchIngestArgs),
    /// An export of made-up records as conversations, out of a store
    Export(BenchExportArgs),
    /// Near duplicates by wording among made-up short texts
    Minhash(BenchRowsArgs),
    /// Recall and false positives of decontamination and redaction among planted texts
    Planted(BenchPlantedArgs),
    /// One run in a process of its own; the other benchmarks start it
    #[command(hide = true)]
    Measure(BenchMeasureArgs),
    /// One arena in a process of its own; the benchmark of arenas starts it
    #[command(hide = true)]
    MeasureArena(BenchMeasureArenaArgs),
}

/// `forgemark bench arena`
#[derive(Debug, Args)]
pub struct BenchArenaArgs {
    /// The arena folder to measure; the bars are for one of about 86 MB
    pub dir: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark bench measure-arena`
#[derive(Debug, Args)]
pub struct BenchMeasureArenaArgs {
    /// The arena folder
    pub dir: PathBuf,
    /// Rate too
    #[arg(long)]
    pub rates: bool,
}

/// `forgemark bench overhead` and `growth`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Conversations to make, for shorter or longer runs than the one that the bars are for
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub conversations: Option<u64>,
    /// Keep the project under this folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark bench utilisation`
#[derive(Debug, Args)]
pub struct BenchUtilisationArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub bench: BenchArgs,
    /// Conversations of the second run, with 1 % stalls of 5 s; 0 leaves it out
    #[arg(long, value_name = "N")]
    pub stall_conversations: Option<u64>,
}

/// `forgemark bench ingest`
#[derive(Debug, Args)]
pub struct BenchIngestArgs {
    /// Records that the store holds before
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub held: u64,
    /// Records to write
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub rows: u64,
    /// Records in one version
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub batch: u64,
    /// Components of a vector
    #[arg(long, value_name = "N", default_value_t = 384)]
    pub dim: usize,
    /// Keep the store under this folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark bench export`
#[derive(Debug, Args)]
pub struct BenchExportArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub rows: BenchRowsArgs,
    /// Make the records as they are read, so that the store is not measured
    #[arg(long)]
    pub without_store: bool,
    /// Keep the store and the cut under this folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `forgemark bench planted`
#[derive(Debug, Args)]
pub struct BenchPlantedArgs {
    /// Texts of each kind
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub count: usize,
    /// `holdout.n` of an export: words of an n-gram
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub words: usize,
    /// `holdout.share` of an export: the share of an item's n-grams that gives a text away
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub share: f64,
    /// Seed of the texts
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark bench minhash`, and how large `export` is
#[derive(Debug, Args)]
pub struct BenchRowsArgs {
    /// Records or texts
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub rows: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark bench dedup`
#[derive(Debug, Args)]
pub struct BenchDedupArgs {
    /// Vectors
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub rows: usize,
    /// Components of a vector
    #[arg(long, value_name = "N", default_value_t = 384)]
    pub dim: usize,
    /// What the vectors are like
    #[arg(long, value_enum, default_value_t)]
    pub set: VectorSet,
    /// Cosine distance up to which vectors are duplicates; planted ones lie around it
    #[arg(long, value_name = "D", default_value_t = 0.05)]
    pub distance: f64,
    /// Seed of the vectors
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Threads; all cores without it
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// What made-up vectors are like.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum VectorSet {
    /// A mixture with a common mean and a decaying spectrum, as sentence embeddings are
    #[default]
    Clustered,
    /// Directions drawn evenly
    Isotropic,
}

impl VectorSet {
    /// The kind of the maker.
    pub fn kind(self) -> Kind {
        match self {
            VectorSet::Clustered => Kind::Clustered,
            VectorSet::Isotropic => Kind::Isotropic,
        }
    }
}

/// `forgemark bench measure`
#[derive(Debug, Args)]
pub struct BenchMeasureArgs {
    /// The configuration file
    pub config: PathBuf,
}

impl BenchCommand {
    /// Whether the result is wanted as JSON.
    pub fn is_json(&self) -> bool {
        match self {
            BenchCommand::Overhead(args) | BenchCommand::Growth(args) => args.json.json,
            BenchCommand::Utilisation(args) => args.bench.json.json,
            BenchCommand::Dedup(args) => args.json.json,
            BenchCommand::Arena(args) => args.json.json,
            BenchCommand::ArenaResume(args) => args.json,
            BenchCommand::Ingest(args) => args.json.json,
            BenchCommand::Export(args) => args.rows.json.json,
            BenchCommand::Minhash(args) => args.json.json,
            BenchCommand::Planted(args) => args.json.json,
            BenchCommand::Measure(_) | BenchCommand::MeasureArena(_) => false,
        }
    }
}
