//! `forgemark arena controls DIR`

use forgemark_arena::pipeline::controls::{Examined, Rate, Reliability, load, reliability};
use forgemark_contract::json::Json;

use super::run::arena_error;
use crate::Context;
use crate::assemble::disk;
use crate::cli::arena::ArenaControlsArgs;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Says how often each judge and critic erred on claims of known truth.
///
/// # Errors
/// A folder without controls, or one that cannot be read.
pub(super) fn run(args: &ArenaControlsArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let controls = load(&*disk(), &args.dir).map_err(arena_error)?;
    if controls.is_empty() {
        let what = format!("{} holds no controls", args.dir.display());
        let hint =
            "set `controls.planted_faults` and `controls.planted_correct` and run the arena again";
        return Err(AppError::new(ErrorKind::NotFound, what).hint(hint));
    }
    let rows = reliability(&controls);
    if args.json.json {
        let rows: Vec<Json> = rows.iter().map(json).collect();
        context.printer.json_line(&Json::Array(rows))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        ("role", Align::Left),
        ("model", Align::Left),
        ("false accepts", Align::Right),
        ("95 % interval", Align::Right),
        ("false rejects", Align::Right),
        ("95 % interval", Align::Right),
        ("no verdict", Align::Right),
    ]);
    for row in &rows {
        let (accepts, rejects) = (row.false_accepts, row.false_rejects);
        table.row([
            row.examined.as_str(),
            &row.model,
            &share(accepts),
            &interval(accepts),
            &share(rejects),
            &interval(rejects),
            &human::count(row.unread),
        ]);
    }
    context.printer.result(table.to_string())?;
    for examined in Examined::ALL {
        let (accepts, rejects) = match examined {
            Examined::Judge => (
                "a claim of a fault that is not there",
                "a claim of one that is",
            ),
            Examined::Critic => ("an answer with a planted fault", "an answer that is right"),
        };
        let who = examined.as_str();
        context.printer.note(format!(
            "a {who} falsely accepts {accepts}, and falsely rejects {rejects}"
        ));
    }
    Ok(Exit::Done)
}

fn share(rate: Rate) -> String {
    rate.share().map_or_else(
        || "-".to_owned(),
        |share| format!("{:.1} % of {}", share * 100.0, human::count(rate.of)),
    )
}

fn interval(rate: Rate) -> String {
    rate.interval().map_or_else(
        || "-".to_owned(),
        |found| format!("{:.1} to {:.1} %", found.low * 100.0, found.high * 100.0),
    )
}

fn json(row: &Reliability) -> Json {
    let rate = |rate: Rate| {
        let interval = rate.interval();
        Json::object([
            ("errors", Json::from(rate.errors)),
            ("of", Json::from(rate.of)),
            ("share", Json::from(rate.share())),
            ("low", Json::from(interval.map(|found| found.low))),
            ("high", Json::from(interval.map(|found| found.high))),
        ])
    };
    Json::object([
        ("role", Json::from(row.examined.as_str())),
        ("model", Json::from(row.model.as_str())),
        ("false_accepts", rate(row.false_accepts)),
        ("false_rejects", rate(row.false_rejects)),
        ("no_verdict", Json::from(row.unread)),
    ])
}
