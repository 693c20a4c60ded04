//! One message of a reinforcement-learning trajectory.

use super::{Bytes, Relationship};
use crate::json::Json;
use crate::shape::Shape;
use crate::shape::record::record;
use crate::time::Timestamp;

record! {
    /// One message of a trajectory, with the tokens that were sampled and what graders say of it.
    RolloutRecord {
        /// The identity of the row.
        req id: String = Shape::Filled,
        /// The trajectory.
        req rollout_id: String,
        /// The problem; all trajectories of one problem are a group.
        req problem_id: String,
        /// The data set that the problem is from.
        may dataset: String,
        /// Position in the trajectory, from 0.
        req sequence_order: i64,
        /// `assistant`, `tool`, `grade`, `artifact`, or another.
        req role: String,
        /// When it was made.
        req created_at: Timestamp,
        /// The text.
        may content: String,
        /// The kind of content.
        req content_type: String,
        /// The tokens of the prompt.
        may input_tokens: Vec<i64>,
        /// The sampled tokens.
        may output_tokens: Vec<i64>,
        /// How many tokens the prompt has.
        may num_input_tokens: i64,
        /// How many tokens were sampled.
        may num_output_tokens: i64,
        /// Natural logarithm of the probability of each sampled token.
        may output_logprobs: Vec<f32>,
        /// The same for the tokens of the prompt.
        may input_logprobs: Vec<f32>,
        /// The same under the reference policy.
        may ref_logprobs: Vec<f32>,
        /// 1 where a token counts in the loss, else 0.
        may loss_mask: Vec<i64>,
        /// The advantage.
        may advantage: f32,
        /// The reward after shaping.
        may reward: f32,
        /// The reward as the grader gave it.
        may raw_reward: f32,
        /// The grader.
        may grader_id: String,
        /// A score of the grader.
        may score: f32,
        /// Whether a trainer may see it.
        may include_in_training: bool,
        /// Why not.
        may exclude_reason: String,
        /// The policy that sampled it.
        may policy_version: String,
        /// Directed edges to other rows.
        list relationships: Relationship,
        /// Inline media.
        may binary_payload: Bytes,
        /// Its size in bytes.
        may payload_size: i64,
        /// Its checksum.
        may payload_checksum: String,
        /// The kind of artifact.
        may artifact_type: String,
        /// Anything.
        may metadata: Json,
        /// The prompt as one text.
        may model_input_string: String,
        /// The reply as one text.
        may model_output_string: String,
        /// Why the grader decided so.
        may rationale: String,
        /// The problem as one text.
        may problem_text: String,
        /// Anything of the user's.
        may user_metadata: String,
    }
}
