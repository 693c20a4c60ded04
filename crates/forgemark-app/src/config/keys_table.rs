//! The table of keys as Markdown, for the reference page.

use std::fmt::Write as _;

use forgemark_contract::settings::{Key, Kind, Status};

/// One Markdown table for each section, in the order of the table of keys.
pub fn markdown(keys: &[Key]) -> String {
    let mut out = String::new();
    let mut section = None;
    for key in keys {
        let own = key.path.split('.').next().unwrap_or(key.path);
        if section != Some(own) {
            if section.is_some() {
                out.push('\n');
            }
            let _ = write!(
                out,
                "## {own}\n\n| key | type | default | environment | meaning |\n|---|---|---|---|---|\n"
            );
            section = Some(own);
        }
        let env = key
            .env
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(" ");
        let _ = writeln!(
            out,
            "| `{}` | {} | `{}` | {env} | {} |",
            key.path,
            cell(&type_text(key)),
            cell(key.default),
            cell(&meaning(key)),
        );
    }
    out
}

fn meaning(key: &Key) -> String {
    match key.status {
        Status::Honoured => key.doc.to_owned(),
        Status::Replaced(by) => format!("{} **Replaced:** {by}.", key.doc),
        Status::Refused(why) => format!("{} **Refused:** {why}.", key.doc),
        Status::Inert(why) => format!("{} **No effect:** {why}.", key.doc),
        Status::Renamed(to) => format!("{} **Renamed:** `{to}`.", key.doc),
    }
}

fn type_text(key: &Key) -> String {
    let text = match key.kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Int { min, max } => range(
            "integer",
            (min > i64::MIN).then_some(min),
            (max < i64::MAX).then_some(max),
        ),
        Kind::Float { min, max } => range(
            "number",
            (min > f64::MIN).then_some(min),
            (max < f64::MAX).then_some(max),
        ),
        Kind::Str => "text".to_owned(),
        Kind::OneOf(words) => words
            .iter()
            .map(|(word, _)| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", "),
        Kind::StrList => "list of texts".to_owned(),
        Kind::Map => "mapping".to_owned(),
        Kind::List => "list".to_owned(),
        Kind::Any => "anything".to_owned(),
    };
    if key.is_nullable() {
        format!("{text} or null")
    } else {
        text
    }
}

fn range<T: std::fmt::Display>(name: &str, min: Option<T>, max: Option<T>) -> String {
    match (min, max) {
        (None, None) => name.to_owned(),
        (Some(min), None) => format!("{name}, at least {min}"),
        (None, Some(max)) => format!("{name}, at most {max}"),
        (Some(min), Some(max)) => format!("{name}, {min} to {max}"),
    }
}

/// Text inside a table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
