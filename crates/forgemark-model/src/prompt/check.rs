//! What can be known to be wrong with a template before it is used.

use std::collections::BTreeSet;

use minijinja::Environment;

use super::{PromptError, Template};

/// The error of the template engine in ours.
pub(super) fn error(name: &str, error: &minijinja::Error) -> PromptError {
    PromptError::Template {
        // An included template fails under its own name.
        name: error.name().unwrap_or(name).to_owned(),
        line: error.line().unwrap_or(0),
        what: error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned),
    }
}

/// Refuses a template with a variable that its role does not have, or without one that it needs.
pub(super) fn variables(
    environment: &Environment<'_>,
    template: &Template,
) -> Result<(), PromptError> {
    let compiled = environment
        .get_template(template.name)
        .map_err(|found| error(template.name, &found))?;
    let used: BTreeSet<String> = compiled.undeclared_variables(false).into_iter().collect();
    let source = compiled.source();
    let wrong = |line: usize, what: String| {
        Err(PromptError::Template {
            name: template.name.to_owned(),
            line,
            what,
        })
    };
    for name in &used {
        let global = environment.globals().any(|(global, _)| global == name);
        if !global && !template.variables.contains(&name.as_str()) {
            let known = template.variables.join(", ");
            let what = format!("there is no variable {name:?} here; there are {known}");
            return wrong(line_of(source, name), what);
        }
    }
    for name in template.required {
        // What a template includes is not looked into; rendering it once would not prove it
        // either, since a branch may hide the variable.
        if !used.contains(*name) && !source.contains("{% include") {
            return wrong(
                0,
                format!("the template must use the variable {name:?} somewhere"),
            );
        }
    }
    Ok(())
}

/// First line on which `name` stands inside a tag, from 1; 0 when it stands nowhere.
fn line_of(source: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(open) = source[from..]
        .find("{{")
        .into_iter()
        .chain(source[from..].find("{%"))
        .min()
    {
        let start = from + open + 2;
        let length = source[start..]
            .find(['}', '%'])
            .unwrap_or(source.len() - start);
        let tag = &source[start..start + length];
        if let Some(at) = word(tag, name) {
            return source[..start + at].matches('\n').count() + 1;
        }
        from = start + length;
    }
    0
}

/// Where `name` stands in `tag` as a whole word.
fn word(tag: &str, name: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    tag.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = tag[..*at].chars().next_back();
        let after = tag[at + name.len()..].chars().next();
        !before.is_some_and(|c| part(c) || c == '.') && !after.is_some_and(part)
    })
}
