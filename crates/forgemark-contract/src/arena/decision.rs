//! Decisions about claims: of judges and of people; what a judge is asked; what is known of a file.

use super::{CLAIM_VERDICTS, Message, PLAIN_STATUSES};
use crate::shape::Shape;
use crate::shape::record::record;

const TYPES: Shape = Shape::OneOf(&["illposed", "critique", "critique_debate"]);

record! {
    /// A decision of `automated_evaluations/J.json`: what a judge says of one claim.
    Judgment {
        /// The task in the first epoch; absent in the second, which has the key instead.
        may id: String,
        /// What kind of claim it is; `critique_debate` is an older word for `critique`.
        req kind as "type": String = TYPES,
        /// The mode of the critique; absent for ill-posed claims.
        may mode: String,
        /// The questioner.
        may question_model: String,
        /// The question; no known writer writes it.
        may question: String,
        /// The answerer.
        may answer_model: String,
        /// The answer; no known writer writes it.
        may answer: String,
        /// The critic; absent for ill-posed claims.
        may critic_model: String,
        /// The claim; no known writer writes it.
        may claim: String,
        /// Who alleges the fault; no known writer writes it.
        may claimant: String,
        /// Who defends; no known writer writes it.
        may defender: String,
        /// What was said; no known writer writes it.
        may debate_history: Vec<Message>,
        /// The decision; `unknown` is a reply that could not be read.
        req verdict: String = Shape::OneOf(&CLAIM_VERDICTS),
        /// From 1 to 5; absent where the reply could not be read.
        may confidence: i64 = Shape::Integer { min: 1 },
        /// Why.
        may reasoning: String,
        /// The judge.
        may judge_model: String,
        /// `failed` when the verdict is `unknown`.
        may status: String = Shape::OneOf(&PLAIN_STATUSES),
        /// Why the judge could not be asked, such as a debate that is too long for it.
        may error: String,
        /// What the judge wrote.
        may raw_response: String,
        /// The run of the question.
        may run_id: String,
        /// The attempt of the question; absent in the first epoch.
        may outer_attempt: i64 = Shape::Integer { min: 1 },
        /// The topic.
        may topic_slug: String,
    }
}

record! {
    /// A decision of `evaluations/USER.json` or `synthetic_adjudications/J.json`: what a person, or a model in a person's
    /// place, says of one claim.
    Label {
        /// The task in the first epoch; absent in the second, which has the key instead.
        may id: String,
        /// The run of the question; absent in the first epoch.
        may run_id: String,
        /// The attempt of the question; absent in the first epoch.
        may outer_attempt: i64 = Shape::Integer { min: 1 },
        /// What kind of claim it is.
        req kind as "type": String = TYPES,
        /// The mode of the critique; absent for ill-posed claims.
        may mode: String,
        /// The questioner.
        may question_model: String,
        /// The answerer.
        may answer_model: String,
        /// The critic. Labels of ill-posed claims may have the answerer here.
        may critic_model: String,
        /// The decision: a word of a judge, `other`, or an older word.
        req verdict: String = Shape::Filled,
        /// From 1 to 5.
        may confidence: i64 = Shape::Integer { min: 1 },
        /// Anything that the person wants to say.
        may comment: String,
    }
}

record! {
    /// What a judge, a model or a person, is asked about one claim. It stands in no file.
    JudgingTask {
        /// The task in the first epoch.
        may id: String,
        /// What kind of claim it is.
        req kind as "type": String = TYPES,
        /// The mode of the critique.
        may mode: String,
        /// The questioner.
        may question_model: String,
        /// The answerer.
        may answer_model: String,
        /// The critic.
        may critic_model: String,
        /// The question.
        may question: String,
        /// The answer.
        may answer: String,
        /// The claim.
        may critique: String,
        /// What was said.
        may debate_history: Vec<Message>,
        /// Who alleges the fault, by name.
        may alice_model: String,
        /// Who defends, by name.
        may bob_model: String,
        /// The run of the question.
        may run_id: String,
        /// The attempt of the question.
        may outer_attempt: i64 = Shape::Integer { min: 1 },
        /// The topic.
        may topic_slug: String,
    }
}

record! {
    /// What is known of how something was made. It is declared, and no known writer writes it.
    Metadata {
        /// When, as `YYYYMMDD_HHMMSS`.
        may generated_at: String,
        /// The model.
        may model_name: String,
        /// Its version.
        may model_version: String,
        /// The reply of the endpoint.
        may response_id: String,
        /// When the endpoint made it, in seconds since 1970.
        may created_timestamp: i64 = Shape::Integer { min: 0 },
    }
}
