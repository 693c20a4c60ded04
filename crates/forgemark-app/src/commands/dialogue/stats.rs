//! `forgemark dialogue stats PATH`

use forgemark_contract::json::{Json, to_compact, to_pretty};
use forgemark_dialogue::bundle::{self, Wanted};

use super::bundle::bundle_error;
use crate::Context;
use crate::assemble::{disk, owner};
use crate::cli::bundle::DialogueStatsArgs;
use crate::error::AppError;
use crate::escape;
use crate::exit::Exit;
use crate::table::{Align, Table};

/// Widest bar of a distribution, in characters.
const WIDEST: u64 = 30;

/// Prints the statistics of conversations.
///
/// # Errors
/// Nothing there, or a row that cannot be used.
pub fn run(args: &DialogueStatsArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let storage = disk();
    if args.path.is_dir() {
        // Ends a swap that was cut short, where there is one.
        bundle::is_bundle(&*storage, &args.path, &owner())?;
    }
    let wanted = args.file.as_deref().map_or(Wanted::Best, Wanted::Only);
    let (source, stats) = bundle::statistics(&storage, &args.path, wanted).map_err(bundle_error)?;
    let stats = stats.to_json(&source.name);
    if args.json.json {
        let text = String::from_utf8_lossy(&to_pretty(&stats)).into_owned();
        context.printer.result_raw(&text)?;
    } else {
        context.printer.note(format!(
            "rows of {} ({})",
            source.path.display(),
            source.why
        ));
        context.printer.result(render(&stats))?;
    }
    Ok(Exit::Done)
}

/// Numbers, then distributions as bars.
fn render(stats: &Json) -> String {
    let mut numbers = Table::new(&[("statistic", Align::Left), ("value", Align::Right)]);
    let mut shapes = Table::new(&[
        ("distribution", Align::Left),
        ("value", Align::Right),
        ("rows", Align::Right),
        ("", Align::Left),
    ]);
    for (key, value) in stats.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(_) if key == "languages" => distribution(&mut shapes, key, value),
            Some(part) => {
                for (name, value) in part {
                    let name = format!("{key}.{name}");
                    match value.as_object() {
                        Some(_) => distribution(&mut shapes, &name, value),
                        None => numbers.row([name.as_str(), &scalar(value)]),
                    }
                }
            }
            None => numbers.row([key, scalar(value).as_str()]),
        }
    }
    format!("{numbers}\n\n{shapes}")
}

fn scalar(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::Str(text) => escape::for_line(text).into_owned(),
        other => String::from_utf8_lossy(&to_compact(other)).into_owned(),
    }
}

fn distribution(table: &mut Table, name: &str, value: &Json) {
    let bars = || value.as_object().into_iter().flatten();
    let most = bars().filter_map(|(_, n)| n.as_u64()).max().unwrap_or(1);
    for (place, (label, n)) in bars().enumerate() {
        let n = n.as_u64().unwrap_or(0);
        let width = (n * WIDEST).div_ceil(most.max(1)) as usize;
        table.row([
            if place == 0 { name } else { "" },
            &escape::for_line(label),
            &n.to_string(),
            &"#".repeat(width),
        ]);
    }
}
