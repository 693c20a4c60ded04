//! `forgemark dialogue run`, ended by SIGKILL again and again, against a server in another process.
//!
//! What SIGKILL cannot show (data that the system had not written yet) is shown by the simulated disk
//! in the tests of the dialogue crate.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use forgemark_contract::json::{self, Json};

use crate::command::{Bench, code};

const CONCURRENCY: u64 = 8;
const SCRIPT: &str = "seed: 11\nlatency: {uniform_ms: [2, 20]}\ndialogue: {conflict_rate: 0.05, shared_questions: 6, min_score: 4, max_score: 10}\n";

/// A scripted server in a process of its own; killed when dropped.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(bench: &Bench) -> Self {
        let mut child = bench
            .command(&["-q", "scripted-server", "--script", "script.yaml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut first)
            .unwrap();
        let url = first.trim_end().strip_prefix("http://").unwrap();
        let address = url.strip_suffix("/v1").unwrap().to_owned();
        Self { child, address }
    }

    fn stat(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let body = reply.split_once("\r\n\r\n").unwrap().1;
        json::parse(body.as_bytes())
            .unwrap()
            .at(name)
            .as_u64()
            .expect(name)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bench() -> Bench {
    let mut bench = Bench::new()
        .env("SOURCE_DATE_EPOCH", "1900000000")
        .file("script.yaml", SCRIPT);
    for document in 0..4 {
        let mut text = String::new();
        for n in 0..60 {
            let n = document * 1_000 + n;
            write!(
                text,
                "Valve {n} opens at {} bar and feeds line {}. ",
                n % 37 + 1,
                n * 7 % 997
            )
            .unwrap();
        }
        bench = bench.file(&format!("knowledge/part-{document}.txt"), text);
    }
    bench
}

fn configured(bench: Bench, served: &Served) -> Bench {
    let agent = format!(
        "{{model: scripted-1, base_url: 'http://{}/v1'}}",
        served.address
    );
    let config = format!(
        "run: {{total_samples: 40, batch_size: 6, concurrency: {CONCURRENCY}, turns: {{min: 1, max: 3}}}}\n\
         llm: {{agents: {{user: {agent}, assistant: {agent}, judge: {agent}}}}}\n\
         judge: {{enabled: true, mode: online, accept: {{min_score: 5}}}}\n\
         documents: {{path: knowledge}}\n\
         saving: {{output_dir: out}}\n"
    );
    bench.file("config.yaml", config)
}

const RUN: [&str; 5] = ["dialogue", "run", "config.yaml", "--progress", "none"];

/// Every file of the output folder but those of our own state.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() && name != ".forgemark" {
                open.push(path);
            } else if path.is_file() {
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Ends the run after `calls` more paid replies. Returns whether it was still at work then.
fn run_and_kill(bench: &Bench, served: &Served, calls: u64) -> bool {
    let until = served.stat("paid") + calls;
    let mut child = bench
        .command(&RUN)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while served.stat("paid") < until {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "the run does not get on"
        );
        // Another process is at work; there is no channel to it.
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    status.code().is_none()
}

fn rows(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<Json> {
    let lines = files[name]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.map(|line| json::parse(line).unwrap()).collect()
}

mod heavy {
    use super::*;

    #[test]
    fn a_run_that_is_killed_many_times_ends_as_one_that_is_not() {
        let (left, right) = (bench(), bench());
        let (quiet, noisy) = (Served::start(&left), Served::start(&right));
        let (left, right) = (configured(left, &quiet), configured(right, &noisy));
        let whole = left.run(&RUN);
        assert_eq!(
            code(&whole),
            0,
            "{}",
            String::from_utf8_lossy(&whole.stderr)
        );
        assert_eq!(quiet.stat("paid_again"), 0);

        // Numbers without a pattern, the same in every run of this test.
        let (mut kills, mut random) = (0, 20_240_607_u64);
        for _ in 0..12 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            kills += u64::from(run_and_kill(&right, &noisy, random >> 33 & 31));
        }
        assert!(kills >= 6, "{kills} kills");
        let end = right.run(&RUN);
        assert_eq!(code(&end), 0, "{}", String::from_utf8_lossy(&end.stderr));

        let (expected, found) = (files(&left.path("out")), files(&right.path("out")));
        assert_eq!(
            expected.keys().collect::<Vec<_>>(),
            found.keys().collect::<Vec<_>>(),
            "the same files"
        );
        for (name, bytes) in &expected {
            assert!(bytes == &found[name], "{name} differs");
        }
        let good = rows(&found, "conversations_sharegpt.jsonl").len();
        assert_eq!(good, 40);
        let (again, paid) = (noisy.stat("paid_again"), noisy.stat("paid"));
        println!("{kills} kills, {again} of {paid} calls paid again");
        assert!(
            again <= kills * CONCURRENCY,
            "{again} calls paid again at {kills} kills"
        );
        // A finished run asks for nothing more.
        assert_eq!(code(&right.run(&RUN)), 0);
        assert_eq!(noisy.stat("paid"), paid);
        assert_eq!(files(&right.path("out")), found);
    }
}
