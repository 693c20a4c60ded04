//! The arguments of every command, and nothing else.
//!
//! To add a command: its arguments here, a file in `commands/` with one entry function, and an arm in
//! `commands::run`. A command stands here when it works.

pub mod arena;
pub mod bench;
pub mod bundle;
pub mod judge;
pub mod label;
pub mod seeds;
pub mod store;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use bench::BenchCommand;

use crate::config::Flag;
use crate::printer::ColorMode;
use crate::progress::ProgressMode;
use crate::tables;

const CONFIG_SHOW_EXAMPLES: &str = "Examples:
  forgemark config show run.yaml --origin
  forgemark config show run.yaml --set run.turns.max=8 --json";

const DOCTOR_EXAMPLES: &str = "Examples:
  forgemark doctor
  forgemark doctor run.yaml
  forgemark doctor run.yaml --offline";

const EXPORT_EXAMPLES: &str = "Examples:
  forgemark export sft data.lance cuts/trl --shape trl
  forgemark export preference data.lance cuts/dpo --shape trl --set dedup.exact=true
  forgemark export rollout data.lance cuts/verl --shape verl --config cut.yaml --tag march

`forgemark config keys --for export` lists every key of the configuration.";

const SCRIPTED_SERVER_EXAMPLES: &str = "Examples:
  forgemark scripted-server --port 4000
  forgemark scripted-server --port 4000 --script faults.yaml

`forgemark help script` prints a script with every key.";

/// Forges language-model data and marks it.
#[derive(Debug, Parser)]
#[command(
    name = "forgemark",
    max_term_width = 100,
    disable_help_subcommand = true,
    subcommand_value_name = "COMMAND"
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Arguments of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Say less: -q warnings and errors, -qq errors only
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,
    /// Say more: -v details, -vv everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub color: ColorMode,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a first dataset from embedded documents, in a folder here
    Demo(DemoArgs),
    /// Say how far the runs of an output folder are, also while one works
    Status(StatusArgs),
    /// Make grounded conversations
    #[command(subcommand)]
    Dialogue(DialogueCommand),
    /// Let models question, answer and judge each other; work with the files of such an arena
    #[command(subcommand)]
    Arena(ArenaCommand),
    /// Keep conversations as versioned records: take them in, find them, change them
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Cut training sets out of a store
    #[command(subcommand)]
    Export(ExportCommand),
    /// Prove an output folder: every file against its contract, and all files against each other
    Validate(ValidateArgs),
    /// Check what a run needs: configuration, keys, endpoints, folders, documents
    Doctor(DoctorArgs),
    /// Show, explain and check configurations
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the JSON Schema of an artifact or of the configuration; without a name list them
    Schema(SchemaArgs),
    /// Look into the journal of an output folder
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Serve a scripted model over HTTP, with latencies and faults
    ScriptedServer(ScriptedServerArgs),
    /// Measure this program: overhead, use of its slots, growth
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Write a completion script for a shell
    Completions(CompletionsArgs),
    /// Explain a command or a topic
    Help(HelpArgs),
}

/// Values that go over those of the file.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Set a configuration key; may be repeated, the last one wins
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Flag::parse_set)]
    pub set: Vec<Flag>,
}

/// Results for programs.
#[derive(Debug, Clone, Copy, Args)]
pub struct JsonArgs {
    /// Print the result (or the error) as JSON
    #[arg(long)]
    pub json: bool,
}

/// `forgemark demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder that is made
    #[arg(long, default_value = "forgemark-demo")]
    pub dir: PathBuf,
    /// Base URL of an OpenAI-compatible server, for a real model; without it the offline agents
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Name of the model at the endpoint
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Environment variable that holds the key of the endpoint
    #[arg(long, value_name = "VAR")]
    pub api_key_env: Option<String>,
    /// How to show progress
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub progress: ProgressMode,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The output folder of a run
    pub dir: PathBuf,
    /// Look again every two seconds while a run works
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark dialogue ...`
#[derive(Debug, Subcommand)]
pub enum DialogueCommand {
    /// Make conversations as a configuration says, or go on where an earlier command stopped
    Run(DialogueRunArgs),
    /// Judge the conversations of an output folder that are not judged yet
    Judge(judge::DialogueJudgeArgs),
    /// List conversations, or show one with its evidence
    Show(DialogueShowArgs),
    /// Write seed topics of any shape as the new version
    SeedsMigrate(seeds::SeedsMigrateArgs),
    /// Statistics of the conversations of a folder
    Stats(bundle::DialogueStatsArgs),
    /// Make a folder to publish: rows under one schema, statistics, charts, a card
    Bundle(bundle::DialogueBundleArgs),
    /// Measure the support score on hand-labelled claims
    SupportEval(JsonArgs),
    /// Work with the prompt templates
    #[command(subcommand)]
    Prompts(PromptsCommand),
}

/// `forgemark dialogue run`
#[derive(Debug, Args)]
pub struct DialogueRunArgs {
    /// The configuration file
    pub config: PathBuf,
    /// Stop after N good conversations of this command; the rest stays resumable
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Begin another run in a folder that has one
    #[arg(long)]
    pub new_run: bool,
    /// Make dropped conversations again, all or those with one reason
    #[arg(long, value_name = "REASON", num_args = 0..=1, default_missing_value = "", require_equals = true)]
    pub retry_failed: Option<String>,
    /// Stop when more than N conversations (or P% of them) are dropped
    #[arg(long, value_name = "N|P%")]
    pub max_failed: Option<String>,
    /// Conversations at the same time
    #[arg(long, value_name = "N")]
    pub concurrency: Option<u32>,
    /// Forecast calls, tokens and cost instead of running; no paid call is made
    #[arg(long)]
    pub estimate: bool,
    /// With --estimate: make N conversations (paid, and kept) and scale what they took
    #[arg(long, value_name = "N", requires = "estimate")]
    pub probe: Option<u64>,
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

/// `forgemark dialogue show`
#[derive(Debug, Args)]
pub struct DialogueShowArgs {
    /// The output folder of a run
    pub dir: PathBuf,
    /// The conversation; without it they are listed
    pub id: Option<String>,
    /// Most conversations to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark dialogue prompts ...` and `forgemark arena prompts ...`
#[derive(Debug, Subcommand)]
pub enum PromptsCommand {
    /// Write the built-in templates into a folder, to be edited
    Export(PromptsExportArgs),
}

/// `... prompts export`
#[derive(Debug, Args)]
pub struct PromptsExportArgs {
    /// The folder
    pub dir: PathBuf,
}

/// `forgemark arena ...`
#[derive(Debug, Subcommand)]
pub enum ArenaCommand {
    /// Let simulated models fill an arena and rate them: a first look, without network or key
    Demo(arena::ArenaDemoArgs),
    /// Let models question, answer, criticise, debate and judge each other
    Run(arena::ArenaRunArgs),
    /// The first stage alone: models ask, and answer themselves
    Questions(arena::ArenaStageArgs),
    /// The second: others answer
    Answers(arena::ArenaStageArgs),
    /// The third: answers are criticised
    Critiques(arena::ArenaStageArgs),
    /// The fourth: claims are debated
    Debates(arena::ArenaStageArgs),
    /// The fifth: claims are judged by models that take no part in them
    Judge(arena::ArenaStageArgs),
    /// Take questions and answers from elsewhere into the folder, from JSON lines
    Import(arena::ArenaImportArgs),
    /// Say how often judges and critics err on claims of known truth
    Controls(arena::ArenaControlsArgs),
    /// Work with the prompt templates
    #[command(subcommand)]
    Prompts(PromptsCommand),
    /// Say everything that is wrong with an arena folder, by class, with file and key
    Check(ArenaCheckArgs),
    /// Count who is right how often: the flow of the protocol, agreement, models, topics
    Stats(ArenaStatsArgs),
    /// Rate questioners and answerers, with intervals
    Rate(ArenaRateArgs),
    /// Print an adjudication policy in full; without a name all that are built in
    Policy(ArenaPolicyArgs),
    /// Write `adjudications.jsonl`: who is right about every claim, answer and question
    Adjudicate(ArenaAdjudicateArgs),
    /// Decide contested claims yourself, without seeing who wrote them
    Label(label::ArenaLabelArgs),
}

const ARENA_RATE_EXAMPLES: &str = "Examples:
  forgemark arena rate DIR --policy head
  forgemark arena rate DIR --model itemised --csv ratings.csv --svg plots
  forgemark arena rate DIR --sensitivity --bootstrap 0
  forgemark arena rate DIR --by topic --model firth
  forgemark arena rate DIR --html leaderboard";

/// `forgemark arena stats`
#[derive(Debug, Args)]
pub struct ArenaStatsArgs {
    /// The folder that holds `benchmarks/`, `answers/` and so on
    pub dir: PathBuf,
    /// Who is right about a claim: head, stats, panel-then-human or a JSON file
    #[arg(long, value_name = "PRESET|FILE", default_value = "stats")]
    pub policy: String,
    /// Seed of the resamples behind the intervals of alpha
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark arena rate`
#[derive(Debug, Args)]
#[command(after_help = ARENA_RATE_EXAMPLES)]
pub struct ArenaRateArgs {
    /// The folder that holds `benchmarks/`, `answers/` and so on
    pub dir: PathBuf,
    /// Who is right about a claim: head, stats, panel-then-human or a JSON file
    #[arg(long, value_name = "PRESET|FILE", default_value = forgemark_arena::policy::DEFAULT)]
    pub policy: String,
    /// How games become ratings
    #[arg(long, value_enum, default_value_t, value_name = "MODEL")]
    pub model: RatingModel,
    /// Resamples of questions behind the intervals; 0 takes standard errors
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub bootstrap: u32,
    /// Seed of the resamples
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Also rate under other policies, without each judge, and with single models as adjudicators
    #[arg(long)]
    pub sensitivity: bool,
    /// Also rate the questions of each topic or each attempt by themselves
    #[arg(long, value_enum, value_name = "PART")]
    pub by: Option<RatingPart>,
    /// Write the ratings as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write plots of the ratings and of who beats whom as SVG
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
    /// Write a leaderboard that leads down to every claim: a folder, or one file that ends in .html
    #[arg(long, value_name = "DIR|FILE")]
    pub html: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// What questions are rated by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RatingPart {
    /// Those of one topic
    Topic,
    /// Those of one attempt
    Attempt,
}

impl From<RatingPart> for forgemark_arena::rate::By {
    fn from(part: RatingPart) -> Self {
        match part {
            RatingPart::Topic => Self::Topic,
            RatingPart::Attempt => Self::Attempt,
        }
    }
}

/// How games become ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum RatingModel {
    /// Bipartite Bradley-Terry by exact maximum likelihood
    #[default]
    Bipartite,
    /// With a difficulty for each question; evidence chooses how much each part varies
    Itemised,
    /// Bipartite with Firth's penalty: finite for everybody
    Firth,
    /// Bipartite with the panel's errors as people's labels show them
    Corrected,
    /// The optimiser of the original program, which stops short of the maximum
    Gradient,
}

impl From<RatingModel> for forgemark_arena::rate::Model {
    fn from(model: RatingModel) -> Self {
        match model {
            RatingModel::Bipartite => Self::Bipartite,
            RatingModel::Itemised => Self::Itemised,
            RatingModel::Firth => Self::Firth,
            RatingModel::Corrected => Self::Corrected,
            RatingModel::Gradient => Self::Gradient,
        }
    }
}

/// `forgemark arena policy`
#[derive(Debug, Args)]
pub struct ArenaPolicyArgs {
    /// A built-in policy, or a file
    #[arg(value_name = "PRESET|FILE")]
    pub name: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark arena adjudicate`
#[derive(Debug, Args)]
pub struct ArenaAdjudicateArgs {
    /// The folder that holds `benchmarks/`, `answers/` and so on
    pub dir: PathBuf,
    /// Who is right about a claim: head, stats, panel-then-human or a JSON file
    #[arg(long, value_name = "PRESET|FILE", default_value = forgemark_arena::policy::DEFAULT)]
    pub policy: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark arena check`
#[derive(Debug, Args)]
pub struct ArenaCheckArgs {
    /// The folder that holds `benchmarks/`, `answers/` and so on
    pub dir: PathBuf,
    /// Put entries that cannot stand into `DIR/quarantine`, with a manifest; nothing is deleted
    #[arg(long)]
    pub fix: bool,
    /// Show at most N findings of each class; all are counted
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub limit: usize,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark export ...`
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Conversations to imitate
    Sft(ExportArgs),
    /// Better and worse answers, labelled answers or ranked answers to one prompt
    Preference(ExportArgs),
    /// Prompts with all their answers and rewards
    Rollout(ExportArgs),
    /// Prove a cut from its files: digests, counts of stages and sides, every row; no store is needed
    Verify(ExportVerifyArgs),
    /// Ask the strict validator of a trainer's format about every row of files, whoever wrote them
    Validate(ExportValidateArgs),
    /// Say which examples came, went and changed between two cuts, and why
    Diff(ExportDiffArgs),
}

/// `forgemark export sft|preference|rollout`
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct ExportArgs {
    /// The store: a path, or an address such as `s3://bucket/folder`
    pub store: String,
    /// The folder that the cut is written to
    pub dir: PathBuf,
    /// The configuration file of the cut; without it only flags and defaults count
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The trainer whose columns are written: trl, verl, openrlhf, axolotl, llama-factory and others
    #[arg(long, value_name = "TRAINER")]
    pub shape: Option<String>,
    /// What the rows are kept in: jsonl, parquet, arrow or lance; without it what the trainer reads
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub at: store::AtArgs,
    /// What the names of the files begin with; the folder's name without it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Put this cut in the place of the one that is in the folder
    #[arg(long)]
    pub replace: bool,
    /// Say what the cut is expected to hold and to cost, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Go on from the cut in this folder: what it decided stays decided, only new rows are looked at
    #[arg(long, value_name = "DIR")]
    pub incremental: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub set: SetArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

impl ExportCommand {
    fn wants_json(&self) -> bool {
        match self {
            ExportCommand::Sft(args)
            | ExportCommand::Preference(args)
            | ExportCommand::Rollout(args) => args.json.json,
            ExportCommand::Verify(args) => args.json.json,
            ExportCommand::Validate(args) => args.json.json,
            ExportCommand::Diff(args) => args.json.json,
        }
    }
}

/// `forgemark export verify`
#[derive(Debug, Args)]
pub struct ExportVerifyArgs {
    /// The folder of a cut
    pub dir: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark export validate`
#[derive(Debug, Args)]
pub struct ExportValidateArgs {
    /// Files: .jsonl, .jsonl.gz, .jsonl.zst, .parquet, .arrow, or folders of Lance tables
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The trainer's format, as `shape` of an export
    #[arg(long, value_name = "SHAPE")]
    pub shape: String,
    /// What the rows are for: sft, pairs, labels, ranked or rollout
    #[arg(long, value_name = "TASK")]
    pub task: String,
    /// Findings to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark export diff`
#[derive(Debug, Args)]
pub struct ExportDiffArgs {
    /// The folder of the earlier cut
    pub before: PathBuf,
    /// The folder of the later one
    pub after: PathBuf,
    /// Show at most N examples; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark config ...`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the values that a configuration resolves to
    Show(ConfigShowArgs),
    /// Print the JSON Schema of the configuration file
    Schema(ForArgs),
    /// Print every key as Markdown: type, default, environment variables, meaning
    Keys(ForArgs),
}

/// Whose configuration.
#[derive(Debug, Args)]
pub struct ForArgs {
    /// The command whose configuration is meant: dialogue, arena or export
    #[arg(long = "for", value_name = "COMMAND", default_value = "dialogue", value_parser = tables::by_name)]
    pub table: tables::Table,
}

/// `forgemark config show`
#[derive(Debug, Args)]
#[command(after_help = CONFIG_SHOW_EXAMPLES)]
pub struct ConfigShowArgs {
    /// The configuration file
    pub config: PathBuf,
    /// Say where each value came from
    #[arg(long)]
    pub origin: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub table: ForArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub set: SetArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The schema, as listed, or a file of an output folder such as `turns.jsonl`
    pub name: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark validate`
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The output folder of a run, or an arena folder
    pub dir: PathBuf,
    /// Show at most N findings (of each class in an arena); all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark doctor`
#[derive(Debug, Args)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// The configuration file; without it only the machine is checked
    pub config: Option<PathBuf>,
    /// Do not ask the endpoints anything
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub set: SetArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark journal ...`
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Print every record as a line of JSON
    Dump(JournalDumpArgs),
    /// Read everything and say whether it is sound
    Verify(JournalArgs),
    /// Build the key index anew from the records
    RebuildIndex(JournalArgs),
}

/// `forgemark journal dump`
#[derive(Debug, Args)]
pub struct JournalDumpArgs {
    /// The output folder of a run
    pub dir: PathBuf,
    /// Print the bodies of replies too
    #[arg(long)]
    pub bodies: bool,
}

/// `forgemark journal verify` and `rebuild-index`
#[derive(Debug, Args)]
pub struct JournalArgs {
    /// The output folder of a run
    pub dir: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark scripted-server`
#[derive(Debug, Args)]
#[command(after_help = SCRIPTED_SERVER_EXAMPLES)]
pub struct ScriptedServerArgs {
    /// The script (YAML or JSON); without it every request gets a good reply at once
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// The port; 0 picks a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// The address to listen at
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `forgemark help`
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command (`config show`) or a topic: exit-codes, environment, script
    #[arg(value_name = "COMMAND or TOPIC")]
    pub topic: Vec<String>,
}

impl Command {
    /// Whether results and errors are to be JSON.
    pub fn wants_json(&self) -> bool {
        match self {
            Command::Dialogue(DialogueCommand::Run(args)) => args.json.json,
            Command::Dialogue(DialogueCommand::Judge(args)) => args.json.json,
            Command::Demo(args) => args.json.json,
            Command::Status(args) => args.json.json,
            Command::Dialogue(DialogueCommand::Show(args)) => args.json.json,
            Command::Dialogue(DialogueCommand::SeedsMigrate(args)) => args.json.json,
            Command::Dialogue(DialogueCommand::Stats(args)) => args.json.json,
            Command::Dialogue(DialogueCommand::Bundle(args)) => args.json.json,
            Command::Dialogue(DialogueCommand::SupportEval(args)) => args.json,
            Command::Dialogue(DialogueCommand::Prompts(_)) => false,
            Command::Arena(ArenaCommand::Demo(args)) => args.json.json,
            Command::Arena(ArenaCommand::Run(args)) => args.stage.json.json,
            Command::Arena(
                ArenaCommand::Questions(args)
                | ArenaCommand::Answers(args)
                | ArenaCommand::Critiques(args)
                | ArenaCommand::Debates(args)
                | ArenaCommand::Judge(args),
            ) => args.json.json,
            Command::Arena(ArenaCommand::Import(args)) => args.json.json,
            Command::Arena(ArenaCommand::Controls(args)) => args.json.json,
            Command::Arena(ArenaCommand::Prompts(_)) => false,
            Command::Arena(ArenaCommand::Check(args)) => args.json.json,
            Command::Arena(ArenaCommand::Stats(args)) => args.json.json,
            Command::Arena(ArenaCommand::Rate(args)) => args.json.json,
            Command::Arena(ArenaCommand::Policy(args)) => args.json.json,
            Command::Arena(ArenaCommand::Adjudicate(args)) => args.json.json,
            Command::Arena(ArenaCommand::Label(args)) => args.json.json,
            Command::Store(command) => command.store().json.json,
            Command::Export(command) => command.wants_json(),
            Command::Config(ConfigCommand::Show(args)) => args.json.json,
            Command::Config(ConfigCommand::Schema(_) | ConfigCommand::Keys(_)) => false,
            Command::Doctor(args) => args.json.json,
            Command::Schema(args) => args.json.json,
            Command::Validate(args) => args.json.json,
            // A dump is JSON already, but its errors are for whoever typed the command.
            Command::Journal(JournalCommand::Dump(_)) => false,
            Command::Journal(JournalCommand::Verify(args) | JournalCommand::RebuildIndex(args)) => {
                args.json.json
            }
            Command::ScriptedServer(args) => args.json.json,
            Command::Bench(command) => command.is_json(),
            Command::Completions(_) | Command::Help(_) => false,
        }
    }
}
