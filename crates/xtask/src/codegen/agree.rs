//! The page on configurations of the original is written by hand; here it is held against the table of keys, so that a
//! key, a default, a variable or a verdict cannot change on one side only.

use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// The page.
pub(super) const PAGE: &str = "docs/reference/dlgforge-config.md";

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Honoured,
    Warning,
    Error,
}

/// One key as a table says it.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    default: &'a str,
    verdict: Verdict,
    variables: Vec<&'a str>,
}

/// Where page and table differ. `keys` is what `forgemark config keys` prints.
pub(super) fn differences(keys: &str, page: &str) -> Vec<String> {
    let table = rows(keys, |cells| {
        let [_, default, variables, meaning] = cells else {
            return None;
        };
        let verdict = if meaning.contains("**Refused:**") {
            Verdict::Error
        } else if ["**No effect:**", "**Replaced:**", "**Renamed:**"]
            .iter()
            .any(|word| meaning.contains(word))
        {
            Verdict::Warning
        } else {
            Verdict::Honoured
        };
        Some(Row {
            default,
            verdict,
            variables: names(variables),
        })
    });
    let written = rows(page, |cells| match cells {
        [default, verdict, variables, _] => Some(Row {
            default,
            verdict: said(verdict),
            variables: names(variables),
        }),
        // A name of an earlier version, and what it is called now.
        [verdict, _] => Some(Row {
            default: "`null`",
            verdict: said(verdict),
            variables: Vec::new(),
        }),
        _ => None,
    });
    let mut found = Vec::new();
    for (key, row) in &written {
        match table.get(key) {
            None => found.push(format!("`{key}` is in no table of keys")),
            Some(real) => {
                // A default that is too long for a table is described, not quoted.
                let quoted = row.default.starts_with('`');
                if (quoted && row.default != real.default)
                    || row.verdict != real.verdict
                    || row.variables != real.variables
                {
                    found.push(format!("`{key}` should be {real:?}"));
                }
            }
        }
    }
    for (key, row) in &table {
        if row.verdict != Verdict::Honoured && !written.contains_key(key) {
            found.push(format!("`{key}` is missing"));
        }
    }
    found
}

/// The rows of all Markdown tables whose first cell is a key in backquotes.
fn rows<'a>(
    text: &'a str,
    read: impl Fn(&[&'a str]) -> Option<Row<'a>>,
) -> BTreeMap<&'a str, Row<'a>> {
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let Some(line) = line
            .strip_prefix("| `")
            .and_then(|line| line.strip_suffix('|'))
        else {
            continue;
        };
        let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let Some((key, cells)) = cells.split_first() else {
            continue;
        };
        // Keys are lower case; tables of variables have the same form.
        let Some(key) = key
            .strip_suffix('`')
            .filter(|key| !key.contains(|c: char| c.is_uppercase()))
        else {
            continue;
        };
        if let Some(row) = read(cells) {
            rows.insert(key, row);
        }
    }
    rows
}

/// A verdict as the page says it.
fn said(word: &str) -> Verdict {
    match word {
        "honoured" => Verdict::Honoured,
        "warning" => Verdict::Warning,
        _ => Verdict::Error,
    }
}

fn names(cell: &str) -> Vec<&str> {
    cell.split_whitespace()
        .map(|name| name.trim_matches('`'))
        .collect()
}
