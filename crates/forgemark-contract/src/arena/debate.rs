//! Debates about claims. Alice is always who alleges the fault, Bob who defends.

use crate::shape::Shape;
use crate::shape::record::record;

record! {
    /// An entry of a file below `debates/`.
    Debate {
        /// The question.
        req question: String,
        /// The run of the question.
        may run_id: String,
        /// The attempt of the question; absent in the first epoch.
        may outer_attempt: i64 = Shape::Integer { min: 1 },
        /// The topic.
        may topic_slug: String,
        /// Who alleges the fault: the critic, or the answerer that calls the question ill-posed.
        req alice_model: String = Shape::Filled,
        /// Who defends: the answerer, or the questioner of a question that is called ill-posed.
        req bob_model: String = Shape::Filled,
        /// Who calls the question ill-posed; absent in debates about critiques.
        may claimant: String,
        /// The answerer; in debates about critiques only.
        may answer_author: String,
        /// The critic; in debates about critiques only.
        may critic: String,
        /// What was said.
        req history: Vec<Message>,
    }
}

record! {
    /// One message of a debate.
    Message {
        /// Number of the round; never falls.
        req round: i64 = Shape::Integer { min: 0 },
        /// `Alice` or `Bob`; `claimant` or `defender` in the words of the first epoch.
        req speaker: String = Shape::OneOf(&["Alice", "Bob", "claimant", "defender"]),
        /// The argument.
        req message: String,
        /// Whether the speaker gives in.
        may concede: bool,
    }
}

impl Message {
    /// Whether Alice speaks, in either vocabulary; `None` for another speaker.
    pub fn is_alice(&self) -> Option<bool> {
        match self.speaker.as_str() {
            "Alice" | "claimant" => Some(true),
            "Bob" | "defender" => Some(false),
            _ => None,
        }
    }

    /// Whether the speaker gives in; `false` where it is not said.
    pub fn concedes(&self) -> bool {
        self.concede.unwrap_or(false)
    }
}
