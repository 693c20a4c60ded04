//! Critiques of answers.

use super::{CRITIQUE_VERDICTS, PLAIN_STATUSES};
use crate::json::Json;
use crate::shape::Shape;
use crate::shape::record::record;

record! {
    /// An entry of `critiques/MODE/Q/C__A.json`: what a critic says of one answer.
    Critique {
        /// The question.
        req question: String,
        /// The run of the question.
        may run_id: String,
        /// The attempt of the question; absent in the first epoch.
        may outer_attempt: i64 = Shape::Integer { min: 1 },
        /// The topic.
        may topic_slug: String,
        /// The questioner.
        req question_author: String = Shape::Filled,
        /// The critic.
        req critic: String = Shape::Filled,
        /// The answerer; the questioner where its own answer is criticised.
        req answer_author: String = Shape::Filled,
        /// `failed` when the last verdict could not be read, or, where the pipeline wants that, the critic's last check of it did
        /// not pass.
        req status: String = Shape::OneOf(&PLAIN_STATUSES),
        /// The critiques, each with the critic's check of it.
        may attempts: Vec<CritiqueAttempt>,
    }
}

record! {
    /// One try at a critique.
    CritiqueAttempt {
        /// Number of the round, from 1.
        req round: i64 = Shape::Integer { min: 1 },
        /// What the critic wrote, cleaned.
        may cleaned_critique: String,
        /// What the critic wrote.
        req raw_critique: String,
        /// What the critic says of the answer.
        req verdict: String = Shape::OneOf(&CRITIQUE_VERDICTS),
        /// Why.
        req notes: String,
        /// What should change.
        may suggestions: String,
        /// The critic's check of its critique; without `ill_posed`.
        may evaluation: Json = Shape::Object,
    }
}

impl Critique {
    /// The last try.
    pub fn last(&self) -> Option<&CritiqueAttempt> {
        self.attempts.as_ref()?.last()
    }

    /// The verdict of the last try.
    pub fn verdict(&self) -> Option<&str> {
        self.last().map(|last| last.verdict.as_str())
    }

    /// Whether it alleges a fault that can be debated: it succeeded and its verdict is neither `correct` nor `unknown`.
    pub fn is_claim(&self) -> bool {
        self.status == "succeeded"
            && self
                .verdict()
                .is_some_and(|verdict| !matches!(verdict, "correct" | "unknown"))
    }
}
