//! What work costs: `cargo run --release -p forgemark-curate --example cost -- export|minhash ROWS`.
//!
//! Temporary files lie in the folder that `TMPDIR` names.

use std::time::{Duration, Instant};

use forgemark_curate::bench::{Gauge, export, minhash};
use forgemark_curate::spill::ScratchFile;

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[expect(clippy::print_stdout, reason = "a measurement that is run by hand")]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let rows = arguments.next().and_then(|text| text.parse().ok());
    let rows: u64 = rows.unwrap_or(100_000);
    let start = Instant::now();
    let now = move || -> Duration { start.elapsed() };
    let gauge = Gauge {
        now: &now,
        peak: &peak,
    };
    let scratch = || Ok(Box::new(tempfile::tempfile()?) as Box<dyn ScratchFile>);
    match what.as_str() {
        "minhash" => println!("{:?}", minhash(rows, &gauge)),
        _ => println!("{:?}", export(rows, &scratch, &gauge)),
    }
}
