//! Chat models: one request in, one durable reply out, whatever the endpoints do in between. And beside them models that
//! make vectors ([`embed`]) and services ([`service`]: search, reranking, vectors for a run), by the same means.
//!
//! ```text
//!                          Caller::call(role, item, request)
//!                                        │
//!             body (built once) ── key = hash ──> journal: known? ──yes──> the stored reply
//!                                        │ no
//!                                     budget ── endpoint with batches? ──yes──> [batch] ── its reply, or alone after all
//!                                        │ no
//!         ┌── retry: attempts, backoff, adaptation, trimming ──┐
//!         │      pool: which endpoint, when (limits, breaker)  │        agent (in this process)
//!         │      http: one POST                                │          │
//!         └──────────────────────────┬─────────────────────────┘          │
//!                                    └──── raw body ── parse ─────────────┘
//!                                              │
//!                              journal append (group commit) ──> Called { reply or Failure, durable }
//! ```
//!
//! Three kinds of ends, kept apart on purpose:
//! * a [`ChatReply`] or a typed [`Failure`] is a fact about the request: it is journaled and the same after a resume;
//! * a [`CallError`] says that this run cannot go on with the call now (budget, endpoints unusable, draining, journal); nothing
//!   is recorded, and a resumed run asks again;
//! * everything else (429, 5xx, cut connections, stalls) is retried here and seen only in the meter and in the
//!   attempts of the record.
//!
//! Invariants: no wall clock, environment or random source is read here (the clock is handed in, jitter comes from the
//! call's key); nothing is printed or logged; secrets leave only as headers.

mod adapt;
pub mod agent;
mod batch;
mod breaker;
mod budget;
pub mod caller;
pub mod chat;
pub mod config;
pub mod embed;
mod endpoint;
mod http;
mod limit;
pub mod listing;
mod meter;
mod pool;
pub mod prompt;
mod retry;
pub mod schema;
pub mod scripted;
pub mod secret;
pub mod service;
pub mod settings;
pub mod structured;
mod wire;

pub use agent::{Agent, AgentReply, AgentToolCall};
pub use budget::{BudgetKind, BudgetStop};
pub use caller::{CallError, Called, Caller, Clock, EndpointProbe, IN_PROCESS, RoleProbe};
pub use chat::{
    ChatReply, ChatRequest, Failure, FailureKind, Finish, Message, ReplyFormat, Role, Schema,
    ToolCall, ToolChoice, ToolSpec, Usage,
};
pub use config::{
    Backend, BatchConfig, Budget, BuildError, CallerConfig, Certificates, EndpointConfig,
    HttpConfig, Leftover, ModelConfig, Params, Prices, Proxies, Retry, RoleConfig, Trust, Wire,
};
pub use embed::{Embed, EmbedError, Embedding, HttpEmbedder, Spent, Wrong};
pub use http::{BareReport, bare_loop};
pub use listing::{ListError, list_models};
pub use meter::{Meter, MeterSnapshot, Notice};
pub use pool::{EndpointError, EndpointFailure, EndpointSnapshot, Unusable};
pub use secret::Secret;
pub use service::{
    Address, Asked, Method, Price, ServiceConfig, ServiceFailure, ServiceRequest, WhenDown,
};
pub use structured::{JsonAnswer, JsonAsk, Problem, ask_json};
pub use wire::ErrorKind;
