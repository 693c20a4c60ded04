//! `forgemark arena import CONFIG FILE`

use forgemark_arena::pipeline::import::import;
use forgemark_contract::json::Json;

use super::project::ArenaProject;
use super::run::arena_error;
use crate::Context;
use crate::assemble::disk;
use crate::cli::arena::ArenaImportArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;

/// Takes questions and answers into the folder of a configuration, all of them or none.
///
/// # Errors
/// A configuration that is wrong, a file that cannot be read, and the first line that cannot be taken.
pub(super) fn run(args: &ArenaImportArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let project = ArenaProject::read(&args.config, &args.set.set, context)?;
    let storage = disk();
    let text = storage.read(&args.file).map_err(|source| AppError::Io {
        action: "read",
        path: args.file.clone(),
        source,
    })?;
    let environment = project.environment(storage, context)?;
    let taken = import(&environment, &args.file, &text).map_err(arena_error)?;
    if args.json.json {
        context.printer.json_line(&Json::object([
            ("questions", Json::from(taken.questions)),
            ("answers", Json::from(taken.answers)),
        ]))?;
    } else {
        let questions = human::plural(taken.questions, "question", "questions");
        let answers = human::plural(taken.answers, "answer", "answers");
        context
            .printer
            .result(format!("took {questions} and {answers}"))?;
        let config = args.config.display();
        context.printer.note(format!(
            "next: forgemark arena run {config} --no-new-questions"
        ));
    }
    Ok(Exit::Done)
}
