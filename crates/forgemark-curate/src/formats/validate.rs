//! Whether a finished file is one that its trainer reads as it is meant.

use forgemark_contract::json::Json;

use super::read;
use super::rules::Rules;
use super::schema::{Columns, Uses};
use super::{Format, Task};
use crate::shape::Body;

/// Something in a file that its trainer would refuse or learn wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The row, from 1; `None` where it is about the whole file.
    pub row: Option<u64>,
    /// Where in the row, such as `messages[2]`; empty where it is about all of it.
    pub field: String,
    /// The rule, one of [`RULES`](super::RULES).
    pub rule: &'static str,
    /// What is wrong, as a fragment.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(row) = self.row {
            write!(f, "row {row}")?;
            f.write_str(if self.field.is_empty() { ": " } else { ", " })?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{} ({})", self.what, self.rule)
    }
}

/// Lines that the API of `OpenAI` asks for at least.
const FEWEST: u64 = 10;

/// Everything in which a file of `format` for `task` breaks a rule of its trainer; empty when it breaks none.
///
/// `rows` are its rows in order; one that cannot be read stands as the reason. A row whose columns are wrong is asked no other
/// rule. Whether optional columns and the two layouts of a conversation are there is decided by the first row and holds for all.
pub fn validate(
    format: Format,
    task: Task,
    rows: impl IntoIterator<Item = Result<Json, String>>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut columns: Option<Columns> = None;
    let mut count = 0;
    let mut labels = [false, false];
    if Columns::of(format, task, Uses::NONE).is_none() {
        return vec![Finding {
            row: None,
            field: String::new(),
            rule: "schema",
            what: format!("{} has no rows for {}", format.word(), task.word()),
        }];
    }
    for row in rows {
        count += 1;
        let mut add = |field: String, rule: &'static str, what: String| {
            findings.push(Finding {
                row: Some(count),
                field,
                rule,
                what,
            });
        };
        let row = match row {
            Ok(row @ Json::Object(_)) => row,
            Ok(other) => {
                let what = format!("expected an object, found {}", other.type_name());
                add(String::new(), "json", what);
                continue;
            }
            Err(reason) => {
                add(String::new(), "json", reason);
                continue;
            }
        };
        let known = columns.or_else(|| Columns::of(format, task, uses_of(&row)));
        columns = known;
        if let Some(misfit) = known.and_then(|columns| columns.fit(&row).err()) {
            add(misfit.field, "schema", misfit.what);
            continue;
        }
        let Some((body, names)) = read::body(format, task, &row) else {
            continue;
        };
        if let Body::Labelled { label, .. } = &body {
            labels[usize::from(*label)] = true;
        }
        let mut rules = Rules::new(format);
        rules.body(&body, names);
        if let Body::Conversation { messages, .. } = &body {
            rules.unlearned(names.prompt, messages);
        }
        if format == Format::Verl && task == Task::Rollout {
            verl(&mut rules, &row);
        }
        for broken in rules.broken {
            add(broken.field, broken.rule, broken.what);
        }
    }
    let mut whole = |rule: &'static str, what: String| {
        findings.push(Finding {
            row: None,
            field: String::new(),
            rule,
            what,
        });
    };
    if task == Task::Labels && labels[0] != labels[1] {
        whole("one-label", format!("all labels are {}", labels[1]));
    }
    if format == Format::OpenAi && count < FEWEST {
        whole(
            "few",
            format!("{count} lines, where {FEWEST} are asked for"),
        );
    }
    findings
}

fn verl(rules: &mut Rules, row: &Json) {
    if row.str_or("data_source", "").is_empty() {
        rules.add("source", "data_source", "the data source has no name");
    }
    let model = row.at("reward_model");
    match model.str_or("style", "") {
        "rule" if model.str_or("ground_truth", "").is_empty() => {
            let what = "there is no ground truth for a rule";
            rules.add("truth", "reward_model.ground_truth", what);
        }
        "rule" | "model" => {}
        style => rules.add(
            "style",
            "reward_model.style",
            format!("the style '{style}' is neither rule nor model"),
        ),
    }
}

/// What a file makes use of, by its first row: all that may be there, and one of two layouts.
fn uses_of(row: &Json) -> Uses {
    let mut uses = [
        Uses::SPECS,
        Uses::REASONING,
        Uses::NAMES,
        Uses::MASKS,
        Uses::FLAGS,
        Uses::TRUTH,
    ]
    .into_iter()
    .fold(Uses::TOOLS, Uses::with);
    if row.get("completion").is_some() && row.get("label").is_none() {
        uses = uses | Uses::COMPLETIONS;
    }
    if row.get("margin").is_none() {
        uses = uses | Uses::NO_MARGIN;
    }
    if has_parts(row) {
        uses = uses | Uses::PARTS;
    }
    uses
}

fn has_parts(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().any(has_parts),
        Json::Object(object) => object.iter().any(|(key, value)| {
            (key == "content" && value.as_array().is_some()) || has_parts(value)
        }),
        _ => false,
    }
}
