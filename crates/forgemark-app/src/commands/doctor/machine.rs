//! What concerns the machine alone: version, processors, clock.

use forgemark_contract::time::Timestamp;

use super::report::{Level, Report};
use crate::clock;
use crate::human;

/// Micros of 2025-01-01T00:00:00Z; no release of this program is older.
const EARLIEST: Timestamp = Timestamp(1_735_689_600_000_000);
/// Micros of 2100-01-01T00:00:00Z.
const LATEST: Timestamp = Timestamp(4_102_444_800_000_000);

/// Adds the checks.
pub(super) fn check(report: &mut Report, version: &str) {
    report.add("forgemark", Level::Ok, version);
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    report.add(
        "machine",
        Level::Ok,
        format!(
            "{} {}, {}",
            std::env::consts::OS,
            std::env::consts::ARCH,
            human::plural(cores, "core", "cores")
        ),
    );
    clock(report, clock::now());
}

fn clock(report: &mut Report, now: Timestamp) {
    let text = now.dataset_style();
    if (EARLIEST..LATEST).contains(&now) {
        report.add("clock", Level::Ok, text);
    } else {
        report.add_with_hint(
            "clock",
            Level::Fail,
            format!("{text} cannot be"),
            Some("set the machine's clock; rows carry its time"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_found() {
        for (seconds, failed) in [(0, true), (1_800_000_000, false), (9_000_000_000, true)] {
            let mut report = Report::default();
            clock(&mut report, Timestamp::from_epoch_seconds(seconds));
            assert_eq!(report.has_failed(), failed, "{seconds}");
        }
    }
}
