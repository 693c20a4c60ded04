//! What `dialogue judge` prints.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forgemark_contract::json::{Json, Object};
use forgemark_dialogue::config::Judging;
use forgemark_dialogue::estimate::REPLY_TOKENS;
use forgemark_dialogue::judge::{Agreement, Forecast, JudgeMarks, Pair, Summary};
use forgemark_dialogue::run::Ending;
use forgemark_stats::Alpha;

use crate::human;
use crate::spending::{self, cost};
use crate::table::{Align, Table};

/// What a forecast assumes.
pub(super) const ASSUMED: &str = "prompts are those that will be sent, at 4 characters a token; replies are taken as 90 tokens; no retries";
const _: () = assert!(REPLY_TOKENS[2] == 90);

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn units(summary: &Summary) -> &'static str {
    match summary.granularity {
        Judging::Conversation => "conversations",
        Judging::Turn | Judging::Off => "turns",
    }
}

/// What a user can do next.
pub(super) fn advice(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    match &summary.ending {
        Ending::EndpointsUnusable(what) => {
            lines.push(format!("endpoints unusable: {what}"));
            lines.push(
                "`forgemark doctor CONFIG` tests each endpoint; the same command goes on"
                    .to_owned(),
            );
        }
        Ending::AlreadyComplete => {
            lines.push(
                "everything is judged by these judges, prompts and granularity; nothing was done"
                    .to_owned(),
            );
        }
        Ending::Limit | Ending::Budget(_) | Ending::Interrupted => {
            lines.push("the same command goes on with the rest".to_owned());
        }
        _ => {}
    }
    let gone = summary.failed.get("evidence_missing").copied().unwrap_or(0);
    let all: u64 = summary
        .failed
        .values()
        .chain(summary.unreadable.values())
        .sum();
    if gone > 0 {
        lines.push(format!(
            "{gone} {} have no score because passages that they rest on are not in `documents.path` any more; with the documents back the same command judges them",
            units(summary)
        ));
    }
    if all > gone {
        lines.push(format!(
            "{} judgements could not be read or had no reply; `--retry-failed` asks for them again",
            all - gone
        ));
    }
    lines.push(format!(
        "next: forgemark validate {}",
        summary.out_dir.display()
    ));
    lines
}

/// The result as tables: the judging, and the judges where they can be compared.
pub(super) fn tables(summary: &Summary) -> String {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    let mut row = |name: &str, value: String| table.row([name, &value]);
    let ending = match &summary.ending {
        Ending::EndpointsUnusable(_) => "endpoints unusable".to_owned(),
        ending => ending.to_string(),
    };
    row("ending", ending);
    let judged = human::count(summary.judged);
    row(
        "conversations judged",
        format!("{judged} of {}", human::count(summary.conversations)),
    );
    row("  in this command", human::count(summary.newly));
    row(units(summary), human::count(summary.units));
    row(
        "  without a score",
        human::count(summary.failed.values().sum()),
    );
    for (kind, n) in &summary.failed {
        row(&format!("    {kind}"), human::count(*n));
    }
    if !summary.unreadable.is_empty() {
        row(
            "single judgements that failed",
            human::count(summary.unreadable.values().sum()),
        );
    }
    row("mean score (0 to 10)", number(summary.mean_score, 2));
    row("calls of this command", human::count(summary.calls));
    let all = summary.totals.all();
    row("calls of the run", human::count(all.calls));
    row(
        "cost of the run",
        cost(all.cost_micro_usd, all.unknown_price_calls),
    );
    let mut text = spending::below(&table, &summary.totals);
    let agreement = &summary.agreement;
    if agreement.judges.len() > 1 || agreement.judges.iter().any(|one| one.repeat_sd.is_some()) {
        text.push_str("\n\n");
        text.push_str(&judges(agreement));
    }
    text
}

fn judges(agreement: &Agreement) -> String {
    let right = |name| (name, Align::Right);
    let mut table = Table::new(&[
        ("judge", Align::Left),
        ("model", Align::Left),
        right("judgements"),
        right("mean"),
        right("sd"),
        right("sd of repeats"),
    ]);
    for one in &agreement.judges {
        table.row([
            one.name.as_str(),
            &one.model,
            &human::count(one.n),
            &number(one.mean, 2),
            &number(one.sd, 2),
            &number(one.repeat_sd, 2),
        ]);
    }
    let mut text = table.to_string();
    if !agreement.pairs.is_empty() {
        let mut pairs = Table::new(&[
            ("pair", Align::Left),
            right("both judged"),
            right("within 1 point"),
            right("mean difference"),
            right("second less first"),
        ]);
        for pair in &agreement.pairs {
            let share = (pair.n > 0).then(|| pair.near as f64 / pair.n as f64);
            pairs.row([
                format!("{} / {}", pair.first, pair.second).as_str(),
                &human::count(pair.n),
                &number(share, 2),
                &number(pair.mean_difference, 2),
                &number(pair.bias, 2),
            ]);
        }
        text.push_str("\n\n");
        text.push_str(&pairs.to_string());
    }
    let mut gap = "\n\n";
    for (name, found) in [
        ("judges", &agreement.alpha),
        ("repeats", &agreement.alpha_of_repeats),
    ] {
        if let Some(found) = found {
            let interval = found.interval.map_or(String::new(), |ends| {
                format!(", 95 % {:.3} to {:.3}", ends.low, ends.high)
            });
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{gap}Krippendorff's alpha of the {name} (interval): {:.3}{interval}, {} units",
                found.value, found.units
            );
            gap = "\n";
        }
    }
    text
}

fn counts(counts: &BTreeMap<String, u64>) -> Json {
    let entries = counts
        .iter()
        .map(|(kind, n)| (kind.clone(), Json::from(*n)));
    Json::Object(entries.collect::<Object>())
}

fn alpha(found: Option<&Alpha>) -> Json {
    let Some(found) = found else {
        return Json::Null;
    };
    let ends = found.interval.map(|ends| vec![ends.low, ends.high]);
    Json::object([
        ("value", Json::from(found.value)),
        ("interval_95", Json::from(ends)),
        ("units", Json::from(found.units)),
        ("values", Json::from(found.values)),
    ])
}

fn judge(one: &JudgeMarks) -> Json {
    Json::object([
        ("name", Json::from(one.name.as_str())),
        ("model", Json::from(one.model.as_str())),
        ("judgements", Json::from(one.n)),
        ("mean", Json::from(one.mean)),
        ("sd", Json::from(one.sd)),
        ("repeat_sd", Json::from(one.repeat_sd)),
    ])
}

fn pair(pair: &Pair) -> Json {
    Json::object([
        ("first", Json::from(pair.first.as_str())),
        ("second", Json::from(pair.second.as_str())),
        ("both", Json::from(pair.n)),
        ("within_1", Json::from(pair.near)),
        ("mean_difference", Json::from(pair.mean_difference)),
        ("bias", Json::from(pair.bias)),
    ])
}

/// The result for programs.
pub(super) fn json(summary: &Summary) -> Json {
    let all = summary.totals.all();
    let agreement = &summary.agreement;
    Json::object([
        ("status", Json::from(summary.ending.word())),
        ("ending", Json::from(summary.ending.to_string())),
        (
            "output_dir",
            Json::from(summary.out_dir.display().to_string()),
        ),
        (
            "granularity",
            Json::from(match summary.granularity {
                Judging::Conversation => "conversation",
                Judging::Turn | Judging::Off => "turn",
            }),
        ),
        ("conversations", Json::from(summary.conversations)),
        ("judged", Json::from(summary.judged)),
        ("judged_now", Json::from(summary.newly)),
        ("units", Json::from(summary.units)),
        ("failed", counts(&summary.failed)),
        ("failed_judgements", counts(&summary.unreadable)),
        ("mean_score", Json::from(summary.mean_score)),
        ("judges", agreement.judges.iter().map(judge).collect()),
        ("pairs", agreement.pairs.iter().map(pair).collect()),
        ("alpha", alpha(agreement.alpha.as_ref())),
        (
            "alpha_of_repeats",
            alpha(agreement.alpha_of_repeats.as_ref()),
        ),
        (
            "left_out",
            summary
                .left_out
                .iter()
                .map(|line| Json::from(line.as_str()))
                .collect(),
        ),
        ("changed", Json::from(summary.changed)),
        ("calls", Json::from(summary.calls)),
        ("calls_of_run", Json::from(all.calls)),
        (
            "cost_usd_of_run",
            Json::from((all.unknown_price_calls == 0).then(|| all.cost_micro_usd as f64 / 1e6)),
        ),
        ("endpoints", spending::json(&summary.totals)),
    ])
}

/// A forecast as a table.
pub(super) fn forecast_table(forecast: &Forecast) -> String {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    let mut row = |name: &str, value: String| table.row([name, &value]);
    row("conversations", human::count(forecast.conversations));
    row("  judged already", human::count(forecast.judged));
    if forecast.without_evidence > 0 {
        row(
            "without their passages",
            human::count(forecast.without_evidence),
        );
    }
    for (judge, calls) in &forecast.calls {
        row(&format!("calls of {judge}"), human::count(*calls));
        let of = |tokens: &BTreeMap<String, u64>| {
            human::count(tokens.get(judge).copied().unwrap_or_default())
        };
        row(
            "  tokens in / out",
            format!(
                "{} / {}",
                of(&forecast.prompt_tokens),
                of(&forecast.completion_tokens)
            ),
        );
    }
    row(
        "cost",
        forecast
            .cost_usd
            .map_or_else(|| "price unknown".to_owned(), |usd| format!("${usd:.4}")),
    );
    table.to_string()
}

/// A forecast for programs.
pub(super) fn forecast_json(forecast: &Forecast) -> Json {
    Json::object([
        ("conversations", Json::from(forecast.conversations)),
        ("judged", Json::from(forecast.judged)),
        ("without_evidence", Json::from(forecast.without_evidence)),
        ("calls", counts(&forecast.calls)),
        ("prompt_tokens", counts(&forecast.prompt_tokens)),
        ("completion_tokens", counts(&forecast.completion_tokens)),
        ("cost_usd", Json::from(forecast.cost_usd)),
    ])
}
