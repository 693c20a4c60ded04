//! What is settled about a conversation before any model is asked.
//!
//! [`Planner::sketch`] is a pure function of (configuration, seed, language, ordinal): number of
//! turns, personas, whether and with which question it is seeded, and its place in the waves.
//! What depends on the conversations before it (the passages that it may use up) is added by the
//! [`Deck`](crate::deck::Deck) when the conversation is admitted.

use std::sync::Arc;

use forgemark_contract::ids::{
    ConversationId, IdError, RunId, compat_conversation_id, compat_wave_id, conversation_id,
    wave_id,
};
use forgemark_run::ItemKey;

use crate::config::{Persona, SeedTopics, TurnDistribution, Turns};
use crate::rng::Rng;

/// How a question relates to the conversation and the documents (field `question_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The first question is given by the configuration or a seed topic.
    Seeded,
    /// A new subject from fresh passages.
    Fresh,
    /// Asks on about the last answer.
    Followup,
    /// A neighbouring subject of the last answer.
    Adjacent,
    /// A gentle change to another subject of the documents.
    OffTopic,
}

impl Mode {
    /// All modes.
    pub(crate) const ALL: [Mode; 5] = [
        Mode::Seeded,
        Mode::Fresh,
        Mode::Followup,
        Mode::Adjacent,
        Mode::OffTopic,
    ];

    /// The word in the artifacts.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Mode::Seeded => "seeded",
            Mode::Fresh => "fresh",
            Mode::Followup => "followup",
            Mode::Adjacent => "adjacent",
            Mode::OffTopic => "off_topic",
        }
    }

    /// Whether passages come from the deck (true) or from a search for the last answer.
    pub(crate) fn draws_from_deck(self) -> bool {
        matches!(self, Mode::Fresh | Mode::OffTopic)
    }
}

/// Weights of the modes once there is an answer to follow: follow-up, adjacent, fresh, off topic.
/// They are the original's, for turns up to 2 and from 3 on.
const WEIGHTS_EARLY: [(Mode, f64); 4] = [
    (Mode::Followup, 0.70),
    (Mode::Adjacent, 0.20),
    (Mode::Fresh, 0.08),
    (Mode::OffTopic, 0.02),
];
const WEIGHTS_LATE: [(Mode, f64); 4] = [
    (Mode::Followup, 0.45),
    (Mode::Adjacent, 0.30),
    (Mode::Fresh, 0.23),
    (Mode::OffTopic, 0.02),
];

/// The mode of a turn that is neither seeded nor without an answer to follow.
pub(crate) fn draw_mode(turn: u32, rng: &mut Rng) -> Mode {
    let weights = if turn <= 2 {
        WEIGHTS_EARLY
    } else {
        WEIGHTS_LATE
    };
    let roll = rng.unit();
    let mut cumulative = 0.0;
    for (mode, weight) in weights {
        cumulative += weight;
        if roll <= cumulative {
            return mode;
        }
    }
    Mode::Followup
}

/// Number of turns of a conversation, in [min, max]. The formulas are the original's: uniform
/// integers; Poisson by Knuth's product below a mean of 30 and a rounded normal above it; a
/// rounded exponential; the last three clamped, which makes both ends more frequent.
pub(crate) fn draw_turns(turns: &Turns, rng: &mut Rng) -> u32 {
    let (low, high) = (turns.min.max(1), turns.max.max(turns.min).max(1));
    if low == high {
        return low;
    }
    let mean = turns.mean.filter(|mean| *mean > 0.0);
    let mean = mean.unwrap_or_else(|| f64::midpoint(f64::from(low), f64::from(high)));
    let drawn = match turns.distribution {
        TurnDistribution::Uniform => {
            return low + rng.below(u64::from(high - low) + 1) as u32;
        }
        TurnDistribution::Poisson if mean < 30.0 => {
            let limit = (-mean).exp();
            let mut count = 0u32;
            let mut product = rng.unit();
            while product > limit {
                count += 1;
                product *= rng.unit();
            }
            f64::from(count)
        }
        TurnDistribution::Poisson => (mean + mean.sqrt() * rng.normal()).round().max(0.0),
        TurnDistribution::Exponential => (-mean * (1.0 - rng.unit()).ln()).round(),
    };
    (drawn as u32).clamp(low, high)
}

/// A question that the run's seed topics give to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeedQuestion {
    /// Topic of the file.
    pub(crate) topic: String,
    /// The question.
    pub(crate) question: String,
}

/// What is settled about a conversation by configuration, seed and ordinal alone.
#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    /// Place in the order of the run.
    pub(crate) key: ItemKey,
    /// Language label as configured.
    pub(crate) language: Arc<str>,
    /// Identifier of the conversation.
    pub(crate) id: ConversationId,
    /// Identifier of its wave, which is the `run_id` of its run state.
    pub(crate) wave_id: RunId,
    /// Slot = ordinal mod batch size.
    pub(crate) slot: u64,
    /// Turns to make.
    pub(crate) turns: u32,
    /// Persona of the user side.
    pub(crate) user_persona: Option<Arc<Persona>>,
    /// Persona of the assistant side.
    pub(crate) assistant_persona: Option<Arc<Persona>>,
    /// Seed question of the first turn.
    pub(crate) seed: Option<SeedQuestion>,
}

impl Sketch {
    /// The asking side's persona as one line; empty without personas.
    pub(crate) fn user_persona_text(&self) -> String {
        self.user_persona
            .as_deref()
            .map_or_else(String::new, Persona::render)
    }

    /// The answering side's persona as one line; empty without personas.
    pub(crate) fn assistant_persona_text(&self) -> String {
        self.assistant_persona
            .as_deref()
            .map_or_else(String::new, Persona::render)
    }
}

/// Makes sketches.
#[derive(Debug)]
pub(crate) struct Planner {
    seed: u64,
    turns: Turns,
    batch_size: u64,
    compat_ids: bool,
    languages: Vec<Arc<str>>,
    runs: Vec<RunId>,
    user_personas: Vec<Arc<Persona>>,
    assistant_personas: Vec<Arc<Persona>>,
    /// One shuffled list of seed questions a language, topics alternating.
    seeds: Vec<Vec<SeedQuestion>>,
    seed_probability: f64,
    run_question: String,
    /// Seeded conversations among the ordinals below `seeded_upto`, a language.
    seeded: Vec<(u64, u64)>,
}

/// What a [`Planner`] is made of.
#[derive(Debug)]
pub(crate) struct PlannerParts<'a> {
    pub(crate) seed: u64,
    pub(crate) turns: Turns,
    pub(crate) batch_size: u64,
    /// Whether ids are spelled as the original spells them.
    pub(crate) compat_ids: bool,
    pub(crate) languages: &'a [String],
    pub(crate) run: &'a RunId,
    pub(crate) user_personas: &'a [Persona],
    pub(crate) assistant_personas: &'a [Persona],
    pub(crate) seeds: Option<&'a SeedTopics>,
    pub(crate) run_question: &'a str,
}

impl Planner {
    /// Prepares a plan. With more than one language the run identifier of a language carries its
    /// tag, as the original's does.
    ///
    /// # Errors
    /// When run identifier and language tag do not make a valid identifier.
    pub(crate) fn new(parts: &PlannerParts<'_>) -> Result<Self, IdError> {
        let mut runs: Vec<RunId> = Vec::with_capacity(parts.languages.len());
        for language in parts.languages {
            if parts.languages.len() == 1 {
                runs.push(parts.run.clone());
                break;
            }
            // Two labels may have one tag ("en" and "EN"); ids must not come twice.
            let tag = forgemark_contract::text::language_tag(language);
            let base = format!("{}-{tag}", parts.run);
            let mut id = RunId::new(base.clone())?;
            let mut n = 2;
            while runs.contains(&id) {
                id = RunId::new(format!("{base}-{n}"))?;
                n += 1;
            }
            runs.push(id);
        }
        let seeds = parts
            .languages
            .iter()
            .enumerate()
            .map(|(group, language)| {
                parts.seeds.map_or_else(Vec::new, |topics| {
                    seed_order(&topics.for_language(language), parts.seed, group as u64)
                })
            })
            .collect();
        Ok(Self {
            seed: parts.seed,
            turns: parts.turns,
            batch_size: parts.batch_size.max(1),
            compat_ids: parts.compat_ids,
            languages: parts
                .languages
                .iter()
                .map(|name| Arc::from(name.as_str()))
                .collect(),
            runs,
            user_personas: parts.user_personas.iter().cloned().map(Arc::new).collect(),
            assistant_personas: parts
                .assistant_personas
                .iter()
                .cloned()
                .map(Arc::new)
                .collect(),
            seeds,
            seed_probability: parts.seeds.map_or(0.0, |topics| topics.probability),
            run_question: parts.run_question.to_owned(),
            seeded: vec![(0, 0); parts.languages.len()],
        })
    }

    /// The persona of the asking side with this id.
    pub(crate) fn persona(&self, id: &str) -> Option<Arc<Persona>> {
        let mut personas = self.user_personas.iter();
        personas.find(|persona| persona.id == id).cloned()
    }

    /// The persona of the asking side that an ordinal is dealt among those that `may` be dealt.
    pub(crate) fn deal_persona(
        &self,
        group: u32,
        ordinal: u64,
        may: impl Fn(&str) -> bool,
    ) -> Option<Arc<Persona>> {
        let among = self.user_personas.iter().filter(|persona| may(&persona.id));
        let among: Vec<Arc<Persona>> = among.cloned().collect();
        deal(&among, self.seed, group, ordinal, "user-persona")
    }

    /// Whether the first turn of a conversation begins from a given question.
    pub(crate) fn is_seeded(&self, sketch: &Sketch) -> bool {
        !self.run_question.is_empty() || sketch.seed.is_some()
    }

    /// Question number `n` of a topic in the order of use of a language.
    pub(crate) fn topic_question(&self, group: u32, topic: &str, n: usize) -> Option<SeedQuestion> {
        let seeds = self.seeds.get(group as usize)?;
        let mut of_topic = seeds.iter().filter(|seed| seed.topic == topic);
        of_topic.nth(n).cloned()
    }

    /// Number of languages.
    pub(crate) fn groups(&self) -> usize {
        self.languages.len()
    }

    /// Whether the flip of an ordinal says that it is seeded by a topic.
    fn flips_seed(&self, group: u32, ordinal: u64) -> bool {
        self.run_question.is_empty()
            && self.seed_probability > 0.0
            && Rng::new(self.seed, &[u64::from(group), ordinal], "seed-topic").unit()
                <= self.seed_probability
    }

    /// The sketch of a conversation. Amortised constant time when ordinals rise.
    pub(crate) fn sketch(&mut self, group: u32, ordinal: u64) -> Sketch {
        let index = group as usize;
        let item = [u64::from(group), ordinal];
        let (upto, count) = self.seeded.get(index).copied().unwrap_or_default();
        let (mut upto, mut count) = if upto <= ordinal {
            (upto, count)
        } else {
            (0, 0)
        };
        while upto < ordinal {
            count += u64::from(self.flips_seed(group, upto));
            upto += 1;
        }
        if let Some(cell) = self.seeded.get_mut(index) {
            *cell = (upto, count);
        }
        let seed = if self.run_question.is_empty() {
            // The list is used up once; after that conversations are not seeded.
            self.flips_seed(group, ordinal)
                .then(|| {
                    self.seeds
                        .get(index)
                        .and_then(|list| list.get(count as usize))
                        .cloned()
                })
                .flatten()
        } else {
            None
        };
        let (wave, slot) = (ordinal / self.batch_size, ordinal % self.batch_size);
        let run = &self.runs[index];
        let (id, wave_id) = if self.compat_ids {
            let slot = (self.batch_size > 1).then_some(slot);
            (
                compat_conversation_id(run, wave, slot),
                compat_wave_id(run, wave),
            )
        } else {
            (conversation_id(run, wave, slot), wave_id(run, wave))
        };
        Sketch {
            key: ItemKey { group, ordinal },
            language: Arc::clone(&self.languages[index]),
            id,
            wave_id,
            slot,
            turns: draw_turns(&self.turns, &mut Rng::new(self.seed, &item, "turns")),
            user_persona: deal(
                &self.user_personas,
                self.seed,
                group,
                ordinal,
                "user-persona",
            ),
            assistant_persona: deal(
                &self.assistant_personas,
                self.seed,
                group,
                ordinal,
                "assistant-persona",
            ),
            seed,
        }
    }
}

/// Card `ordinal` of an endless row of shuffled decks: every persona comes once before any comes
/// again.
fn deal(
    personas: &[Arc<Persona>],
    seed: u64,
    group: u32,
    ordinal: u64,
    purpose: &str,
) -> Option<Arc<Persona>> {
    let n = personas.len() as u64;
    if n == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..personas.len()).collect();
    Rng::new(seed, &[u64::from(group), ordinal / n], purpose).shuffle(&mut order);
    order
        .get((ordinal % n) as usize)
        .and_then(|card| personas.get(*card))
        .map(Arc::clone)
}

/// Seed questions in the order of use: topics take turns, both topics and questions shuffled.
fn seed_order(topics: &[(String, Vec<String>)], seed: u64, group: u64) -> Vec<SeedQuestion> {
    let mut rng = Rng::new(seed, &[group], "seed-order");
    let mut piles: Vec<(String, Vec<String>)> = topics.to_vec();
    rng.shuffle(&mut piles);
    for (_, pile) in &mut piles {
        rng.shuffle(pile);
    }
    let longest = piles.iter().map(|(_, pile)| pile.len()).max().unwrap_or(0);
    let mut order = Vec::new();
    for round in 0..longest {
        for (topic, pile) in &piles {
            if let Some(question) = pile.get(round) {
                order.push(SeedQuestion {
                    topic: topic.clone(),
                    question: question.clone(),
                });
            }
        }
    }
    order
}

#[cfg(test)]
mod tests;
