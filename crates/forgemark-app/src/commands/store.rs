//! `forgemark store ...`: records by version, over whatever store the binary brings.

mod change;
pub mod cuts;
mod diff;
mod embed;
pub mod ingest;
mod input;
mod keep;
mod quarantine;
mod read;
mod reader;

use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::store::select::{
    Filter, Visibility, filter_from_expression, filter_from_original,
};
use forgemark_contract::store::{At, ContextRecord, Key, RecordStore, Snapshot};
use forgemark_contract::time::Timestamp;

use crate::Context;
use crate::cli::store::{AtArgs, FilterArgs, KeyArgs, StoreCommand};
use crate::clock;
use crate::error::{AppError, ErrorKind};
use crate::escape;
use crate::exit::Exit;

/// Characters of a text that a table shows.
const SHOWN: usize = 60;

/// Runs the subcommand.
///
/// # Errors
/// Those of the subcommand.
pub fn run(command: &StoreCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    match command {
        StoreCommand::Init(args) => keep::init(args, context),
        StoreCommand::Add(args) => change::add(args, context),
        StoreCommand::Ingest(args) => ingest::run(args, context),
        StoreCommand::List(args) => read::list(args, context),
        StoreCommand::Get(args) => read::get(args, context),
        StoreCommand::Attach(args) => change::attach(args, context),
        StoreCommand::Search(args) => read::search(args, context),
        StoreCommand::Related(args) => read::related(args, context),
        StoreCommand::Versions(args) => keep::versions(args, context),
        StoreCommand::Tag(args) => keep::tag(args, context),
        StoreCommand::Diff(args) => diff::run(args, context),
        StoreCommand::Stats(args) => keep::stats(args, context),
        StoreCommand::Update(args) => change::update(args, context),
        StoreCommand::Supersede(args) => change::supersede(args, context),
        StoreCommand::Contradict(args) => change::contradict(args, context),
        StoreCommand::Retire(args) => change::retire(args, context),
        StoreCommand::Expire(args) => change::expire(args, context),
        StoreCommand::Delete(args) => change::delete(args, context),
        StoreCommand::Embed(args) => embed::run(args, context),
        StoreCommand::Compact(args) => keep::compact(args, context),
        StoreCommand::Index(args) => keep::index(args, context),
        StoreCommand::Fsck(args) => keep::fsck(args, context),
        StoreCommand::CleanUp(args) => keep::clean_up(args, context),
        StoreCommand::Cuts(args) => cuts::run(args, context),
    }
}

fn usage(what: impl Into<String>) -> AppError {
    AppError::new(ErrorKind::Usage, what)
}

fn open(uri: &str, context: &Context<'_>) -> Result<Box<dyn RecordStore>, AppError> {
    Ok(context.stores.open(uri)?)
}

/// The version that is asked for.
pub(crate) fn snapshot(
    uri: &str,
    at: &AtArgs,
    context: &Context<'_>,
) -> Result<Box<dyn Snapshot>, AppError> {
    let at = match (at.version, &at.tag) {
        (Some(version), _) => At::Version(version),
        (_, Some(tag)) => At::Tag(tag.clone()),
        _ => At::Latest,
    };
    Ok(open(uri, context)?.snapshot(&at)?)
}

fn key(key: &str, external: bool) -> Key {
    if external {
        Key::External(key.to_owned())
    } else {
        Key::Id(key.to_owned())
    }
}

/// The record of a key.
fn record(snapshot: &dyn Snapshot, args: &KeyArgs) -> Result<ContextRecord, AppError> {
    let key = key(&args.key, args.external);
    snapshot.get(&key)?.ok_or_else(|| {
        let what = format!(
            "{}, version {}: there is no record with {key}",
            snapshot.uri(),
            snapshot.version()
        );
        let error = AppError::new(ErrorKind::NotFound, what);
        if args.external {
            error.hint("without --external the key is an id")
        } else {
            error.hint("with --external the key is an external id")
        }
    })
}

/// What the options about records say.
fn selection(args: &FilterArgs) -> Result<(Visibility, Filter), AppError> {
    let mut filters = Vec::new();
    if let Some(expression) = &args.expression {
        filters.push(filter_from_expression(expression).map_err(|error| {
            usage(format!("--where: {error}"))
                .hint("for example: --where 'role = \"user\" and metadata.judge.score >= 0.5'")
        })?);
    }
    if let Some(text) = &args.filters {
        let example = "for example: --filters '{\"role\": \"user\", \"lang\": \"en\"}'";
        let value = parse_str(text)
            .map_err(|error| usage(format!("--filters: no JSON: {error}")).hint(example))?;
        let object = value.as_object().ok_or_else(|| {
            let what = format!("--filters: expected an object, found {}", value.type_name());
            usage(what).hint(example)
        })?;
        let filter = filter_from_original(object);
        filters.push(filter.map_err(|error| usage(format!("--filters: {error}")))?);
    }
    let visibility = Visibility {
        include_expired: args.include_expired,
        include_retired: args.include_retired,
        reference_time: clock::now(),
    };
    Ok((visibility, Filter::All(filters)))
}

/// An instant of the command line, or a day, which means its beginning in UTC.
fn instant(option: &str, text: &str) -> Result<Timestamp, AppError> {
    Timestamp::parse(text)
        .or_else(|_| Timestamp::parse(&format!("{text}T00:00:00Z")))
        .map_err(|_| {
            usage(format!("{option}: '{text}' is no instant"))
                .hint("write it as 2030-01-02T03:04:05Z, or as 2030-01-02")
        })
}

/// The beginning of a text on one line.
fn short(text: &str) -> String {
    let line = escape::for_line(text);
    let mut short: String = line.chars().take(SHOWN).collect();
    if line.chars().count() > SHOWN {
        short.push('…');
    }
    short
}

/// The beginning of what a record says.
fn words(record: &ContextRecord) -> String {
    if let Some(text) = record
        .text_payload
        .as_deref()
        .filter(|text| !text.is_empty())
    {
        return short(text);
    }
    let calls = record
        .message
        .iter()
        .flat_map(|message| &message.tool_calls);
    let calls: Vec<String> = calls
        .map(|call| format!("{}({})", call.function.name, call.function.arguments))
        .collect();
    short(&calls.join(" "))
}

fn texts(values: &[String]) -> Json {
    values.into()
}
