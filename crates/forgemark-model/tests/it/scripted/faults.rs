//! Every fault as it looks on the wire, and that the server lives on.

use std::time::{Duration, Instant};

use forgemark_contract::json::parse;
use forgemark_model::scripted::{Behaviour, Fault, Running};

use super::client::{Client, Reply, TOOLS, request, serve, serve_behaviour};

/// A server whose first attempt of each call has the fault, and whose second has not.
fn once(fault: Fault) -> Running {
    serve_behaviour(Behaviour::NONE.reply_bytes(1_500).fail([Some(fault)]))
}

/// The reply to a first attempt; checks that the second attempt gets a good reply.
fn first(fault: Fault, role: &str, more: &str) -> Reply {
    let name = fault.name();
    let server = once(fault);
    let body = request(1, role, more);
    let reply = Client::connect(server.addr)
        .patience(300)
        .chat(&body, &[("X-Retry-Count", "0")]);
    let again = Client::connect(server.addr).chat(&body, &[("X-Retry-Count", "1")]);
    assert_eq!(again.status(), 200, "{name}");
    assert!(parse(again.body()).is_ok(), "{name}");
    let stats = server.stop();
    assert_eq!(stats.calls, 2, "{name}");
    assert_eq!(stats.faults, [(name.to_owned(), 1)].into(), "{name}");
    reply
}

#[test]
fn error_statuses() {
    for status in [400, 401, 404, 429, 500, 502, 503] {
        let reply = first(Fault::status(status), "user_turn", "");
        assert_eq!(reply.status(), status);
        assert!(
            !reply.head().to_lowercase().contains("retry-after"),
            "{}",
            reply.head()
        );
        assert_eq!(
            status == 502,
            reply.head().contains("text/html"),
            "{}",
            reply.head()
        );
    }
    let reply = first(Fault::rate_limit(Some(2)), "user_turn", "");
    assert!(
        reply.head().contains("\r\nretry-after: 2\r\n"),
        "{}",
        reply.head()
    );
    assert_eq!(
        reply.json().at("error").str_or("code", ""),
        "rate_limit_exceeded"
    );
    let reply = first(Fault::ContextLength, "user_turn", "");
    assert_eq!(
        (reply.status(), reply.json().at("error").str_or("code", "")),
        (400, "context_length_exceeded")
    );
    let seed = Fault::UnsupportedParameter {
        parameter: "seed".into(),
        value: None,
    };
    let reply = first(seed, "user_turn", r#","seed":1"#);
    assert_eq!(
        (reply.status(), reply.json().at("error").str_or("param", "")),
        (400, "seed")
    );
}

#[test]
fn a_stall_is_silence_until_the_client_goes() {
    let server = serve_behaviour(Behaviour::NONE.always(Fault::Stall));
    let mut client = Client::connect(server.addr).patience(200);
    assert_eq!(
        client.chat(&request(1, "user_turn", ""), &[]),
        Reply::Silence
    );
    assert_eq!(
        (server.stats().in_flight, server.stats().unanswered),
        (1, 0)
    );
    drop(client);
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.stats().in_flight > 0 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let stats = server.stop();
    assert_eq!((stats.in_flight, stats.unanswered, stats.paid), (0, 1, 0));
    assert!(stats.replies_by_status.is_empty());
}

#[test]
fn stopping_ends_stalled_calls() {
    let server = serve_behaviour(Behaviour::NONE.always(Fault::Stall));
    let mut client = Client::connect(server.addr);
    client.send(
        "POST",
        "/v1/chat/completions",
        &request(1, "user_turn", ""),
        &[],
    );
    while server.stats().calls == 0 {
        std::thread::yield_now();
    }
    let stats = server.stop();
    assert_eq!(stats.calls, 1);
    assert_eq!(
        client.receive(),
        Reply::Cut {
            head_bytes: 0,
            body_bytes: 0
        }
    );
}

#[test]
fn connections_are_cut_where_the_script_says() {
    let before = first(Fault::CutBeforeHeaders, "user_turn", "");
    assert_eq!(
        before,
        Reply::Cut {
            head_bytes: 0,
            body_bytes: 0
        }
    );
    let Reply::Cut {
        head_bytes,
        body_bytes,
    } = first(Fault::CutMidBody, "user_turn", "")
    else {
        panic!("not cut");
    };
    assert!(head_bytes > 20, "{head_bytes}");
    assert_eq!(body_bytes, 750);
}

#[test]
fn bodies_that_are_no_completion() {
    let html = first(Fault::Html, "user_turn", "");
    assert_eq!(html.status(), 200);
    assert!(html.head().contains("text/html"), "{}", html.head());
    assert!(html.body().starts_with(b"<!DOCTYPE html>"));
    let malformed = first(Fault::MalformedJson, "user_turn", "");
    assert_eq!((malformed.status(), malformed.body().len()), (200, 1_000));
    assert!(parse(malformed.body()).is_err());
}

#[test]
fn spoilt_messages() {
    for fault in [
        Fault::MalformedContent,
        Fault::FencedContent,
        Fault::ProseContent,
        Fault::EmptyContent,
        Fault::NullContent,
        Fault::FinishLength,
        Fault::FinishContentFilter,
        Fault::Refusal,
        Fault::ReasoningContent,
        Fault::LoneSurrogate,
        Fault::InventedCoverageTarget,
    ] {
        let name = fault.name();
        let good = serve_behaviour(Behaviour::NONE.reply_bytes(1_500));
        let plain = Client::connect(good.addr)
            .chat(&request(1, "user_turn", ""), &[])
            .json();
        let spoilt = first(fault, "user_turn", "");
        assert_eq!(spoilt.status(), 200, "{name}");
        assert_ne!(
            spoilt.json().items("choices"),
            plain.items("choices"),
            "{name}"
        );
    }
}

#[test]
fn spoilt_tool_calls() {
    for fault in [
        Fault::ToolIdNull,
        Fault::ToolIdNumber,
        Fault::ToolIdEmpty,
        Fault::ToolIdDuplicate,
        Fault::ToolIdReused,
        Fault::InventedToolName,
        Fault::InvalidToolArguments,
    ] {
        let name = fault.name();
        let good = serve_behaviour(Behaviour::NONE.reply_bytes(1_500));
        let body = request(1, "assistant_turn", TOOLS);
        let plain = Client::connect(good.addr).chat(&body, &[]).message();
        let spoilt = first(fault, "assistant_turn", TOOLS).message();
        assert_eq!(plain.items("tool_calls").len(), 1, "{name}");
        assert!(!spoilt.items("tool_calls").is_empty(), "{name}");
        assert_ne!(spoilt, plain, "{name}");
    }
    let endless = serve_behaviour(Behaviour::NONE.always(Fault::EndlessToolCalls));
    let body = request(1, "assistant_turn", TOOLS);
    let with_result = body.replace(
        "\"}],\"response",
        "\"},{\"role\":\"tool\",\"tool_call_id\":\"x\",\"content\":\"r\"}],\"response",
    );
    assert_ne!(body, with_result);
    let reply = Client::connect(endless.addr).chat(&with_result, &[]);
    assert_eq!(reply.message().items("tool_calls").len(), 1);
}

#[test]
fn large_and_slow_replies_are_whole() {
    let large = first(Fault::LargeReply { bytes: 5 << 20 }, "user_turn", "");
    assert_eq!(large.body().len(), 5 << 20);
    assert!(large.message().at("content").is_string());

    let start = Instant::now();
    let slow = first(
        Fault::SlowBody {
            pieces: 5,
            interval_ms: 20,
        },
        "user_turn",
        "",
    );
    assert!(
        start.elapsed() >= Duration::from_millis(80),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(slow.body().len(), 1_500);
    assert!(slow.message().at("content").is_string());
}

#[test]
fn a_storm_passes() {
    let script = forgemark_model::scripted::Script::new(7).storm(0.3, Some(1));
    let server = serve(&script);
    let mut client = Client::connect(server.addr);
    let body = request(1, "user_turn", "");
    let start = Instant::now();
    let mut limited = 0;
    loop {
        let reply = client.chat(&body, &[]);
        if reply.status() == 200 {
            break;
        }
        assert_eq!(reply.status(), 429);
        assert!(reply.head().contains("retry-after: 1"), "{}", reply.head());
        limited += 1;
    }
    assert!(
        start.elapsed() >= Duration::from_millis(300),
        "{:?}",
        start.elapsed()
    );
    let stats = server.stats();
    assert_eq!(
        (stats.replies_by_status[&429], stats.replies_by_status[&200]),
        (limited, 1)
    );
    assert_eq!(stats.faults["rate_limit"], limited);
    // Starting again from nothing brings the storm back.
    server.reset();
    assert_eq!(client.chat(&body, &[]).status(), 429);
}

#[test]
fn latency_is_kept() {
    let latency = forgemark_model::scripted::Latency::Fixed { ms: 60.0 };
    let server = serve_behaviour(Behaviour::NONE.latency(latency));
    let start = Instant::now();
    assert_eq!(
        Client::connect(server.addr)
            .chat(&request(1, "user_turn", ""), &[])
            .status(),
        200
    );
    assert!(
        start.elapsed() >= Duration::from_millis(60),
        "{:?}",
        start.elapsed()
    );
}
