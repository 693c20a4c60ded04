//! One record of the store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ChatMessage, TEXT_CONTENT_TYPE, TOMBSTONE_CONTENT_TYPE};
use crate::json::{Json, WriteJson, Writer};
use crate::shape::record::record;
use crate::shape::{Field, Shape, ShapeError};
use crate::time::Timestamp;

/// The known words of `lifecycle_status`; a record with any other word is hidden.
pub mod lifecycle {
    /// In use; the default.
    pub const ACTIVE: &str = "active";
    /// Known to be wrong: visible to a list, never exported.
    pub const CONTRADICTED: &str = "contradicted";
}

record! {
    /// One message of a conversation, or one memory.
    ContextRecord {
        /// The identity of the row; of several rows with one id the newest counts.
        req id: String = Shape::Filled,
        /// The caller's identity; unique among rows that are not deleted.
        may external_id: String,
        /// The run or trace.
        req run_id: String,
        /// The bot.
        may bot_id: String,
        /// The session.
        may session_id: String,
        /// The tenant.
        may tenant: String,
        /// Where it comes from.
        may source: String,
        /// When it was made.
        req created_at: Timestamp,
        /// Who speaks; `assistant` is compared without case.
        req role: String,
        /// What the agent was doing.
        may state_metadata: StateMetadata,
        /// Anything; `reward`, `reward_source`, `group_id`, `label` and `rank` at its top level mean something to exports.
        may metadata: Json,
        /// Directed edges to other records.
        list relationships: Relationship,
        /// From when on it is hidden; the instant itself counts as expired.
        may expires_at: Timestamp,
        /// A free label.
        may retention_policy: String,
        /// One of [`lifecycle`]; any other word hides the record.
        req lifecycle_status: String,
        /// When it was retired; hides the record.
        may retired_at: Timestamp,
        /// Why it was retired.
        may retired_reason: String,
        /// The record that this one replaces.
        may supersedes_id: String,
        /// The record that replaces this one; hides the record.
        may superseded_by_id: String,
        /// The kind of payload.
        req content_type: String,
        /// The text.
        may text_payload: String,
        /// Inline media.
        may binary_payload: Bytes,
        /// Where a payload lies that is not inline.
        may payload_uri: String,
        /// Its size in bytes.
        may payload_size: i64,
        /// Its checksum, with the algorithm in front.
        may payload_checksum: String,
        /// The vector; of one length in a store.
        may embedding: Vec<f32>,
        /// Position in the conversation, from 0. It stays when the record is changed, which `created_at` does not.
        may seq: i64,
        /// The record that this one answers or follows.
        may parent_id: String,
        /// The branch of the conversation.
        may branch_id: String,
        /// The set of candidates that answer one prompt.
        may candidate_group: String,
        /// The message, where a role and a text cannot say it all.
        may message: ChatMessage,
        /// When it was last changed.
        may updated_at: Timestamp,
        /// The digest of what it was ingested from.
        may origin_digest: String,
    }
}

record! {
    /// What an agent was doing when it wrote a record.
    StateMetadata {
        /// Number of the step.
        may step: i64,
        /// The plan that it followed.
        may active_plan_id: String,
        /// Tokens of the message; below 0 is unknown.
        may tokens_used: i64,
        /// Anything.
        may custom: String,
    }
}

record! {
    /// A directed edge from a record to another.
    Relationship {
        /// The record that it points to.
        req target_id: String,
        /// What the edge means.
        req relation: String,
        /// How strong it is.
        may weight: f32,
    }
}

impl ContextRecord {
    /// An active text message with nothing else known of it.
    pub fn text(
        id: impl Into<String>,
        role: impl Into<String>,
        text: impl Into<String>,
        created_at: Timestamp,
    ) -> Self {
        ContextRecord {
            id: id.into(),
            role: role.into(),
            created_at,
            lifecycle_status: lifecycle::ACTIVE.to_owned(),
            content_type: TEXT_CONTENT_TYPE.to_owned(),
            text_payload: Some(text.into()),
            ..ContextRecord::default()
        }
    }

    /// Whether the row says that its id was deleted.
    pub fn is_tombstone(&self) -> bool {
        self.content_type == TOMBSTONE_CONTENT_TYPE
    }

    /// Whether the role is `assistant`, without regard to ASCII case.
    pub fn is_assistant(&self) -> bool {
        self.role.eq_ignore_ascii_case("assistant")
    }

    /// The value under `key` at the top level of the metadata; `None` where there is none.
    pub fn metadata_field(&self, key: &str) -> Option<&Json> {
        self.metadata.as_ref()?.get(key)
    }

    /// `metadata.reward`, where it is a number.
    pub fn reward(&self) -> Option<f64> {
        self.metadata_field("reward")?.as_f64()
    }
}

/// Bytes, in JSON as base64 with padding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl WriteJson for Bytes {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.str(&STANDARD.encode(&self.0));
    }
}

impl Field for Bytes {
    const SHAPE: Shape = Shape::Text;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        let text = String::from_field(value)?;
        let bytes = STANDARD.decode(text);
        bytes
            .map(Bytes)
            .map_err(|error| ShapeError::here(format!("expected base64, found {error}")))
    }

    fn to_field(&self) -> Json {
        Json::Str(STANDARD.encode(&self.0))
    }
}
