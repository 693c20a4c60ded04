//! `forgemark scripted-server`

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use forgemark_contract::json;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::Bench;

struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    first: String,
}

fn serve(bench: &Bench, args: &[&str]) -> Served {
    let mut all = vec!["-q", "scripted-server"];
    all.extend(args);
    let mut child = bench
        .command(&all)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    Served {
        child,
        out,
        first: first.trim_end().to_owned(),
    }
}

impl Served {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn rest(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

fn post(base_url: &str, body: &str) -> String {
    let address = base_url
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/v1")
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

const BODY: &str = r#"{"model": "m", "messages": [{"role": "user", "content": "hello"}]}"#;

#[test]
fn serves_until_it_is_stopped() {
    let bench = Bench::new().file("script.yaml", "seed: 3\nreply: {text: good day}\n");
    let served = serve(&bench, &["--script", "script.yaml", "--json"]);
    let first = json::parse(served.first.as_bytes()).unwrap();
    let reply = post(first.str_or("base_url", ""), BODY);
    assert!(
        reply.starts_with("HTTP/1.1 200") && reply.contains("good day"),
        "{reply}"
    );
    served.signal(Signal::SIGTERM);
    let (code, out, err) = served.rest();
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(
        json::parse(out.as_bytes()).unwrap().at("calls").as_i64(),
        Some(1)
    );
}

#[test]
fn people_get_a_url_and_a_table() {
    let bench = Bench::new();
    let served = serve(&bench, &[]);
    assert!(post(&served.first, BODY).starts_with("HTTP/1.1 200"));
    served.signal(Signal::SIGINT);
    let (code, out, _) = served.rest();
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(out, @"
    calls             1
    different calls   1
    paid              1
    paid again        0
    without a reply   0
    most at a time    1
    status 200        1
    ");
}

#[test]
fn a_script_that_is_wrong_shows_the_line() {
    let bench = Bench::new()
        .file(
            "s.yaml",
            "seed: 7\nrules:\n  - match: {role: user}\n    latency: {fixed_ms: soon}\n",
        )
        .file("t.yaml", "seed: [1\n");
    insta::assert_snapshot!(bench.shown(&["scripted-server", "--script", "s.yaml"]), @"
    exit 2
    --- stderr
    error: `rules[0].latency.fixed_ms`: expected a number, found string
     --> s.yaml:4:25
      |
    4 |     latency: {fixed_ms: soon}
      |                         ^^^^
    ");
    insta::assert_snapshot!(bench.shown(&["scripted-server", "--script", "t.yaml"]), @"
    exit 2
    --- stderr
    error: not valid YAML: while parsing a flow sequence, expected ',' or ']'
     --> t.yaml:1:9
      |
    1 | seed: [1
      |         ^
    ");
}

#[test]
fn an_address_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let shown = Bench::new()
        .shown(&["scripted-server", "--port", &port])
        .replace(&port, "PORT");
    insta::assert_snapshot!(shown, @"
    exit 1
    --- stderr
    error: cannot listen on 127.0.0.1:PORT
      caused by: Address already in use (os error 98)

    hint: `--port 0` picks a free port
    ");
}
