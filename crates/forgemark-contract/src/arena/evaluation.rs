//! The typed view of a self-check: what a model says of what it wrote.

use std::borrow::Cow;

use crate::json::Json;

/// A view of an evaluation. The object itself is kept as the model wrote it, whatever it holds.
#[derive(Debug, Clone, Copy)]
pub struct SelfCheck<'a>(pub &'a Json);

impl<'a> SelfCheck<'a> {
    /// The verdict; `pass` and `fail` are the ones that were asked for.
    pub fn verdict(self) -> Option<&'a str> {
        self.0.at("verdict").as_str()
    }

    /// Whether the verdict is `pass`.
    pub fn passes(self) -> bool {
        self.verdict() == Some("pass")
    }

    /// Whether the question is called ill-posed.
    pub fn ill_posed(self) -> Option<bool> {
        self.0.at("ill_posed").as_bool()
    }

    /// What is wrong: the texts of a list, or the only text where the model wrote no list.
    pub fn issues(self) -> Vec<Cow<'a, str>> {
        texts(self.0.at("issues"))
    }

    /// What should change, in the same way.
    pub fn improvements(self) -> Vec<Cow<'a, str>> {
        texts(self.0.at("improvements"))
    }

    /// Whether the model gave back the JSON Schema that it was to follow, in place of an object that follows it.
    pub fn is_schema_echo(self) -> bool {
        self.0.at("properties").as_object().is_some() && self.verdict().is_none()
    }
}

fn texts(value: &Json) -> Vec<Cow<'_, str>> {
    match value {
        Json::Array(items) => items.iter().filter_map(Json::to_text).collect(),
        other => other.to_text().into_iter().collect(),
    }
}
