//! `forgemark store add|update|supersede|contradict|retire|expire|delete`

use std::io::{BufRead, BufReader};
use std::path::Path;

use forgemark_contract::ingest::{Lines, Options, RewardFrom, RowShape};
use forgemark_contract::json::{Json, Object, parse_str};
use forgemark_contract::store::{At, ContextRecord, Edit, EditResult, Key, Written, lifecycle};

use super::reader::{LONGEST, Line, LineReader};
use super::{instant, key, open, record, texts, usage};
use crate::Context;
use crate::cli::store::{
    StoreAddArgs, StoreArgs, StoreAttachArgs, StoreExpireArgs, StoreKeysArgs, StoreRetireArgs,
    StoreSupersedeArgs, StoreUpdateArgs,
};
use crate::clock;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;

/// Adds the records of a file, all or none.
///
/// # Errors
/// A line that is no record, a key that is held, a store that cannot be written.
pub(super) fn add(args: &StoreAddArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let edits = records(&args.file)?.into_iter().map(Edit::Add).collect();
    write(&args.store, edits, context)
}

/// Gives fields of a record new values.
///
/// # Errors
/// A field that is none, a record that is not there, a store that cannot be written.
pub(super) fn update(args: &StoreUpdateArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let mut fields = Object::new();
    for set in &args.set {
        let (field, value) = set.split_once('=').ok_or_else(|| {
            usage(format!("--set {set}: expected FIELD=VALUE"))
                .hint("for example: --set metadata.reward=0.5")
        })?;
        // A text needs no quotes of its own.
        let value = parse_str(value).unwrap_or_else(|_| Json::from(value));
        fields.insert(field, value);
    }
    for field in &args.clear {
        fields.insert(field, Json::Null);
    }
    if fields.is_empty() {
        return Err(usage("nothing to change").hint("add --set FIELD=VALUE or --clear FIELD"));
    }
    let key = key(&args.key.key, args.key.external);
    write(&args.store, vec![Edit::Patch { key, fields }], context)
}

/// Puts a file beside the rows and lets a record name it.
///
/// # Errors
/// A file that cannot be read; else as [`update`].
pub(super) fn attach(args: &StoreAttachArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    // Nothing is copied for a record that is not there.
    record(
        &*open(&args.store.store, context)?.snapshot(&At::Latest)?,
        &args.key,
    )?;
    let payload = context.stores.put_payload(&args.store.store, &args.file)?;
    let mut fields = Object::from([
        ("payload_uri", Json::from(payload.uri)),
        ("payload_size", payload.size.into()),
        ("payload_checksum", payload.checksum.into()),
    ]);
    if let Some(kind) = &args.content_type {
        fields.insert("content_type", kind);
    }
    let key = key(&args.key.key, args.key.external);
    write(&args.store, vec![Edit::Patch { key, fields }], context)
}

/// Puts a new record in the place of an old one.
///
/// # Errors
/// A file that holds no single record; else as [`update`].
pub(super) fn supersede(
    args: &StoreSupersedeArgs,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let mut records = records(&args.file)?;
    let (Some(record), true) = (records.pop(), records.is_empty()) else {
        let what = format!("{}: expected one record", args.file.display());
        return Err(usage(what));
    };
    let key = key(&args.key.key, args.key.external);
    write(&args.store, vec![Edit::Supersede { key, record }], context)
}

/// Marks records as wrong.
///
/// # Errors
/// As [`update`].
pub(super) fn contradict(args: &StoreKeysArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    patch(
        args,
        context,
        &[("lifecycle_status", lifecycle::CONTRADICTED.into())],
    )
}

/// Hides records.
///
/// # Errors
/// As [`update`].
pub(super) fn retire(args: &StoreRetireArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let now = clock::now().ledger_style();
    let fields = [
        ("retired_at", now.into()),
        ("retired_reason", args.reason.clone().into()),
    ];
    patch(&args.keys, context, &fields)
}

/// Lets records expire.
///
/// # Errors
/// An instant that is none; else as [`update`].
pub(super) fn expire(args: &StoreExpireArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let at = match &args.at {
        Some(text) => instant("--at", text)?,
        None => clock::now(),
    };
    patch(
        &args.keys,
        context,
        &[("expires_at", at.ledger_style().into())],
    )
}

/// Deletes records.
///
/// # Errors
/// As [`update`].
pub(super) fn delete(args: &StoreKeysArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let edits = keys(args).map(Edit::Delete).collect();
    write(&args.store, edits, context)
}

fn keys(args: &StoreKeysArgs) -> impl Iterator<Item = Key> {
    args.keys.iter().map(|name| key(name, args.external))
}

fn patch(
    args: &StoreKeysArgs,
    context: &Context<'_>,
    fields: &[(&str, Json)],
) -> Result<Exit, AppError> {
    let fields: Object = fields.iter().cloned().collect();
    let edits = keys(args).map(|key| Edit::Patch {
        key,
        fields: fields.clone(),
    });
    write(&args.store, edits.collect(), context)
}

/// All records of a file of lines.
fn records(path: &Path) -> Result<Vec<ContextRecord>, AppError> {
    let io = |source| AppError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let inner: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(std::fs::File::open(path).map_err(io)?))
    };
    let name = path.display().to_string();
    let options = Options {
        origin: "record".to_owned(),
        source: None,
        reward: RewardFrom::default(),
        now: clock::now(),
    };
    let mut lines = Lines::new(&name, Some(RowShape::Records), options);
    let mut reader = LineReader::new(inner, LONGEST);
    let mut records = Vec::new();
    let mut number = 0;
    while let Some(line) = reader.next().map_err(io)? {
        number += 1;
        let failed = |what: String| {
            AppError::new(ErrorKind::Usage, what)
                .hint("a record is an object such as {\"role\": \"user\", \"text_payload\": \"...\"}; nothing was written")
        };
        let text = match line {
            Line::Whole(text) => text,
            Line::TooLong(length) => {
                let length = human::bytes(length);
                return Err(failed(format!("{name}:{number}: the line has {length}")));
            }
        };
        let unit = lines.line(number, &text);
        let unit = unit.map_err(|problem| failed(problem.to_string()))?;
        records.extend(unit.into_iter().flat_map(|unit| unit.records));
    }
    Ok(records)
}

/// Writes edits together and says what became of them.
fn write(args: &StoreArgs, edits: Vec<Edit>, context: &Context<'_>) -> Result<Exit, AppError> {
    let store = open(&args.store, context)?;
    let written = store.write(edits, clock::now())?;
    say(&written, args, context)?;
    Ok(Exit::Done)
}

fn say(written: &Written, args: &StoreArgs, context: &Context<'_>) -> Result<(), AppError> {
    let mut by_word: [(&str, Vec<String>); 4] =
        ["added", "changed", "unchanged", "deleted"].map(|word| (word, Vec::new()));
    for result in &written.results {
        let (place, id) = match result {
            EditResult::Added(id) => (0, id),
            EditResult::Changed(id) => (1, id),
            EditResult::Unchanged(id) => (2, id),
            EditResult::Deleted(id) => (3, id),
        };
        by_word[place].1.push(id.clone());
    }
    if args.json.json {
        let mut object: Object = (by_word.iter())
            .map(|(word, ids)| (*word, texts(ids)))
            .collect();
        object.insert("version", written.version);
        context.printer.json_line(&Json::Object(object))?;
        return Ok(());
    }
    let parts: Vec<String> = by_word
        .iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(word, ids)| format!("{} {word}", human::count(ids.len() as u64)))
        .collect();
    let parts = match parts.as_slice() {
        [] => "nothing to do".to_owned(),
        parts => parts.join(", "),
    };
    context
        .printer
        .result(format!("{parts}; version {}", written.version))?;
    Ok(())
}
