//! Personas: who asks and who answers.

use forgemark_contract::json::Json;

/// One persona.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// Identifier, kept in rows.
    pub id: String,
    /// Name.
    pub name: String,
    /// Traits.
    pub traits: Vec<String>,
    /// Manner of speaking.
    pub style: String,
}

impl Persona {
    /// The rendering of prompts and rows: name, traits and style with bars between.
    pub fn render(&self) -> String {
        [
            self.name.clone(),
            self.traits.join(", "),
            self.style.clone(),
        ]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" | ")
    }

    fn from_json(value: &Json) -> Result<Self, String> {
        let id = value.str_or("id", "").trim().to_owned();
        if id.is_empty() {
            return Err("a persona has no id".to_owned());
        }
        Ok(Self {
            name: value.str_or("name", &id).to_owned(),
            traits: value
                .items("traits")
                .iter()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect(),
            style: value.str_or("style", "").to_owned(),
            id,
        })
    }
}

/// The personas of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Personas {
    /// Who asks.
    pub user: Vec<Persona>,
    /// Who answers.
    pub assistant: Vec<Persona>,
}

impl Personas {
    /// Reads `{version, personas: {user: [...], assistant: [...]}}`.
    ///
    /// # Errors
    /// What is wrong with the shape; an empty side is wrong, because it would silently switch
    /// personas off.
    pub fn from_json(file: &Json) -> Result<Self, String> {
        let personas = file.get("personas").ok_or("there is no key `personas`")?;
        let side = |name: &str| -> Result<Vec<Persona>, String> {
            let list = personas
                .get(name)
                .and_then(Json::as_array)
                .ok_or_else(|| format!("`personas.{name}` is not a list"))?;
            if list.is_empty() {
                return Err(format!("`personas.{name}` is empty"));
            }
            list.iter()
                .enumerate()
                .map(|(index, entry)| {
                    Persona::from_json(entry)
                        .map_err(|why| format!("`personas.{name}[{index}]`: {why}"))
                })
                .collect()
        };
        Ok(Self {
            user: side("user")?,
            assistant: side("assistant")?,
        })
    }

    /// The built-in set, used when no file is named.
    pub fn built_in() -> Self {
        let make = |id: &str, name: &str, traits: &[&str], style: &str| Persona {
            id: id.to_owned(),
            name: name.to_owned(),
            traits: traits.iter().map(|word| (*word).to_owned()).collect(),
            style: style.to_owned(),
        };
        Self {
            user: vec![
                make(
                    "newcomer",
                    "Newcomer",
                    &["curious", "no background"],
                    "asks in plain words",
                ),
                make(
                    "practitioner",
                    "Practitioner",
                    &["busy", "precise"],
                    "short and to the point",
                ),
                make(
                    "sceptic",
                    "Sceptic",
                    &["careful", "wants reasons"],
                    "asks why and how one knows",
                ),
                make(
                    "planner",
                    "Planner",
                    &["organised", "thinks ahead"],
                    "asks about steps and limits",
                ),
                make(
                    "teacher",
                    "Teacher",
                    &["patient", "explains onward"],
                    "asks for examples",
                ),
                make(
                    "inspector",
                    "Inspector",
                    &["strict", "looks for exceptions"],
                    "asks about edge cases",
                ),
            ],
            assistant: vec![
                make(
                    "tutor",
                    "Tutor",
                    &["clear", "patient"],
                    "explains step by step",
                ),
                make(
                    "expert",
                    "Expert",
                    &["exact", "brief"],
                    "gives the fact first, then its source",
                ),
                make(
                    "guide",
                    "Guide",
                    &["practical", "friendly"],
                    "says what to do and what to avoid",
                ),
            ],
        }
    }
}
