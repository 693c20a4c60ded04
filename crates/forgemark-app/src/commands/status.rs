//! `forgemark status DIR`

use std::sync::Arc;
use std::time::Duration;

use forgemark_arena::{Corpus, is_arena};
use forgemark_contract::arena::{Answer, Benchmark, Critique, Debate, Judgment};
use forgemark_contract::json::{Json, Object};
use forgemark_dialogue::run::{Standing, standing};
use forgemark_journal::{RunLock, Storage, Totals};

use crate::Context;
use crate::assemble::disk;
use crate::cli::StatusArgs;
use crate::commands::arena::check::corpus_error;
use crate::commands::dialogue::pulse::InProgress;
use crate::commands::dialogue::report::{goal_name, goal_standing, goals_json};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::spending;
use crate::table::{Align, Table};

/// How often `--watch` looks again.
const EVERY: Duration = Duration::from_secs(2);

/// Says how far the runs of a folder are, from the journal alone, also while one is working.
///
/// # Errors
/// A folder without a journal, or a journal that cannot be read.
pub fn run(args: &StatusArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let storage = disk();
    loop {
        let status = read(&storage, args)?;
        if args.json.json {
            context.printer.json_line(&status.json())?;
        } else {
            context.printer.result(status.table())?;
        }
        if !args.watch || status.holder.is_none() {
            return Ok(Exit::Done);
        }
        std::thread::sleep(EVERY);
    }
}

struct Status {
    holder: Option<String>,
    /// What the process that works now is doing, or the last one was when it was killed.
    in_progress: Option<InProgress>,
    standing: Standing,
    totals: Totals,
    /// How the folder was judged when `dialogue judge` last ended there.
    judging: Option<Json>,
    /// What lies in the folder of an arena, by kind; a run of an arena has no conversations.
    records: Option<Vec<(&'static str, u64)>>,
}

fn read(storage: &Arc<dyn Storage>, args: &StatusArgs) -> Result<Status, AppError> {
    let holder = RunLock::holder(&**storage, &args.dir).map_err(AppError::Journal)?;
    let recovered = forgemark_journal::inspect(storage, &args.dir)
        .map_err(AppError::Journal)?
        .ok_or_else(|| {
            AppError::new(
                ErrorKind::NotFound,
                format!("there is no journal in {}", args.dir.display()),
            )
            .hint("name the output folder of a run (`saving.output_dir`)")
        })?;
    let standing = standing(&recovered).map_err(AppError::Journal)?;
    // A file of another process than the one that works now says nothing about it.
    let in_progress = InProgress::read(&**storage, &args.dir)
        .filter(|found| holder.as_ref().is_none_or(|owner| *owner == found.owner));
    Ok(Status {
        holder,
        in_progress,
        totals: recovered.totals,
        standing,
        judging: forgemark_dialogue::judge::standing(&**storage, &args.dir),
        records: records(storage, args)?,
    })
}

fn records(
    storage: &Arc<dyn Storage>,
    args: &StatusArgs,
) -> Result<Option<Vec<(&'static str, u64)>>, AppError> {
    if !is_arena(&**storage, &args.dir) {
        return Ok(None);
    }
    let corpus = Corpus::load(&**storage, &args.dir, false).map_err(corpus_error)?;
    let count = |count: usize| count as u64;
    Ok(Some(vec![
        ("questions", count(corpus.all::<Benchmark>().count())),
        ("answers", count(corpus.all::<Answer>().count())),
        ("critiques", count(corpus.all::<Critique>().count())),
        ("debates", count(corpus.all::<Debate>().count())),
        ("judgments", count(corpus.all::<Judgment>().count())),
    ]))
}

impl Status {
    fn table(&self) -> String {
        let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
        let mut row = |name: &str, value: &str| table.row([name, value]);
        match &self.holder {
            Some(owner) => row("state", &format!("working ({owner})")),
            None => row("state", "not working"),
        }
        if let Some(found) = &self.in_progress {
            let made = human::count(found.running);
            let waiting = human::count(found.waiting);
            let conversations = format!("{made}, and {waiting} made that wait for earlier ones");
            if self.holder.is_some() {
                row("in progress", &conversations);
                let (calls, limit) = (human::count(found.calls), human::count(found.limit));
                row("calls in flight", &format!("{calls} of {limit}"));
            } else {
                row("in progress when it was stopped", &conversations);
            }
        }
        for run in &self.standing.runs {
            row("run", &run.run_id);
            row("  ending", run.ending.as_deref().unwrap_or("not ended"));
            if let Some(records) = &self.records {
                for (kind, n) in records {
                    row(&format!("  {kind}"), &human::count(*n));
                }
            } else {
                row("  conversations", &human::count(run.good));
                row("  turns", &human::count(run.turns));
                row("  dropped", &human::count(run.dropped.values().sum()));
            }
            for (reason, n) in &run.dropped {
                row(&format!("    {reason}"), &human::count(*n));
            }
            for gap in &run.gaps {
                row(&format!("  {}", goal_name(gap)), &goal_standing(gap));
            }
            let all = run.totals.all();
            row("  calls", &human::count(all.calls));
            row(
                "  cost",
                &spending::cost(all.cost_micro_usd, all.unknown_price_calls),
            );
        }
        if let Some(judging) = &self.judging {
            let count = |key: &str| human::count(judging.at(key).as_u64().unwrap_or_default());
            let judges: Vec<&str> = judging
                .items("judges")
                .iter()
                .filter_map(Json::as_str)
                .collect();
            row("judged later", judging.str_or("status", ""));
            row("  conversations", &count("conversations"));
            row("  by", &judges.join(", "));
            row(
                "  what",
                &format!(
                    "{} by {}",
                    count("units"),
                    judging.str_or("granularity", "")
                ),
            );
            row("  without a score", &count("failed"));
        }
        if self.standing.runs.len() > 1 {
            row("all runs of the folder", "");
        }
        for (role, totals) in &self.totals.by_role {
            row(&format!("calls of {role}"), &human::count(totals.calls));
            row(
                "  tokens in / out",
                &format!(
                    "{} / {}",
                    human::count(totals.prompt),
                    human::count(totals.completion)
                ),
            );
        }
        let all = self.totals.all();
        row("retries", &human::count(all.retries));
        row(
            "cost",
            &spending::cost(all.cost_micro_usd, all.unknown_price_calls),
        );
        spending::below(&table, &self.totals)
    }

    fn json(&self) -> Json {
        let runs = self
            .standing
            .runs
            .iter()
            .map(|run| {
                let dropped: Object = run
                    .dropped
                    .iter()
                    .map(|(reason, n)| (reason.clone(), Json::from(*n)))
                    .collect();
                Json::object([
                    ("run_id", Json::from(run.run_id.as_str())),
                    ("ending", Json::from(run.ending.clone())),
                    ("conversations", Json::from(run.good)),
                    ("turns", Json::from(run.turns)),
                    ("dropped", Json::Object(dropped)),
                    ("quotas", goals_json(&run.gaps)),
                    ("calls", Json::from(run.totals.all().calls)),
                ])
            })
            .collect();
        let all = self.totals.all();
        let records = self.records.iter().flatten();
        let records: Object = records.map(|(kind, n)| (*kind, Json::from(*n))).collect();
        let records = Json::Object(records);
        Json::object([
            ("working", Json::from(self.holder.is_some())),
            ("owner", Json::from(self.holder.clone())),
            (
                "in_progress",
                Json::from(self.in_progress.as_ref().map(InProgress::to_json)),
            ),
            ("runs", Json::Array(runs)),
            ("judging", self.judging.clone().unwrap_or_default()),
            ("records", records),
            ("calls", Json::from(all.calls)),
            ("failures", Json::from(all.failures)),
            ("retries", Json::from(all.retries)),
            ("prompt_tokens", Json::from(all.prompt)),
            ("completion_tokens", Json::from(all.completion)),
            ("endpoints", spending::json(&self.totals)),
            (
                "cost_usd",
                Json::from((all.unknown_price_calls == 0).then(|| all.cost_micro_usd as f64 / 1e6)),
            ),
        ])
    }
}
