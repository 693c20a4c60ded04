//! `forgemark bench arena DIR`: reading, counting and rating an arena, and what a hundred times the claims cost.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use forgemark_arena::rate::{Model, Options};
use forgemark_arena::{Adjudicator, Corpus, Docket, Graph, Policy, Stats, Walk, policy, rate};
use forgemark_contract::json::{self, Json};

use super::process::{Counters, peak_memory};
use super::project::Workspace;
use super::report::{Report, Side};
use crate::Context;
use crate::assemble::disk;
use crate::cli::bench::{BenchArenaArgs, BenchMeasureArenaArgs};
use crate::commands::arena::check::corpus_error;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;

const LOAD_BAR: f64 = 0.5;
const MEMORY_BAR: u64 = 300 << 20;
const STATS_BAR: f64 = 0.5;
const FIT_BAR: f64 = 2.0;
const ITEMISED_BAR: f64 = 10.0;
const RATIO_BAR: f64 = 110.0;
const GROWN_MEMORY_BAR: u64 = 4 << 30;

const RESAMPLES: u32 = 1_000;

/// Models of the synthetic arena, and judges of each claim.
const MODELS: u64 = 8;
const JUDGES: u64 = 6;
/// Claims of the smaller one: as many as the arena that the bars were made for has judged ones.
const CLAIMS: u64 = 2_284;
const FACTOR: u64 = 100;

/// Runs the benchmark.
///
/// # Errors
/// Whatever keeps it from measuring.
pub(super) fn run(args: &BenchArenaArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let whole = in_child(&args.dir, true)?;
    let workspace = Workspace::new(None, "arena")?;
    let mut grown = Vec::new();
    for (name, claims) in [("few", CLAIMS), ("many", CLAIMS * FACTOR)] {
        let dir = workspace.path().join(name);
        synthetic(&dir, claims)?;
        grown.push(in_child(&dir, false)?);
    }
    let [few, many] = grown.as_slice() else {
        return Ok(Exit::Bug);
    };
    let mut report = Report::new("arena");
    let bytes = whole.count("bytes");
    report.fact("bytes_of_the_arena", human::bytes(bytes), bytes);
    for (key, of) in [("few", few), ("many", many)] {
        let claims = of.count("claims");
        let (seconds, memory) = (
            of.seconds("load") + of.seconds("stats"),
            of.count("peak_memory"),
        );
        let cpu = cpu(of);
        let shown = format!(
            "{} in {seconds:.2} s, {cpu:.2} s of processors, {}",
            human::count(claims),
            human::bytes(memory)
        );
        let value = Json::object([
            ("claims", Json::from(claims)),
            ("seconds", Json::from(seconds)),
            ("cpu_seconds", Json::from(cpu)),
            ("peak_memory", Json::from(memory)),
        ]);
        let key = if key == "few" {
            "few_claims"
        } else {
            "many_claims"
        };
        report.fact(key, shown, value);
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    // Of processors, because these are minutes apart and what else the machine does meanwhile differs.
    let ratio = cpu(many) / cpu(few).max(1e-9);
    for (key, of) in [
        ("load_cpu_s", "load_cpu"),
        ("stats_cpu_s", "stats_cpu"),
        ("fit_cpu_s", "fit_cpu"),
        ("itemised_cpu_s", "itemised_cpu"),
    ] {
        report.number(key, whole.seconds(of), "s", 3);
    }
    report.bar(
        "load_s",
        "read, type and index",
        Side::AtMost,
        LOAD_BAR,
        whole.seconds("load"),
        "s",
        3,
    );
    report.bar(
        "load_memory",
        "memory after that, at most",
        Side::AtMost,
        mib(MEMORY_BAR),
        mib(whole.count("load_memory")),
        "MiB",
        0,
    );
    report.bar(
        "stats_s",
        "statistics",
        Side::AtMost,
        STATS_BAR,
        whole.seconds("stats"),
        "s",
        3,
    );
    report.bar(
        "fit_s",
        "bipartite fit, 1,000 resamples",
        Side::AtMost,
        FIT_BAR,
        whole.seconds("fit"),
        "s",
        3,
    );
    report.bar(
        "itemised_s",
        "itemised evidence optimum",
        Side::AtMost,
        ITEMISED_BAR,
        whole.seconds("itemised"),
        "s",
        3,
    );
    report.bar(
        "time_ratio",
        "processors' time for a hundred times the claims",
        Side::AtMost,
        RATIO_BAR,
        ratio,
        "times",
        1,
    );
    report.bar(
        "grown_memory",
        "memory for them",
        Side::AtMost,
        mib(GROWN_MEMORY_BAR),
        mib(many.count("peak_memory")),
        "MiB",
        0,
    );
    report.print(args.json.json, context)
}

/// The processors' time of reading and counting a folder, in seconds.
fn cpu(of: &Measured) -> f64 {
    of.seconds("load_cpu") + of.seconds("stats_cpu")
}

/// A stopwatch of the wall and of the processors.
struct Watch(Instant, Counters);

impl Watch {
    fn start() -> Result<Self, AppError> {
        Ok(Watch(Instant::now(), Counters::now()?))
    }

    /// What passed since the start, of both.
    fn read(&self) -> Result<(f64, f64), AppError> {
        let wall = self.0.elapsed();
        let cpu = Counters::now()?.since(&self.1).cpu();
        let seconds = |time: Duration| time.as_secs_f64();
        Ok((seconds(wall), seconds(cpu)))
    }
}

/// What a measured process says.
struct Measured(Json);

impl Measured {
    fn seconds(&self, name: &str) -> f64 {
        self.0.at(name).as_f64().unwrap_or(f64::NAN)
    }

    fn count(&self, name: &str) -> u64 {
        self.0.at(name).as_u64().unwrap_or(0)
    }
}

/// Measures a folder in a process of its own, so that the memory is its alone.
fn in_child(dir: &Path, rates: bool) -> Result<Measured, AppError> {
    let failed = |what: &str| AppError::new(ErrorKind::Failed, what.to_owned());
    let program = std::env::current_exe()
        .map_err(|error| failed("cannot find this program").caused_by(error))?;
    let mut command = Command::new(program);
    command.args(["-q", "bench", "measure-arena"]).arg(dir);
    if rates {
        command.arg("--rates");
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed("cannot start the measured process").caused_by(error))?;
    if !output.status.success() {
        return Err(failed(&format!(
            "the measured process failed: {}",
            output.status
        )));
    }
    let value = json::parse(output.stdout.trim_ascii());
    value
        .map(Measured)
        .map_err(|error| failed("the measured process says nothing").caused_by(error))
}

/// `forgemark bench measure-arena DIR`
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn measure(
    args: &BenchMeasureArenaArgs,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let policy = Policy::preset(policy::DEFAULT)
        .ok_or_else(|| AppError::new(ErrorKind::Bug, "there is no default policy"))?;
    let watch = Watch::start()?;
    let corpus = Corpus::load(&*disk(), &args.dir, false).map_err(corpus_error)?;
    let graph = Graph::new(&corpus, &HashSet::new());
    let docket = Docket::new(&corpus, &graph);
    let (load, load_cpu) = watch.read()?;
    let load_memory = peak_memory();
    let watch = Watch::start()?;
    let adjudicator = Adjudicator::new(&docket, &policy);
    let walk = Walk::new(&corpus, &adjudicator);
    let stats = Stats::new(
        &corpus,
        &adjudicator,
        &walk,
        if args.rates { RESAMPLES } else { 0 },
        0,
    );
    let (stats_s, stats_cpu) = watch.read()?;
    let mut fields = vec![
        (
            "bytes",
            Json::from(corpus.files.iter().map(|file| file.bytes).sum::<u64>()),
        ),
        ("claims", Json::from(docket.claims.len())),
        ("load", Json::from(load)),
        ("load_cpu", Json::from(load_cpu)),
        ("load_memory", Json::from(load_memory)),
        ("stats", Json::from(stats_s)),
        ("stats_cpu", Json::from(stats_cpu)),
    ];
    if args.rates {
        for (name, cpu_name, model, resamples) in [
            ("fit", "fit_cpu", Model::Bipartite, RESAMPLES),
            ("itemised", "itemised_cpu", Model::Itemised, 0),
        ] {
            let options = Options {
                model,
                resamples,
                seed: 0,
            };
            let watch = Watch::start()?;
            let ratings = rate(
                &adjudicator,
                &walk,
                &stats.agreement.panel.labelled,
                options,
            );
            let (wall, cpu) = watch.read()?;
            fields.push((name, Json::from(wall)));
            fields.push((cpu_name, Json::from(cpu)));
            std::hint::black_box(&ratings);
        }
    }
    fields.push(("peak_memory", Json::from(peak_memory())));
    let fields = fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    context.printer.json_line(&Json::Object(fields.collect()))?;
    Ok(Exit::Done)
}

/// Writes an arena that is claims and decisions and little else: questions, critiques of answers with one word each, and six
/// judgments a claim.
fn synthetic(dir: &Path, claims: u64) -> Result<(), AppError> {
    let mut critiques = vec![String::new(); MODELS as usize];
    let mut questions = vec![String::new(); MODELS as usize];
    let mut judgments = vec![String::new(); MODELS as usize];
    let per_question = MODELS - 1;
    for claim in 0..claims {
        let (run, answerer) = (claim / per_question, claim % per_question);
        let questioner = run % MODELS;
        let answerer = (questioner + 1 + answerer) % MODELS;
        let first = claim.is_multiple_of(per_question);
        // Writing to a string cannot fail.
        if first {
            let _ = write!(
                questions[questioner as usize],
                "{{\"run_id\":\"{run}\",\"outer_attempt\":1,\"topic_slug\":\"t\",\"status\":\"succeeded\",\"generation_rounds\":[]}},"
            );
        }
        let _ = write!(
            critiques[questioner as usize],
            "{{\"question\":\"q\",\"run_id\":\"{run}\",\"outer_attempt\":1,\"topic_slug\":\"t\",\"question_author\":\"m{questioner}\",\
             \"critic\":\"m{questioner}\",\"answer_author\":\"m{answerer}\",\"status\":\"succeeded\",\
             \"attempts\":[{{\"round\":1,\"raw_critique\":\"c\",\"verdict\":\"incorrect\",\"notes\":\"n\"}}]}},"
        );
        for judge in 0..JUDGES {
            let judge = (questioner + 1 + judge) % MODELS;
            let verdict = if (claim + judge).is_multiple_of(11) {
                "defender_wins_incorrect"
            } else {
                "claimant_wins"
            };
            let _ = write!(
                judgments[judge as usize],
                "{{\"type\":\"critique\",\"mode\":\"evaluator\",\"question_model\":\"m{questioner}\",\"answer_model\":\"m{answerer}\",\
                 \"critic_model\":\"m{questioner}\",\"verdict\":\"{verdict}\",\"confidence\":5,\"reasoning\":\"r\",\"judge_model\":\"m{judge}\",\
                 \"status\":\"succeeded\",\"run_id\":\"{run}\",\"outer_attempt\":1,\"topic_slug\":\"t\"}},"
            );
        }
    }
    let list = |entries: &str| format!("[{}]", entries.trim_end_matches(','));
    let mut files = Vec::new();
    for model in 0..MODELS {
        let at = model as usize;
        files.push((format!("benchmarks/m{model}.json"), list(&questions[at])));
        files.push((
            format!("critiques/evaluator/m{model}/m{model}__all.json"),
            list(&critiques[at]),
        ));
        let decisions = format!("{{\"decisions\":{}}}", list(&judgments[at]));
        files.push((format!("automated_evaluations/m{model}.json"), decisions));
    }
    for (path, text) in files {
        let path = dir.join(path);
        let folder = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|source| AppError::Io {
                action: "write",
                path: path.clone(),
                source,
            })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_synthetic_arena_is_one() {
        let folder = tempfile::tempdir().unwrap();
        synthetic(folder.path(), 70).unwrap();
        let corpus = Corpus::load(&*disk(), folder.path(), false).unwrap();
        let graph = Graph::new(&corpus, &HashSet::new());
        let docket = Docket::new(&corpus, &graph);
        assert_eq!((docket.claims.len(), docket.orphans.len()), (70, 0));
        assert_eq!(graph.questions.len(), 10);
        assert!(docket.cases.values().all(|case| case.judges.len() == 6));
        assert!(graph.keyless.is_empty());
    }
}
