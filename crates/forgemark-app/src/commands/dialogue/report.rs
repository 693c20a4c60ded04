//! The table at the end of a run.

use forgemark_contract::json::{Json, Object};
use forgemark_dialogue::run::{Ending, Summary};
use forgemark_dialogue::{Gap, Languages};
use forgemark_language::Verdict;

use crate::exit::Exit;
use crate::human;
use crate::spending::{self, cost};
use crate::table::{Align, Table};

/// The exit code that belongs to a run.
pub fn exit(summary: &Summary) -> Exit {
    exit_of(&summary.ending)
}

/// The exit code of an ending.
pub fn exit_of(ending: &Ending) -> Exit {
    match ending {
        Ending::Complete | Ending::AlreadyComplete => Exit::Done,
        Ending::TooManyFailed | Ending::NoProgress => Exit::Findings,
        Ending::EndpointsUnusable(_) => Exit::Endpoint,
        Ending::Limit | Ending::Budget(_) | Ending::Exhausted | Ending::Interrupted => {
            Exit::Partial
        }
    }
}

/// What a user can do about an ending, if anything.
pub fn advice(summary: &Summary) -> Vec<String> {
    let most = summary
        .dropped
        .iter()
        .max_by_key(|(_, n)| **n)
        .map(|(reason, _)| *reason);
    let about = match (&summary.ending, most) {
        (Ending::NoProgress | Ending::TooManyFailed, Some("dedup_exhausted")) => {
            "no new questions are found: add documents, lower `run.total_samples`, or raise `coverage.question_dedup_retries`"
        }
        (Ending::NoProgress | Ending::TooManyFailed, Some("judge_reject")) => {
            "hardly a conversation passes: see `judge.accept`, and what the judge notes in `forgemark dialogue show`"
        }
        (Ending::NoProgress | Ending::TooManyFailed, Some(_)) => {
            "`forgemark dialogue show` says for each dropped conversation what went wrong"
        }
        (Ending::EndpointsUnusable(_), _) => {
            "`forgemark doctor CONFIG` tests each endpoint; the same command goes on"
        }
        _ => return Vec::new(),
    };
    let mut lines = Vec::new();
    if let Ending::EndpointsUnusable(_) = summary.ending {
        lines.push(summary.ending.to_string());
    }
    lines.push(about.to_owned());
    if summary.ending == Ending::NoProgress {
        lines.push(
            "the same command tries the next ones, as many again; with `--max-failed N` it goes on until more than N are dropped"
                .to_owned(),
        );
    }
    lines
}

/// The summary as a table.
pub fn table(summary: &Summary) -> String {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    let mut row = |name: &str, value: String| table.row([name, &value]);
    row("run", summary.run_id.clone());
    // The long story would make the table as wide as it is; `advice` tells it.
    let ending = match &summary.ending {
        Ending::EndpointsUnusable(_) => "endpoints unusable".to_owned(),
        ending => ending.to_string(),
    };
    row("ending", ending);
    row(
        "conversations",
        format!(
            "{} of {}",
            human::count(summary.good),
            human::count(summary.wanted)
        ),
    );
    row("turns", human::count(summary.turns));
    row("mean judge score (0 to 10)", number(summary.mean_score, 2));
    row("mean support (0 to 1)", number(summary.mean_support, 3));
    let dropped: u64 = summary.dropped.values().sum();
    row("dropped", human::count(dropped));
    for (reason, n) in &summary.dropped {
        row(&format!("  {reason}"), human::count(*n));
    }
    for gap in &summary.gaps {
        row(&goal_name(gap), goal_standing(gap));
    }
    for (label, found) in &summary.languages {
        row(&format!("messages in {label}"), languages(found));
    }
    let all = summary.totals.all();
    row("calls", human::count(all.calls));
    if summary.replayed_calls > 0 {
        row(
            "  answered by the journal",
            human::count(summary.replayed_calls),
        );
    }
    if summary.discarded_calls > 0 {
        row("  thrown away", human::count(summary.discarded_calls));
    }
    row(
        "tokens in / out",
        format!(
            "{} / {}",
            human::count(all.prompt),
            human::count(all.completion)
        ),
    );
    row("cost", cost(all.cost_micro_usd, all.unknown_price_calls));
    spending::below(&table, &summary.totals)
}

/// What a goal is about, in a table.
pub fn goal_name(gap: &Gap) -> String {
    format!("goal {} {}", gap.dimension.as_str(), gap.name)
}

/// How far a goal is, in a table.
pub fn goal_standing(gap: &Gap) -> String {
    let made = format!("{} of {}", human::count(gap.made), human::count(gap.goal));
    match gap.missing() {
        0 => made,
        missing => format!("{made}, {} missing", human::count(missing)),
    }
}

/// The goals for programs.
pub fn goals_json(gaps: &[Gap]) -> Json {
    let gap = |gap: &Gap| {
        Json::object([
            ("dimension", Json::from(gap.dimension.as_str())),
            ("name", Json::from(gap.name.as_str())),
            ("goal", Json::from(gap.goal)),
            ("made", Json::from(gap.made)),
            ("gap", Json::from(gap.missing())),
        ])
    };
    gaps.iter().map(gap).collect()
}

/// The verdicts that occur, with their shares.
fn languages(found: &Languages) -> String {
    let shares = Verdict::ALL.into_iter().filter_map(|verdict| {
        let share = found.share(verdict).filter(|share| *share > 0.0)?;
        Some(format!("{:.1} % {}", share * 100.0, verdict.as_str()))
    });
    shares.collect::<Vec<_>>().join(", ")
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The summary for programs.
pub fn json(summary: &Summary) -> Json {
    let all = summary.totals.all();
    let dropped: Object = summary
        .dropped
        .iter()
        .map(|(reason, n)| ((*reason).to_owned(), Json::from(*n)))
        .collect();
    let languages = summary.languages.iter().map(|(label, found)| {
        let shares = Verdict::ALL.map(|verdict| (verdict.as_str(), found.share(verdict)));
        let shares: Object = shares
            .into_iter()
            .map(|(word, share)| (word, Json::from(share)))
            .collect();
        let about = Json::object([
            ("messages", Json::from(found.total())),
            ("counts", found.to_json()),
            ("shares", Json::Object(shares)),
        ]);
        (label.as_str(), about)
    });
    let languages: Object = languages.collect();
    Json::object([
        ("run_id", Json::from(summary.run_id.as_str())),
        ("status", Json::from(summary.ending.word())),
        ("ending", Json::from(summary.ending.to_string())),
        (
            "output_dir",
            Json::from(summary.out_dir.display().to_string()),
        ),
        ("wanted", Json::from(summary.wanted)),
        ("conversations", Json::from(summary.good)),
        ("turns", Json::from(summary.turns)),
        ("dropped", Json::Object(dropped)),
        ("mean_judge_score", Json::from(summary.mean_score)),
        ("mean_support", Json::from(summary.mean_support)),
        ("quotas", goals_json(&summary.gaps)),
        ("languages", Json::Object(languages)),
        ("calls", Json::from(all.calls)),
        ("calls_replayed", Json::from(summary.replayed_calls)),
        ("calls_discarded", Json::from(summary.discarded_calls)),
        ("prompt_tokens", Json::from(all.prompt)),
        ("completion_tokens", Json::from(all.completion)),
        (
            "cost_usd",
            Json::from((all.unknown_price_calls == 0).then(|| all.cost_micro_usd as f64 / 1e6)),
        ),
        ("endpoints", spending::json(&summary.totals)),
        ("bytes_written", Json::from(summary.bytes_written)),
    ])
}

/// What a run has spent so far.
pub fn spent(summary: &Summary) -> String {
    let all = summary.totals.all();
    cost(all.cost_micro_usd, all.unknown_price_calls)
}
