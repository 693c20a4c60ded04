//! `forgemark dialogue support-eval`

use forgemark_contract::json::Json;
use forgemark_dialogue::support::{Evaluation, evaluate};

use crate::Context;
use crate::cli::JsonArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::table::{Align, Table};

/// Measures the support score on the hand-labelled claims that are built in.
///
/// # Errors
/// A stdout that does not take the result.
pub fn run(args: &JsonArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let measured = evaluate();
    if args.json {
        context.printer.json_line(&json(&measured))?;
    } else {
        context.printer.result(table(&measured))?;
        context.printer.note(
            "the score sees words, not meaning: it misses paraphrases and answers in another language than the passage",
        );
    }
    Ok(Exit::Done)
}

fn rate(rate: Option<&forgemark_stats::Rate>) -> String {
    rate.map_or_else(
        || "-".to_owned(),
        |rate| {
            format!(
                "{:.3} ({:.3} to {:.3})",
                rate.value, rate.interval.low, rate.interval.high
            )
        },
    )
}

fn table(measured: &Evaluation) -> String {
    let mut table = Table::new(&[
        ("kind of claim", Align::Left),
        ("label", Align::Left),
        ("claims", Align::Right),
        ("called right", Align::Right),
        ("mean score", Align::Right),
    ]);
    for kind in &measured.by_kind {
        table.row([
            kind.kind.as_str(),
            if kind.supported {
                "supported"
            } else {
                "not supported"
            },
            &kind.n.to_string(),
            &kind.right.to_string(),
            &format!("{:.2}", kind.mean_score),
        ]);
    }
    format!(
        "{table}\n{} claims, threshold {}\nprecision {}\nrecall    {}\nF1        {}",
        measured.n,
        measured.threshold,
        rate(measured.precision.as_ref()),
        rate(measured.recall.as_ref()),
        rate(measured.f1.as_ref())
    )
}

fn json(measured: &Evaluation) -> Json {
    let value = |rate: Option<&forgemark_stats::Rate>| Json::from(rate.map(|rate| rate.value));
    Json::object([
        ("claims", Json::from(measured.n)),
        ("threshold", Json::from(measured.threshold)),
        ("precision", value(measured.precision.as_ref())),
        ("recall", value(measured.recall.as_ref())),
        ("f1", value(measured.f1.as_ref())),
    ])
}
