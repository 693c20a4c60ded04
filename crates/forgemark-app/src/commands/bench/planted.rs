//! `forgemark bench planted`: what decontamination and redaction find of what was planted.

use forgemark_contract::json::Json;
use forgemark_curate::planted::{Found, holdout, redaction};

use crate::Context;
use crate::cli::bench::BenchPlantedArgs;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::table::{Align, Table};

/// Prints recall and false positives of each kind.
///
/// # Errors
/// A stdout that takes nothing.
pub(super) fn run(args: &BenchPlantedArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    if !(args.share > 0.0 && args.share <= 1.0) {
        return Err(AppError::new(
            ErrorKind::Usage,
            "--share is above 0 and at most 1",
        ));
    }
    let items = holdout(args.seed, args.count, args.words, args.share);
    let name = format!(
        "evaluation items ({} words in a row, share {})",
        args.words, args.share
    );
    let mut rows = vec![("holdout", name, items)];
    for (kind, found) in redaction(args.seed, args.count) {
        rows.push((kind.word(), kind.word().to_owned(), found));
    }
    if args.json.json {
        let found = |found: Found| {
            Json::object([
                ("planted", found.planted.into()),
                ("found", found.found.into()),
                ("recall", Json::from(found.recall())),
                ("clean", found.clean.into()),
                ("false_positives", found.false_positives.into()),
            ])
        };
        let kinds = rows.iter().map(|(key, _, row)| (*key, found(*row)));
        let kinds = Json::Object(kinds.collect());
        let report = Json::object([
            ("benchmark", "planted".into()),
            ("seed", args.seed.into()),
            ("kinds", kinds),
        ]);
        context.printer.json_line(&report)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        ("planted", Align::Left),
        ("texts", Align::Right),
        ("found", Align::Right),
        ("recall", Align::Right),
        ("clean texts", Align::Right),
        ("false positives", Align::Right),
    ]);
    for (_, name, found) in rows {
        let recall = format!("{:.3}", found.recall());
        table.row([
            name.as_str(),
            &found.planted.to_string(),
            &found.found.to_string(),
            &recall,
            &found.clean.to_string(),
            &found.false_positives.to_string(),
        ]);
    }
    context.printer.result(table.to_string())?;
    context.printer.note(
        "the texts are made; half of what is planted is disguised (reworded items, an address in words, a key with spaces)",
    );
    Ok(Exit::Done)
}
