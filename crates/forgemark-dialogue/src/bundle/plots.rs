//! Bar charts of distributions, in the geometry of the original's files.
//!
//! ```text
//! 16                140                                840 848      980
//!  Title                                                              34
//!  label             ########################################  count  82, then 28 for each bar
//! ```

use std::fmt::Write as _;

use forgemark_contract::json::Json;

/// A chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// Its file name.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The file.
    pub svg: String,
}

/// The charts: file, title, and where its distribution stands in the statistics.
const PLOTS: [(&str, &str, [&str; 2]); 4] = [
    (
        "turn_count_distribution.svg",
        "Turn Count Distribution",
        ["turn_count", "distribution"],
    ),
    (
        "judge_avg_score_distribution.svg",
        "Judge Avg Score Distribution",
        ["judge", "avg_score_distribution"],
    ),
    (
        "word_count_distribution.svg",
        "Word Count Distribution",
        ["text", "word_count_distribution"],
    ),
    (
        "token_estimate_distribution.svg",
        "Token Estimate Distribution",
        ["text", "token_estimate_distribution"],
    ),
];

/// The names that charts can have.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PLOTS.iter().map(|(name, ..)| *name)
}

/// The charts of some statistics. A distribution without anything has none.
pub fn plots(stats: &Json) -> Vec<Plot> {
    let made = PLOTS.iter().filter_map(|(name, title, [part, key])| {
        let distribution = stats.at(part).at(key).as_object()?;
        let bars: Vec<(&str, u64)> = distribution
            .iter()
            .filter_map(|(label, n)| Some((label, n.as_u64()?)))
            .collect();
        (!bars.is_empty()).then(|| Plot {
            name,
            title,
            svg: bars_svg(title, &bars),
        })
    });
    made.collect()
}

/// Horizontal bars whose longest is as wide as the chart. Labels are our own numbers, so nothing needs escaping.
fn bars_svg(title: &str, bars: &[(&str, u64)]) -> String {
    const LEFT: u64 = 16;
    const BAR: u64 = 140;
    const WIDEST: u64 = 700;
    const STEP: u64 = 28;
    const TOP: u64 = 68;
    /// From the top of a bar to the line that its texts stand on.
    const BASE: u64 = 14;
    let most = bars.iter().map(|(_, n)| *n).max().unwrap_or(1).max(1);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='980' height='{}'>\n",
        100 + STEP * bars.len() as u64
    );
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        svg,
        "<text x='{LEFT}' y='34' font-size='22' font-weight='bold' font-family='sans-serif'>{title}</text>"
    );
    for (place, (label, n)) in (0_u64..).zip(bars) {
        let top = TOP + STEP * place;
        let base = top + BASE;
        let width = (u128::from(*n) * u128::from(WIDEST) / u128::from(most)) as u64;
        let _ = writeln!(
            svg,
            "<text x='{LEFT}' y='{base}' font-size='13' font-family='sans-serif'>{label}</text>\n\
             <rect x='{BAR}' y='{top}' width='{width}' height='18' fill='#2f6fed' rx='3' ry='3' />\n\
             <text x='{}' y='{base}' font-size='12' font-family='sans-serif'>{n}</text>",
            BAR + width + 8
        );
    }
    svg.push_str("</svg>");
    svg
}
