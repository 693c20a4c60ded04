use std::io::{Read, Write};
use std::net::TcpStream;

use forgemark_model::scripted::Fault;

use super::*;

fn ask(endpoint: &Endpoint) -> String {
    let url = endpoint.base_url();
    let host = url.trim_start_matches("http://").trim_end_matches("/v1");
    let body = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nidempotency-key: k\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn it_answers_counts_and_forgets() {
    let endpoint =
        Endpoint::of(Behaviour::text("Good day").fail([Some(Fault::status(503))])).unwrap();
    assert!(ask(&endpoint).starts_with("HTTP/1.1 503 "));
    let reply = ask(&endpoint);
    assert!(
        reply.starts_with("HTTP/1.1 200 ") && reply.contains("Good day"),
        "{reply}"
    );
    assert_eq!((endpoint.calls(), endpoint.stats().paid), (2, 1));
    let log: Vec<(String, u32, u16)> = endpoint
        .log()
        .into_iter()
        .map(|entry| (entry.key, entry.attempt, entry.status))
        .collect();
    assert_eq!(log, [("k".to_owned(), 0, 503), ("k".to_owned(), 1, 200)]);
    endpoint.reset();
    assert_eq!((endpoint.calls(), endpoint.log().len()), (0, 0));
    assert!(ask(&endpoint).starts_with("HTTP/1.1 503 "));
    assert_eq!(endpoint.stop().calls, 1);
}

#[test]
fn waiting_ends_when_the_calls_are_there() {
    let endpoint = Endpoint::dialogue().unwrap();
    assert!(endpoint.wait_until(|stats| stats.calls == 0));
    std::thread::scope(|scope| {
        scope.spawn(|| ask(&endpoint));
        assert!(endpoint.wait_until(|stats| stats.paid == 1));
    });
}
