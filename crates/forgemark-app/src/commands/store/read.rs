//! `forgemark store list|get|search|related`

use std::path::Path;

use forgemark_contract::json::{Json, parse};
use forgemark_contract::store::{ContextRecord, Hit, Parts, Scan, Search};

use super::{record, selection, short, snapshot, usage, words};
use crate::Context;
use crate::cli::store::{StoreGetArgs, StoreListArgs, StoreRelatedArgs, StoreSearchArgs};
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Records that a table shows without `--limit`.
const ROWS: u64 = 20;

/// Lists records in the order of insertion.
///
/// # Errors
/// A filter that cannot be read, a store or version that is not there.
pub(super) fn list(args: &StoreListArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let (visibility, filter) = selection(&args.filter)?;
    let snapshot = snapshot(&args.store.store, &args.at, context)?;
    let json = args.store.json.json;
    let limit = match (args.limit, json) {
        (None, true) => None,
        (given, _) => Some(given.unwrap_or(ROWS)),
    };
    let scan = Scan {
        visibility: Some(visibility),
        filter,
        parts: Parts {
            vector: args.vectors && json,
            binary: args.vectors && json,
            ..Parts::ALL
        },
        offset: args.offset,
        // One more, to say whether there are more.
        limit: limit.map(|limit| limit.saturating_add(u64::from(!json))),
    };
    let mut table = Table::new(&[
        ("id", Align::Left),
        ("session", Align::Left),
        ("seq", Align::Right),
        ("role", Align::Left),
        ("text", Align::Left),
    ]);
    let mut shown = 0;
    for row in snapshot.scan(&scan)? {
        let (_, row) = row?;
        if json {
            context.printer.json_line(&row)?;
            continue;
        }
        if Some(shown) == limit {
            context.printer.result(table.to_string())?;
            context
                .printer
                .note("there are more; `--limit N` shows more, `--offset N` passes over the first");
            return Ok(Exit::Done);
        }
        shown += 1;
        table.row([
            row.id.as_str(),
            &short(row.session_id.as_deref().unwrap_or("-")),
            &row.seq.map_or("-".to_owned(), |seq| seq.to_string()),
            &row.role,
            &words(&row),
        ]);
    }
    if !json {
        if shown == 0 {
            context.printer.result("no record")?;
        } else {
            context.printer.result(table.to_string())?;
        }
    }
    Ok(Exit::Done)
}

/// Prints a record.
///
/// # Errors
/// A record, store or version that is not there.
pub(super) fn get(args: &StoreGetArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let snapshot = snapshot(&args.store.store, &args.at, context)?;
    let record = record(&*snapshot, &args.key)?;
    if let Some(into) = &args.payload {
        let store = &args.store.store;
        let bytes = context.stores.fetch_payload(store, &record, into)?;
        let into = into.display();
        let size = human::bytes(bytes);
        context.printer.result(format!("{into}: {size}"))?;
        return Ok(Exit::Done);
    }
    if args.store.json.json {
        context.printer.json_line(&record)?;
    } else {
        context.printer.json(&record)?;
    }
    Ok(Exit::Done)
}

/// Finds records.
///
/// # Errors
/// A query that is none, a vector of another length, a store or version that is not there.
pub(super) fn search(args: &StoreSearchArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    if args.text.is_none() && args.vector.is_none() {
        return Err(usage("nothing to look for").hint("give words, or --vector FILE, or both"));
    }
    let (visibility, filter) = selection(&args.filter)?;
    let query = Search {
        text: args.text.clone(),
        vector: args.vector.as_deref().map(vector).transpose()?,
        k: args.k,
        visibility,
        filter,
        approximate: args.approximate,
    };
    let snapshot = snapshot(&args.store.store, &args.at, context)?;
    let hits = snapshot.search(&query)?;
    if args.store.json.json {
        for hit in &hits {
            context.printer.json_line(&hit.to_json())?;
        }
        return Ok(Exit::Done);
    }
    if hits.is_empty() {
        context.printer.result("no record")?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        ("score", Align::Right),
        ("distance", Align::Right),
        ("words", Align::Right),
        ("id", Align::Left),
        ("role", Align::Left),
        ("text", Align::Left),
    ]);
    for Hit {
        record,
        distance,
        text_score,
        score,
    } in &hits
    {
        let number =
            |value: Option<f32>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
        table.row([
            format!("{score:.4}"),
            number(*distance),
            number(*text_score),
            record.id.clone(),
            record.role.clone(),
            words(record),
        ]);
    }
    context.printer.result(table.to_string())?;
    Ok(Exit::Done)
}

/// The vector of a file: a JSON array of numbers.
fn vector(path: &Path) -> Result<Vec<f32>, AppError> {
    let fail = |what: String| {
        usage(format!("--vector: {}: {what}", path.display()))
            .hint("the file holds a JSON array of numbers such as [0.1, -0.2]")
    };
    let bytes = std::fs::read(path).map_err(|source| AppError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let value = parse(&bytes).map_err(|error| fail(format!("no JSON: {error}")))?;
    let items = value
        .as_array()
        .ok_or_else(|| fail(format!("expected an array, found {}", value.type_name())))?;
    let number = |(place, item): (usize, &Json)| {
        let number = item.as_f64().map(|number| number as f32);
        number
            .filter(|number| number.is_finite())
            .ok_or_else(|| fail(format!("[{place}]: expected a finite number")))
    };
    items.iter().enumerate().map(number).collect()
}

/// Lists the records that point to a record.
///
/// # Errors
/// A record, store or version that is not there.
pub(super) fn related(args: &StoreRelatedArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let snapshot = snapshot(&args.store.store, &args.at, context)?;
    let target = record(&*snapshot, &args.key)?.id;
    let scan = Scan {
        parts: Parts {
            text: true,
            ..Parts::KEYS
        },
        ..Scan::everything()
    };
    let mut table = Table::new(&[
        ("relation", Align::Left),
        ("weight", Align::Right),
        ("id", Align::Left),
        ("role", Align::Left),
        ("text", Align::Left),
    ]);
    let mut found = 0;
    for row in snapshot.scan(&scan)? {
        let (_, row) = row?;
        for (relation, weight) in edges(&row, &target) {
            if args
                .relation
                .as_deref()
                .is_some_and(|word| word != relation)
            {
                continue;
            }
            found += 1;
            if args.store.json.json {
                context.printer.json_line(&Json::object([
                    ("relation", Json::from(relation)),
                    ("weight", weight.map(f64::from).into()),
                    ("record", row.to_json()),
                ]))?;
            } else {
                table.row([
                    relation,
                    &weight.map_or("-".to_owned(), |weight| weight.to_string()),
                    &row.id,
                    &row.role,
                    &words(&row),
                ]);
            }
        }
    }
    if !args.store.json.json {
        if found == 0 {
            context.printer.result("no record points to it")?;
        } else {
            context.printer.result(table.to_string())?;
            context.printer.note(human::plural(found, "edge", "edges"));
        }
    }
    Ok(Exit::Done)
}

/// The edges of a record to another, those of columns included.
fn edges<'r>(row: &'r ContextRecord, target: &str) -> Vec<(&'r str, Option<f32>)> {
    let columns = [
        ("parent", &row.parent_id),
        ("supersedes", &row.supersedes_id),
    ];
    let columns = columns
        .into_iter()
        .filter(|(_, id)| id.as_deref() == Some(target))
        .map(|(word, _)| (word, None));
    let listed = row
        .relationships
        .iter()
        .filter(|edge| edge.target_id == target)
        .map(|edge| (edge.relation.as_str(), edge.weight));
    listed.chain(columns).collect()
}
