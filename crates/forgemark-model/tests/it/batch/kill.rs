//! A process that is killed at any write and at any request: the next one ends with the same replies, and nothing was paid
//! twice.

use std::time::Duration;

use forgemark_model::scripted::{BatchEnd, BatchPlay, Running};
use forgemark_model::{BatchConfig, Wire};
use forgemark_testkit::{Fault, FaultKind, MemDisk};
use tokio::runtime::{Builder, Runtime};

use super::relay::{Moment, Relay};
use super::support::{WIRES, all, caller, config, eager, expected, kept, server, texts};

/// Few, because there are many points.
const CALLS: usize = 4;

/// The first batch ends with a part of its calls undone, so that every way is gone at every point.
const PLAYS: [BatchPlay; 2] = [
    BatchPlay {
        polls: 1,
        ..BatchPlay::PLAIN
    },
    BatchPlay::PLAIN,
];

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn settings() -> BatchConfig {
    BatchConfig {
        // The next process has fewer calls, so the quiet decides.
        quiet: Duration::from_millis(5),
        ..eager(CALLS)
    }
}

fn plays() -> [BatchPlay; 2] {
    let mut plays = PLAYS;
    plays[0].end = BatchEnd::Expired;
    plays[0].finish = 0.5;
    plays
}

/// A process: makes all calls through a relay, until it ends or the relay falls silent. Dropping its runtime kills it. The
/// replies, if it came to its end, and the number of requests.
fn process(
    disk: &MemDisk,
    wire: Wire,
    server: &Running,
    silence: Option<Moment>,
) -> (Option<Vec<String>>, usize) {
    let runtime = runtime();
    let address = server.addr.to_string();
    let ended = runtime.block_on(async {
        let relay = Relay::start(address, silence).await;
        let Ok(caller) = caller(disk, &config(wire, &relay.url, Some(settings()))) else {
            return (None, relay.requests());
        };
        tokio::select! {
            called = all(&caller, CALLS) => {
                let whole = called.iter().all(Result::is_ok);
                (whole.then(|| texts(&called)), relay.requests())
            }
            () = relay.silent() => (None, relay.requests()),
        }
    });
    runtime.shutdown_background();
    ended
}

/// What has to hold after the last process.
fn proven(disk: &MemDisk, server: &Running, texts: &[String], expected: &[String], what: &str) {
    assert_eq!(texts, expected, "{what}");
    let stats = server.stats();
    assert_eq!(
        (stats.paid, stats.paid_again),
        (CALLS as u64, 0),
        "{what}: {stats:?} {:?}",
        server.log()
    );
    let kept = kept(disk);
    assert_eq!((kept.calls.len(), kept.pending), (CALLS, 0), "{what}");
    assert!(
        kept.calls.values().all(|times| *times == 1),
        "{what}: booked twice"
    );
}

#[test]
fn nothing_is_paid_twice_when_the_process_is_killed_at_any_request() {
    for wire in WIRES {
        let expected = runtime().block_on(expected(wire, CALLS));
        let whole = server(plays());
        let (ended, requests) = process(&MemDisk::new(), wire, &whole, None);
        assert_eq!(ended.expect("an end"), expected);
        assert!(requests >= 6, "{requests}");
        println!("{wire:?}: killed at {} moments", requests * 2);
        for at in 1..=requests {
            for answered in [false, true] {
                let what = format!("{wire:?}, request {at}, answered: {answered}");
                let server = server(plays());
                let disk = MemDisk::new();
                let silence = Some(Moment { at, answered });
                let (first, _) = process(&disk, wire, &server, silence);
                // How often is looked is nobody's promise, so the last requests may not come.
                let disk = disk.power_loss();
                let (second, _) = process(&disk, wire, &server, None);
                let texts = second.unwrap_or_else(|| panic!("{what}: no end"));
                assert!(first.is_none_or(|first| first == texts), "{what}");
                proven(&disk, &server, &texts, &expected, &what);
            }
        }
    }
}

#[test]
fn nothing_is_paid_twice_when_the_process_is_killed_at_any_write() {
    for wire in WIRES {
        let expected = runtime().block_on(expected(wire, CALLS));
        let disk = MemDisk::new();
        let whole = server(plays());
        let (ended, _) = process(&disk, wire, &whole, None);
        assert_eq!(ended.expect("an end"), expected);
        let points = disk.points();
        assert!(points > 10, "{points}");
        println!("{wire:?}: killed at {points} points");
        for at in 1..=points {
            let what = format!("{wire:?}, write {at} of {points}");
            let server = server(plays());
            let disk = MemDisk::with_fault(Fault {
                at,
                kind: FaultKind::Crash,
            });
            process(&disk, wire, &server, None);
            let disk = if at % 2 == 0 {
                disk.kill()
            } else {
                disk.power_loss()
            };
            let (second, _) = process(&disk, wire, &server, None);
            let texts = second.unwrap_or_else(|| panic!("{what}: no end"));
            proven(&disk, &server, &texts, &expected, &what);
        }
    }
}

#[test]
fn nothing_is_paid_twice_through_many_kills() {
    for wire in WIRES {
        let expected = runtime().block_on(expected(wire, CALLS));
        let server = server(plays());
        let mut disk = MemDisk::new();
        let mut ended = None;
        // Each process dies one request later than the one before.
        for at in 1..60 {
            let silence = Some(Moment {
                at: at / 2 + 1,
                answered: at % 2 == 1,
            });
            let (texts, _) = process(&disk, wire, &server, silence);
            if texts.is_some() {
                ended = texts;
                break;
            }
            disk = disk.power_loss();
        }
        let texts = ended.expect("an end");
        proven(&disk, &server, &texts, &expected, &format!("{wire:?}"));
    }
}
