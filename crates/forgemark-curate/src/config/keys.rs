//! Every configuration key of `forgemark export`.
//!
//! The reader, `config show`, `config keys`, the JSON Schema and the reference page are made from this table.

use forgemark_contract::settings::{Key, Kind, float, key};

/// Any integer from 0.
const COUNT: Kind = Kind::Int {
    min: 0,
    max: i64::MAX,
};
/// Any integer from 1.
const POSITIVE: Kind = Kind::Int {
    min: 1,
    max: i64::MAX,
};
/// From 0 to 1.
const SHARE: Kind = float(0.0, 1.0);
/// A cosine distance.
const DISTANCE: Kind = float(0.0, 2.0);
/// Any number.
const NUMBER: Kind = float(f64::MIN, f64::MAX);
/// What to do where a value is missing.
const ON_MISSING: Kind = words(&[("error", &[]), ("keep", &[]), ("drop", &[])]);

const fn words(words: &'static [(&'static str, &'static [&'static str])]) -> Kind {
    Kind::OneOf(words)
}

/// The table, in the order of the reference page.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    // what is written
    key("profile", words(&[("default", &[]), ("lance-context-1", &["compat"])]), "\"default\"", "`lance-context-1` writes what the original's export writes, byte for byte; it reads `compat.*`, `select.*` and nothing else."),
    key("shape", words(&[("neutral", &[]), ("openai", &[]), ("trl", &[]), ("trl-reward", &[]), ("sharegpt", &[]), ("axolotl", &[]), ("llama-factory", &["llamafactory"]), ("openrlhf", &[]), ("nemo-rl", &["nemo"]), ("verl", &[])]), "\"neutral\"", "The trainer whose columns are written; `neutral` writes all that is known."),
    key("format", words(&[("auto", &[]), ("jsonl", &[]), ("parquet", &[]), ("arrow", &[]), ("lance", &[])]), "\"auto\"", "What the rows are kept in; `auto` is `parquet` for verl and `jsonl` for all others."),
    key("compression", words(&[("auto", &[]), ("none", &[]), ("gzip", &[]), ("zstd", &[]), ("snappy", &[])]), "\"auto\"", "How the files are compressed; `auto` is `zstd` for Parquet and `none` for all others."),
    key("shards", POSITIVE, "null", "How many files the rows of a side go to, in equal parts; without it there is one, without a number in its name."),
    key("shard_rows", POSITIVE, "null", "How many rows a file of a side holds at most, instead of `shards`."),
    key("shuffle", COUNT, "null", "Seed by which the lines of a side are shuffled; without it they stand in the order of their first record."),

    // which records
    key("select.where", Kind::Str, "\"\"", "Which records are seen, such as `source = \"forum\" and metadata.judge.score >= 7`."),
    key("select.filters", Kind::Map, "{}", "The same as the original's filter object, such as `{tenant: acme, created_at: {gte: 2030-01-01T00:00:00Z}}`; both must hold."),
    key("select.include_expired", Kind::Bool, "false", "Whether records past their `expires_at` are seen."),
    key("select.include_retired", Kind::Bool, "false", "Whether retired and superseded records are seen."),
    key("select.reference_time", Kind::Str, "\"\"", "The instant at which lifetimes are judged, in RFC 3339; empty is when the command starts. It is written in the manifest."),

    // units
    key("unit", words(&[("auto", &[]), ("record", &[]), ("turn_pair", &[]), ("conversation", &[]), ("branch", &[]), ("candidate_group", &[])]), "\"auto\"", "What is kept or dropped together; `auto` is `conversation` for SFT and `candidate_group` for the others."),
    key("group_by", Kind::StrList, "[\"session_id\"]", "The columns or metadata paths that make records one group; records that lack one are alone."),
    key("order", words(&[("given", &[]), ("time", &[]), ("reward", &[]), ("length", &[])]), "\"time\"", "In which order units are looked at; the first of several duplicates stays."),
    key("scope", Kind::StrList, "[]", "Roles whose texts and vectors stand for a unit in the stages; empty is all but `system`."),
    key("answers", words(&[("all", &[]), ("best", &[])]), "\"all\"", "Whether each of several answers to one prompt makes a branch, or only the best one."),

    // tasks
    key("preference.form", words(&[("pairs", &["paired"]), ("labels", &["unpaired"]), ("ranked", &[])]), "\"pairs\"", "A better and a worse answer, single answers with a label, or all answers in order."),
    key("preference.choose", words(&[("best_worst", &[]), ("all", &[]), ("top", &[])]), "\"best_worst\"", "Which pairs: the best and the worst, all with different scores, or those with the largest difference."),
    key("preference.top", POSITIVE, "1", "How many pairs a prompt gives at most, for `choose: top`."),
    key("preference.margin", float(0.0, f64::MAX), "0", "Smallest difference of the scores of a pair."),
    key("preference.min_chosen", NUMBER, "null", "Smallest score of the better answer."),
    key("preference.ties", words(&[("first", &[]), ("skip", &[])]), "\"first\"", "What is done where several answers share the best or the worst score."),
    key("preference.identical", Kind::Bool, "false", "Whether answers of one wording may be a pair."),
    key("preference.good", NUMBER, "1", "Smallest reward of a good answer, for `form: labels`; a label of its own comes first."),
    key("preference.bad", NUMBER, "0", "Largest reward of a bad answer; rewards between the two make no example."),
    key("rollout.drop_zero_variance", Kind::Bool, "false", "Whether prompts whose answers all have one reward are left out: they teach a policy nothing."),

    // stages
    key("reward.min", NUMBER, "null", "Smallest reward of a unit."),
    key("reward.on_missing", ON_MISSING, "\"error\"", "What is done with units without a reward."),
    key("dedup.exact", Kind::Bool, "false", "Whether units of one wording (case, white space and Unicode forms aside) are duplicates."),
    key("dedup.near.jaccard", SHARE, "null", "Share of common character shingles from which units are near duplicates; 0.8 is usual."),
    key("dedup.near.shingle", POSITIVE, "5", "Characters of a shingle."),
    key("dedup.near.proposals", words(&[("minhash", &[]), ("all", &[])]), "\"minhash\"", "Where candidates come from: bands of a MinHash signature (the manifest names the probability of a miss), or all."),
    key("dedup.semantic.distance", DISTANCE, "null", "Cosine distance up to which units are duplicates in meaning; exact, first kept wins."),
    key("dedup.semantic.on_missing", ON_MISSING, "\"error\"", "What is done with units without a vector."),
    key("holdout.files", Kind::StrList, "[]", "Evaluation files that must not be trained on: JSON lines with `id`, `text` (or messages) and `embedding`."),
    key("holdout.n", POSITIVE, "8", "Words of an n-gram; items with fewer are compared as a whole."),
    key("holdout.share", SHARE, "0.5", "Smallest share of an item's n-grams that makes a unit contaminated."),
    key("holdout.distance", DISTANCE, "null", "Cosine distance to an item with a vector up to which a unit is contaminated."),
    key("holdout.on_missing", ON_MISSING, "\"error\"", "What is done with units without a vector, where distances are asked for."),
    key("redact.kinds", Kind::StrList, "[]", "Secrets and personal data to look for, by name, or `all`."),
    key("redact.on_find", words(&[("replace", &[]), ("drop", &[])]), "\"replace\"", "Whether a find is replaced by its kind in brackets, or its message is not used."),
    key("language.allowed", Kind::StrList, "[]", "ISO 639-3 codes of the languages that may stay, such as `eng`; empty is any."),
    key("language.confidence", SHARE, "0.8", "Confidence from which a language is believed."),
    key("language.on_unsure", ON_MISSING, "\"keep\"", "What is done with units whose language is not believed; short texts often are such."),
    key("length.min_characters", COUNT, "0", "Fewest characters of a unit."),
    key("length.max_characters", COUNT, "null", "Most characters of a unit."),
    key("length.max_tokens", COUNT, "null", "Most tokens of a unit, as `length.tokenizer` counts them; without it they are counted for the manifest only."),
    key("length.tokenizer", Kind::Str, "\"\"", "The `tokenizer.json` of the model that is to be trained."),
    key("length.chat_template", Kind::Str, "\"\"", "The model's chat template, a Jinja file; with it the tokens of whole conversations are counted."),
    key("length.max_words", COUNT, "null", "Most white-space words of a unit."),

    // division
    key("mix.by", Kind::Str, "\"\"", "The column or metadata path whose values are mixed, such as `source`; empty takes everything."),
    key("mix.parts", Kind::Map, "{}", "The part of each value, such as `{forum: 2, manual: 1}`; values that are not named are left out."),
    key("mix.seed", COUNT, "0", "Which examples are taken where there are too many."),
    key("split.sides", Kind::Map, "{}", "The sides with their shares, which sum to 1, such as `{train: 0.9, eval: 0.1}`; empty makes one file."),
    key("split.how", words(&[("hash", &[]), ("quota", &[]), ("time", &[])]), "\"hash\"", "By a hash (stable when rows are added), by exact quotas, or by time."),
    key("split.stratum", Kind::Str, "\"\"", "The column or metadata path within whose values quotas hold, for `how: quota`."),
    key("split.seed", COUNT, "0", "Another seed, another division."),
    key("split.together", Kind::StrList, "[\"session_id\"]", "Columns or metadata paths whose values stay on one side, besides groups."),
    key("split.near", DISTANCE, "null", "Cosine distance up to which two examples stay on one side."),
    key("threads", COUNT, "0", "Threads for comparisons; 0 is one a core. They change the time only."),

    // the original's export
    key("compat.group_by", Kind::Str, "\"session_id\"", "`none`, `session_id`, `run_id`, `tenant`, `source`, `bot_id` or `external_id_prefix:DELIMITER`."),
    key("compat.preference_form", words(&[("paired", &[]), ("unpaired", &[]), ("ranked", &[])]), "\"paired\"", "The shape of a preference."),
    key("compat.dedup_threshold", DISTANCE, "null", "Cosine distance up to which a later record is a duplicate."),
    key("compat.decontaminate_file", Kind::Str, "\"\"", "A file of vectors that no record may be near: JSON, a list of lists of numbers."),
    key("compat.decontaminate_threshold", DISTANCE, "null", "Cosine distance up to which a record is near one of them."),
    key("compat.min_reward", NUMBER, "null", "Records with a reward below this are dropped; those without one stay, as in the original."),
    key("compat.eval_fraction", SHARE, "null", "Expected share of the eval side; without it there is one file."),
    key("compat.split_by", Kind::Str, "\"session_id\"", "What stays on one side; as `compat.group_by`."),
    key("compat.seed", COUNT, "0", "Another seed, another division."),
    key("compat.emit_stats", Kind::Bool, "false", "Whether statistics are written beside the manifest."),
];
