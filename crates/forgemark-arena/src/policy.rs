//! Who is right about a claim: one declared policy, printed with every result that stands on it.
//!
//! ```text
//! Policy ─ rules ─┬ validity      claims against a questioner's own answer, and ill-posed ones: is the question valid?
//!                 ├ contradictor  the same claims in the walk of one game
//!                 ├ evaluator     claims against another's answer
//!                 └ ill_posed     claims that a question is ill-posed, in the walk of one game
//!        ─ scope, what is missing, orphans, who the people are, which judges are left out
//! ```
//!
//! A [`Rule`] turns the decisions about one claim into an outcome. Three policies are built in ([`Policy::preset`]); a file may say
//! what it changes in one of them.

mod file;
mod words;

use forgemark_contract::json::{Json, Object, to_compact};

pub use file::PolicyError;
pub use words::{
    Conflict, LabelKeys, Missing, Mixed, Order, Orphans, Participants, Quorum, Scope, Unanimity,
};

/// The names of the built-in policies.
pub const PRESETS: [&str; 3] = ["head", "stats", "panel-then-human"];

/// The policy that `arena rate` uses when none is named.
pub const DEFAULT: &str = "panel-then-human";

/// How decisions become outcomes, and outcomes games.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What it is called; no part of its digest.
    pub name: String,
    /// For the validity of questions.
    pub validity: Rule,
    /// For claims against the questioner's own answer, in the walk of a game.
    pub contradictor: Rule,
    /// For claims against another's answer.
    pub evaluator: Rule,
    /// For claims that the question is ill-posed, in the walk of a game.
    pub ill_posed: Rule,
    /// Whether the contradictor step of a game looks at one claim or at all claims against the question.
    pub contradictor_scope: Scope,
    /// What a game does whose answerer did not criticise the questioner's own answer.
    pub missing_contradictor: Missing,
    /// Whether judged claims that no critique or answer makes count for the validity of a question.
    pub orphans: Orphans,
    /// Whether labels of ill-posed claims that carry a critic belong to the claim.
    pub label_keys: LabelKeys,
    /// Who decides as people do.
    pub people: People,
    /// Judges whose decisions do not count, by slug, in order.
    pub without_judges: Vec<String>,
}

/// Whose decisions stand for people's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum People {
    /// The labels below `evaluations/`.
    Humans,
    /// The decisions of this model below `synthetic_adjudications/`, by slug.
    Model(String),
}

/// How the decisions about one claim become an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Who is asked first.
    pub order: Order,
    /// How far the panel must agree.
    pub unanimity: Unanimity,
    /// How many judges must have decided, failed ones included.
    pub quorum: Quorum,
    /// What the verdict `mixed` says.
    pub mixed: Mixed,
    /// What happens when people disagree.
    pub conflict: Conflict,
    /// Whether those who take part in the claim may decide it.
    pub participants: Participants,
}

/// The four uses of rules, with their names.
pub const RULES: [&str; 4] = ["validity", "contradictor", "evaluator", "ill_posed"];

impl Policy {
    /// A built-in policy.
    pub fn preset(name: &str) -> Option<Self> {
        // Adjudicator (a) of the original: people, else a full panel of one verdict.
        let people_first = Rule {
            order: Order::PeopleThenPanel,
            unanimity: Unanimity::Verdict,
            quorum: Quorum::Full,
            mixed: Mixed::Claimant,
            conflict: Conflict::Unresolved,
            participants: Participants::Decide,
        };
        // Adjudicator (b): the panel alone, of one side.
        let panel = Rule {
            order: Order::Panel,
            unanimity: Unanimity::Side,
            quorum: Quorum::None,
            ..people_first
        };
        let head = Policy {
            name: "head".to_owned(),
            validity: people_first,
            contradictor: people_first,
            evaluator: panel,
            ill_posed: panel,
            contradictor_scope: Scope::Question,
            missing_contradictor: Missing::Continue,
            orphans: Orphans::Ignored,
            label_keys: LabelKeys::AsWritten,
            people: People::Humans,
            without_judges: Vec::new(),
        };
        let then_human = Rule {
            order: Order::PanelThenPeople,
            ..panel
        };
        match name {
            "head" => Some(head),
            "stats" => Some(Policy {
                name: "stats".to_owned(),
                contradictor: panel,
                contradictor_scope: Scope::Claim,
                ..head
            }),
            "panel-then-human" => Some(Policy {
                name: "panel-then-human".to_owned(),
                validity: then_human,
                contradictor: then_human,
                evaluator: then_human,
                ill_posed: then_human,
                contradictor_scope: Scope::Claim,
                missing_contradictor: Missing::Drop,
                label_keys: LabelKeys::Normalised,
                ..head
            }),
            _ => None,
        }
    }

    /// The rules in the order of [`RULES`].
    pub fn rules(&self) -> [&Rule; 4] {
        [
            &self.validity,
            &self.contradictor,
            &self.evaluator,
            &self.ill_posed,
        ]
    }

    /// The policy as its file would say it in full.
    pub fn to_json(&self) -> Json {
        let rules = RULES.into_iter().zip(self.rules());
        let rules: Object = rules
            .map(|(name, rule)| (name.to_owned(), rule.to_json()))
            .collect();
        let people = match &self.people {
            People::Humans => Json::from("humans"),
            People::Model(model) => Json::from([("model", Json::from(model.as_str()))]),
        };
        Json::object([
            ("name", Json::from(self.name.as_str())),
            ("rules", Json::from(rules)),
            (
                "contradictor_scope",
                Json::from(self.contradictor_scope.as_str()),
            ),
            (
                "missing_contradictor",
                Json::from(self.missing_contradictor.as_str()),
            ),
            ("orphans", Json::from(self.orphans.as_str())),
            ("label_keys", Json::from(self.label_keys.as_str())),
            ("people", people),
            ("without_judges", Json::from(self.without_judges.as_slice())),
        ])
    }

    /// The first 16 hexadecimal digits of the BLAKE3 hash of everything but the name, so that two policies that decide alike
    /// have one digest.
    pub fn digest(&self) -> String {
        let mut value = self.to_json();
        if let Some(object) = value.as_object_mut() {
            object.insert("name", Json::Null);
        }
        let hash = blake3::hash(&to_compact(&value)).to_hex();
        hash.as_str().get(..16).unwrap_or_default().to_owned()
    }

    /// The same under another name and with a change.
    #[must_use]
    pub fn varied(&self, name: impl Into<String>, change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = self.clone();
        policy.name = name.into();
        change(&mut policy);
        policy
    }

    /// The same with a change in all four rules.
    #[must_use]
    pub fn with_rules(&self, name: impl Into<String>, mut change: impl FnMut(&mut Rule)) -> Self {
        self.varied(name, |policy| {
            for rule in [
                &mut policy.validity,
                &mut policy.contradictor,
                &mut policy.evaluator,
                &mut policy.ill_posed,
            ] {
                change(rule);
            }
        })
    }
}

impl Rule {
    /// Its fields as words, in order.
    pub fn fields(&self) -> [(&'static str, &'static str); 6] {
        [
            ("order", self.order.as_str()),
            ("unanimity", self.unanimity.as_str()),
            ("quorum", self.quorum.as_str()),
            ("mixed", self.mixed.as_str()),
            ("conflict", self.conflict.as_str()),
            ("participants", self.participants.as_str()),
        ]
    }

    fn to_json(self) -> Json {
        Json::object(self.fields().map(|(field, word)| (field, Json::from(word))))
    }
}

impl People {
    /// In words.
    pub fn to_text(&self) -> String {
        match self {
            People::Humans => "humans".to_owned(),
            People::Model(model) => format!("the model {model}"),
        }
    }
}

#[cfg(test)]
mod tests;
