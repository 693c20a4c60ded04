//! The other routes, and requests that are none of ours.

use std::net::TcpListener;

use forgemark_model::scripted::{Behaviour, Script, ScriptError, Server, StartError};

use super::client::{Client, request, serve, serve_behaviour};

#[test]
fn models_and_health() {
    let mut script = Script::new(7);
    script.models = vec!["org/a".into(), "b".into()];
    let server = serve(&script);
    let mut client = Client::connect(server.addr);
    let models = client.call("GET", "/v1/models").json();
    let ids: Vec<&str> = models
        .items("data")
        .iter()
        .map(|model| model.str_or("id", ""))
        .collect();
    assert_eq!(
        (models.str_or("object", ""), ids),
        ("list", vec!["org/a", "b"])
    );
    assert_eq!(client.call("GET", "/healthz").body(), b"ok\n");
    assert_eq!(server.base_url(), format!("http://{}/v1", server.addr));
}

#[test]
fn what_is_not_served_is_said_so() {
    let server = serve_behaviour(Behaviour::NONE);
    let mut client = Client::connect(server.addr);
    let missing = client.call("GET", "/v2/chat");
    assert_eq!(missing.status(), 404);
    assert!(
        missing
            .json()
            .at("error")
            .str_or("message", "")
            .contains("/v1/chat/completions")
    );
    let wrong = client.call("GET", "/v1/chat/completions");
    assert_eq!(wrong.status(), 405);
    assert!(wrong.head().contains("allow: POST"), "{}", wrong.head());
    assert_eq!(client.chat("{\"not\": \"chat\"}", &[]).status(), 400);
    assert_eq!(client.chat("", &[]).status(), 400);
    let streaming = request(1, "user_turn", ",\"stream\":true");
    assert_eq!(client.chat(&streaming, &[]).status(), 400);
    // All on one connection, which still works.
    assert_eq!(client.chat(&request(1, "user_turn", ""), &[]).status(), 200);
    assert_eq!(server.stop().calls, 4);
}

#[test]
fn a_large_request_arrives_whole() {
    let server = serve_behaviour(Behaviour::NONE);
    let body = request(
        1,
        "user_turn",
        &format!(",\"x\":\"{}\"", "y".repeat(3 << 20)),
    );
    let mut client = Client::connect(server.addr);
    assert_eq!(client.chat(&body, &[]).status(), 200);
    assert_eq!(server.stop().bytes_in, body.len() as u64);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("an address");
    let error = Server::start(&Script::new(1), addr).expect_err("a taken port");
    assert!(
        matches!(error, StartError::Listen { address, .. } if address == addr),
        "{error}"
    );
    assert_eq!(error.to_string(), format!("cannot listen on {addr}"));
    let script = Script::new(1).otherwise(Behaviour::text("{oops}"));
    let error = Server::start(&script, ([127, 0, 0, 1], 0).into()).expect_err("a bad template");
    let StartError::Script(ScriptError { path, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(path, "reply[0]");
}
