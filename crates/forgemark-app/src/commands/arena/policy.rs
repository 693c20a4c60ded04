//! `forgemark arena policy [NAME]`

use forgemark_arena::policy::{
    Conflict, LabelKeys, Missing, Mixed, Order, Orphans, PRESETS, Participants, Quorum, Scope,
    Unanimity,
};
use forgemark_contract::json::Json;

use super::ground;
use crate::Context;
use crate::cli::ArenaPolicyArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::table::{Align, Table};

/// Prints a policy in full, or all presets and what their words mean.
///
/// # Errors
/// A name that is no policy; a stdout that takes nothing.
pub fn run(args: &ArenaPolicyArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let printer = &context.printer;
    if let Some(asked) = &args.name {
        let policy = ground::policy(asked)?;
        if args.json.json {
            // Indented, because it is what a file begins with.
            printer.json(&policy.to_json())?;
        } else {
            printer.result(ground::policy_text(&policy).trim_end())?;
        }
        return Ok(Exit::Done);
    }
    if args.json.json {
        let all = PRESETS.iter().map(|name| ground::policy(name));
        let all: Result<Vec<_>, _> = all.collect();
        let all = all?
            .iter()
            .map(forgemark_arena::Policy::to_json)
            .collect::<Vec<_>>();
        printer.json_line(&Json::from(all))?;
        return Ok(Exit::Done);
    }
    for name in PRESETS {
        printer.result(ground::policy_text(&ground::policy(name)?))?;
    }
    printer.result(words().to_string())?;
    Ok(Exit::Done)
}

/// Every word that a policy may be made of.
fn words() -> Table {
    let mut table = Table::new(&[
        ("field", Align::Left),
        ("word", Align::Left),
        ("meaning", Align::Left),
    ]);
    macro_rules! rows {
        ($($field:literal: $words:ident),*) => {$(
            for (at, word) in $words::ALL.iter().enumerate() {
                let field = if at == 0 { $field } else { "" };
                table.row([field, word.as_str(), word.meaning().trim()]);
            }
        )*};
    }
    rows!(
        "order": Order,
        "unanimity": Unanimity,
        "quorum": Quorum,
        "mixed": Mixed,
        "conflict": Conflict,
        "participants": Participants,
        "contradictor_scope": Scope,
        "missing_contradictor": Missing,
        "orphans": Orphans,
        "label_keys": LabelKeys
    );
    table
}
