//! `forgemark arena ...`

pub mod adjudicate;
pub mod check;
mod controls;
mod demo;
mod estimate;
mod ground;
mod html;
mod import;
pub mod label;
pub mod policy;
pub(in crate::commands) mod project;
mod prompts;
pub mod rate;
pub(in crate::commands) mod run;
pub mod stats;
mod svg;

use forgemark_arena::pipeline::Stage;

use crate::Context;
use crate::cli::ArenaCommand;
use crate::error::AppError;
use crate::exit::Exit;

/// Runs the subcommand.
///
/// # Errors
/// Those of the subcommand.
pub fn run(command: &ArenaCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    let one = |args, stage: Stage| run::run(args, [stage].into(), context);
    match command {
        ArenaCommand::Demo(args) => demo::run(args, context),
        ArenaCommand::Run(args) => {
            let stages = project::stages(args.no_new_questions);
            run::run(&args.stage, stages, context)
        }
        ArenaCommand::Questions(args) => one(args, Stage::Questions),
        ArenaCommand::Answers(args) => one(args, Stage::Answers),
        ArenaCommand::Critiques(args) => one(args, Stage::Critiques),
        ArenaCommand::Debates(args) => one(args, Stage::Debates),
        ArenaCommand::Judge(args) => one(args, Stage::Judge),
        ArenaCommand::Import(args) => import::run(args, context),
        ArenaCommand::Controls(args) => controls::run(args, context),
        ArenaCommand::Prompts(command) => prompts::run(command, context),
        ArenaCommand::Check(args) => check::run(args, context),
        ArenaCommand::Stats(args) => stats::run(args, context),
        ArenaCommand::Rate(args) => rate::run(args, context),
        ArenaCommand::Policy(args) => policy::run(args, context),
        ArenaCommand::Adjudicate(args) => adjudicate::run(args, context),
        ArenaCommand::Label(args) => label::run(args, context),
    }
}
