//! Batches are known from their intent to their close, over kills and full segments.

use forgemark_contract::time::Timestamp;
use forgemark_journal::{
    BatchCall, BatchIntent, BatchRecord, BatchStage, PendingBatch, Record, dump, verify,
};
use forgemark_testkit::MemDisk;

use crate::support::{call, key, open, out, shared};

fn intent(names: &[&str]) -> BatchIntent {
    BatchIntent {
        model: "main".to_owned(),
        endpoint: "http://localhost:1".to_owned(),
        after: Some("batch_0".to_owned()),
        calls: names
            .iter()
            .map(|name| BatchCall {
                key: key(name),
                role: "judge".to_owned(),
                item: format!("c \"{name}\"/1"),
            })
            .collect(),
    }
}

fn step(id: &str, stage: BatchStage) -> Record {
    Record::Batch(BatchRecord {
        id: id.to_owned(),
        at: Timestamp(7),
        stage,
    })
}

fn pending(id: &str, names: &[&str], provider_id: Option<&str>) -> PendingBatch {
    PendingBatch {
        id: id.to_owned(),
        at: Timestamp(7),
        intent: intent(names),
        provider_id: provider_id.map(str::to_owned),
    }
}

#[test]
fn a_batch_is_pending_until_it_is_closed_whatever_happens_to_the_process() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    // Written in an order that is not that of the ids.
    for record in [
        step("z", BatchStage::Intended(intent(&["a", "b"]))),
        step("y", BatchStage::Intended(intent(&[]))),
        step(
            "z",
            BatchStage::Submitted {
                provider_id: "batch_1".to_owned(),
            },
        ),
    ] {
        journal.append(record).wait().unwrap();
    }
    let both = [
        pending("z", &["a", "b"], Some("batch_1")),
        pending("y", &[], None),
    ];
    assert_eq!(journal.pending_batches().unwrap(), both);
    // Over several segments, so that checkpoints have to know it.
    for n in 0..40 {
        let record = Record::Call(call(&n.to_string(), &"reply ".repeat(20)));
        journal.append(record).wait().unwrap();
    }
    drop(journal);
    let disk = disk.power_loss();
    let (journal, _) = open(&disk).unwrap();
    assert_eq!(journal.pending_batches().unwrap(), both);
    let closed = BatchStage::Closed {
        how: "completed".to_owned(),
    };
    journal.append(step("z", closed)).wait().unwrap();
    drop(journal);
    let disk = disk.power_loss();
    let (journal, _) = open(&disk).unwrap();
    assert_eq!(journal.pending_batches().unwrap(), both[1..]);
    drop(journal);
    assert_eq!(verify(&shared(&disk), &out()).unwrap().calls, 40);
    let steps = dump(&shared(&disk), &out()).unwrap().map(Result::unwrap);
    let steps: Vec<Record> = steps
        .map(|entry| entry.record)
        .filter(|record| matches!(record, Record::Batch(_)))
        .collect();
    assert_eq!(steps.len(), 4);
    assert_eq!(
        steps[0],
        step("z", BatchStage::Intended(intent(&["a", "b"])))
    );
}

#[test]
fn calls_are_added_up_by_endpoint_and_model() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for n in 0..30 {
        let mut record = call(&n.to_string(), &"reply ".repeat(20));
        record.endpoint = if n % 3 == 0 { "a" } else { "b" }.to_owned();
        record.model = if n % 2 == 0 { "m" } else { "n" }.to_owned();
        journal.append(Record::Call(record)).wait().unwrap();
    }
    let totals = journal.totals();
    assert_eq!(totals.by_endpoint["a"]["m"].calls, 5);
    assert_eq!(totals.by_endpoint["b"]["n"].cost_micro_usd, 70);
    drop(journal);
    let (journal, _) = open(&disk.kill()).unwrap();
    assert_eq!(journal.totals(), totals);
}
