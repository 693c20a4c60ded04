//! What the columns of the `ShareGPT` files are called: as the run's plan says, else as their values tell.

use forgemark_contract::dialogue::Columns;
use forgemark_contract::json::{Json, Object};

/// The mappings that rows of a folder may have: runs of one folder may differ.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    candidates: Vec<Columns>,
    planned: bool,
}

impl Names {
    /// The default names, and those that the plans of runs have.
    pub(crate) fn new(from_plans: Vec<Columns>) -> Self {
        let planned = !from_plans.is_empty();
        let mut candidates = from_plans;
        candidates.push(Columns::default());
        Self {
            candidates,
            planned,
        }
    }

    /// Adds a mapping.
    pub(crate) fn add(&mut self, columns: Columns) {
        self.candidates.insert(0, columns);
    }

    /// The mapping of all rows, where there is no choice.
    pub(crate) fn only(&self) -> Option<&Columns> {
        let mut others = self.candidates.iter();
        let first = others.next()?;
        others.all(|other| other == first).then_some(first)
    }

    /// The mapping that a row has most keys of; the first of equals.
    pub(crate) fn of(&self, row: &Json) -> &Columns {
        let fit = |columns: &Columns| -> usize {
            columns
                .iter()
                .filter(|(_, name)| row.get(name).is_some())
                .count()
        };
        let mut best = (0, &self.candidates[0]);
        for candidate in &self.candidates {
            let fits = fit(candidate);
            if fits > best.0 {
                best = (fits, candidate);
            }
        }
        best.1
    }

    /// Whether a row lacks a column that it needs and has another in its place.
    pub(crate) fn are_foreign_to(&self, row: &Json) -> bool {
        const NEEDED: usize = 5;
        let Some(object) = row.as_object() else {
            return false;
        };
        let mut columns = self.of(row).iter().take(NEEDED);
        object.len() >= NEEDED && columns.any(|(_, name)| !object.contains_key(name))
    }

    /// Whether the plan of a run has named the columns.
    pub(crate) fn are_planned(&self) -> bool {
        self.planned
    }
}

/// The columns that the plan of a run names, as [`Config::identity`](crate::config::Config::identity) writes them.
pub(crate) fn of_plan(plan: &Json) -> Option<Columns> {
    Columns::new(plan.at("saving.output_columns").as_object()?).ok()
}

/// The columns of a row as its values tell them; where two columns look alike, the one that is written first comes first.
pub(crate) fn infer(row: &Json) -> Option<Columns> {
    let mut mapping = Object::new();
    let mut used: Vec<&str> = Vec::new();
    for default in Columns::NAMES {
        let found = row
            .as_object()?
            .iter()
            .find(|(key, value)| !used.contains(key) && looks_like(default, value));
        match found {
            Some((key, _)) => {
                used.push(key);
                mapping.insert(default, key);
            }
            None if default == "judge" => {}
            None => return None,
        }
    }
    Columns::new(&mapping).ok()
}

fn looks_like(column: &str, value: &Json) -> bool {
    let all_have = |keys: &[&str]| {
        value.as_array().is_some_and(|items| {
            items
                .iter()
                .all(|item| keys.iter().all(|key| item.get(key).is_some()))
        })
    };
    match column {
        "messages" => {
            all_have(&["role", "content"])
                && !value
                    .as_array()
                    .is_some_and(|items| items.iter().any(|item| item.get("tool_calls").is_some()))
        }
        "messages_with_tools" => all_have(&["role", "content"]),
        "metadata" => value.get("difficulty_sequence").is_some(),
        "user_reasoning" => all_have(&["turn_index", "user_message", "question_mode"]),
        "assistant_reasoning" => all_have(&["turn_index", "assistant_message", "reasoning_trace"]),
        _ => value.get("per_turn").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use forgemark_contract::json::parse_str;
    use forgemark_contract::settings::{Origin, Resolved};

    use super::*;
    use crate::config::{Config, KEYS};

    fn mapping() -> Columns {
        let mut mapping = Object::new();
        mapping.insert("messages", "chat");
        mapping.insert("metadata", "about \"it\"");
        Columns::new(&mapping).unwrap()
    }

    #[test]
    fn a_plan_gives_the_names_back() {
        let mut values = Resolved::defaults(KEYS).unwrap();
        for role in ["user", "assistant"] {
            let path = format!("llm.agents.{role}.model");
            values.set(path, Json::from("m"), Origin::Default);
        }
        for (column, name) in mapping().iter() {
            values.set(
                format!("saving.output_columns.{column}"),
                Json::from(name),
                Origin::Default,
            );
        }
        let identity = Config::new(&values).unwrap().identity().into_iter();
        let plan: Object = identity
            .map(|(name, part)| (name.to_owned(), part))
            .collect();
        assert_eq!(of_plan(&plan.into()), Some(mapping()));
        assert_eq!(of_plan(&Json::empty_object()), None);
    }

    #[test]
    fn values_tell_the_names() {
        let row = parse_str(
            r#"{"chat": [{"role": "user", "content": "q"}], "full": [{"role": "user", "content": "q"}], "meta": {"difficulty_sequence": []},
                "u": [{"turn_index": 1, "user_message": "q", "question_mode": "fresh"}],
                "a": [{"turn_index": 1, "assistant_message": "a", "reasoning_trace": {}}]}"#,
        )
        .unwrap();
        let columns = infer(&row).unwrap();
        assert_eq!(
            [
                "messages",
                "messages_with_tools",
                "metadata",
                "user_reasoning",
                "assistant_reasoning"
            ]
            .map(|name| columns.name(name)),
            ["chat", "full", "meta", "u", "a"]
        );
        assert!(Names::new(Vec::new()).are_foreign_to(&row));
        assert_eq!(infer(&parse_str(r#"{"chat": 1}"#).unwrap()), None);
    }
}
