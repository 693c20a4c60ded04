//! `forgemark arena run CONFIG --estimate`

use std::collections::BTreeMap;

use forgemark_arena::pipeline::estimate::{Estimate, StageEstimate, estimate};
use forgemark_arena::pipeline::{RunOptions, Stage};
use forgemark_contract::json::Json;

use super::project::ArenaProject;
use super::run::arena_error;
use crate::Context;
use crate::assemble::disk;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Forecasts calls, tokens and cost of what is missing in the folder. Nothing is asked or written.
///
/// # Errors
/// A folder that cannot be read.
pub(super) fn run(
    project: &ArenaProject,
    options: &RunOptions,
    as_json: bool,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let found = estimate(&*disk(), &project.out_dir(), &project.settings, options);
    let forecast = found.map_err(arena_error)?;
    if as_json {
        context.printer.json_line(&json(&forecast))?;
        return Ok(Exit::Done);
    }
    context.printer.result(table(&forecast))?;
    context.printer.note(
        "probable numbers take the shares of the published arena (how often texts are improved, how many critiques allege a fault); `at most` is what the configuration allows",
    );
    Ok(Exit::Done)
}

fn number(value: f64) -> String {
    human::count(value.round().max(0.0) as u64)
}

fn dollars(cost: Option<f64>) -> String {
    cost.map_or_else(
        || "unknown".to_owned(),
        |cost| human::usd((cost * 1e6).round().max(0.0) as u64),
    )
}

fn table(forecast: &Estimate) -> String {
    let mut table = Table::new(&[
        ("stage", Align::Left),
        ("model", Align::Left),
        ("records", Align::Right),
        ("calls", Align::Right),
        ("at most", Align::Right),
        ("prompt tokens", Align::Right),
        ("reply tokens", Align::Right),
        ("cost", Align::Right),
    ]);
    let mut row = |stage: &str, model: &str, rows: &[&StageEstimate]| {
        let sum = |of: fn(&StageEstimate) -> f64| number(rows.iter().map(|row| of(row)).sum());
        let cost: Option<f64> = rows.iter().map(|row| row.cost_usd).sum();
        table.row([
            stage,
            model,
            &sum(|row| row.records),
            &sum(|row| row.calls),
            &sum(|row| row.most_calls),
            &sum(|row| row.prompt_tokens),
            &sum(|row| row.completion_tokens),
            &dollars(cost),
        ]);
    };
    let mut by_stage: BTreeMap<Stage, Vec<&StageEstimate>> = BTreeMap::new();
    for one in &forecast.rows {
        by_stage.entry(one.stage).or_default().push(one);
    }
    for (stage, rows) in &by_stage {
        for one in rows {
            row(stage.as_str(), &one.model, &[one]);
        }
    }
    let all: Vec<&StageEstimate> = forecast.rows.iter().collect();
    row("all", "", &all);
    table.to_string()
}

fn json(forecast: &Estimate) -> Json {
    let rows = forecast.rows.iter().map(|row| {
        Json::object([
            ("stage", Json::from(row.stage.as_str())),
            ("model", Json::from(row.model.as_str())),
            ("records", Json::from(row.records)),
            ("calls", Json::from(row.calls)),
            ("calls_at_most", Json::from(row.most_calls)),
            ("prompt_tokens", Json::from(row.prompt_tokens)),
            ("completion_tokens", Json::from(row.completion_tokens)),
            ("cost_usd", Json::from(row.cost_usd)),
        ])
    });
    Json::object([
        ("rows", rows.collect()),
        ("calls", Json::from(forecast.calls())),
        ("calls_at_most", Json::from(forecast.most_calls())),
        ("cost_usd", Json::from(forecast.cost_usd())),
    ])
}
