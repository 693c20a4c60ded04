//! `forgemark arena demo`: from nothing to a leaderboard, without an endpoint.

use std::path::Path;

use forgemark_journal::write_atomic;

use super::{project, rate, run as stages};
use crate::Context;
use crate::assemble::disk;
use crate::cli::arena::{ArenaDemoArgs, ArenaStageArgs};
use crate::cli::{ArenaRateArgs, RatingModel, SetArgs};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;

const CONFIG: &str = "arena.yaml";
const LEADERBOARD: &str = "leaderboard";

/// The configuration, as a file that a newcomer can read and change.
const TEXT: &str = "\
# Written by `forgemark arena demo`. `forgemark config keys --for arena` explains every key.
# These models are simulated: they invent and solve arithmetic and algebra, and err as often as their skill says.
models:
  - {name: solver-90, model: \"offline:solver\", skill: 0.9}
  - {name: solver-80, model: \"offline:solver\", skill: 0.8}
  - {name: solver-65, model: \"offline:solver\", skill: 0.65}
  - {name: solver-50, model: \"offline:solver\", skill: 0.5}
  - {name: solver-30, model: \"offline:solver\", skill: 0.3}
# A real one: - {name: openai/gpt-4.1-mini, temperature: 0}    with its key in OPENAI_API_KEY
topics: [Sums, Differences, Products, Quotients, Powers, Roots, Sequences, Divisibility, Linear equations,
         Quadratic equations, Polynomials, Proportions, Percentages, Averages, Intervals, Integers]
questions: {max_outer_attempts: 3}
controls: {planted_faults: 10, planted_correct: 10}
output: {dir: arena}
";

/// Writes a configuration of simulated models into the folder, lets them work, and rates them. Files that are there are kept, so a
/// second demo goes on with the first.
///
/// # Errors
/// A folder that cannot be written, and whatever ends the run.
pub(super) fn run(args: &ArenaDemoArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let config = args.dir.join(CONFIG);
    write(args, &config)?;
    let stage = ArenaStageArgs {
        config: config.clone(),
        limit: None,
        retry_failed: None,
        concurrency: None,
        estimate: false,
        progress: args.progress,
        set: SetArgs { set: Vec::new() },
        json: args.json,
    };
    match stages::run(&stage, project::stages(false), context)? {
        Exit::Done => {}
        other => return Ok(other),
    }
    let arena = args.dir.join("arena");
    let leaderboard = args.dir.join(LEADERBOARD);
    let exit = rate::run(
        &ArenaRateArgs {
            dir: arena.clone(),
            policy: forgemark_arena::policy::DEFAULT.to_owned(),
            model: RatingModel::default(),
            bootstrap: 1_000,
            seed: 0,
            sensitivity: false,
            by: None,
            csv: None,
            svg: None,
            html: Some(leaderboard.clone()),
            json: args.json,
        },
        context,
    )?;
    if !args.json.json {
        let printer = &context.printer;
        printer.note("made by simulated models of declared skills, not by language models");
        let page = leaderboard.join("index.html");
        printer.note(format!("leaderboard     {}", page.display()));
        printer.note(format!("configuration   {}", config.display()));
        printer.note(format!("next: forgemark arena stats {}", arena.display()));
        printer.note(format!(
            "      forgemark arena controls {}",
            arena.display()
        ));
    }
    Ok(exit)
}

fn write(args: &ArenaDemoArgs, config: &Path) -> Result<(), AppError> {
    let storage = disk();
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| AppError::Io {
            action,
            path,
            source,
        }
    };
    storage
        .create_dir_all(&args.dir)
        .map_err(failed("create", &args.dir))?;
    match std::fs::read_to_string(config) {
        Ok(found) if found == TEXT => Ok(()),
        Ok(_) => {
            let what = format!("{} is there already, with other settings", config.display());
            Err(AppError::new(ErrorKind::Usage, what)
                .hint(format!(
                    "`forgemark arena run {}` runs it as it is",
                    config.display()
                ))
                .hint("`--dir DIR` makes a new demo elsewhere"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_atomic(&*storage, config, TEXT.as_bytes()).map_err(failed("write", config))
        }
        Err(error) => Err(failed("read", config)(error)),
    }
}
