//! Replies depend on the request, never on who asked first.

use std::collections::BTreeMap;
use std::thread;

use forgemark_model::scripted::{
    Behaviour, Dialogue, Engine, Fault, FaultRule, Latency, Running, Script,
};

use super::client::{Client, Reply, TOOLS, request, serve};

fn script() -> Script {
    Script::new(7)
        .dialogue(Dialogue {
            conflict_rate: 0.1,
            paraphrase_rate: 0.1,
            ..Dialogue::PLAIN
        })
        .otherwise(
            Behaviour::NONE
                .reply_bytes(1_500)
                .latency(Latency::Uniform {
                    min_ms: 0.0,
                    max_ms: 3.0,
                })
                .fault(FaultRule::at_rate(Fault::rate_limit(Some(1)), 0.1))
                .fault(FaultRule::at_rate(Fault::CutBeforeHeaders, 0.05))
                .fault(FaultRule::at_rate(Fault::CutMidBody, 0.05))
                .fault(FaultRule::at_rate(Fault::MalformedJson, 0.1)),
        )
}

/// The n-th of the requests: body, key, attempt.
fn call(n: usize) -> (String, String, String) {
    let role = [
        "user_turn",
        "assistant_turn",
        "judge_turn",
        "judge_conversation",
    ][n % 4];
    let more = if n % 8 == 1 { TOOLS } else { "" };
    (
        request(n / 2, role, more),
        format!("key-{}", n / 2),
        (n % 3).to_string(),
    )
}

fn ask(server: &Running, numbers: impl Iterator<Item = usize>) -> BTreeMap<usize, Reply> {
    let mut client = Client::connect(server.addr);
    let mut replies = BTreeMap::new();
    for n in numbers {
        let (body, key, attempt) = call(n);
        let reply = client.chat(
            &body,
            &[("Idempotency-Key", &key), ("X-Retry-Count", &attempt)],
        );
        if matches!(reply, Reply::Cut { .. }) {
            client = Client::connect(server.addr);
        }
        replies.insert(n, reply);
    }
    replies
}

#[test]
fn order_and_concurrency_change_nothing() {
    const N: usize = 240;
    let server = serve(&script());
    let in_order = ask(&server, 0..N);
    let backward = ask(&server, (0..N).rev());
    assert_eq!(in_order, backward);

    let other = serve(&script());
    let together: BTreeMap<usize, Reply> = thread::scope(|scope| {
        let ask = |k| ask(&other, (0..N).filter(move |n| n * 7 % 8 == k));
        let threads: Vec<_> = (0..8).map(|k| scope.spawn(move || ask(k))).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("replies"))
            .collect()
    });
    assert_eq!(in_order, together);
    let kinds = [
        in_order
            .values()
            .filter(|reply| matches!(reply, Reply::Cut { .. }))
            .count(),
        in_order
            .values()
            .filter(|reply| matches!(reply, Reply::Whole { status: 429, .. }))
            .count(),
        in_order
            .values()
            .filter(|reply| matches!(reply, Reply::Whole { status: 200, .. }))
            .count(),
    ];
    assert!(kinds.iter().all(|n| *n > 5), "{kinds:?}");
}

#[test]
fn the_engine_in_process_says_the_same() {
    let engine = Engine::new(&script()).expect("an engine");
    let server = serve(&script());
    for (n, reply) in ask(&server, 0..60) {
        let (body, key, attempt) = call(n);
        let scripted = engine.respond(body.as_bytes(), Some(&key), attempt.parse().expect("n"));
        match reply {
            Reply::Whole { status, body, .. } => {
                assert_eq!(
                    (status, body),
                    (scripted.status, scripted.body.to_vec()),
                    "call {n}"
                );
            }
            _ => assert!(
                scripted.fault.is_some_and(|fault| fault.starts_with("cut")),
                "call {n}"
            ),
        }
    }
}

#[test]
fn without_a_header_the_server_counts_the_attempts() {
    let fail = [Some(Fault::status(503)), Some(Fault::status(500)), None];
    let server = serve(&Script::new(7).otherwise(Behaviour::NONE.fail(fail)));
    let mut client = Client::connect(server.addr);
    let mut statuses = |key: &str| -> Vec<u16> {
        let headers = [("Idempotency-Key", key)];
        let headers = if key.is_empty() {
            &[][..]
        } else {
            &headers[..]
        };
        (0..4)
            .map(|_| client.chat(&request(1, "user_turn", ""), headers).status())
            .collect()
    };
    for key in ["a", "b", ""] {
        assert_eq!(statuses(key), [503, 500, 200, 200], "{key}");
    }
    let attempts: Vec<u32> = server.log().iter().map(|entry| entry.attempt).collect();
    assert_eq!(attempts, [0, 1, 2, 3].repeat(3));
}
