//! What the server counts: exactly, and before the client can see the reply.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use forgemark_contract::json::{Json, Object};

use crate::scripted::engine::ROLES;

/// A snapshot of the counters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Chat and embedding calls that arrived with their whole body, without the probes.
    pub calls: u64,
    /// Calls with the idempotency key `probe`, which our client sends before a run. They are
    /// counted here and nowhere else.
    pub probes: u64,
    /// Calls by role; the empty name is for calls without one.
    pub calls_by_role: BTreeMap<String, u64>,
    /// Replies by HTTP status, to chat calls.
    pub replies_by_status: BTreeMap<u16, u64>,
    /// Faults by name, see [`crate::scripted::Fault::name`].
    pub faults: BTreeMap<String, u64>,
    /// Different calls: by `Idempotency-Key`, or by body where there is none.
    pub distinct_keys: u64,
    /// Different calls that came more than once.
    pub repeated_keys: u64,
    /// Replies of status 200 that carry a completion, cut and spoilt ones included: what a
    /// provider would charge for.
    pub paid: u64,
    /// Those among them for a call that was paid before.
    pub paid_again: u64,
    /// Calls that got no reply: stalled, cut before the headers, or given up by the client.
    pub unanswered: u64,
    /// Calls that wait for their reply now.
    pub in_flight: u64,
    /// Most calls that ever waited at the same time.
    pub max_in_flight: u64,
    /// Bytes of the bodies of chat calls.
    pub bytes_in: u64,
    /// Bytes of the bodies of their replies; a reply that is cut counts as a whole.
    pub bytes_out: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Batches that were taken.
    pub batches: u64,
    /// Their calls, which count in `calls` too.
    pub batch_calls: u64,
}

impl Stats {
    /// The snapshot as `GET /stats` shows it.
    pub fn to_json(&self) -> Json {
        let by_status: Object = self
            .replies_by_status
            .iter()
            .map(|(status, n)| (status.to_string(), Json::from(*n)))
            .collect();
        Json::from([
            ("calls", self.calls.into()),
            ("probes", self.probes.into()),
            ("calls_by_role", self.calls_by_role.clone().into()),
            ("replies_by_status", by_status.into()),
            ("faults", self.faults.clone().into()),
            ("distinct_keys", self.distinct_keys.into()),
            ("repeated_keys", self.repeated_keys.into()),
            ("paid", self.paid.into()),
            ("paid_again", self.paid_again.into()),
            ("unanswered", self.unanswered.into()),
            ("in_flight", self.in_flight.into()),
            ("max_in_flight", self.max_in_flight.into()),
            ("bytes_in", self.bytes_in.into()),
            ("bytes_out", self.bytes_out.into()),
            ("connections", self.connections.into()),
            ("batches", self.batches.into()),
            ("batch_calls", self.batch_calls.into()),
        ])
    }
}

/// One chat call, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// `Idempotency-Key`, or 32 hexadecimal digits of the body's hash.
    pub key: String,
    /// The attempt that the answer was made for, from 0.
    pub attempt: u32,
    /// The role, see [`crate::scripted::Scripted::role`].
    pub role: String,
    /// The status of the answer, whether it was delivered or not.
    pub status: u16,
    /// The fault of the answer.
    pub fault: Option<&'static str>,
}

/// Shards of the table of calls, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// The counters of a server.
#[derive(Debug)]
pub(super) struct Counters {
    calls: AtomicU64,
    probes: AtomicU64,
    roles: [AtomicU64; ROLES.len()],
    no_role: AtomicU64,
    other_roles: Mutex<BTreeMap<String, u64>>,
    ok: AtomicU64,
    other_status: Mutex<BTreeMap<u16, u64>>,
    faults: Mutex<BTreeMap<&'static str, u64>>,
    keys: [Mutex<HashMap<u128, KeyCount, BuildHasherDefault<KeyHasher>>>; SHARDS],
    distinct_keys: AtomicU64,
    repeated_keys: AtomicU64,
    paid: AtomicU64,
    paid_again: AtomicU64,
    unanswered: AtomicU64,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    connections: AtomicU64,
    batches: AtomicU64,
    batch_calls: AtomicU64,
    log: Option<Mutex<Vec<LogEntry>>>,
}

#[derive(Debug, Default)]
struct KeyCount {
    arrivals: u32,
    paid: bool,
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

impl Counters {
    pub(super) fn new(log: bool) -> Self {
        Self {
            calls: AtomicU64::new(0),
            probes: AtomicU64::new(0),
            roles: Default::default(),
            no_role: AtomicU64::new(0),
            other_roles: Mutex::default(),
            ok: AtomicU64::new(0),
            other_status: Mutex::default(),
            faults: Mutex::default(),
            keys: Default::default(),
            distinct_keys: AtomicU64::new(0),
            repeated_keys: AtomicU64::new(0),
            paid: AtomicU64::new(0),
            paid_again: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            max_in_flight: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            batch_calls: AtomicU64::new(0),
            log: log.then(Mutex::default),
        }
    }

    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    /// A call has arrived: how often the same call came before.
    pub(super) fn arrived(&self, key: u128, bytes: usize) -> u32 {
        self.calls.fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
        let mut keys = self.shard(key);
        let count = keys.entry(key).or_default();
        let before = count.arrivals;
        count.arrivals = before.saturating_add(1);
        match before {
            0 => _ = self.distinct_keys.fetch_add(1, Relaxed),
            1 => _ = self.repeated_keys.fetch_add(1, Relaxed),
            _ => {}
        }
        before
    }

    /// A probe has arrived: how many came before.
    pub(super) fn probed(&self) -> u32 {
        self.probes.fetch_add(1, Relaxed) as u32
    }

    /// What the engine decided about a call.
    pub(super) fn count_decision(&self, role: &str, fault: Option<&'static str>) {
        if let Some(fault) = fault {
            *lock(&self.faults).entry(fault).or_default() += 1;
        }
        match ROLES.iter().position(|known| *known == role) {
            Some(n) => _ = self.roles[n].fetch_add(1, Relaxed),
            None if role.is_empty() => _ = self.no_role.fetch_add(1, Relaxed),
            None => *lock(&self.other_roles).entry(role.to_owned()).or_default() += 1,
        }
    }

    pub(super) fn record(&self, entry: impl FnOnce() -> LogEntry) {
        if let Some(log) = &self.log {
            lock(log).push(entry());
        }
    }

    /// The call begins to wait; it ends with the guard.
    pub(super) fn wait(&self) -> Waiting<'_> {
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.max_in_flight.fetch_max(now, Relaxed);
        Waiting {
            counters: self,
            answered: false,
        }
    }

    /// A batch of this many calls was taken.
    pub(super) fn batched(&self, calls: usize) {
        self.batches.fetch_add(1, Relaxed);
        self.batch_calls.fetch_add(calls as u64, Relaxed);
    }

    /// A reply leaves, or stands ready in a batch.
    pub(super) fn replied(&self, status: u16, bytes: usize, paid_key: Option<u128>) {
        if status == 200 {
            self.ok.fetch_add(1, Relaxed);
        } else {
            *lock(&self.other_status).entry(status).or_default() += 1;
        }
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
        if let Some(key) = paid_key {
            self.paid.fetch_add(1, Relaxed);
            let mut keys = self.shard(key);
            if std::mem::replace(&mut keys.entry(key).or_default().paid, true) {
                self.paid_again.fetch_add(1, Relaxed);
            }
        }
    }

    fn shard(
        &self,
        key: u128,
    ) -> MutexGuard<'_, HashMap<u128, KeyCount, BuildHasherDefault<KeyHasher>>> {
        lock(&self.keys[(key >> 64) as usize % SHARDS])
    }

    pub(super) fn snapshot(&self) -> Stats {
        let mut calls_by_role = lock(&self.other_roles).clone();
        let known = ROLES
            .iter()
            .zip(&self.roles)
            .map(|(role, n)| (*role, n.load(Relaxed)));
        for (role, n) in known.chain([("", self.no_role.load(Relaxed))]) {
            if n > 0 {
                calls_by_role.insert(role.to_owned(), n);
            }
        }
        let mut replies_by_status = lock(&self.other_status).clone();
        let ok = self.ok.load(Relaxed);
        if ok > 0 {
            replies_by_status.insert(200, ok);
        }
        let faults = lock(&self.faults)
            .iter()
            .map(|(name, n)| ((*name).to_owned(), *n))
            .collect();
        Stats {
            calls: self.calls.load(Relaxed),
            probes: self.probes.load(Relaxed),
            calls_by_role,
            replies_by_status,
            faults,
            distinct_keys: self.distinct_keys.load(Relaxed),
            repeated_keys: self.repeated_keys.load(Relaxed),
            paid: self.paid.load(Relaxed),
            paid_again: self.paid_again.load(Relaxed),
            unanswered: self.unanswered.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            max_in_flight: self.max_in_flight.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            connections: self.connections.load(Relaxed),
            batches: self.batches.load(Relaxed),
            batch_calls: self.batch_calls.load(Relaxed),
        }
    }

    pub(super) fn log(&self) -> Vec<LogEntry> {
        self.log
            .as_ref()
            .map(|log| lock(log).clone())
            .unwrap_or_default()
    }

    /// Forgets all but the calls in flight and the open connections.
    pub(super) fn reset(&self) {
        for counter in self.roles.iter().chain([
            &self.calls,
            &self.probes,
            &self.no_role,
            &self.ok,
            &self.distinct_keys,
            &self.repeated_keys,
            &self.paid,
            &self.paid_again,
            &self.unanswered,
            &self.bytes_in,
            &self.bytes_out,
            &self.connections,
            &self.batches,
            &self.batch_calls,
        ]) {
            counter.store(0, Relaxed);
        }
        self.max_in_flight
            .store(self.in_flight.load(Relaxed), Relaxed);
        lock(&self.other_roles).clear();
        lock(&self.other_status).clear();
        lock(&self.faults).clear();
        for keys in &self.keys {
            lock(keys).clear();
        }
        if let Some(log) = &self.log {
            lock(log).clear();
        }
    }
}

/// A call that waits for its reply.
pub(super) struct Waiting<'a> {
    counters: &'a Counters,
    answered: bool,
}

impl Waiting<'_> {
    /// The reply leaves. `paid_key`: the call, when its reply has a price.
    pub(super) fn answered(mut self, status: u16, bytes: usize, paid_key: Option<u128>) {
        self.counters.replied(status, bytes, paid_key);
        self.answered = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, Relaxed);
        if !self.answered {
            self.counters.unanswered.fetch_add(1, Relaxed);
        }
    }
}

/// No code panics while it holds one of these locks; after a panic elsewhere the counts are
/// still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
