//! Errors of the rooms below: what kind each is, and what to do about it.

use forgemark_journal::JournalError;
use forgemark_model::{BuildError, CallError, ErrorKind as CallFault};

use super::{AppError, ErrorKind, Hints};

impl From<JournalError> for AppError {
    fn from(error: JournalError) -> Self {
        AppError::Journal(error)
    }
}

impl From<BuildError> for AppError {
    fn from(error: BuildError) -> Self {
        let kind = match error {
            BuildError::Http { .. } => ErrorKind::Io,
            BuildError::Journal(error) => return error.into(),
            _ => ErrorKind::Config,
        };
        let message = error.to_string();
        match error {
            BuildError::BudgetWithoutPrices { .. } => AppError::new(kind, message)
                .hint("add the model to `llm.prices`, or limit tokens or calls instead"),
            BuildError::Endpoint { .. } => AppError::new(kind, message)
                .hint("a server's address looks like http://127.0.0.1:8000/v1"),
            BuildError::Batch { endpoint, .. } => AppError::new(kind, message).hint(format!(
                "name the endpoint {endpoint} again until its batch has ended, or use another output folder"
            )),
            _ => AppError::new(kind, message),
        }
    }
}

impl From<CallError> for AppError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Journal(error) => error.into(),
            CallError::Unusable(error) => {
                let mut app = AppError::new(ErrorKind::Endpoint, error.to_string());
                for failure in &error.endpoints {
                    app = match failure.kind {
                        Some(kind) => app.hint(endpoint_hint(kind)),
                        None => app,
                    };
                }
                app.hint("`forgemark doctor CONFIG` asks every endpoint")
            }
            CallError::Budget(stop) => AppError::new(ErrorKind::Failed, stop.to_string()),
            CallError::Cancelled => AppError::new(ErrorKind::Interrupted, error.to_string()),
            CallError::UnknownRole(_) => AppError::new(ErrorKind::Bug, error.to_string()),
        }
    }
}

/// What kind an error of the journal is.
pub(super) fn journal_kind(error: &JournalError) -> ErrorKind {
    match error {
        JournalError::Write { .. } | JournalError::Read { .. } => ErrorKind::Io,
        JournalError::Corrupt { .. }
        | JournalError::Foreign { .. }
        | JournalError::Shortened { .. } => ErrorKind::Damaged,
        JournalError::TooNew { .. } => ErrorKind::FormatTooNew,
        JournalError::Locked { .. } => ErrorKind::Locked,
        JournalError::Name { .. } => ErrorKind::Usage,
        JournalError::TooLarge { .. } => ErrorKind::Failed,
        JournalError::Order { .. }
        | JournalError::Rewind { .. }
        | JournalError::Reserved
        | JournalError::WriterGone => ErrorKind::Bug,
    }
}

impl Hints for JournalError {
    fn hints(&self) -> Vec<String> {
        vec![self.remedy()]
    }
}

/// What to do about an endpoint that fails in this way.
pub(crate) fn endpoint_hint(kind: CallFault) -> &'static str {
    match kind {
        CallFault::Auth => "check the key in the environment variable that `api_key_env` names",
        CallFault::NoCredit => "add credit to the account, or use another endpoint",
        CallFault::NoModel => {
            "check the model's name; `forgemark doctor CONFIG` lists what the endpoint serves"
        }
        CallFault::NoRoute => {
            "check `base_url`: it must lead to an OpenAI-compatible server, usually with `/v1` at the end"
        }
        CallFault::Connect => "start the server, or correct `base_url`",
        CallFault::Timeout => "the server accepts but does not answer; look at its log",
        CallFault::NotChat | CallFault::Cut => {
            "something else answers at this address, or a proxy stands between; check `base_url`"
        }
        CallFault::RateLimited => "wait, or set `llm.limits` to what the account allows",
        CallFault::Server => "the server fails by itself; look at its log",
        CallFault::NoTools => "use a model with tool calls, or set `tools.max_rounds: 0`",
        CallFault::ContextLength => "use a model with a longer context, or smaller passages",
        CallFault::Unsupported | CallFault::ContentFilter | CallFault::InvalidRequest => {
            "look at what the endpoint said"
        }
    }
}
