//! The card of a bundle: front matter that dataset hubs read, then what was really made, in words.
//!
//! A pure function of the manifest, of counts over the rows, and of their statistics.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use forgemark_contract::json::{Json, to_compact};

use super::facts::Facts;
use super::manifest::Manifest;
use super::plots::Plot;
use super::{MANIFEST, SCHEMA};

/// Labels of languages and the codes that hubs know them by. A dialect gets the code of its language: which of the two
/// a text is in nobody has verified.
const CODES: [(&str, &[&str]); 3] = [
    ("en", &["en", "english", "us", "uk"]),
    ("fr", &["fr", "french", "france", "francais", "français"]),
    (
        "ar",
        &[
            "ar",
            "arabic",
            "msa",
            "morocco",
            "moroccan",
            "darija",
            "egypt",
            "egyptian",
            "levantine",
            "gulf",
            "saudi",
            "uae",
        ],
    ),
];

/// What the names of the built-in agents begin with.
const OFFLINE: &str = "offline:";

/// Sizes as hubs sort datasets by them: rows below which each holds.
const SIZES: [(u64, &str); 7] = [
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
];

/// The card.
pub(super) fn card(manifest: &Manifest, facts: &Facts, stats: &Json, plots: &[Plot]) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    let _ = front_matter(&mut out, manifest, facts)
        .and_then(|()| contents(&mut out, manifest, facts, stats, plots))
        .and_then(|()| origin(&mut out, manifest, facts))
        .and_then(|()| schema(&mut out, manifest, facts))
        .and_then(|()| numbers(&mut out, manifest, stats, plots));
    out
}

fn front_matter(out: &mut String, manifest: &Manifest, facts: &Facts) -> std::fmt::Result {
    writeln!(
        out,
        "---\nconfigs:\n  - config_name: default\n    data_files:\n      - split: train\n        path: {}",
        yaml(&manifest.data)
    )?;
    let mut codes: Vec<String> = facts
        .languages
        .keys()
        .filter_map(|label| code(label))
        .collect();
    codes.sort();
    codes.dedup();
    if !codes.is_empty() {
        writeln!(out, "language:")?;
        for code in codes {
            writeln!(out, "  - {}", yaml(&code))?;
        }
    }
    if let Some(licence) = manifest.about.at("licence").as_str() {
        writeln!(out, "license: {}", yaml(licence))?;
    }
    let size = SIZES.iter().find(|(below, _)| facts.rows < *below);
    writeln!(
        out,
        "task_categories:\n  - question-answering\nsize_categories:\n  - {}\ntags:\n  - synthetic\n  - rag\n  - multi-turn\n---\n",
        size.map_or("n>1B", |(_, name)| name)
    )
}

fn contents(
    out: &mut String,
    manifest: &Manifest,
    facts: &Facts,
    stats: &Json,
    plots: &[Plot],
) -> std::fmt::Result {
    let about = &manifest.about;
    writeln!(out, "# {}\n", text(about.str_or("title", "")))?;
    writeln!(
        out,
        "Synthetic conversations: the models below asked and answered, turn by turn, over passages of documents. {} rows with {} turns \
         as planned, made into this folder by Forgemark {}.\n",
        facts.rows,
        planned_turns(stats),
        text(about.str_or("version", ""))
    )?;
    writeln!(out, "## Contents\n")?;
    let data = code_span(&manifest.data);
    writeln!(
        out,
        "- {data}: the rows, all in the split `train`; there is no other split"
    )?;
    writeln!(
        out,
        "- `{SCHEMA}`: the JSON Schema that every row satisfies"
    )?;
    writeln!(
        out,
        "- `{MANIFEST}`: where the rows come from, what was changed in them, and the digest of every file"
    )?;
    if let Some(stats) = &manifest.stats {
        writeln!(out, "- {}: statistics of the rows", code_span(stats))?;
    }
    if let Some(folder) = &manifest.plots {
        for plot in plots {
            writeln!(out, "- {}", code_span(&format!("{folder}/{}", plot.name)))?;
        }
    }
    let states = manifest
        .files
        .iter()
        .filter(|file| file.path.starts_with("run_state/"));
    let states = states.count();
    if states > 0 {
        writeln!(out, "- `run_state/`: {states} files, the state of the runs")?;
    }
    writeln!(out)
}

/// All turns, from the distribution in the statistics.
fn planned_turns(stats: &Json) -> u64 {
    let distribution = stats.at("turn_count").at("distribution").as_object();
    let entries = distribution.into_iter().flatten();
    entries
        .filter_map(|(turns, n)| Some(turns.parse::<u64>().ok()?.saturating_mul(n.as_u64()?)))
        .fold(0, u64::saturating_add)
}

fn origin(out: &mut String, manifest: &Manifest, facts: &Facts) -> std::fmt::Result {
    let about = &manifest.about;
    writeln!(out, "## What was made\n")?;
    writeln!(out, "| language as labelled | rows |\n|---|---:|")?;
    for (language, n) in &facts.languages {
        writeln!(out, "| {} | {n} |", cell(language))?;
    }
    writeln!(
        out,
        "\nThe label is what the writer was asked for; that a text is in that language or dialect is not verified here.\n"
    )?;
    writeln!(out, "| role | model | messages |\n|---|---|---:|")?;
    for ((role, model), n) in &facts.models {
        writeln!(out, "| {} | {} | {n} |", cell(role), cell(model))?;
    }
    let (rows, judged) = (facts.rows, facts.judged);
    if facts
        .models
        .keys()
        .any(|(_, model)| model.starts_with(OFFLINE))
    {
        writeln!(
            out,
            "\nModels whose names begin with `{OFFLINE}` are agents that are built into Forgemark. They quote the documents: a dry run, and \
             no language model."
        )?;
    }
    writeln!(
        out,
        "\nRows come from {} ({}).",
        code_span(about.str_or("source", "")),
        text(about.str_or("why", ""))
    )?;
    let ended = about.at("conversations").as_object();
    let ended: Vec<String> = ended
        .into_iter()
        .flatten()
        .map(|(status, n)| format!("{} {}", n.as_u64().unwrap_or(0), text(status)))
        .collect();
    if !ended.is_empty() {
        writeln!(
            out,
            "Conversations in the folder of the runs: {}.",
            ended.join(", ")
        )?;
    }
    if facts.dropped > 0 {
        writeln!(
            out,
            "{} of the rows are of conversations that were dropped before their end.",
            facts.dropped
        )?;
    }
    let judge = match judged {
        0 => "No row has a score of a judge.".to_owned(),
        _ => format!(
            "{judged} of {rows} rows have scores of a judge, which is a model too: a score is an opinion."
        ),
    };
    writeln!(out, "{judge}")?;
    let later = about.at("judgements").as_object().into_iter().flatten();
    let later: Vec<String> = later
        .map(|(model, n)| format!("{} ({})", cell(model), n.as_u64().unwrap_or(0)))
        .collect();
    if !later.is_empty() {
        writeln!(
            out,
            "Judgements made after the runs, by model: {}.",
            later.join(", ")
        )?;
    }
    writeln!(out)?;
    let runs = about.items("runs");
    if runs.is_empty() {
        writeln!(
            out,
            "There is no journal of the runs: settings, prompts and the judge's model are not known.\n"
        )?;
    } else {
        writeln!(
            out,
            "| run | user | assistant | judge while it ran | prompts | documents | plan |\n|---|---|---|---|---|---|---|"
        )?;
        for run in runs {
            let of = |key: &str| cell(run.str_or(key, ""));
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} |",
                of("run_id"),
                of("user"),
                of("assistant"),
                of("judge"),
                of("prompts"),
                of("documents"),
                of("plan")
            )?;
        }
        writeln!(
            out,
            "\nPrompts, documents and plans (the configuration) are named by digests.\n"
        )?;
    }
    writeln!(
        out,
        "Digest of the configuration that this bundle was made with: {}.",
        code_span(about.str_or("configuration", ""))
    )?;
    match about.at("licence").as_str() {
        Some(licence) => writeln!(out, "Licence: {}.\n", text(licence)),
        None => writeln!(out, "No licence was configured.\n"),
    }
}

fn schema(out: &mut String, manifest: &Manifest, facts: &Facts) -> std::fmt::Result {
    writeln!(out, "## Rows\n")?;
    writeln!(
        out,
        "Every key of `{SCHEMA}` is in every row, lists are never null, and there is no other key. What a model or another program \
         wrote and no column can hold stands as JSON text under `{}.forgemark.leftovers`: {} values.\n",
        manifest.columns.name("metadata"),
        facts.leftovers
    )?;
    let renamed: Vec<String> = manifest
        .columns
        .iter()
        .filter(|(default, name)| default != name)
        .map(|(default, name)| format!("`{default}` is called {}", code_span(name)))
        .collect();
    if !renamed.is_empty() {
        writeln!(out, "Columns: {}.\n", renamed.join(", "))?;
    }
    Ok(())
}

fn numbers(
    out: &mut String,
    manifest: &Manifest,
    stats: &Json,
    plots: &[Plot],
) -> std::fmt::Result {
    const SHOWN: [(&str, &[&str]); 7] = [
        ("records", &["records"]),
        ("turn_count.avg", &["turn_count", "avg"]),
        ("turn_count.min", &["turn_count", "min"]),
        ("turn_count.max", &["turn_count", "max"]),
        (
            "judge.conversations_with_scores",
            &["judge", "conversations_with_scores"],
        ),
        ("judge.avg_score_mean", &["judge", "avg_score_mean"]),
        (
            "text.avg_words_per_conversation",
            &["text", "avg_words_per_conversation"],
        ),
    ];
    writeln!(out, "## Statistics\n")?;
    for (name, path) in SHOWN {
        let value = path.iter().fold(stats, |value, key| value.at(key));
        let value = to_compact(value);
        writeln!(out, "- {name}: {}", String::from_utf8_lossy(&value))?;
    }
    if let Some(folder) = &manifest.plots {
        for plot in plots {
            let file = format!("{folder}/{}", plot.name);
            writeln!(
                out,
                "\n### {}\n\n![{}]({})",
                plot.title,
                plot.title.to_lowercase(),
                link(&file)
            )?;
        }
    }
    Ok(())
}

/// The code of a label, when there is one: from the table, or the label itself when it looks like one.
fn code(label: &str) -> Option<String> {
    let label = label.trim().to_lowercase();
    let known = CODES
        .iter()
        .find(|(_, labels)| labels.contains(&label.as_str()));
    if let Some((code, _)) = known {
        return Some((*code).to_owned());
    }
    let is_code = matches!(label.len(), 2 | 3) && label.bytes().all(|b| b.is_ascii_lowercase());
    is_code.then_some(label)
}

/// A scalar of YAML: plain where nothing could be misread, else as a JSON string, which YAML reads too.
fn yaml(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let begins = value.starts_with(|c: char| c.is_ascii_alphabetic());
    // YAML 1.1 takes these for something else than text.
    let word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if begins && value.chars().all(plain) && !word.contains(&value.to_lowercase().as_str()) {
        return value.to_owned();
    }
    String::from_utf8_lossy(&to_compact(&Json::from(value))).into_owned()
}

/// Foreign text in a paragraph: one line, no markup.
fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '&' | '~' => {
                out.extend(['\\', c]);
            }
            c => out.push(c),
        }
    }
    out
}

/// Foreign text as code.
fn code_span(value: &str) -> String {
    let shown: String = value
        .chars()
        .map(|c| match c {
            '`' => '\'',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    format!("`{shown}`")
}

/// Foreign text in a table; a dash where there is none.
fn cell(value: &str) -> String {
    match value.trim() {
        "" => "-".to_owned(),
        value => code_span(value).replace('|', "\\|"),
    }
}

/// A path as the target of a link.
fn link(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                out.push(char::from(byte));
            }
            // Writing to a `String` cannot fail.
            other => _ = write!(out, "%{other:02X}"),
        }
    }
    out
}
