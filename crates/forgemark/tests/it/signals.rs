//! Ctrl-C: the first drains and leaves a run that the same command finishes, the second stops at once.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use forgemark_model::scripted::{Behaviour, Latency, Matcher, Script};
use forgemark_testkit::endpoint::Endpoint;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{Bench, code};

/// An endpoint whose simulated user takes this long to reply; probes are answered at once.
fn endpoint(user_ms: f64) -> Endpoint {
    let slow = Behaviour::NONE.latency(Latency::Fixed { ms: user_ms });
    Endpoint::start(&Script::new(0).rule(Matcher::role("user_turn"), slow)).unwrap()
}

fn bench(endpoint: &Endpoint) -> Bench {
    let url = endpoint.base_url();
    let config = format!(
        "run: {{total_samples: 6, concurrency: 1, data: {{seeding: {{topics: {{enabled: false}}}}}}}}\n\
         llm:\n  agents:\n    user: {{model: scripted-1, base_url: '{url}'}}\n    assistant: {{model: scripted-1, base_url: '{url}'}}\n"
    );
    let text =
        "Water boils at 100 degrees at sea level. Ice melts at 0 degrees. The sun is a star.\n";
    Bench::new()
        .file("c.yaml", config)
        .file("knowledge/a.txt", text.repeat(20))
}

fn start(bench: &Bench) -> Child {
    bench
        .command(&["dialogue", "run", "c.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

/// Reads stderr up to the line that says that the run drains.
fn wait_for_drain(child: &mut Child) -> BufReader<std::process::ChildStderr> {
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the process ended");
        if line.starts_with("draining") {
            return lines;
        }
    }
}

#[test]
fn one_signal_drains_and_the_same_command_goes_on() {
    let endpoint = endpoint(100.0);
    let bench = bench(&endpoint);
    let mut child = start(&bench);
    assert!(endpoint.wait_until(|stats| stats.calls >= 3));
    signal(&child, Signal::SIGINT);
    drop(wait_for_drain(&mut child));
    assert_eq!(child.wait().unwrap().code(), Some(5));
    let paid = endpoint.stats().paid;
    let output = bench.run(&["dialogue", "run", "c.yaml", "--json"]);
    assert_eq!(
        code(&output),
        0,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let stats = endpoint.stats();
    assert!(stats.paid > paid);
    assert_eq!(
        stats.paid_again, 0,
        "nothing that had been paid for is asked again"
    );
}

#[test]
fn two_signals_stop_at_once() {
    let endpoint = endpoint(600_000.0);
    let bench = bench(&endpoint);
    let mut child = start(&bench);
    assert!(endpoint.wait_until(|stats| stats.in_flight >= 1));
    signal(&child, Signal::SIGTERM);
    drop(wait_for_drain(&mut child));
    // What comes together with the first signal does not count as another one.
    let ended = loop {
        signal(&child, Signal::SIGTERM);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(130));
}
