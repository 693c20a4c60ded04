//! Questions: what a model asked, with the answers that it gave itself.

use super::STATUSES;
use crate::json::Json;
use crate::shape::Shape;
use crate::shape::record::record;

record! {
    /// An entry of `benchmarks/Q.json`: one question of one run and attempt.
    Benchmark {
        /// The run, which has one topic.
        req run_id: String = Shape::Filled,
        /// Number of the attempt at a question for this run, from 1; absent in the first epoch.
        may outer_attempt: i64 = Shape::Integer { min: 1 },
        /// The topic.
        req topic_slug: String,
        /// The topic in words.
        may topic_name: String,
        /// How the generation ended: that of its last generation round.
        req status: String = Shape::OneOf(&STATUSES),
        /// Each question that was tried.
        may generation_rounds: Vec<Generation>,
    }
}

record! {
    /// One question that was tried, with its answers.
    Generation {
        /// The answers, each with the questioner's check of it.
        req refinement_rounds: Vec<Refinement>,
        /// How it ended.
        req status: String = Shape::OneOf(&STATUSES),
    }
}

record! {
    /// One answer of the questioner to its own question.
    Refinement {
        /// Number of the round, from 1.
        req round: i64 = Shape::Integer { min: 1 },
        /// The question; the same in all rounds of a generation.
        req question: String,
        /// The answer.
        req answer: String,
        /// What the model wrote: in round 1 question and answer with their tags.
        may raw_answer: String,
        /// The questioner's check of its answer.
        req evaluation: Json = Shape::Object,
    }
}

impl Benchmark {
    /// The last refinement of the last generation: the question that others answer, and the questioner's answer.
    pub fn last(&self) -> Option<&Refinement> {
        self.generation_rounds
            .as_ref()?
            .last()?
            .refinement_rounds
            .last()
    }
}
