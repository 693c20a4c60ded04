//! The dataset card: what a reader of the data must know, in Markdown.

use std::fmt::Write as _;

use forgemark_contract::store::Snapshot;

use super::{Manifest, Plan};

/// The card.
pub(super) fn write(manifest: &Manifest, plan: &Plan, snapshot: &dyn Snapshot) -> String {
    let mut card = String::new();
    // Writing to a `String` cannot fail.
    let _ = writeln!(card, "---\nconfigs:\n- config_name: default\n  data_files:");
    for side in &manifest.sides {
        let (split, path) = if side.name.is_empty() {
            ("train", format!("{}.jsonl", file_name(plan)))
        } else {
            (
                side.name.as_str(),
                format!("{}.{}.jsonl", file_name(plan), side.name),
            )
        };
        let _ = writeln!(card, "  - split: {split}\n    path: {path}");
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
    let _ = writeln!(
        card,
        "\nWhere each line is from stands in the `provenance` files, line by line; why a row is not here in `decisions`; the recipe, digests and sizes in the manifest."
    );
    card
}

fn file_name(plan: &Plan) -> &str {
    plan.name.rsplit('/').next().unwrap_or_default()
}
