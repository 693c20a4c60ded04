//! The caller against the scripted server: whatever the transport does, the replies are those of a run without faults.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use forgemark_contract::ids::CallKey;
use forgemark_model::scripted::{
    Behaviour, Fault, FaultRule, Latency, Running, Script, Server, Stats,
};
use forgemark_model::{Budget, Caller, EndpointConfig, Params};
use futures_util::{StreamExt, stream};

use super::support::{Setup, ask, dir, impatient};

const CALLS: usize = 300;
const SLOTS: usize = 24;

fn start(faults: &[Fault], latency: Latency) -> Running {
    let mut behaviour = Behaviour::text("You get {hash8}.").latency(latency);
    let rules = faults
        .iter()
        .map(|fault| FaultRule::at_rate(fault.clone(), 0.04));
    behaviour.faults = Some(rules.collect());
    let script = Script::new(11).otherwise(behaviour);
    Server::start(&script, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a server")
}

async fn run(servers: &[&Running], params: Params) -> (BTreeMap<CallKey, String>, Caller) {
    let dir = dir();
    let mut setup = Setup::of(&[]);
    setup.endpoints = servers
        .iter()
        .enumerate()
        .map(|(n, server)| EndpointConfig::new(format!("e{n}"), server.base_url()))
        .collect();
    setup.params = params;
    setup.retry = impatient();
    setup.retry.attempt_timeout = Duration::from_secs(1);
    setup.budget = Budget::default();
    let caller = setup.caller(dir.path());
    let replies = stream::iter(0..CALLS)
        .map(|n| {
            let caller = &caller;
            async move {
                let request = ask(&format!("question {n}"));
                let item = format!("c-{}/t-{n}", n % 50);
                let called = caller
                    .call("user", &item, &request)
                    .await
                    .expect("an outcome");
                called.durable.clone().await.expect("durable");
                (called.key, called.outcome.expect("a reply").content)
            }
        })
        .buffer_unordered(SLOTS)
        .collect()
        .await;
    (replies, caller)
}

fn transport_faults() -> Vec<Fault> {
    vec![
        Fault::rate_limit(None),
        Fault::status(500),
        Fault::status(502),
        Fault::status(503),
        Fault::CutBeforeHeaders,
        Fault::CutMidBody,
        Fault::Html,
        Fault::MalformedJson,
        Fault::Stall,
    ]
}

fn every_fault_struck(stats: &Stats) -> bool {
    transport_faults()
        .iter()
        .all(|fault| stats.faults.contains_key(fault.name()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_the_transport_change_no_reply() {
    let clean = start(&[], Latency::NONE);
    let (expected, _) = run(&[&clean], Params::default()).await;
    assert_eq!(expected.len(), CALLS);

    let faulty = start(&transport_faults(), Latency::NONE);
    let (seen, caller) = run(&[&faulty], Params::default()).await;
    let stats = faulty.stop();
    assert!(every_fault_struck(&stats), "{stats:?}");
    assert_eq!(seen, expected);
    assert_eq!(stats.distinct_keys, CALLS as u64);
    let totals = caller.journal().totals().all();
    assert_eq!((totals.calls, totals.failures), (CALLS as u64, 0));
    assert_eq!(totals.retries, stats.calls - CALLS as u64);

    // Over two endpoints, one of them clean: the same again.
    let faulty = start(&transport_faults(), Latency::NONE);
    let (seen, _) = run(&[&faulty, &clean], Params::default()).await;
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_429s_is_waited_out() {
    let script = Script::new(3)
        .storm(1.0, None)
        .otherwise(Behaviour::text("well {hash8}"));
    let server =
        Server::start(&script, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a server");
    let (seen, caller) = run(&[&server], Params::default()).await;
    assert_eq!(seen.len(), CALLS);
    let stats = server.stop();
    // 24 slots for a second at full speed would be thousands.
    let limited = stats.replies_by_status.get(&429).copied().unwrap_or(0);
    assert!((1..300).contains(&limited), "{limited} answers were 429");
    assert_eq!(caller.snapshot().n_429, limited);
    assert_eq!(stats.paid, CALLS as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_in_flight_than_allowed() {
    let latency = Latency::Fixed { ms: 2.0 };
    let server = start(&[], latency);
    let dir = dir();
    let mut setup = Setup::of(&[]);
    setup.endpoints = vec![EndpointConfig {
        max_in_flight: 7,
        start_in_flight: 2,
        ..EndpointConfig::new("e0", server.base_url())
    }];
    let caller = setup.caller(dir.path());
    stream::iter(0..CALLS)
        .for_each_concurrent(SLOTS, |n| {
            let caller = &caller;
            async move {
                let request = ask(&format!("question {n}"));
                caller
                    .call("user", "c/1", &request)
                    .await
                    .expect("an outcome");
            }
        })
        .await;
    // It grew to what was allowed, and not beyond.
    assert_eq!(server.stop().max_in_flight, 7);
}
