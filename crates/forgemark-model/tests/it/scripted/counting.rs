//! What the server counts is what was sent.

use std::thread;

use forgemark_contract::json::Json;
use forgemark_model::scripted::{Behaviour, Fault, Latency, Script};

use super::client::{Client, Reply, request, serve, serve_behaviour};

#[test]
fn counts_are_exact_under_concurrency() {
    const THREADS: usize = 8;
    const CALLS: usize = 60;
    let latency = Latency::Uniform {
        min_ms: 0.0,
        max_ms: 5.0,
    };
    let server = serve_behaviour(Behaviour::NONE.reply_bytes(1_500).latency(latency));
    let roles = [
        "user_turn",
        "assistant_turn",
        "judge_turn",
        "judge_conversation",
        "else",
        "",
    ];
    let bytes: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let addr = server.addr;
                scope.spawn(move || {
                    let mut client = Client::connect(addr);
                    let mut bytes = 0;
                    for n in 0..CALLS {
                        let body = request(n, roles[n % roles.len()], "");
                        // Every second thread repeats the keys of the one before.
                        let key = format!("{}-{n}", thread / 2);
                        assert_eq!(
                            client.chat(&body, &[("idempotency-key", &key)]).status(),
                            200
                        );
                        bytes += body.len();
                    }
                    bytes
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("bytes"))
            .sum()
    });
    let stats = server.stop();
    let total = (THREADS * CALLS) as u64;
    assert_eq!(stats.calls, total);
    for role in roles {
        assert_eq!(
            stats.calls_by_role[role],
            total / roles.len() as u64,
            "{role}"
        );
    }
    assert_eq!(stats.replies_by_status, [(200, total)].into());
    assert_eq!(
        (stats.distinct_keys, stats.repeated_keys),
        (total / 2, total / 2)
    );
    assert_eq!((stats.paid, stats.paid_again), (total, total / 2));
    assert_eq!(
        (stats.bytes_in, stats.bytes_out),
        (bytes as u64, total * 1_500)
    );
    assert_eq!(stats.connections, THREADS as u64);
    assert_eq!((stats.in_flight, stats.unanswered), (0, 0));
    assert!(
        (2..=THREADS as u64).contains(&stats.max_in_flight),
        "{}",
        stats.max_in_flight
    );
}

#[test]
fn only_completions_are_paid() {
    let fail = [
        Some(Fault::rate_limit(None)),
        Some(Fault::Html),
        Some(Fault::CutBeforeHeaders),
        Some(Fault::CutMidBody),
        None,
    ];
    let server = serve_behaviour(Behaviour::NONE.fail(fail));
    for _ in 0..6 {
        Client::connect(server.addr)
            .chat(&request(1, "user_turn", ""), &[("Idempotency-Key", "k")]);
    }
    let log: Vec<_> = server
        .log()
        .into_iter()
        .map(|entry| {
            (
                entry.key,
                entry.attempt,
                entry.role,
                entry.status,
                entry.fault,
            )
        })
        .collect();
    let expected = [
        (0, 429, Some("rate_limit")),
        (1, 200, Some("html")),
        (2, 200, Some("cut_before_headers")),
        (3, 200, Some("cut_mid_body")),
        (4, 200, None),
        (5, 200, None),
    ];
    let line = |(attempt, status, fault)| ("k".into(), attempt, "user_turn".into(), status, fault);
    assert_eq!(log, expected.map(line));
    let stats = server.stop();
    assert_eq!(
        (stats.calls, stats.distinct_keys, stats.repeated_keys),
        (6, 1, 1)
    );
    assert_eq!((stats.paid, stats.paid_again, stats.unanswered), (3, 2, 1));
    assert_eq!(stats.replies_by_status, [(200, 4), (429, 1)].into());
}

#[test]
fn probes_are_counted_apart() {
    let server = serve_behaviour(Behaviour::NONE);
    let mut client = Client::connect(server.addr);
    for key in ["probe", "a", "probe"] {
        let headers = [("Idempotency-Key", key)];
        assert_eq!(client.chat(&request(1, "", ""), &headers).status(), 200);
    }
    let stats = server.stop();
    assert_eq!((stats.calls, stats.probes), (1, 2));
    assert_eq!((stats.distinct_keys, stats.repeated_keys), (1, 0));
    assert_eq!((stats.paid, stats.paid_again), (1, 0));
    assert_eq!(stats.replies_by_status, [(200, 1)].into());
}

#[test]
fn the_most_in_flight_is_seen() {
    let server = serve_behaviour(Behaviour::NONE.always(Fault::Stall));
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(server.addr)).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(
            "POST",
            "/v1/chat/completions",
            &request(n, "user_turn", ""),
            &[],
        );
    }
    while server.stats().calls < 20 || server.stats().in_flight < 20 {
        thread::yield_now();
    }
    assert_eq!(server.stop().max_in_flight, 20);
}

#[test]
fn stats_over_http_and_their_reset() {
    let server =
        serve(&Script::new(7).otherwise(Behaviour::text("hi").fail([Some(Fault::status(500))])));
    let mut client = Client::connect(server.addr);
    for status in [500, 200] {
        assert_eq!(
            client.chat(&request(1, "user_turn", ""), &[]).status(),
            status
        );
    }
    let stats = client.call("GET", "/stats").json();
    assert_eq!(stats, server.stats().to_json());
    assert_eq!(stats.i64_or("calls", 0), 2);
    assert_eq!(
        stats.at("replies_by_status"),
        &Json::from([("200", 1_i64.into()), ("500", 1_i64.into())])
    );
    assert_eq!(stats.at("calls_by_role").i64_or("user_turn", 0), 2);

    assert_eq!(client.call("POST", "/stats/reset").status(), 200);
    let stats = server.stats();
    assert_eq!(
        (stats.calls, stats.distinct_keys, stats.paid, stats.bytes_in),
        (0, 0, 0, 0)
    );
    assert!(server.log().is_empty() && stats.faults.is_empty() && stats.calls_by_role.is_empty());
    // The count of attempts begins anew as well.
    assert_eq!(client.chat(&request(1, "user_turn", ""), &[]).status(), 500);
}

#[test]
fn a_client_that_leaves_is_counted() {
    let server = serve_behaviour(Behaviour::NONE.latency(Latency::Fixed { ms: 60_000.0 }));
    let mut client = Client::connect(server.addr).patience(100);
    assert_eq!(
        client.chat(&request(1, "user_turn", ""), &[]),
        Reply::Silence
    );
    drop(client);
    while server.stats().in_flight > 0 {
        thread::yield_now();
    }
    let stats = server.stop();
    assert_eq!((stats.calls, stats.unanswered, stats.paid), (1, 1, 0));
}
