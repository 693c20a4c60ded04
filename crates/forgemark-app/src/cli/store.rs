//! The arguments of `forgemark store ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::JsonArgs;

const INGEST_EXAMPLES: &str = "Examples:
  forgemark store ingest my.store forgemark-demo/outputs
  forgemark store ingest my.store chats.jsonl --source support
  forgemark store ingest my.store *.jsonl --quarantine refused.jsonl";

const LIST_EXAMPLES: &str = "Examples:
  forgemark store list my.store --where 'role = \"assistant\" and metadata.judge.score >= 0.5'
  forgemark store list my.store --where 'not source in (\"a\", \"b\") and metadata.reward is not missing'
  forgemark store list my.store --filters '{\"role\": \"user\"}' --json

Tests of --where: = != < <= > >=, in (...), contains, between ... and ..., is missing; with not, and, or,
parentheses. A value that is not there meets only `is missing` and what denies a test (!=, not).";

const EMBED_EXAMPLES: &str = "Examples:
  forgemark store embed my.store --model hashed
  forgemark store embed my.store --model openai/text-embedding-3-small --dimensions 512
  forgemark store embed my.store --model bge-m3 --endpoint http://127.0.0.1:8080/v1

`hashed` needs no network: it hashes words and parts of words, and knows no meaning.
Every other model is asked at an OpenAI-compatible /embeddings.
What was written before a Ctrl-C or an error stays; the same command goes on.";

/// `forgemark store ...`
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Make an empty store
    Init(StoreInitArgs),
    /// Add records from JSON lines, all or none
    Add(StoreAddArgs),
    /// Take training sets, dialogue folders and arena folders in; what is in already is not taken twice
    Ingest(StoreIngestArgs),
    /// List records
    List(StoreListArgs),
    /// Print one record
    Get(StoreGetArgs),
    /// Put a file beside the rows, as the payload of a record
    Attach(StoreAttachArgs),
    /// Find records by words, by a vector, or by both
    Search(StoreSearchArgs),
    /// List the records that point to a record
    Related(StoreRelatedArgs),
    /// List the versions that can still be read
    Versions(StoreArgs),
    /// Name a version, or take a name away
    Tag(StoreTagArgs),
    /// Say which records came, went and changed between two versions
    Diff(StoreDiffArgs),
    /// Say what a store holds
    Stats(StoreStatsArgs),
    /// Change fields of a record
    Update(StoreUpdateArgs),
    /// Replace a record by a new one; the old one is hidden
    Supersede(StoreSupersedeArgs),
    /// Mark records as wrong: lists show them, exports leave them out
    Contradict(StoreKeysArgs),
    /// Hide records
    Retire(StoreRetireArgs),
    /// Let records expire
    Expire(StoreExpireArgs),
    /// Delete records; taken in again they come back, which retired ones do not
    Delete(StoreKeysArgs),
    /// Give vectors to the records that have a text and no vector
    Embed(StoreEmbedArgs),
    /// Rewrite many small files as few
    Compact(StoreArgs),
    /// Build an index, or bring it up to date
    Index(StoreIndexArgs),
    /// Look for everything that should not be; reads the whole store
    Fsck(StoreArgs),
    /// Remove old versions; tags, and versions that exported cuts cite, are spared
    CleanUp(StoreCleanUpArgs),
    /// Say which exported cuts hold a record, so that a deletion can be followed
    Cuts(StoreCutsArgs),
}

/// A store.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// The store: a path, or an address such as `s3://bucket/folder`
    pub store: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub json: JsonArgs,
}

/// `forgemark store init`
#[derive(Debug, Args)]
pub struct StoreInitArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// The length of all vectors; without it the first vector decides
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub dimensions: Option<u32>,
    /// How vectors are compared: cosine, l2 or dot
    #[arg(long, value_name = "METRIC", default_value = "cosine", value_parser = ["cosine", "l2", "dot"], hide_possible_values = true)]
    pub metric: String,
}

/// `forgemark store add`
#[derive(Debug, Args)]
pub struct StoreAddArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// The file of records, one a line; `-` is standard input
    pub file: PathBuf,
}

/// `forgemark store ingest`
#[derive(Debug, Args)]
#[command(after_help = INGEST_EXAMPLES)]
pub struct StoreIngestArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// Files of JSON lines, output folders of dialogue runs, arena folders, or folders of such files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The shape of all lines: messages, sharegpt, openai-preference, preference, label, prompt-completion, records, rollouts
    /// or dialogue; without it the first good line of each file decides
    #[arg(long, value_name = "SHAPE")]
    pub shape: Option<String>,
    /// Which score of a conversation becomes its reward, where it has both: judge or support
    #[arg(long, value_name = "SCORE", default_value = "judge", value_parser = ["judge", "support"], hide_possible_values = true)]
    pub reward: String,
    /// The source of all records, and what their keys begin with; two sets whose rows share ids need two
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Stop at the first line that cannot be taken; batches before it stay
    #[arg(long)]
    pub strict: bool,
    /// Write what is refused to this file, with the reasons
    #[arg(long, value_name = "FILE")]
    pub quarantine: Option<PathBuf>,
}

/// Which version.
#[derive(Debug, Args)]
pub struct AtArgs {
    /// Read this version of the store and not the newest
    #[arg(long, value_name = "N", conflicts_with = "tag")]
    pub version: Option<u64>,
    /// Read the version of this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
}

/// Which records.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Only records that an expression holds for, such as 'role = "user" and metadata.n > 3'
    #[arg(long = "where", value_name = "EXPR")]
    pub expression: Option<String>,
    /// Only records that pass a filter object, such as '{"role": "user", "lang": "en"}'
    #[arg(long, value_name = "JSON")]
    pub filters: Option<String>,
    /// Include records that have expired
    #[arg(long)]
    pub include_expired: bool,
    /// Include records that are retired, superseded or hidden by another status
    #[arg(long)]
    pub include_retired: bool,
}

/// A record of a store.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// The id of the record
    pub key: String,
    /// The key is the external id
    #[arg(long)]
    pub external: bool,
}

/// `forgemark store attach`
#[derive(Debug, Args)]
pub struct StoreAttachArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub key: KeyArgs,
    /// The file; equal files lie in the store once
    pub file: PathBuf,
    /// What kind it is, such as `image/png`; without it the record's kind stays
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
}

/// `forgemark store list`
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub struct StoreListArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub filter: FilterArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub at: AtArgs,
    /// At most N records [default: 20, and all with --json]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Pass over the first N
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub offset: u64,
    /// With --json: vectors and binary payloads too
    #[arg(long)]
    pub vectors: bool,
}

/// `forgemark store get`
#[derive(Debug, Args)]
pub struct StoreGetArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub key: KeyArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub at: AtArgs,
    /// Write its payload to this file, proven by size and checksum, instead of printing the record
    #[arg(long, value_name = "FILE")]
    pub payload: Option<PathBuf>,
}

/// `forgemark store search`
#[derive(Debug, Args)]
pub struct StoreSearchArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// The words to look for
    pub text: Option<String>,
    /// A file with a vector as a JSON array of numbers; with words too, the two rankings are fused
    #[arg(long, value_name = "FILE")]
    pub vector: Option<PathBuf>,
    /// How many records
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    pub k: usize,
    /// Let an index answer, which is faster and may miss records
    #[arg(long)]
    pub approximate: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub filter: FilterArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub at: AtArgs,
}

/// `forgemark store related`
#[derive(Debug, Args)]
pub struct StoreRelatedArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub key: KeyArgs,
    /// Only edges of this meaning; `parent` and `supersedes` are those of the columns
    #[arg(long, value_name = "WORD")]
    pub relation: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub at: AtArgs,
}

/// `forgemark store tag`
#[derive(Debug, Args)]
pub struct StoreTagArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// The name
    pub name: String,
    /// The version; the newest without it
    #[arg(conflicts_with = "remove")]
    pub version: Option<u64>,
    /// Take the name away
    #[arg(long)]
    pub remove: bool,
}

/// `forgemark store diff`
#[derive(Debug, Args)]
pub struct StoreDiffArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// The earlier version: its number or a tag
    pub before: String,
    /// The later version; the newest without it
    pub after: Option<String>,
    /// Show at most N records; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

/// `forgemark store stats`
#[derive(Debug, Args)]
pub struct StoreStatsArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub at: AtArgs,
}

/// `forgemark store update`
#[derive(Debug, Args)]
pub struct StoreUpdateArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub key: KeyArgs,
    /// Give a column or `metadata.KEY` a value: JSON, or else a text; may be repeated
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    pub set: Vec<String>,
    /// Clear a column or `metadata.KEY`; may be repeated
    #[arg(long, value_name = "FIELD")]
    pub clear: Vec<String>,
}

/// `forgemark store supersede`
#[derive(Debug, Args)]
pub struct StoreSupersedeArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub key: KeyArgs,
    /// The file with the new record as one line of JSON; `-` is standard input
    pub file: PathBuf,
}

/// Records of a store.
#[derive(Debug, Args)]
pub struct StoreKeysArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// The ids of the records
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<String>,
    /// The keys are external ids
    #[arg(long)]
    pub external: bool,
}

/// `forgemark store retire`
#[derive(Debug, Args)]
pub struct StoreRetireArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub keys: StoreKeysArgs,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `forgemark store expire`
#[derive(Debug, Args)]
pub struct StoreExpireArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub keys: StoreKeysArgs,
    /// When, such as 2030-01-02T03:04:05Z; now without it
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

/// `forgemark store index`
#[derive(Debug, Args)]
pub struct StoreIndexArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// What is indexed: keys (ids, sessions), text (words) or vectors
    #[arg(value_name = "KIND", value_parser = ["keys", "text", "vectors"], hide_possible_values = true)]
    pub kind: String,
}

/// `forgemark store embed`
#[derive(Debug, Args)]
#[command(after_help = EMBED_EXAMPLES)]
pub struct StoreEmbedArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// The model as its endpoint names it, with its provider before a slash where no --endpoint is given; or `hashed`
    #[arg(long, value_name = "NAME")]
    pub model: String,
    /// The base address of an OpenAI-compatible server
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The environment variable that holds the key; a known provider has its own
    #[arg(long, value_name = "VARIABLE")]
    pub api_key_env: Option<String>,
    /// Records of a call and of a write: what a kill can lose
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: u32,
    /// The length of the vectors; without it the model decides, and for `hashed` the store, else 512
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub dimensions: Option<u32>,
}

/// `forgemark store clean-up`
#[derive(Debug, Args)]
pub struct StoreCleanUpArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    /// Remove versions that were made before this instant or day
    #[arg(long, value_name = "TIME", required_unless_present = "older_than")]
    pub before: Option<String>,
    /// Remove versions that are older than N days
    #[arg(long, value_name = "DAYS", conflicts_with = "before")]
    pub older_than: Option<u32>,
    /// Spare the versions that the cut in this folder cites, beside those that are remembered; may be repeated
    #[arg(long = "cut", value_name = "DIR")]
    pub cuts: Vec<PathBuf>,
}

/// `forgemark store cuts`
#[derive(Debug, Args)]
pub struct StoreCutsArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub store: StoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "described by the type")]
    pub key: KeyArgs,
    /// Look into the cut in this folder too, beside those that are remembered; may be repeated
    #[arg(long = "cut", value_name = "DIR")]
    pub cuts: Vec<PathBuf>,
}

impl StoreCommand {
    /// The store, and whether the result is wanted as JSON.
    pub fn store(&self) -> &StoreArgs {
        match self {
            StoreCommand::Init(args) => &args.store,
            StoreCommand::Add(args) => &args.store,
            StoreCommand::Ingest(args) => &args.store,
            StoreCommand::List(args) => &args.store,
            StoreCommand::Get(args) => &args.store,
            StoreCommand::Attach(args) => &args.store,
            StoreCommand::Search(args) => &args.store,
            StoreCommand::Related(args) => &args.store,
            StoreCommand::Tag(args) => &args.store,
            StoreCommand::Diff(args) => &args.store,
            StoreCommand::Stats(args) => &args.store,
            StoreCommand::Update(args) => &args.store,
            StoreCommand::Supersede(args) => &args.store,
            StoreCommand::Contradict(args) | StoreCommand::Delete(args) => &args.store,
            StoreCommand::Retire(args) => &args.keys.store,
            StoreCommand::Expire(args) => &args.keys.store,
            StoreCommand::Index(args) => &args.store,
            StoreCommand::Embed(args) => &args.store,
            StoreCommand::CleanUp(args) => &args.store,
            StoreCommand::Cuts(args) => &args.store,
            StoreCommand::Versions(args)
            | StoreCommand::Compact(args)
            | StoreCommand::Fsck(args) => args,
        }
    }
}
