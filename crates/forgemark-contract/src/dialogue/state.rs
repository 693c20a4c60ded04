//! The run state: what a resumed run starts from.

use std::sync::Arc;

use super::{Inputs, RUN_STATUSES, RawResult, SLOT_STATUSES, Turn};
use crate::json::{Json, WriteJson, Writer};
use crate::shape::record::record;
use crate::shape::{Field, Record, Shape, ShapeError};

record! {
    /// `run_state/<run_id>.json` of a run that makes one conversation at a time.
    SingleState + forgemark {
        /// The run, or the wave of it.
        req run_id: String = Shape::Filled,
        /// How far it is.
        req status: String = Shape::OneOf(&RUN_STATUSES),
        /// When this was written.
        req updated_at: String = Shape::LedgerTime,
        /// Turns that the conversation is to have.
        req n_turns: i64 = Shape::Integer { min: 0 },
        /// What it is made from.
        req inputs: Arc<Json> = Shape::Record(Inputs::TABLE),
        /// The turns so far.
        req turns: Vec<Arc<Turn>>,
        /// The raw replies so far, rejected attempts included.
        req raw_results: Vec<Arc<RawResult>>,
    }
}

record! {
    /// `run_state/<run_id>.json` of a wave of conversations.
    BatchedState + forgemark {
        /// The run, or the wave of it.
        req run_id: String = Shape::Filled,
        /// How far it is.
        req status: String = Shape::OneOf(&RUN_STATUSES),
        /// When this was written.
        req updated_at: String = Shape::LedgerTime,
        /// The largest number of turns of its conversations.
        req n_turns: i64 = Shape::Integer { min: 0 },
        /// Conversations in the wave.
        req batch_size: i64 = Shape::Integer { min: 1 },
        /// What the run is made from.
        req inputs: Arc<Json> = Shape::Record(Inputs::TABLE),
        /// The conversations, in the order of their slots.
        req conversations: Vec<Slot>,
    }
}

record! {
    /// One conversation of a batched state.
    Slot + forgemark {
        /// The slot, from 0.
        req conversation_index: i64 = Shape::Integer { min: 0 },
        /// The conversation.
        req conversation_id: String = Shape::Filled,
        /// Turns that it is to have.
        req target_n_turns: i64 = Shape::Integer { min: 0 },
        /// How far it is.
        req status: String = Shape::OneOf(&SLOT_STATUSES),
        /// Why it was dropped; empty when it was not.
        req drop_reason: String,
        /// What it is made from.
        req inputs: Arc<Json> = Shape::Record(Inputs::TABLE),
        /// The turns so far.
        req turns: Vec<Arc<Turn>>,
        /// The raw replies so far.
        req raw_results: Vec<Arc<RawResult>>,
    }
}

/// A state of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum RunState {
    /// One conversation.
    Single(SingleState),
    /// A wave of conversations.
    Batched(BatchedState),
}

impl RunState {
    /// Reads either kind; a batched state is known by its key `conversations`.
    ///
    /// # Errors
    /// [`ShapeError`] with the place of a key that is missing or of another kind.
    pub fn from_json(value: &Json) -> Result<Self, ShapeError> {
        if value.get("conversations").is_some() {
            BatchedState::from_json(value).map(RunState::Batched)
        } else {
            SingleState::from_json(value).map(RunState::Single)
        }
    }

    /// The run, or the wave of it.
    pub fn run_id(&self) -> &str {
        match self {
            RunState::Single(state) => &state.run_id,
            RunState::Batched(state) => &state.run_id,
        }
    }

    /// How far it is.
    pub fn status(&self) -> &str {
        match self {
            RunState::Single(state) => &state.status,
            RunState::Batched(state) => &state.status,
        }
    }

    /// What the run is made from.
    pub fn inputs(&self) -> &Json {
        match self {
            RunState::Single(state) => &state.inputs,
            RunState::Batched(state) => &state.inputs,
        }
    }
}

impl WriteJson for RunState {
    fn write_json(&self, w: &mut Writer<'_>) {
        match self {
            RunState::Single(state) => state.write_json(w),
            RunState::Batched(state) => state.write_json(w),
        }
    }
}

impl Field for RunState {
    const SHAPE: Shape = Shape::Switch {
        key: "conversations",
        with: BatchedState::TABLE,
        without: SingleState::TABLE,
    };

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        RunState::from_json(value)
    }

    fn to_field(&self) -> Json {
        match self {
            RunState::Single(state) => state.to_json(),
            RunState::Batched(state) => state.to_json(),
        }
    }
}
