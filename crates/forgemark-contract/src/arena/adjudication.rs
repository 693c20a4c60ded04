//! What a policy made of the decisions: the line of `adjudications.jsonl`.

use crate::shape::Shape;
use crate::shape::record::record;

record! {
    /// A line of `adjudications.jsonl`: what one policy decided about one claim, one answer or one question.
    ///
    /// Whoever takes training data from an arena reads who was right here, and needs no policy.
    Adjudication {
        /// What is decided: a `claim`, the `answer` of a model to another one's question, or whether a `question` is valid.
        req subject: String = Shape::OneOf(&["claim", "answer", "question"]),
        /// The run of the question.
        req run_id: String = Shape::Filled,
        /// The attempt of the question.
        req outer_attempt: i64 = Shape::Integer { min: 1 },
        /// The questioner.
        req question_model: String = Shape::Filled,
        /// The answerer; absent for questions.
        may answer_model: String = Shape::Filled,
        /// The mode of the critique; for claims of critiques only.
        may mode: String = Shape::Filled,
        /// The critic; for claims of critiques only.
        may critic_model: String = Shape::Filled,
        /// The topic.
        may topic_slug: String,
        /// Claims: `claimant` or `defender` is right, the deciders say that it decides nothing (`dropped`), or nobody decides
        /// (`unresolved`). Answers: `right`, `wrong` or `dropped`. Questions: `valid` or `invalid`.
        req outcome: String = Shape::OneOf(&[
            "claimant", "defender", "dropped", "unresolved", "right", "wrong", "valid", "invalid",
        ]),
        /// Why, in one word of the policy's walk, such as `critic_correct` or `critique_upheld`; for claims who decides:
        /// `panel`, `people` or `nobody`.
        req reason: String = Shape::Filled,
        /// 1 for a right answer, 0 for a wrong one; absent otherwise.
        may reward: f64 = Shape::Number,
        /// The claims that decide an answer or a question, as their keys are printed.
        may claims: Vec<String> = Shape::Array(&Shape::Filled),
        /// The judges or people whose decisions count.
        may decided_by: Vec<String> = Shape::Array(&Shape::Filled),
        /// The name of the policy.
        req policy: String = Shape::Filled,
        /// The digest of the policy's fields, which tells two policies of one name apart.
        req policy_digest: String = Shape::Filled,
    }
}
