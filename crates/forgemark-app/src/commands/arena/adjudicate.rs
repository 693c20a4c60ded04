//! `forgemark arena adjudicate DIR`

use forgemark_arena::{Adjudicator, Walk, ledger};
use forgemark_contract::json::Json;

use super::ground;
use crate::Context;
use crate::assemble::disk;
use crate::cli::ArenaAdjudicateArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;

/// Writes `adjudications.jsonl` into an arena folder: what a policy decides about every question, claim and answer.
///
/// # Errors
/// A folder or policy that cannot be read, a file that cannot be written, a stdout that takes nothing.
pub fn run(args: &ArenaAdjudicateArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let policy = ground::policy(&args.policy)?;
    let corpus = ground::load(&args.dir, context)?;
    let lines = ground::with_docket(&corpus, |docket| {
        let adjudicator = Adjudicator::new(docket, &policy);
        let walk = Walk::new(&corpus, &adjudicator);
        ledger::adjudications(&corpus, &adjudicator, &walk)
    });
    let path = args.dir.join(ledger::FILE);
    ledger::write(&*disk(), &args.dir, &lines).map_err(|source| AppError::Io {
        action: "write",
        path: path.clone(),
        source,
    })?;
    if args.json.json {
        context.printer.json_line(&Json::object([
            ("file", Json::from(path.display().to_string())),
            ("lines", Json::from(lines.len())),
            ("policy", policy.to_json()),
            ("policy_digest", Json::from(policy.digest())),
        ]))?;
    } else {
        context.printer.result(ground::policy_text(&policy))?;
        let lines = human::plural(lines.len() as u64, "adjudication", "adjudications");
        context
            .printer
            .result(format!("{}: {lines}", path.display()))?;
    }
    Ok(Exit::Done)
}
