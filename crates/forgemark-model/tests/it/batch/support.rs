//! A number of calls as one process makes them, on a disk in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use forgemark_contract::ids::CallKey;
use forgemark_contract::time::Timestamp;
use forgemark_journal::{Journal, OpenOptions, Record, Storage, dump};
use forgemark_model::scripted::{BatchPlay, Behaviour, Running, Script, Server, ServerOptions};
use forgemark_model::{
    Backend, BatchConfig, Budget, BuildError, CallError, Called, Caller, CallerConfig, ChatRequest,
    EndpointConfig, HttpConfig, Leftover, Message, ModelConfig, Params, Prices, Retry, RoleConfig,
    Wire,
};
use forgemark_testkit::MemDisk;
use futures_util::future::join_all;

pub(crate) const WIRES: [Wire; 2] = [Wire::OpenAi, Wire::Anthropic];

/// Calls of a test.
pub(crate) const CALLS: usize = 12;

pub(crate) fn server(plays: impl IntoIterator<Item = BatchPlay>) -> Running {
    server_with(plays, Behaviour::text("You get {hash8}."))
}

pub(crate) fn server_with(
    plays: impl IntoIterator<Item = BatchPlay>,
    behaviour: Behaviour,
) -> Running {
    let script = Script::new(5).batches(plays).otherwise(behaviour);
    let options = ServerOptions {
        threads: Some(1),
        log: true,
    };
    Server::start_with(&script, ([127, 0, 0, 1], 0).into(), options).expect("a server")
}

/// Batches that are sent when every call waits, and looked at without pause.
pub(crate) fn eager(calls: usize) -> BatchConfig {
    BatchConfig {
        everyone: Some(calls),
        quiet: Duration::from_mins(10),
        poll: Duration::from_millis(1),
        leftover: Leftover::Batch,
        ..BatchConfig::default()
    }
}

pub(crate) fn config(wire: Wire, url: &str, batch: Option<BatchConfig>) -> CallerConfig {
    let endpoint = EndpointConfig {
        wire,
        batch,
        ..EndpointConfig::new("e0", url)
    };
    let model = ModelConfig {
        model: "m".to_owned(),
        backend: Backend::Http(vec![endpoint]),
        prices: Some(Prices {
            prompt: 1_000_000,
            cached: 1_000_000,
            completion: 1_000_000,
        }),
        retry: Retry {
            attempt_timeout: Duration::from_secs(20),
            backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(4),
            rate_limit_pause: Duration::from_millis(1),
            breaker_pause: Duration::from_millis(1),
            max_breaker_pause: Duration::from_millis(4),
            ..Retry::default()
        },
    };
    let role = RoleConfig {
        model: "main".to_owned(),
        params: Params::default(),
        attempt_timeout: None,
    };
    CallerConfig {
        models: BTreeMap::from([("main".to_owned(), model)]),
        roles: BTreeMap::from([("user".to_owned(), role)]),
        services: BTreeMap::new(),
        budget: Budget::default(),
        http: HttpConfig::default(),
    }
}

pub(crate) fn out() -> PathBuf {
    PathBuf::from("/out")
}

pub(crate) fn caller(disk: &MemDisk, config: &CallerConfig) -> Result<Caller, BuildError> {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let (journal, _) = Journal::open(storage, &out(), OpenOptions::default())?;
    let next = AtomicI64::new(1_893_553_445);
    let clock =
        Arc::new(move || Timestamp::from_epoch_seconds(next.fetch_add(1, Ordering::Relaxed)));
    Caller::new(config, journal, clock)
}

pub(crate) fn ask(n: usize) -> ChatRequest {
    ChatRequest::new(vec![Message::user(format!("Question {n}"))], 0)
}

/// Makes this call, and waits until its outcome is safe.
pub(crate) async fn call(caller: &Caller, n: usize) -> Result<Called, CallError> {
    let called = caller.call("user", &format!("c-{n}/1"), &ask(n)).await?;
    called.durable.clone().await?;
    Ok(called)
}

/// Makes all calls at once.
pub(crate) async fn all(caller: &Caller, calls: usize) -> Vec<Result<Called, CallError>> {
    join_all((0..calls).map(|n| call(caller, n))).await
}

/// The replies by the calls' numbers.
pub(crate) fn texts(called: &[Result<Called, CallError>]) -> Vec<String> {
    let text = |called: &Result<Called, CallError>| {
        let called = called.as_ref().expect("an outcome");
        called.outcome.as_ref().expect("a reply").content.clone()
    };
    called.iter().map(text).collect()
}

/// What the calls say without any batch.
pub(crate) async fn expected(wire: Wire, calls: usize) -> Vec<String> {
    let server = server([]);
    let caller = caller(&MemDisk::new(), &config(wire, &server.base_url(), None)).expect("valid");
    texts(&all(&caller, calls).await)
}

/// What a journal holds.
pub(crate) struct Kept {
    pub(crate) calls: BTreeMap<CallKey, usize>,
    /// Stages of batches, in order.
    pub(crate) stages: Vec<String>,
    pub(crate) pending: usize,
}

pub(crate) fn kept(disk: &MemDisk) -> Kept {
    let disk = disk.kill();
    let storage: Arc<dyn Storage> = Arc::new(disk);
    let mut kept = Kept {
        calls: BTreeMap::new(),
        stages: Vec::new(),
        pending: 0,
    };
    for entry in dump(&storage, &out()).expect("a journal") {
        match entry.expect("an entry").record {
            Record::Call(call) => *kept.calls.entry(call.key).or_default() += 1,
            Record::Batch(batch) => {
                let stage = format!("{:?}", batch.stage);
                let word = stage.split([' ', '(']).next().unwrap_or_default();
                kept.stages.push(word.to_owned());
            }
            _ => {}
        }
    }
    let (journal, _) = Journal::open(storage, &out(), OpenOptions::default()).expect("a journal");
    kept.pending = journal.pending_batches().expect("readable").len();
    kept
}
