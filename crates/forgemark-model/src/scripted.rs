//! A scripted model: an engine that answers chat completion and embedding requests after a script, and an HTTP server
//! around it that speaks `OpenAI`'s protocol and Anthropic's, with the batches of both.
//!
//! It is how schedulers are measured and how faults are tested, for us and for users: replies,
//! latencies and faults (429 with and without `Retry-After`, 5xx, stalls, cut connections,
//! malformed JSON, wrong tool ids and more) are a function of
//!
//! ```text
//! (hash of request body and Idempotency-Key, script seed, attempt)
//! ```
//!
//! and never of arrival order or time (but for a [`Storm`]). The attempt is the header
//! `X-Retry-Count`, or without it the number of times that the same call came before. The
//! content of a reply does not depend on the attempt at all, so that a run through faults ends
//! with the same content as a run without.
//!
//! ```text
//! body --scan--> Scan --+--> rule --> fault, latency     (script, engine, fault, latency)
//!                       +--> Ground --> reply --> body   (dialogue, template, completion)
//! body of an embedding request --> rule, vectors                  (vectors)
//! body of a search or a ranking --> rule, results                 (services)
//! body of a message --> chat body --> ... --> completion --> message   (messages)
//! batch --> its calls, one after the other, when it ends            (batches)
//! Engine --> Scripted --> Server: delay, deliver, count  (server, server/*)
//! ```
//!
//! Invariants: the engine does no input or output, knows no clock and never panics on a request;
//! one pass over the body finds what decides the reply, no tree is built. The server listens
//! where it is told to: give it a loopback address unless others are to reach it. It checks no
//! key.

mod agent;
mod completion;
mod dialogue;
mod engine;
mod error_body;
mod fault;
mod ground;
mod hash;
mod latency;
mod messages;
mod passages;
mod scan;
mod script;
mod server;
mod services;
mod template;
mod vectors;
mod words;

pub use dialogue::Dialogue;
pub use engine::{Delivery, Engine, Scripted};
pub use fault::{Fault, FaultRule};
pub use latency::Latency;
pub use script::{
    BatchEnd, BatchPlay, Behaviour, Matcher, Reply, Rule, Script, ScriptError, Stall, Storm,
};
pub use server::{LogEntry, Running, Server, ServerOptions, StartError, Stats};
