//! Prompts: templates that a folder of files can replace, and blocks of data in them.
//!
//! Templates are Jinja (minijinja, strict about undefined names). What they may and must use is checked when they are loaded, so
//! that a run does not fail at its hundredth call. Whatever comes from a document, a model or a configuration is put into them as a
//! block of neutralised data with its own tags ([`push_block`]), and the rules of the prompt say what a block is worth.
//!
//! The same blocks are how a model of this process reads a prompt ([`blocks`]), because it gets nothing but the messages.

mod block;
mod check;
mod neutral;

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

pub use block::{Block, attribute, blocks, push_block, push_open, self_closing};
pub use neutral::{neutralise, push_neutral, restore};

/// A template with what it may and must use.
#[derive(Debug)]
pub struct Template {
    /// Its name, and that of the file that replaces it.
    pub name: &'static str,
    /// The built-in text.
    pub text: &'static str,
    /// The variables that there are.
    pub variables: &'static [&'static str],
    /// Those that must be used somewhere.
    pub required: &'static [&'static str],
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// A file whose name is not that of a template.
    #[error("{name} is not the name of a template")]
    UnknownTemplate {
        /// The file's name.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// A template that does not parse, uses a variable that its role does not have, leaves out one
    /// that it must have, or fails on its values.
    #[error("{name}, line {line}: {what}")]
    Template {
        /// The template.
        name: String,
        /// Line, from 1; 0 when unknown.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// System and task text of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The rules.
    pub system: String,
    /// What varies.
    pub task: String,
}

/// Effective templates, compiled.
pub struct Templates {
    environment: Environment<'static>,
    texts: BTreeMap<&'static str, String>,
    /// System templates without variables, rendered once.
    fixed: BTreeMap<&'static str, String>,
    hash: String,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// The built-in templates with `overrides` (file name to text) in place of some of them.
    ///
    /// # Errors
    /// [`PromptError`] for a name that is no template's, a text that does not parse, a variable
    /// that a template does not have, or a template without one that it must have.
    pub fn load(
        templates: impl IntoIterator<Item = &'static Template>,
        overrides: &BTreeMap<String, String>,
    ) -> Result<Self, PromptError> {
        let templates: Vec<&'static Template> = templates.into_iter().collect();
        let is_known = |name: &str| templates.iter().any(|template| template.name == name);
        if let Some(name) = overrides.keys().find(|name| !is_known(name)) {
            return Err(PromptError::UnknownTemplate {
                name: name.clone(),
                known: templates.iter().map(|template| template.name).collect(),
            });
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(block_lines());
        let mut texts = BTreeMap::new();
        let mut fixed = BTreeMap::new();
        for template in &templates {
            let text = overrides
                .get(template.name)
                .map_or(template.text, String::as_str);
            environment
                .add_template_owned(template.name, text.to_owned())
                .map_err(|error| check::error(template.name, &error))?;
            check::variables(&environment, template)?;
            texts.insert(template.name, text.to_owned());
        }
        let parts = templates.iter().map(|template| template.name);
        let hash = digest(&texts, parts);
        for template in templates
            .iter()
            .filter(|template| template.name.contains(".system."))
        {
            // An include would bring its own variables, so only plain text is taken for fixed.
            if !texts[template.name].contains("{{") && !texts[template.name].contains("{%") {
                let text = render(&environment, template.name, &Value::UNDEFINED)?;
                fixed.insert(template.name, text);
            }
        }
        Ok(Self {
            environment,
            texts,
            fixed,
            hash,
        })
    }

    /// Identity of all effective texts: 16 hexadecimal digits of BLAKE3 over names and texts.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Identity of what some templates render, those that they include among it: in the same way.
    pub fn digest_of(&self, roots: &[&'static str]) -> String {
        let mut names: Vec<&'static str> = Vec::new();
        let mut open: Vec<&'static str> = roots.to_vec();
        while let Some(name) = open.pop() {
            let Some(text) = self.texts.get(name) else {
                continue;
            };
            if !names.contains(&name) {
                names.push(name);
                let quoted = |other: &&'static str| text.contains(&format!("\"{other}\""));
                open.extend(self.texts.keys().copied().filter(quoted));
            }
        }
        names.sort_unstable();
        digest(&self.texts, names.into_iter())
    }

    /// Name and effective text of every template.
    pub fn export(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// The text of a template.
    ///
    /// # Errors
    /// [`PromptError::Template`] when it fails on these values.
    pub fn render(&self, name: &str, values: &Value) -> Result<String, PromptError> {
        match self.fixed.get(name) {
            Some(text) => Ok(text.clone()),
            None => render(&self.environment, name, values),
        }
    }

    /// The texts of a system and a task template.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub fn pair(&self, system: &str, task: &str, values: &Value) -> Result<Rendered, PromptError> {
        Ok(Rendered {
            system: self.render(system, values)?,
            task: self.render(task, values)?,
        })
    }
}

fn digest<'a>(
    texts: &BTreeMap<&'static str, String>,
    names: impl Iterator<Item = &'a str>,
) -> String {
    let mut hasher = blake3::Hasher::new();
    for name in names {
        let text = texts.get(name).map_or("", String::as_str);
        for part in [name, text] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().to_hex().as_str()[..16].to_owned()
}

/// Jinja's usual syntax, with block tags on lines of their own leaving no empty line behind.
fn block_lines() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    // Only delimiters can make a syntax invalid, and these are the default ones.
    syntax.build().unwrap_or_default()
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    values: &Value,
) -> Result<String, PromptError> {
    environment
        .get_template(name)
        .and_then(|template| template.render(values))
        .map_err(|error| check::error(name, &error))
}
