//! Equal seed, documents and replies give equal bytes, whatever else happens.

use forgemark_dialogue::run::Ending;
use forgemark_model::scripted::Dialogue;

use super::bench::{Bench, assert_same};

fn busy() -> Dialogue {
    Dialogue {
        conflict_rate: 0.1,
        paraphrase_rate: 0.1,
        shared_questions: 6,
        ..Dialogue::PLAIN
    }
}

#[test]
fn acceptance_8_2_5_concurrency_changes_no_byte() {
    let base = |concurrency: i64| {
        let (bench, agent) = Bench::scripted(5, busy());
        let bench = bench
            .set("run.total_samples", 40)
            .set("run.batch_size", 4)
            .set("run.turns.max", 4)
            .set("run.concurrency", concurrency);
        let summary = bench.run();
        assert_eq!(summary.ending, Ending::Complete);
        assert_eq!(summary.good, 40);
        assert!(agent.calls() >= summary.turns * 3);
        bench.artifacts()
    };
    let one = base(1);
    assert!(one.len() > 50, "{} files", one.len());
    for concurrency in [4, 64] {
        assert_same(
            &one,
            &base(concurrency),
            &format!("concurrency {concurrency}"),
        );
    }
}
