//! The dataset card: what a reader of the data must know, in Markdown.

use std::fmt::Write as _;

use forgemark_contract::store::Snapshot;

use super::{Manifest, Plan};
use crate::formats::{Layout, Task};

/// The card.
pub(super) fn write(
    manifest: &Manifest,
    plan: &Plan,
    layout: Layout,
    snapshot: &dyn Snapshot,
) -> String {
    let mut card = String::new();
    // Writing to a `String` cannot fail.
    let _ = writeln!(card, "---\nconfigs:\n- config_name: default\n  data_files:");
    for side in &manifest.sides {
        let split = if side.name.is_empty() {
            "train"
        } else {
            side.name.as_str()
        };
        let _ = match side.files.as_slice() {
            [file] => writeln!(card, "  - split: {split}\n    path: {}", last(file)),
            files => {
                let paths: Vec<&str> = files.iter().map(|file| last(file)).collect();
                writeln!(card, "  - split: {split}\n    path: [{}]", paths.join(", "))
            }
        };
    }
    let _ = writeln!(card, "---\n\n# {}\n", file_name(plan));
    let _ = writeln!(
        card,
        "A {} set in the format `{}`, cut by Forgemark {} from version {} of `{}`.\n",
        plan.recipe.task.word(),
        plan.format.word(),
        env!("CARGO_PKG_VERSION"),
        snapshot.version(),
        snapshot.uri()
    );
    let _ = writeln!(card, "| side | examples | lines |\n|---|---|---|");
    for side in &manifest.sides {
        let name = if side.name.is_empty() {
            "all"
        } else {
            &side.name
        };
        let _ = writeln!(card, "| {name} | {} | {} |", side.examples, side.lines);
    }
    let _ = writeln!(card, "\n| after | left |\n|---|---|");
    for (stage, count) in &manifest.counts {
        let _ = writeln!(card, "| {stage} | {count} |");
    }
    let settings = layout.settings(Task::from(&plan.recipe.task));
    if !settings.is_empty() {
        let _ = writeln!(card, "\nThe trainer is told:\n\n```text");
        for line in settings {
            let _ = writeln!(card, "{line}");
        }
        let _ = writeln!(card, "```");
    }
    let _ = writeln!(
        card,
        "\nWhere each line is from stands in the `provenance` files, line by line; why a row is not here in `decisions`; the recipe, digests and sizes in the manifest."
    );
    card
}

fn file_name(plan: &Plan) -> &str {
    last(&plan.name)
}

/// The name without its folders: the card lies beside the files.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}
