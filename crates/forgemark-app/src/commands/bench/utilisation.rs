//! `forgemark bench utilisation`: how much of the slots' time is spent waiting on a model.

use forgemark_contract::json::Json;

use super::journal::Calls;
use super::measure::{Measured, in_child};
use super::project::{Shape, Turns, Workspace, output_of};
use super::report::{Report, Side};
use super::server::ScriptedServer;
use crate::Context;
use crate::cli::bench::BenchUtilisationArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;

const CONVERSATIONS: u64 = 5_120;
const STALL_CONVERSATIONS: u64 = 640;
const SLOTS: u32 = 64;
const SHARE_BAR: f64 = 95.0;
const DISCARDED_BAR: f64 = 2.0;

/// Replies of 50 to 500 ms, and one question in a hundred that may collide with another.
const SCRIPT: &str = "seed: 11
models: [scripted-1]
reply_bytes: 1500
latency: {log_normal_ms: {p5: 50, p95: 500, min: 50, max: 500}}
dialogue: {conflict_rate: 0.01, shared_questions: 64}
";
const STALLS: &str = "stall_rate: 0.01\nstall_ms: 5000\n";

/// A run of which the journal was read.
struct Watched {
    run: Measured,
    whole: f64,
    steady: f64,
    /// Until the last conversation began, that is, without the end, where slots have nothing left.
    fed: f64,
    mean_ms: f64,
    discarded: f64,
}

/// Runs the benchmark.
///
/// # Errors
/// Whatever keeps it from measuring.
pub(super) fn run(args: &BenchUtilisationArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let workspace = Workspace::new(args.bench.dir.as_deref(), "utilisation")?;
    let conversations = args.bench.conversations.unwrap_or(CONVERSATIONS);
    let main = watch(&workspace, "run", SCRIPT, conversations, context)?;
    let script = format!("{SCRIPT}{STALLS}");
    let stalls = match args.stall_conversations.unwrap_or(STALL_CONVERSATIONS) {
        0 => None,
        n => Some(watch(&workspace, "stalls", &script, n, context)?),
    };

    let mut report = Report::new("utilisation");
    let full = if conversations == CONVERSATIONS {
        String::new()
    } else {
        format!(" (a full run has {})", human::count(CONVERSATIONS))
    };
    report.fact(
        "conversations",
        human::count(conversations) + &full,
        conversations,
    );
    report.fact("turns", human::count(main.run.turns), main.run.turns);
    report.fact("slots", SLOTS.to_string(), i64::from(SLOTS));
    report.fact("calls", human::count(main.run.calls), main.run.calls);
    report.number("mean_reply_ms", main.mean_ms, "ms", 1);
    report.number("wall_time_s", main.run.wall.as_secs_f64(), "s", 1);
    report.number("steady_state_percent", main.steady, "%", 2);
    report.number("until_the_last_began_percent", main.fed, "%", 2);
    report.fact("rewinds", human::count(main.run.rewinds), main.run.rewinds);
    report.fact(
        "discarded_calls",
        human::count(main.run.discarded),
        main.run.discarded,
    );
    report.fact(
        "dropped_conversations",
        human::count(main.run.dropped),
        main.run.dropped,
    );
    report.fact(
        "peak_memory",
        human::bytes(main.run.peak_memory),
        main.run.peak_memory,
    );
    if let Some(stalls) = &stalls {
        report.fact(
            "with_1_percent_stalls_of_5_s",
            format!(
                "{} conversations: {:.2} % until the last began, {:.2} % whole",
                human::count(stalls.run.conversations),
                stalls.fed,
                stalls.whole
            ),
            Json::object([
                ("conversations", Json::from(stalls.run.conversations)),
                ("whole_percent", Json::from(stalls.whole)),
                ("steady_state_percent", Json::from(stalls.steady)),
                ("until_the_last_began_percent", Json::from(stalls.fed)),
                ("mean_reply_ms", Json::from(stalls.mean_ms)),
                ("wall_time_s", Json::from(stalls.run.wall.as_secs_f64())),
                ("discarded_percent", Json::from(stalls.discarded)),
            ]),
        );
    }
    report.bar(
        "whole_run_percent",
        "slot time waiting on a model, whole run",
        Side::AtLeast,
        SHARE_BAR,
        main.whole,
        "%",
        2,
    );
    report.bar(
        "discarded_percent",
        "calls thrown away",
        Side::AtMost,
        DISCARDED_BAR,
        main.discarded,
        "%",
        3,
    );
    report.print(args.bench.json.json, context)
}

fn watch(
    workspace: &Workspace,
    name: &str,
    script: &str,
    conversations: u64,
    context: &Context<'_>,
) -> Result<Watched, AppError> {
    let script = workspace.script(&format!("{name}.script.yaml"), script)?;
    let server = ScriptedServer::start(&script)?;
    let shape = Shape {
        conversations,
        slots: SLOTS,
        turns: Turns::Poisson6,
    };
    let config = workspace.project(name, &server.base_url, &shape)?;
    let run = in_child(&config, context)?;
    let calls = Calls::read(&output_of(&config))?;
    let margin = (run.ended - run.began) / 20;
    Ok(Watched {
        run,
        whole: calls.share(SLOTS, run.began, run.ended),
        steady: calls.share(SLOTS, run.began + margin, run.ended - margin),
        fed: calls.share(SLOTS, run.began, calls.last_begun()),
        mean_ms: calls.mean_ms(),
        discarded: run.discarded as f64 / calls.len().max(1) as f64 * 100.0,
    })
}
