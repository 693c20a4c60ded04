//! `forgemark dialogue run CONFIG --estimate [--probe N]`

use std::path::Path;
use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_dialogue::estimate::{Estimate, Measured, REPLY_TOKENS, estimate, measure};
use forgemark_dialogue::run::{RunOptions, Summary};
use forgemark_journal::Storage;
use forgemark_stats::Prediction;

use super::{report, run};
use crate::Context;
use crate::assemble::{Project, disk};
use crate::cli::DialogueRunArgs;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Forecasts calls, tokens and cost. Nothing is paid unless `--probe` asks for it; probed
/// conversations belong to the run and are not made again.
///
/// # Errors
/// As a run.
pub fn estimate_run(
    args: &DialogueRunArgs,
    project: &Project,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    if args.probe == Some(0) {
        return Err(
            AppError::new(ErrorKind::Usage, "--probe 0 would measure nothing")
                .hint("leave it out for a forecast without any call"),
        );
    }
    let storage = disk();
    let (corpus, _) = project.corpus(&*storage, args.verify, context)?;
    let prompts = project.prompts()?;
    let (personas, seeds) = (project.personas(context)?, project.seeds()?);
    let forecast = estimate(
        &project.config,
        &corpus,
        &prompts,
        personas.as_ref(),
        seeds.as_ref(),
    )
    .map_err(run::dialogue_error)?;
    let probed = match args.probe {
        None => None,
        Some(n) => {
            let options = RunOptions {
                limit: Some(n),
                ..RunOptions::default()
            };
            Some(run::make(
                project,
                options,
                args.verify,
                args.progress,
                context,
            )?)
        }
    };
    let measured = match &probed {
        None => None,
        Some(summary) => Some(measured(&storage, &summary.out_dir, &forecast)?.ok_or_else(
            || AppError::new(ErrorKind::Failed, "the probe made no turn to measure"),
        )?),
    };
    if args.json.json {
        context
            .printer
            .json_line(&json(&forecast, measured.as_ref()))?;
        return Ok(Exit::Done);
    }
    context.printer.result(table(&forecast))?;
    context.printer.note(format!(
        "assumed: 4 characters a token, replies of {}, {} and {} tokens (user, assistant, judge), one tool round a turn, no retries; disk by the rule of thumb in docs/dialogue.md",
        REPLY_TOKENS[0], REPLY_TOKENS[1], REPLY_TOKENS[2]
    ));
    match (probed, measured) {
        (Some(summary), Some(measured)) => {
            context
                .printer
                .result(measured_table(&measured, &summary))?;
            context.printer.note(METHOD);
        }
        _ => context
            .printer
            .note("`--probe N` makes N conversations and measures instead"),
    }
    Ok(Exit::Done)
}

/// How the intervals come about, in one line.
const METHOD: &str = "from and to: 95 % prediction interval of the total, by the ratio of amounts to planned sizes over the measured conversations (Student's t)";

/// What the committed conversations of a folder say about the whole run.
fn measured(
    storage: &Arc<dyn Storage>,
    out_dir: &Path,
    forecast: &Estimate,
) -> Result<Option<Measured>, AppError> {
    let recovered = forgemark_journal::inspect(storage, out_dir).map_err(AppError::Journal)?;
    let Some(recovered) = recovered else {
        return Ok(None);
    };
    let on_disk = size_of(out_dir).map_err(|source| AppError::Io {
        action: "read",
        path: out_dir.to_owned(),
        source,
    })?;
    measure(forecast, &recovered, on_disk).map_err(AppError::Journal)
}

/// Bytes of all files in a folder.
fn size_of(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            size_of(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(bytes)
}

fn measured_table(measured: &Measured, summary: &Summary) -> String {
    let mut table = Table::new(&[
        ("measured and scaled", Align::Left),
        ("expected", Align::Right),
        ("from", Align::Right),
        ("to", Align::Right),
    ]);
    let mut row = |name: &str, found: Option<Prediction>, show: &dyn Fn(f64) -> String| {
        let Some(found) = found else {
            return table.row([name, "unknown", "-", "-"]);
        };
        let (low, high) = found.interval.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |interval| (show(interval.low), show(interval.high)),
        );
        table.row([name, &show(found.total), &low, &high]);
    };
    let count = |value: f64| human::count(value.round() as u64);
    row("calls", Some(measured.calls), &count);
    row("prompt tokens", Some(measured.prompt_tokens), &count);
    row("reply tokens", Some(measured.completion_tokens), &count);
    row("cost", measured.cost_usd, &|value| dollars(Some(value)));
    row("disk", measured.disk_bytes, &|value| {
        human::bytes(value.round() as u64)
    });
    let from = format!(
        "{} conversations, {} turns",
        human::count(measured.conversations),
        human::count(measured.turns)
    );
    table.row(["measured over", &from, "", ""]);
    table.row(["spent by the probe", &report::spent(summary), "", ""]);
    table.to_string()
}

fn dollars(cost: Option<f64>) -> String {
    cost.map_or_else(
        || "unknown (no prices configured)".to_owned(),
        |cost| human::usd((cost * 1e6).round() as u64),
    )
}

fn table(forecast: &Estimate) -> String {
    let mut table = Table::new(&[
        ("role", Align::Left),
        ("model", Align::Left),
        ("calls", Align::Right),
        ("at most", Align::Right),
        ("prompt tokens", Align::Right),
        ("reply tokens", Align::Right),
        ("cost", Align::Right),
    ]);
    for role in &forecast.roles {
        table.row([
            role.role.as_str(),
            &role.model,
            &human::count(role.calls),
            &human::count(role.most_calls),
            &human::count(role.prompt_tokens),
            &human::count(role.completion_tokens),
            &dollars(role.cost_usd),
        ]);
    }
    let sum = |pick: fn(&forgemark_dialogue::estimate::RoleEstimate) -> u64| {
        human::count(forecast.roles.iter().map(pick).sum())
    };
    table.row([
        "all",
        &format!(
            "{} conversations, {} turns",
            human::count(forecast.conversations),
            human::count(forecast.turns)
        ),
        &sum(|role| role.calls),
        &sum(|role| role.most_calls),
        &sum(|role| role.prompt_tokens),
        &sum(|role| role.completion_tokens),
        &dollars(forecast.cost_usd()),
    ]);
    format!(
        "{table}\ndisk, assumed: {}",
        human::bytes(forecast.disk_bytes)
    )
}

fn json(forecast: &Estimate, measured: Option<&Measured>) -> Json {
    let roles = forecast
        .roles
        .iter()
        .map(|role| {
            Json::object([
                ("role", Json::from(role.role.as_str())),
                ("model", Json::from(role.model.as_str())),
                ("calls", Json::from(role.calls)),
                ("calls_at_most", Json::from(role.most_calls)),
                ("prompt_tokens", Json::from(role.prompt_tokens)),
                ("completion_tokens", Json::from(role.completion_tokens)),
                ("cost_usd", Json::from(role.cost_usd)),
            ])
        })
        .collect();
    let measured = measured.map(|measured| {
        let whole = |found: &Prediction| Json::from(found.total.round());
        let ends = |found: Option<Prediction>| {
            let interval = found.and_then(|found| found.interval);
            Json::from(interval.map(|interval| {
                Json::Array(vec![Json::from(interval.low), Json::from(interval.high)])
            }))
        };
        Json::object([
            ("conversations", Json::from(measured.conversations)),
            ("turns", Json::from(measured.turns)),
            ("calls", whole(&measured.calls)),
            ("calls_interval", ends(Some(measured.calls))),
            ("prompt_tokens", whole(&measured.prompt_tokens)),
            ("prompt_tokens_interval", ends(Some(measured.prompt_tokens))),
            ("completion_tokens", whole(&measured.completion_tokens)),
            (
                "completion_tokens_interval",
                ends(Some(measured.completion_tokens)),
            ),
            (
                "cost_usd",
                Json::from(measured.cost_usd.map(|found| found.total)),
            ),
            ("cost_usd_interval", ends(measured.cost_usd)),
            (
                "disk_bytes",
                Json::from(measured.disk_bytes.map(|found| found.total.round())),
            ),
            ("disk_bytes_interval", ends(measured.disk_bytes)),
            ("method", Json::from(METHOD)),
        ])
    });
    Json::object([
        ("conversations", Json::from(forecast.conversations)),
        ("turns", Json::from(forecast.turns)),
        ("roles", Json::Array(roles)),
        ("cost_usd", Json::from(forecast.cost_usd())),
        ("disk_bytes_assumed", Json::from(forecast.disk_bytes)),
        ("measured_by_probe", Json::from(measured)),
    ])
}
