//! Policies from files: `{"base": "head", "rules": {"evaluator": {"quorum": "full"}}}`.

use forgemark_contract::json::{Json, JsonError, Object, parse};
use forgemark_contract::settings::nearest;

use super::{PRESETS, People, Policy, RULES, Rule};

/// A file that says no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is no JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A value is of another kind.
    #[error("{path}: expected {expected}, found {found}")]
    Kind {
        /// Where, such as `rules.evaluator`.
        path: String,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A key or word that is not known.
    #[error("{path}: there is no '{word}' (known: {known})")]
    Unknown {
        /// Where.
        path: String,
        /// The key or word.
        word: String,
        /// Those that are.
        known: String,
        /// The nearest of them, if one is near.
        near: Option<String>,
    },
}

impl Policy {
    /// The policy of a file. What the file does not say is as in the preset that `base` names, `panel-then-human` without one.
    /// `name` is the policy's if the file has none.
    ///
    /// # Errors
    /// [`PolicyError`] for the first thing that is wrong.
    pub fn from_file(bytes: &[u8], name: &str) -> Result<Self, PolicyError> {
        let value = parse(bytes)?;
        let file = object(&value, "policy")?;
        let base = file
            .get("base")
            .map_or(Ok(super::DEFAULT), |v| text(v, "base"))?;
        let mut policy =
            Policy::preset(base).ok_or_else(|| unknown("base", base, PRESETS.as_slice()))?;
        name.clone_into(&mut policy.name);
        for (key, value) in file {
            match key {
                "base" => {}
                "name" => text(value, key)?.clone_into(&mut policy.name),
                "rules" => policy.read_rules(object(value, key)?)?,
                "contradictor_scope" => policy.contradictor_scope = word(value, key)?,
                "missing_contradictor" => policy.missing_contradictor = word(value, key)?,
                "orphans" => policy.orphans = word(value, key)?,
                "label_keys" => policy.label_keys = word(value, key)?,
                "people" => policy.people = people(value)?,
                "without_judges" => {
                    let items = value.as_array().ok_or_else(|| kind(key, "a list", value))?;
                    let judges = items.iter().map(|item| text(item, key).map(str::to_owned));
                    policy.without_judges = judges.collect::<Result<_, _>>()?;
                    policy.without_judges.sort_unstable();
                    policy.without_judges.dedup();
                }
                _ => {
                    let known = [
                        "base",
                        "name",
                        "rules",
                        "contradictor_scope",
                        "missing_contradictor",
                        "orphans",
                        "label_keys",
                        "people",
                        "without_judges",
                    ];
                    return Err(unknown("policy", key, &known));
                }
            }
        }
        Ok(policy)
    }

    fn read_rules(&mut self, rules: &Object) -> Result<(), PolicyError> {
        for (key, value) in rules {
            let path = format!("rules.{key}");
            let fields = object(value, &path)?;
            let rule = match key {
                "validity" => &mut self.validity,
                "contradictor" => &mut self.contradictor,
                "evaluator" => &mut self.evaluator,
                "ill_posed" => &mut self.ill_posed,
                _ => return Err(unknown("rules", key, &RULES)),
            };
            rule.read(fields, &path)?;
        }
        Ok(())
    }
}

impl Rule {
    fn read(&mut self, fields: &Object, path: &str) -> Result<(), PolicyError> {
        for (key, value) in fields {
            let at = format!("{path}.{key}");
            match key {
                "order" => self.order = word(value, &at)?,
                "unanimity" => self.unanimity = word(value, &at)?,
                "quorum" => self.quorum = word(value, &at)?,
                "mixed" => self.mixed = word(value, &at)?,
                "conflict" => self.conflict = word(value, &at)?,
                "participants" => self.participants = word(value, &at)?,
                _ => {
                    let known = self.fields().map(|(field, _)| field);
                    return Err(unknown(path, key, &known));
                }
            }
        }
        Ok(())
    }
}

/// A word of a policy.
trait Word: Copy + 'static {
    const ALL: &'static [Self];
    fn word(self) -> &'static str;
}

macro_rules! word {
    ($($name:ident),*) => {$(
        impl Word for super::$name {
            const ALL: &'static [Self] = super::$name::ALL;
            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    )*};
}

word!(
    Conflict,
    LabelKeys,
    Missing,
    Mixed,
    Order,
    Orphans,
    Participants,
    Quorum,
    Scope,
    Unanimity
);

fn word<W: Word>(value: &Json, path: &str) -> Result<W, PolicyError> {
    let asked = text(value, path)?;
    let found = W::ALL.iter().copied().find(|known| known.word() == asked);
    found.ok_or_else(|| {
        let known: Vec<&str> = W::ALL.iter().map(|known| known.word()).collect();
        unknown(path, asked, &known)
    })
}

fn people(value: &Json) -> Result<People, PolicyError> {
    if value.as_str() == Some("humans") {
        return Ok(People::Humans);
    }
    let wants = "\"humans\" or {\"model\": SLUG}";
    let model = value.get("model").and_then(Json::as_str);
    let model = model.ok_or_else(|| kind("people", wants, value))?;
    Ok(People::Model(model.to_owned()))
}

fn object<'v>(value: &'v Json, path: &str) -> Result<&'v Object, PolicyError> {
    value
        .as_object()
        .ok_or_else(|| kind(path, "an object", value))
}

fn text<'v>(value: &'v Json, path: &str) -> Result<&'v str, PolicyError> {
    value.as_str().ok_or_else(|| kind(path, "a string", value))
}

fn kind(path: &str, expected: &'static str, found: &Json) -> PolicyError {
    PolicyError::Kind {
        path: path.to_owned(),
        expected,
        found: found.type_name(),
    }
}

fn unknown(path: &str, word: &str, known: &[&str]) -> PolicyError {
    PolicyError::Unknown {
        path: path.to_owned(),
        word: word.to_owned(),
        known: known.join(", "),
        near: nearest(word, known.iter().copied()).map(str::to_owned),
    }
}
