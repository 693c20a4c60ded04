//! What a cut costs: `cargo run --release -p forgemark-curate --example cut_cost -- CONVERSATIONS`.
//!
//! Conversations of five records of 500 characters, without a semantic stage, as conversations in chat messages.

use std::io;
use std::time::Instant;

use forgemark_contract::store::ContextRecord;
use forgemark_contract::time::Timestamp;
use forgemark_curate::compat::Snapshot;
use forgemark_curate::cut::{Plan, cut};
use forgemark_curate::formats::Format;
use forgemark_curate::output::Output;
use forgemark_curate::recipe::{Recipe, Task};
use forgemark_curate::select::Visibility;

/// Counts bytes.
struct Count(u64);

impl Output for Count {
    fn append(&mut self, _: &str, bytes: &[u8]) -> io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "a measurement that is run by hand")]
fn main() {
    let n: i64 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    let text =
        "The bolts of the front wheel are torqued crosswise to forty. ".repeat(9)[..500].to_owned();
    let rows = (0..n * 5).map(|row| {
        let role = if row % 5 % 2 == 0 {
            "user"
        } else {
            "assistant"
        };
        ContextRecord {
            session_id: Some(format!("s{}", row / 5)),
            run_id: "run".to_owned(),
            ..ContextRecord::text(format!("r{row}"), role, text.clone(), Timestamp(row))
        }
    });
    let plan = Plan {
        recipe: Recipe::new(Task::Sft, Visibility::at(Timestamp(i64::MAX))),
        format: Format::OpenAi,
        name: "cut".to_owned(),
        snapshot: Snapshot {
            uri: "mem://".to_owned(),
            version: 1,
        },
        split: None,
        mix: None,
        shuffle: None,
    };
    let mut output = Count(0);
    let start = Instant::now();
    match cut(rows, &plan, &mut output) {
        Ok(manifest) => {
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{} rows: {seconds:.2} s, {} bytes, {} lines",
                n * 5,
                output.0,
                manifest.sides[0].lines
            );
        }
        Err(error) => println!("{error}"),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or("peak memory unknown")
    );
}
