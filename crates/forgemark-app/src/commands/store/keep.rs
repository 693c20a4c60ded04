//! `forgemark store init|versions|tag|stats|compact|index|fsck|clean-up`

use forgemark_contract::json::{Json, Object};
use forgemark_contract::store::{At, IndexKind, Metric, StoreOptions};

use super::cuts::{self, Cuts};
use super::{instant, open, snapshot, texts};
use crate::Context;
use crate::cli::store::{
    StoreArgs, StoreCleanUpArgs, StoreIndexArgs, StoreInitArgs, StoreStatsArgs, StoreTagArgs,
};
use crate::clock;
use crate::error::AppError;
use crate::escape;
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Microseconds of a day.
const DAY: i64 = 24 * 3_600 * 1_000_000;

/// Makes an empty store.
///
/// # Errors
/// Where there is one, and a place that cannot be written.
pub(super) fn init(args: &StoreInitArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let options = StoreOptions {
        dimensions: args.dimensions,
        metric: Metric::of_word(&args.metric).unwrap_or_default(),
    };
    let uri = &args.store.store;
    context.stores.create(uri, &options)?;
    if args.store.json.json {
        context.printer.json_line(&Json::object([
            ("store", Json::from(uri)),
            ("dimensions", args.dimensions.into()),
            ("metric", options.metric.word().into()),
        ]))?;
    } else {
        context.printer.result(format!("made {uri}"))?;
        context
            .printer
            .note(format!("next: forgemark store ingest {uri} PATH"));
    }
    Ok(Exit::Done)
}

/// Lists versions.
///
/// # Errors
/// A store that is not there.
pub(super) fn versions(args: &StoreArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let mut table = Table::new(&[
        ("version", Align::Right),
        ("made at", Align::Left),
        ("records", Align::Right),
        ("by", Align::Left),
        ("tags", Align::Left),
    ]);
    for version in open(&args.store, context)?.versions()? {
        let made_at = version.made_at.ledger_style();
        if args.json.json {
            context.printer.json_line(&Json::object([
                ("version", Json::from(version.number)),
                ("made_at", made_at.into()),
                ("records", version.rows.into()),
                ("operation", version.operation.into()),
                ("tags", texts(&version.tags)),
            ]))?;
            continue;
        }
        table.row([
            version.number.to_string(),
            made_at,
            version.rows.map_or("-".to_owned(), human::count),
            version.operation,
            version.tags.join(", "),
        ]);
    }
    if !args.json.json {
        context.printer.result(table.to_string())?;
    }
    Ok(Exit::Done)
}

/// Names a version, or takes a name away.
///
/// # Errors
/// A name that is taken or not there, a version that is not there.
pub(super) fn tag(args: &StoreTagArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let store = open(&args.store.store, context)?;
    let (name, printer) = (&args.name, &context.printer);
    let version = if args.remove {
        store.remove_tag(name)?;
        None
    } else {
        let version = match args.version {
            Some(version) => version,
            None => store.snapshot(&At::Latest)?.version(),
        };
        store.set_tag(name, version)?;
        Some(version)
    };
    if args.store.json.json {
        let said = [("tag", Json::from(name)), ("version", version.into())];
        printer.json_line(&Json::object(said))?;
    } else {
        printer.result(match version {
            Some(version) => format!("{name} is version {version}"),
            None => format!("{name} is no name any more"),
        })?;
    }
    Ok(Exit::Done)
}

/// Says what a store holds.
///
/// # Errors
/// A store or version that is not there.
pub(super) fn stats(args: &StoreStatsArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let snapshot = snapshot(&args.store.store, &args.at, context)?;
    let stats = snapshot.stats()?;
    if args.store.json.json {
        let model = stats.model.as_ref().map(|model| {
            Json::object([
                ("name", Json::from(&model.name)),
                ("digest", Json::from(&model.digest)),
            ])
        });
        let indexes = stats.indexes.iter();
        let indexes = indexes.map(|(name, unseen)| (name.clone(), Json::from(*unseen)));
        context.printer.json_line(&Json::object([
            ("version", Json::from(snapshot.version())),
            ("records", stats.rows.into()),
            ("tombstones", stats.tombstones.into()),
            ("vectors", stats.vectors.into()),
            ("dimensions", stats.dimensions.into()),
            ("metric", stats.metric.word().into()),
            ("model", model.into()),
            ("files", stats.files.into()),
            ("bytes", stats.bytes.into()),
            ("dead_rows", stats.dead_rows.into()),
            ("indexes", Json::Object(indexes.collect())),
            ("foreign", stats.foreign.into()),
        ]))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    let dimensions = (stats.dimensions).map_or("-".to_owned(), |n| human::count(n.into()));
    for (name, value) in [
        ("version", snapshot.version().to_string()),
        ("records", human::count(stats.rows)),
        ("tombstones", human::count(stats.tombstones)),
        ("vectors", human::count(stats.vectors)),
        ("  dimensions", dimensions),
        ("  metric", stats.metric.word().to_owned()),
    ] {
        table.row([name, &value]);
    }
    if let Some(model) = &stats.model {
        table.row(["  model", model.name.as_str()]);
    }
    for (name, value) in [
        ("files", human::count(stats.files)),
        ("bytes", human::bytes(stats.bytes)),
        ("dead rows", human::count(stats.dead_rows)),
    ] {
        table.row([name, &value]);
    }
    for (index, unseen) in &stats.indexes {
        let unseen = match unseen {
            0 => "all seen".to_owned(),
            n => format!("{} not seen", human::count(*n)),
        };
        table.row([&format!("index {index}"), &unseen]);
    }
    context.printer.result(table.to_string())?;
    if stats.foreign {
        context
            .printer
            .note("another program wrote this table; it can be read and not written");
    }
    Ok(Exit::Done)
}

/// Rewrites many small files as few.
///
/// # Errors
/// A store that cannot be read or written.
pub(super) fn compact(args: &StoreArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let done = open(&args.store, context)?.compact()?;
    if args.json.json {
        context.printer.json_line(&Json::object([
            ("version", Json::from(done.version)),
            ("files_removed", done.files_removed.into()),
            ("files_added", done.files_added.into()),
        ]))?;
    } else {
        context.printer.result(format!(
            "{} became {}; version {}",
            human::plural(done.files_removed, "file", "files"),
            human::count(done.files_added),
            done.version
        ))?;
    }
    Ok(Exit::Done)
}

/// Builds an index.
///
/// # Errors
/// A store that has nothing to index in that way, or cannot be written.
pub(super) fn index(args: &StoreIndexArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let kind = match args.kind.as_str() {
        "text" => IndexKind::Text,
        "vectors" => IndexKind::Vectors,
        _ => IndexKind::Keys,
    };
    open(&args.store.store, context)?.build_index(kind)?;
    if args.store.json.json {
        let said = Json::object([("index", Json::from(&args.kind))]);
        context.printer.json_line(&said)?;
    } else {
        let said = format!("the index of {} is up to date", args.kind);
        context.printer.result(said)?;
    }
    Ok(Exit::Done)
}

/// Looks for everything that should not be. The exit code is 1 when there is something.
///
/// # Errors
/// A store that cannot be read at all.
pub(super) fn fsck(args: &StoreArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let findings = open(&args.store, context)?.fsck()?;
    let printer = &context.printer;
    for found in &findings {
        if args.json.json {
            printer.json_line(&Json::object([
                ("kind", Json::from(found.kind)),
                ("what", Json::from(&found.what)),
                ("why", Json::from(&found.why)),
            ]))?;
        } else {
            let line = format!("{}: {}: {}", found.kind, found.what, found.why);
            printer.result(escape::for_line(&line))?;
        }
    }
    if !args.json.json {
        printer.result(match findings.len() as u64 {
            0 => "the store is sound".to_owned(),
            n => human::plural(n, "finding", "findings"),
        })?;
    }
    Ok(if findings.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    })
}

/// Removes old versions, and spares those that are cited.
///
/// # Errors
/// An instant that is none, a cut that is named and not there, a store that cannot be read or written.
pub(super) fn clean_up(args: &StoreCleanUpArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let now = clock::now();
    let before = match (&args.before, args.older_than) {
        (Some(text), _) => instant("--before", text)?,
        (None, days) => now.plus_micros(-DAY.saturating_mul(days.unwrap_or(0).into())),
    };
    let uri = &args.store.store;
    let store = open(uri, context)?;
    let known = Cuts::find(uri, &args.cuts)?;
    cuts::warn(&known, context);
    let cited = known.versions();
    let done = store.clean_up(before, &cited)?;
    if args.store.json.json {
        let mut object = Object::new();
        object.insert("versions", done.versions);
        object.insert("bytes", done.bytes);
        object.insert(
            "spared",
            cited.iter().map(|n| Json::from(*n)).collect::<Json>(),
        );
        context.printer.json_line(&Json::Object(object))?;
        return Ok(Exit::Done);
    }
    context.printer.result(format!(
        "removed {} of {}",
        human::plural(done.versions, "version", "versions"),
        human::bytes(done.bytes)
    ))?;
    if !cited.is_empty() {
        let numbers: Vec<String> = cited.iter().map(u64::to_string).collect();
        context.printer.note(format!(
            "exported cuts cite the versions {}, which were spared",
            numbers.join(", ")
        ));
    }
    Ok(Exit::Done)
}
