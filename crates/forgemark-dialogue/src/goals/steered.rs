//! From what is due to the plan of a conversation.

use std::collections::BTreeMap;

use super::{Dimension, Goal, Goals, Steering};
use crate::config::{Config, DIFFICULTIES, Personas, SeedTopics};
use crate::plan::{Mode, Planner, Sketch, draw_mode};
use crate::rng::Rng;
use forgemark_corpus::Corpus;

/// Draws of a mode without a goal before the first that is left is taken.
const DRAWS: u32 = 64;

/// What the plan of one conversation is steered with.
pub(crate) struct Steered<'a> {
    steering: &'a mut Steering,
    topics_used: &'a mut BTreeMap<String, usize>,
    planner: &'a Planner,
    documents: &'a [String],
    seed: u64,
}

/// Which documents may be reserved from, by index; `None` for any.
type May = Option<Vec<bool>>;

impl<'a> Steered<'a> {
    pub(crate) fn new(
        steering: &'a mut Steering,
        topics_used: &'a mut BTreeMap<String, usize>,
        planner: &'a Planner,
        documents: &'a [String],
        seed: u64,
    ) -> Self {
        Self {
            steering,
            topics_used,
            planner,
            documents,
            seed,
        }
    }

    /// Changes a sketch towards the goals; modes and difficulties of its turns, and its documents.
    pub(crate) fn plan(mut self, sketch: &mut Sketch) -> (Vec<Mode>, Vec<&'static str>, May) {
        if self.steering.is_idle() {
            return (Vec::new(), Vec::new(), None);
        }
        self.persona(sketch);
        self.topic(sketch);
        let modes = self.modes(sketch);
        let difficulties = self.difficulties(sketch);
        (modes, difficulties, self.document(sketch))
    }

    fn persona(&mut self, sketch: &mut Sketch) {
        if !self.steering.steers(Dimension::Persona) {
            return;
        }
        let key = sketch.key;
        let free = |steering: &Steering, id: &str| !steering.has_goal(Dimension::Persona, id);
        let steering = &*self.steering;
        let dealt = self
            .planner
            .deal_persona(key.group, key.ordinal, |id| free(steering, id));
        let chosen = self
            .steering
            .choose(Dimension::Persona, 1, dealt.is_none(), |_| true);
        sketch.user_persona = match chosen {
            Some(id) => self.planner.persona(&id),
            None => dealt,
        };
    }

    fn topic(&mut self, sketch: &mut Sketch) {
        if !self.steering.steers(Dimension::Topic) {
            return;
        }
        let group = sketch.key.group;
        let (used, planner) = (&*self.topics_used, self.planner);
        let next = |topic: &str| {
            let n = used.get(topic).copied().unwrap_or(0);
            planner.topic_question(group, topic, n)
        };
        let chosen = self
            .steering
            .choose(Dimension::Topic, 1, false, |topic| next(topic).is_some());
        sketch.seed = match chosen {
            Some(topic) => {
                let question = next(&topic);
                *self.topics_used.entry(topic).or_insert(0) += 1;
                question
            }
            // What a goal speaks for is given out by that goal alone.
            None => sketch
                .seed
                .take()
                .filter(|seed| !self.steering.has_goal(Dimension::Topic, &seed.topic)),
        };
    }

    fn modes(&mut self, sketch: &Sketch) -> Vec<Mode> {
        if !self.steering.steers(Dimension::Mode) {
            return Vec::new();
        }
        let first = if self.planner.is_seeded(sketch) {
            Mode::Seeded
        } else {
            Mode::Fresh
        };
        self.steering.fix(Dimension::Mode, first.as_str());
        let mut modes = vec![first];
        // Only a first turn can be seeded.
        let later = &Mode::ALL[1..];
        let is_free =
            |steering: &Steering, mode: Mode| !steering.has_goal(Dimension::Mode, mode.as_str());
        let must = !later.iter().any(|mode| is_free(self.steering, *mode));
        for turn in 2..=sketch.turns {
            let chosen = self.steering.choose(Dimension::Mode, 1, must, |word| {
                word != Mode::Seeded.as_str()
            });
            let chosen = chosen.and_then(|word| later.iter().find(|mode| mode.as_str() == word));
            let key = sketch.key;
            let item = [u64::from(key.group), key.ordinal, u64::from(turn)];
            let mut rng = Rng::new(self.seed, &item, "mode-without-goal");
            let free = (0..DRAWS)
                .map(|_| draw_mode(turn, &mut rng))
                .find(|mode| is_free(self.steering, *mode))
                .or_else(|| {
                    let mut later = later.iter().copied();
                    later.find(|mode| is_free(self.steering, *mode))
                });
            modes.push(chosen.copied().or(free).unwrap_or(Mode::Followup));
        }
        modes
    }

    fn difficulties(&mut self, sketch: &Sketch) -> Vec<&'static str> {
        if !self.steering.steers(Dimension::Difficulty) {
            return Vec::new();
        }
        let free: Vec<&'static str> = DIFFICULTIES
            .into_iter()
            .filter(|word| !self.steering.has_goal(Dimension::Difficulty, word))
            .collect();
        let key = sketch.key;
        (1..=sketch.turns)
            .map(|turn| {
                let chosen =
                    self.steering
                        .choose(Dimension::Difficulty, 1, free.is_empty(), |_| true);
                let known = chosen.and_then(|chosen| {
                    let mut words = DIFFICULTIES.into_iter();
                    words.find(|word| *word == chosen)
                });
                known.unwrap_or_else(|| {
                    let item = [u64::from(key.group), key.ordinal, u64::from(turn)];
                    let mut rng = Rng::new(self.seed, &item, "difficulty-without-goal");
                    let place = rng.below(free.len().max(1) as u64) as usize;
                    free.get(place).copied().unwrap_or("medium")
                })
            })
            .collect()
    }

    fn document(&mut self, sketch: &Sketch) -> May {
        if !self.steering.steers(Dimension::Document) {
            return None;
        }
        let free: Vec<bool> = self
            .documents
            .iter()
            .map(|path| !self.steering.has_goal(Dimension::Document, path))
            .collect();
        let must = !free.contains(&true);
        let turns = u64::from(sketch.turns);
        let chosen = self
            .steering
            .choose(Dimension::Document, turns, must, |_| true);
        Some(match chosen {
            Some(chosen) => self.documents.iter().map(|path| *path == chosen).collect(),
            None => free,
        })
    }
}

/// Why goals cannot be reached, as far as the plan tells: names that do not exist are errors, the rest is worth a warning.
pub(crate) fn unreachable(
    config: &Config,
    corpus: &Corpus,
    personas: Option<&Personas>,
    seeds: Option<&SeedTopics>,
) -> Unreachable {
    let goals = &config.goals;
    let mut found = Unreachable::default();
    let paths: Vec<&str> = corpus
        .documents()
        .iter()
        .map(|document| document.path.as_str())
        .collect();
    for (path, _) in goals.of(Dimension::Document) {
        if !paths.contains(&path.as_str()) {
            found.unknown(
                Dimension::Document,
                path,
                "is no document that can be read",
                &paths,
            );
        }
    }
    let ids: Vec<&str> = personas.map_or_else(Vec::new, |personas| {
        personas
            .user
            .iter()
            .map(|persona| persona.id.as_str())
            .collect()
    });
    for (id, _) in goals.of(Dimension::Persona) {
        if !ids.contains(&id.as_str()) {
            found.unknown(
                Dimension::Persona,
                id,
                "is no persona of the asking side",
                &ids,
            );
        }
    }
    let topics: BTreeMap<String, u64> = config
        .languages
        .iter()
        .flat_map(|language| seeds.map_or_else(Vec::new, |seeds| seeds.for_language(language)))
        .fold(BTreeMap::new(), |mut topics, (topic, questions)| {
            *topics.entry(topic).or_insert(0) += questions.len() as u64;
            topics
        });
    let names: Vec<&str> = topics.keys().map(String::as_str).collect();
    let conversations: u64 = config.quotas.iter().sum();
    for (topic, goal) in goals.of(Dimension::Topic) {
        match topics.get(topic) {
            _ if !config.question.is_empty() => found.warnings.push(format!(
                "quotas.topic: {topic}: every conversation begins from run.data.seeding.question"
            )),
            None => found.unknown(Dimension::Topic, topic, "is no seed topic", &names),
            Some(questions) if goal.of(conversations) > *questions => found.warnings.push(format!(
                "quotas.topic: {topic}: {} conversations are wanted, and it has {questions} questions, each of which is used once",
                goal.of(conversations)
            )),
            Some(_) => {}
        }
    }
    let most = u64::from(config.turns.max) * conversations;
    for dimension in Dimension::ALL {
        let (units, what) = if dimension.is_of_turns() {
            (most, "turns")
        } else {
            (conversations, "conversations")
        };
        let counts = goals.of(dimension).iter().map(|(_, goal)| match goal {
            Goal::Count(count) => *count,
            Goal::Share(_) => 0,
        });
        let wanted: u64 = counts.sum();
        if wanted > units {
            found.warnings.push(format!(
                "quotas.{}: {wanted} {what} are wanted, and the run has at most {units}",
                dimension.as_str()
            ));
        }
    }
    modes(config, goals, &mut found);
    found
}

/// First turns are fresh or seeded, whatever is wanted.
fn modes(config: &Config, goals: &Goals, found: &mut Unreachable) {
    let share = |is_first: bool| -> f64 {
        let goals = goals.of(Dimension::Mode).iter();
        let of = goals.filter(|(word, _)| {
            let first = [Mode::Fresh.as_str(), Mode::Seeded.as_str()].contains(&word.as_str());
            first == is_first
        });
        of.map(|(_, goal)| match goal {
            Goal::Share(share) => *share,
            Goal::Count(_) => 0.0,
        })
        .sum()
    };
    let later = 1.0 - 1.0 / f64::from(config.turns.max.max(1));
    if share(false) > later + 1e-9 {
        found.warnings.push(format!(
            "quotas.mode: {:.0} % of the turns are to follow an earlier one, and with {} turns a conversation at most {:.0} % do: first turns are fresh or seeded",
            share(false) * 100.0,
            config.turns.max,
            later * 100.0
        ));
    }
}

/// What cannot be.
#[derive(Debug, Default)]
pub(crate) struct Unreachable {
    /// Goals for what does not exist.
    pub(crate) errors: Vec<String>,
    /// Goals that the plan has no room for.
    pub(crate) warnings: Vec<String>,
}

impl Unreachable {
    fn unknown(&mut self, dimension: Dimension, name: &str, what: &str, known: &[&str]) {
        const SHOWN: usize = 8;
        let shown: Vec<&str> = known.iter().copied().take(SHOWN).collect();
        let known = match (shown.is_empty(), known.len() > SHOWN) {
            (true, _) => "there is none".to_owned(),
            (false, false) => format!("known: {}", shown.join(", ")),
            (false, true) => format!(
                "known: {} and {} more",
                shown.join(", "),
                known.len() - SHOWN
            ),
        };
        self.errors.push(format!(
            "quotas.{}: {name:?} {what}; {known}",
            dimension.as_str()
        ));
    }
}
