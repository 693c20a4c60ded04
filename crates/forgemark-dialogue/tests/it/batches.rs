//! A pipeline does not know whether its calls go as batches: the files are the same, and nothing is paid twice.

use std::time::Duration;

use forgemark_dialogue::run::Ending;
use forgemark_model::scripted::{BatchEnd, BatchPlay, Running, Script, Server};
use forgemark_model::{Backend, BatchConfig, EndpointConfig, Wire};
use forgemark_run::Cancel;
use forgemark_testkit::MemDisk;

use super::bench::{Bench, artifacts, assert_same, corpus};

fn server() -> Running {
    // One batch after the other: half undone, whole, half undone for the time that remains.
    let partial = BatchPlay::partial(BatchEnd::Expired, 0.5);
    let script = Script::new(9).batches([partial, BatchPlay::PLAIN, partial]);
    Server::start(&script, ([127, 0, 0, 1], 0).into()).unwrap()
}

fn bench(server: &Running, wire: Wire, batch: Option<BatchConfig>) -> Bench {
    let endpoint = EndpointConfig {
        wire,
        batch,
        ..EndpointConfig::new("e", server.base_url())
    };
    Bench::with(corpus(6, 8), Backend::Http(vec![endpoint])).set("run.concurrency", 8)
}

fn batch() -> BatchConfig {
    BatchConfig {
        everyone: Some(8),
        quiet: Duration::from_millis(3),
        poll: Duration::from_millis(1),
        ..BatchConfig::default()
    }
}

#[test]
fn a_run_over_batches_ends_with_the_files_of_one_without_interrupted_or_not() {
    for wire in [Wire::OpenAi, Wire::Anthropic] {
        let plain = server();
        let single = bench(&plain, wire, None);
        assert_eq!(single.run().ending, Ending::Complete);
        let expected = single.artifacts();

        let whole = server();
        let batched = bench(&whole, wire, Some(batch()));
        assert_eq!(batched.run().ending, Ending::Complete);
        assert_same(&expected, &batched.artifacts(), &format!("{wire:?}"));
        let stats = whole.stats();
        assert!(stats.batches > 2, "{stats:?}");
        assert_eq!(stats.paid_again, 0);

        // Interrupted when some batch is under way, and gone on with.
        let server = server();
        let disk = MemDisk::new();
        let cancel = Cancel::new();
        let bench = bench(&server, wire, Some(batch())).on(&disk);
        let first = std::thread::scope(|scope| {
            let run = scope.spawn(|| bench.try_run_with(cancel.clone()).unwrap());
            while server.stats().batches < 3 && !run.is_finished() {
                std::thread::yield_now();
            }
            cancel.cancel();
            run.join().unwrap()
        });
        assert!(matches!(
            first.ending,
            Ending::Interrupted | Ending::Complete
        ));
        let second = bench.run();
        assert!(matches!(
            second.ending,
            Ending::Complete | Ending::AlreadyComplete
        ));
        assert_same(
            &expected,
            &artifacts(&disk),
            &format!("{wire:?}, interrupted"),
        );
        assert_eq!(server.stats().paid_again, 0, "{:?}", server.stats());
    }
}
