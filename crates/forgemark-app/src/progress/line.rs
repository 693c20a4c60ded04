//! The words of a progress display.

use std::fmt::Write as _;
use std::time::Duration;

use super::ProgressSnapshot;
use crate::escape;
use crate::human;

/// `dialogues 120/1,024 (11 %), about 17 min left`.
pub(super) fn head(snapshot: &ProgressSnapshot, left: Option<Duration>) -> String {
    let mut text = counts(snapshot);
    if let Some(left) = left {
        let _ = write!(text, ", {} left", human::about(left));
    }
    text
}

/// `dialogues 120/1,024 (11 %)`.
pub(super) fn counts(snapshot: &ProgressSnapshot) -> String {
    let label = escape::for_line(&snapshot.label);
    match snapshot.total {
        Some(total) if total > 0 => format!(
            "{label} {}/{} ({} %)",
            human::count(snapshot.done),
            human::count(total),
            snapshot.done.saturating_mul(100) / total
        ),
        _ => format!("{label} {}", human::count(snapshot.done)),
    }
}

/// Everything else; what is zero is left out, but for the calls in flight.
pub(super) fn details(snapshot: &ProgressSnapshot) -> String {
    let mut parts = vec![format!(
        "{}/{} in flight",
        snapshot.in_flight, snapshot.limit
    )];
    let mut some = |n: u64, text: String| {
        if n > 0 {
            parts.push(text);
        }
    };
    some(
        snapshot.turns,
        human::plural(snapshot.turns, "turn", "turns"),
    );
    some(
        snapshot.dropped,
        format!("{} dropped", human::count(snapshot.dropped)),
    );
    some(
        snapshot.tokens_in + snapshot.tokens_out,
        format!(
            "tokens {} in {} out",
            human::short(snapshot.tokens_in),
            human::short(snapshot.tokens_out)
        ),
    );
    some(snapshot.cost_micro_usd, human::usd(snapshot.cost_micro_usd));
    some(
        snapshot.unknown_price_calls,
        format!(
            "{} of unknown price",
            human::plural(snapshot.unknown_price_calls, "call", "calls")
        ),
    );
    some(
        snapshot.n_429,
        format!("{} rate limited", human::count(snapshot.n_429)),
    );
    some(
        snapshot.retries,
        human::plural(snapshot.retries, "retry", "retries"),
    );
    some(
        snapshot.discarded,
        format!("{} discarded", human::count(snapshot.discarded)),
    );
    parts.join(" | ")
}
