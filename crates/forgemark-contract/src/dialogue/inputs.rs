//! The `inputs` object: what a conversation was made from.

use crate::json::Json;
use crate::shape::Shape;
use crate::shape::record::record;

record! {
    /// The settings behind a conversation. Rows hold it as plain JSON, since its order and its keys are kept as they were
    /// written; this record is for making and for checking it. A run's own inputs lack what is drawn for each conversation.
    Inputs + forgemark {
        /// The run's seed question; empty when there is none.
        opt question: String,
        /// The language of the conversation.
        opt target_language: String,
        /// The languages of the run.
        opt target_languages: Vec<String>,
        /// The same seed question, under the original's second name.
        opt question_seed: String,
        /// The run id; in batched rows the conversation id.
        opt run_id: String,
        /// The run that was resumed; empty when none was.
        opt resume_run_id: String,
        /// Conversations asked for in each language.
        opt total_samples: i64 = Shape::Integer { min: 0 },
        /// Fewest turns.
        opt min_turns: i64 = Shape::Integer { min: 0 },
        /// Most turns.
        opt max_turns: i64 = Shape::Integer { min: 0 },
        /// How the number of turns is drawn.
        opt turn_count_distribution: String,
        /// The mean of the distribution; `null` for the middle of the range.
        opt turn_count_mean: Json = Shape::Nullable(&Shape::Number),
        /// Where seed topics come from.
        opt seed_topics_path: String,
        /// The variant of the seed topics.
        opt seed_topics_variant: String,
        /// How likely a conversation starts from a seed question.
        opt seed_topics_probability: f64,
        /// Whether seed topics are used.
        opt seed_topics_enabled: bool,
        /// Passages that a search returns.
        opt retrieval_default_k: i64 = Shape::Integer { min: 0 },
        /// The user's persona as one line.
        opt user_persona: String,
        /// The assistant's persona as one line.
        opt assistant_persona: String,
        /// The id of the user's persona.
        opt user_persona_id: String,
        /// The id of the assistant's persona.
        opt assistant_persona_id: String,
        /// The user role's model.
        opt user_agent_used_name: String,
        /// The assistant role's model.
        opt assistant_agent_used_name: String,
        /// Whether judging is on.
        opt judge_enabled: bool,
        /// `turn` or `conversation`.
        opt judge_granularity: String,
        /// The labels that the judge may use.
        opt judge_reasons: Vec<String>,
        /// The project's folder; we write `.`.
        opt project_root: String,
        /// The configuration's folder; we write `.`.
        opt config_dir: String,
        /// Turns that the conversation was to have.
        opt n_turns: i64 = Shape::Integer { min: 0 },
        /// Conversations in a wave; batched runs only.
        opt batch_size: i64 = Shape::Integer { min: 1 },
        /// The slot inside the wave, from 0; batched runs only.
        opt conversation_index: i64 = Shape::Integer { min: 0 },
        /// The status of the slot; batched runs only.
        opt conversation_status: String = Shape::OneOf(&crate::dialogue::SLOT_STATUSES),
        /// Why the slot was dropped; batched runs only.
        opt drop_reason: String,
        /// What the judge returned for the conversation.
        opt conversation_judge: Json = Shape::Object,
    }
}
