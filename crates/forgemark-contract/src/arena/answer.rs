//! Answers to the questions of another model.

use super::STATUSES;
use crate::json::Json;
use crate::shape::Shape;
use crate::shape::record::record;

record! {
    /// An entry of `answers/Q/A.json`: one answer.
    Answer {
        /// The questioner.
        req question_model: String = Shape::Filled,
        /// The answerer.
        req answer_model: String = Shape::Filled,
        /// The question.
        req question: String,
        /// The run of the question.
        may run_id: String,
        /// The attempt of the question; absent in the first epoch.
        may outer_attempt: i64 = Shape::Integer { min: 1 },
        /// The topic.
        may topic_slug: String,
        /// The check that calls the question ill-posed; on ill-posed answers only.
        may ill_posed_claim: Json = Shape::Object,
        /// How it ended.
        req status: String = Shape::OneOf(&STATUSES),
        /// The answers, each with the answerer's check of it.
        may attempts: Vec<AnswerAttempt>,
    }
}

record! {
    /// One try at an answer.
    AnswerAttempt {
        /// Number of the round, from 1.
        req round: i64 = Shape::Integer { min: 1 },
        /// The answer.
        req answer: String,
        /// What the model wrote.
        may raw_answer: String,
        /// The answerer's check of it.
        may evaluation: Json = Shape::Object,
    }
}

impl Answer {
    /// The last try.
    pub fn last(&self) -> Option<&AnswerAttempt> {
        self.attempts.as_ref()?.last()
    }
}
