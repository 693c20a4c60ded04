//! `forgemark dialogue run CONFIG --estimate [--probe N]`

use forgemark_contract::json::Json;
use forgemark_dialogue::estimate::{Estimate, REPLY_TOKENS, estimate};
use forgemark_dialogue::run::{RunOptions, Summary};

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
    if args.json.json {
        context
            .printer
            .json_line(&json(&forecast, probed.as_ref()))?;
        return Ok(Exit::Done);
    }
    context.printer.result(table(&forecast))?;
    context.printer.note(format!(
        "assumed: 4 characters a token, replies of {}, {} and {} tokens (user, assistant, judge), one tool round a turn, no retries",
        REPLY_TOKENS[0], REPLY_TOKENS[1], REPLY_TOKENS[2]
    ));
    match probed {
        None => context
            .printer
            .note("`--probe N` makes N conversations and measures instead"),
        Some(summary) => {
            let scaled = Scaled::new(&summary, &forecast).ok_or_else(|| {
                AppError::new(ErrorKind::Failed, "the probe made no turn to measure")
            })?;
            context.printer.result(scaled.table(&summary))?;
        }
    }
    Ok(Exit::Done)
}

/// Measured means of a probe, scaled to the whole run.
struct Scaled {
    calls: f64,
    prompt: f64,
    completion: f64,
    cost_usd: Option<f64>,
}

impl Scaled {
    fn new(summary: &Summary, forecast: &Estimate) -> Option<Self> {
        if summary.turns == 0 {
            return None;
        }
        let all = summary.totals.all();
        let factor = forecast.turns as f64 / summary.turns as f64;
        Some(Self {
            calls: all.calls as f64 * factor,
            prompt: all.prompt as f64 * factor,
            completion: all.completion as f64 * factor,
            cost_usd: (all.unknown_price_calls == 0)
                .then(|| all.cost_micro_usd as f64 / 1e6 * factor),
        })
    }

    fn table(&self, summary: &Summary) -> String {
        let mut table = Table::new(&[("measured and scaled", Align::Left), ("", Align::Right)]);
        table.row(["from turns", human::count(summary.turns).as_str()]);
        table.row(["calls", human::count(self.calls.round() as u64).as_str()]);
        table.row([
            "prompt tokens",
            human::count(self.prompt.round() as u64).as_str(),
        ]);
        table.row([
            "reply tokens",
            human::count(self.completion.round() as u64).as_str(),
        ]);
        table.row(["cost", dollars(self.cost_usd).as_str()]);
        table.row(["spent by the probe", report::spent(summary).as_str()]);
        table.to_string()
    }
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
    table.to_string()
}

fn json(forecast: &Estimate, probed: Option<&Summary>) -> Json {
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
    let measured = probed
        .and_then(|summary| Scaled::new(summary, forecast))
        .map(|scaled| {
            Json::object([
                ("calls", Json::from(scaled.calls.round())),
                ("prompt_tokens", Json::from(scaled.prompt.round())),
                ("completion_tokens", Json::from(scaled.completion.round())),
                ("cost_usd", Json::from(scaled.cost_usd)),
            ])
        });
    Json::object([
        ("conversations", Json::from(forecast.conversations)),
        ("turns", Json::from(forecast.turns)),
        ("roles", Json::Array(roles)),
        ("cost_usd", Json::from(forecast.cost_usd())),
        ("measured_by_probe", Json::from(measured)),
    ])
}
