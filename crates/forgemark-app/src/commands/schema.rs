//! `forgemark schema [NAME]`

use forgemark_contract::arena::{self, Place};
use forgemark_contract::dialogue::{Columns, bundle};
use forgemark_contract::json::Json;
use forgemark_contract::settings::{nearest, settings_schema};
use forgemark_contract::shape::{ArtifactKind, record_schema, schema};

use crate::Context;
use crate::cli::SchemaArgs;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::table::{Align, Table};
use crate::tables;

/// The names of the configurations' schemas, with what each is of and its table.
const CONFIGS: [(&str, &str, tables::Table); 3] = [
    (
        "dialogue-config",
        "the configuration file of `forgemark dialogue`",
        tables::DIALOGUE,
    ),
    (
        "arena-config",
        "the configuration file of `forgemark arena`",
        tables::ARENA,
    ),
    (
        "export-config",
        "the configuration file of `forgemark export`",
        tables::EXPORT,
    ),
];

/// The schema of a bundle's rows, with what it is of.
const BUNDLE: (&str, &str) = ("dialogue-bundle", "a row of `forgemark dialogue bundle`");

/// Prints a schema, or lists them.
///
/// # Errors
/// A name that no schema has.
pub fn run(args: &SchemaArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    match &args.name {
        Some(asked) => context.printer.json(&find(asked)?)?,
        None if args.json.json => {
            let all = listed().map(|(name, file)| {
                Json::object([("name", Json::from(name)), ("file", Json::from(file))])
            });
            context.printer.json_line(&Json::Array(all.collect()))?;
        }
        None => {
            let mut table = Table::new(&[("schema", Align::Left), ("of", Align::Left)]);
            for (name, file) in listed() {
                table.row([name, file]);
            }
            context.printer.result(table.to_string())?;
        }
    }
    Ok(Exit::Done)
}

/// The schema of a configuration table.
pub fn of_config(table: &tables::Table) -> Json {
    let title = format!("Configuration of `forgemark {}`", table.name);
    settings_schema(table.keys, &title)
}

/// Names of schemas and what each describes.
fn listed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let artifacts = ArtifactKind::ALL.map(|kind| (name(kind), kind.path()));
    artifacts
        .into_iter()
        .chain(arena::RECORDS.map(|(name, place, _)| (name, place)))
        .chain([BUNDLE])
        .chain(CONFIGS.map(|(name, of, _)| (name, of)))
}

/// An artifact's file name without its extension; one whose name is an id is called after its folder.
fn name(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::Conversation => "conversation",
        ArtifactKind::RunState => "run_state",
        _ => {
            let file = kind.path().rsplit('/').next().unwrap_or_default();
            file.split('.').next().unwrap_or_default()
        }
    }
}

fn find(asked: &str) -> Result<Json, AppError> {
    if let Some((.., table)) = CONFIGS.iter().find(|(name, ..)| *name == asked) {
        return Ok(of_config(table));
    }
    if asked == BUNDLE.0 {
        return Ok(bundle::schema(&Columns::default()));
    }
    let named = ArtifactKind::ALL.into_iter().find(|kind| {
        // What stands in the list, and what a user would copy from there or from a folder.
        name(*kind) == asked || kind.path() == asked
    });
    if let Some(kind) = named.or_else(|| ArtifactKind::of_path(asked)) {
        return Ok(schema(kind));
    }
    let folder = Place::of_path(asked).map(|place| place.kind.folder());
    let record = arena::RECORDS.into_iter().find(|(name, place, _)| {
        [*name, *place].contains(&asked)
            || folder.is_some_and(|folder| place.split('/').next() == Some(folder))
    });
    if let Some((_, place, table)) = record {
        return Ok(record_schema(table, place));
    }
    let error = AppError::new(ErrorKind::Usage, format!("there is no schema '{asked}'"));
    Err(match nearest(asked, listed().map(|(name, _)| name)) {
        Some(near) => error.hint(format!("did you mean `forgemark schema {near}`?")),
        None => error.hint("`forgemark schema` lists all of them"),
    })
}
