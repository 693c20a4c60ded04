//! Asking a judge: what it is shown, how often, and what of its replies counts. A run that judges while it generates
//! and `dialogue judge`, which does so later, go through here, so that both ask the same calls: a conversation that was
//! judged in its run is judged already.

use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_model::chat::{ChatRequest, Failure, FailureKind, Message, ReplyFormat, Schema};

use crate::prompts::Rendered;
use crate::replies::Verdict;

/// Attempts at a verdict, the first included.
const ATTEMPTS: u32 = 2;

/// Most passages that a judge of a whole conversation is shown.
const CONVERSATION_EVIDENCE: usize = 40;

/// A structured reply with what the rows need of it.
pub(crate) struct Read<T> {
    pub(crate) value: T,
    pub(crate) raw: Arc<Json>,
    /// The text of the last reply.
    pub(crate) said: String,
    /// Keys of the calls that were made for it, hexadecimal.
    pub(crate) calls: Vec<String>,
    pub(crate) at: forgemark_contract::time::Timestamp,
}

/// What the calls of one conversation are named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Naming {
    /// Identity of the run, mixed into sample numbers so that another run draws other samples.
    pub(crate) run: String,
    /// Language index.
    pub(crate) group: u32,
    pub(crate) ordinal: u64,
    /// The conversation.
    pub(crate) id: String,
}

impl Naming {
    /// The sample number of a call: hash of run, item key, role and attempt.
    pub(crate) fn sample(&self, turn: u32, role: &str, attempt: u32) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.run.as_bytes());
        for number in [
            u64::from(self.group),
            self.ordinal,
            u64::from(turn),
            u64::from(attempt),
        ] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(role.as_bytes());
        let mut bytes = [0u8; 8];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    }

    /// Name of a call in the journal; what stands before the last `/` is the conversation.
    pub(crate) fn item(&self, turn: u32, role: &str, attempt: u32) -> String {
        format!("{}/t{turn}.{role}.{attempt}", self.id)
    }
}

/// What a verdict is asked for.
pub(crate) struct Case<'a> {
    /// The turn, from 1; 0 for the conversation as a whole.
    pub(crate) turn: u32,
    /// Name of the schema, which says whether it is a turn or a conversation.
    pub(crate) name: &'static str,
    pub(crate) schema: &'a Schema,
    pub(crate) rendered: &'a Rendered,
    /// The reasons that a judge may give.
    pub(crate) reasons: &'a [String],
}

/// Who is asked, and which time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat<'a> {
    /// Role of the caller.
    pub(crate) role: &'a str,
    /// From 0.
    pub(crate) repeat: u32,
}

/// Whoever can ask a model and keeps account of it.
pub(crate) trait Asks {
    /// Why it cannot go on.
    type Halt;

    /// Asks for a verdict. The inner error is a typed failure of the model.
    async fn ask(
        &mut self,
        role: &str,
        item: &str,
        request: &ChatRequest,
        reasons: &[String],
    ) -> Result<Result<Read<Verdict>, Failure>, Self::Halt>;
}

/// Asks one judge once: a verdict, or why there is none. A failure is never a score.
pub(crate) async fn ask_judge<A: Asks>(
    asks: &mut A,
    naming: &Naming,
    seat: Seat<'_>,
    case: &Case<'_>,
) -> Result<Result<Read<Verdict>, Failure>, A::Halt> {
    let mut last = None;
    for attempt in 0..ATTEMPTS {
        let attempt = seat.repeat * ATTEMPTS + attempt;
        let mut request = ChatRequest::new(
            vec![
                Message::system(case.rendered.system.as_str()),
                Message::user(case.rendered.task.as_str()),
            ],
            naming.sample(case.turn, seat.role, attempt),
        );
        request.format = ReplyFormat::JsonSchema {
            name: case.name.to_owned(),
            schema: case.schema.clone(),
        };
        let item = naming.item(case.turn, seat.role, attempt);
        match asks.ask(seat.role, &item, &request, case.reasons).await? {
            Ok(read) => return Ok(Ok(read)),
            Err(failure) => last = Some(failure),
        }
    }
    Ok(Err(last.unwrap_or(Failure {
        kind: FailureKind::ModelError,
        detail: "the judge was not asked".to_owned(),
    })))
}

/// What a judge of the whole conversation is shown of the passages of its turns: those of the last turns first, up to a
/// limit.
pub(crate) fn evidence_of_all<T: Clone + PartialEq>(shown: &[Vec<T>]) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    for passage in shown.iter().rev().flatten() {
        if all.len() < CONVERSATION_EVIDENCE && !all.contains(passage) {
            all.push(passage.clone());
        }
    }
    all
}

/// A typed failure as it stands in a row.
pub(crate) fn failure_json(failure: &Failure) -> Json {
    Json::object([
        ("kind", Json::from(failure.kind.as_str())),
        ("detail", Json::from(failure.detail.as_str())),
    ])
}
