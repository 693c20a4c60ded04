//! Plots as SVG: rating intervals, and who beats whom.

use std::fmt::Write as _;

use forgemark_arena::Stats;
use forgemark_arena::rate::{Ratings, Role, Row};

use super::html::escaped;

const FONT: &str = "font-family=\"system-ui, sans-serif\" font-size=\"13\"";
const RIGHT: f64 = 90.0;
const TOP: f64 = 56.0;
const ROW: f64 = 26.0;
/// Beside the names.
const WIDTH: f64 = 650.0;

/// Room for the longest of some names.
fn left<'n>(names: impl Iterator<Item = &'n str>) -> f64 {
    let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
    28.0 + 7.4 * longest as f64
}

/// The ratings of one role with their intervals, the strongest on top. An interval that ends in infinity has an arrow.
pub(super) fn ratings(ratings: &Ratings, role: Role) -> String {
    let rows: Vec<&Row> = ratings.rows.iter().filter(|row| row.role == role).collect();
    let left = left(rows.iter().map(|row| row.model.as_str()));
    let width = WIDTH + left;
    let height = TOP + ROW * rows.len() as f64 + 44.0;
    let mut out = head(width, height, &format!("Elo ratings as {}", role.as_str()));
    let subtitle = format!(
        "{} games, policy {} ({}), {} model, 95 % intervals",
        ratings.games,
        ratings.policy.name,
        ratings.policy.digest(),
        ratings.model.as_str()
    );
    text(&mut out, 16.0, 40.0, "start", "#57606a", &subtitle);
    let (low, high) = bounds(&rows);
    let x = |elo: f64| left + (elo - low) / (high - low) * (WIDTH - RIGHT);
    let bottom = TOP + ROW * rows.len() as f64;
    let step = tick(high - low);
    let mut at = (low / step).ceil() * step;
    while at <= high {
        let place = x(at);
        let _ = writeln!(
            out,
            "<line x1=\"{place:.1}\" y1=\"{TOP}\" x2=\"{place:.1}\" y2=\"{bottom:.1}\" stroke=\"#d8dee4\"/>"
        );
        text(
            &mut out,
            place,
            bottom + 18.0,
            "middle",
            "#57606a",
            &format!("{at:.0}"),
        );
        at += step;
    }
    for (number, row) in rows.iter().enumerate() {
        let y = TOP + ROW * (number as f64 + 0.5);
        text(&mut out, left - 12.0, y + 4.5, "end", "#1f2328", &row.model);
        let Some(elo) = row.rating.elo() else {
            text(
                &mut out,
                left + 8.0,
                y + 4.5,
                "start",
                "#57606a",
                "not comparable",
            );
            continue;
        };
        if let Some(interval) = row.elo_interval() {
            let (from, to) = (x(interval.low.max(low)), x(interval.high.min(high)));
            let _ = writeln!(
                out,
                "<line x1=\"{from:.1}\" y1=\"{y:.1}\" x2=\"{to:.1}\" y2=\"{y:.1}\" stroke=\"#0969da\" stroke-width=\"3\" stroke-opacity=\"0.55\"/>"
            );
            for (open, tip, away) in [
                (interval.low < low, from, 9.0),
                (interval.high > high, to, -9.0),
            ] {
                if open {
                    let base = tip + away;
                    let _ = writeln!(
                        out,
                        "<path d=\"M{tip:.1} {y:.1} L{base:.1} {:.1} L{base:.1} {:.1} Z\" fill=\"#0969da\"/>",
                        y - 5.0,
                        y + 5.0
                    );
                }
            }
        }
        let shown = if elo.is_finite() {
            format!("{elo:.0}")
        } else {
            "infinite".to_owned()
        };
        let place = x(elo.clamp(low, high));
        let _ = writeln!(
            out,
            "<circle cx=\"{place:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"#0a3069\"/>"
        );
        text(&mut out, width - 12.0, y + 4.5, "end", "#1f2328", &shown);
    }
    out += "</svg>\n";
    out
}

/// The range of finite numbers in the rows, with room.
fn bounds(rows: &[&Row]) -> (f64, f64) {
    let ends = rows.iter().flat_map(|row| {
        let interval = row.elo_interval();
        [
            row.rating.elo(),
            interval.map(|i| i.low),
            interval.map(|i| i.high),
        ]
    });
    let finite = ends.flatten().filter(|end| end.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| {
        (low.min(end), high.max(end))
    });
    if low.is_finite() {
        let room = (high - low).max(100.0) * 0.05;
        (low - room, high + room)
    } else {
        (900.0, 1100.0)
    }
}

/// The distance of ticks: 1, 2 or 5 times a power of ten, for five to ten of them.
fn tick(range: f64) -> f64 {
    let power = 10.0_f64.powf((range / 5.0).log10().floor());
    let times = [5.0, 2.0, 1.0];
    let fits = times
        .into_iter()
        .find(|times| range / (times * power) >= 5.0);
    power * fits.unwrap_or(1.0)
}

/// The share of games that each answerer wins against each questioner: blue where the answerer wins, orange where the questioner does.
pub(super) fn matrix(stats: &Stats) -> String {
    const CELL: f64 = 74.0;
    /// The title takes so much, however few models there are.
    const NARROWEST: f64 = 640.0;
    let names: Vec<&String> = stats.models.keys().collect();
    let left = left(names.iter().map(|name| name.as_str()));
    let size = CELL * names.len() as f64;
    // The names of the columns stand at 48 degrees: sin 48 = 0.74, cos 48 = 0.67.
    let above = 60.0 + 0.75 * left;
    let width = (left + size + left * 0.67).max(NARROWEST);
    let height = above + size * 0.55 + 30.0;
    let tall = CELL * 0.55;
    let mut out = head(
        width,
        height,
        "Games that the answerer (row) wins against the questioner (column)",
    );
    let subtitle = format!(
        "% of games, with their number; policy {} ({})",
        stats.policy.name,
        stats.policy.digest()
    );
    text(&mut out, 16.0, 40.0, "start", "#57606a", &subtitle);
    for (column, questioner) in names.iter().enumerate() {
        let x = left + CELL * (column as f64 + 0.5);
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" transform=\"rotate(-48 {x:.1} {:.1})\" fill=\"#1f2328\" {FONT}>{}</text>",
            above - 8.0,
            above - 8.0,
            escaped(questioner)
        );
    }
    for (row, answerer) in names.iter().enumerate() {
        let y = above + tall * row as f64;
        text(
            &mut out,
            left - 12.0,
            y + tall / 2.0 + 4.5,
            "end",
            "#1f2328",
            answerer,
        );
        for (column, questioner) in names.iter().enumerate() {
            let x = left + CELL * column as f64;
            let share = stats
                .matrix
                .get(&((*answerer).clone(), (*questioner).clone()));
            let ratio = share.and_then(|share| share.ratio());
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                CELL - 2.0,
                tall - 2.0,
                ratio.map_or("#f6f8fa".to_owned(), colour)
            );
            if let (Some(ratio), Some(share)) = (ratio, share) {
                let middle = x + CELL / 2.0 - 1.0;
                let ink = if (0.15..=0.85).contains(&ratio) {
                    "#1f2328"
                } else {
                    "#ffffff"
                };
                let shown = format!("{:.0}", 100.0 * ratio);
                text(&mut out, middle, y + tall / 2.0, "middle", ink, &shown);
                let _ = writeln!(
                    out,
                    "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{ink}\" font-family=\"system-ui, sans-serif\" font-size=\"10\">{}</text>",
                    y + tall / 2.0 + 13.0,
                    share.n
                );
            }
        }
    }
    out += "</svg>\n";
    out
}

/// From orange (0) over white (1/2) to blue (1); the two hues stay apart for all common kinds of colour blindness.
fn colour(ratio: f64) -> String {
    let (end, far) = if ratio < 0.5 {
        ([179.0, 88.0, 6.0], 1.0 - 2.0 * ratio)
    } else {
        ([33.0, 102.0, 172.0], 2.0 * ratio - 1.0)
    };
    let mixed = end.map(|end| (247.0 + (end - 247.0) * far).round() as u8);
    format!("#{:02x}{:02x}{:02x}", mixed[0], mixed[1], mixed[2])
}

fn head(width: f64, height: f64, title: &str) -> String {
    let title = escaped(title);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let _ = writeln!(
        out,
        "<text x=\"16\" y=\"22\" fill=\"#1f2328\" font-family=\"system-ui, sans-serif\" font-size=\"15\" font-weight=\"600\">{title}</text>"
    );
    out
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, fill: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{fill}\" {FONT}>{}</text>",
        escaped(text)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (range, expected) in [(100.0, 20.0), (260.0, 50.0), (1_900.0, 200.0), (7.0, 1.0)] {
            assert!(
                (tick(range) - expected).abs() < 1e-9,
                "{range}: {}",
                tick(range)
            );
        }
    }

    #[test]
    fn colours_go_from_orange_to_blue() {
        assert_eq!(
            [0.0, 0.5, 1.0].map(colour),
            ["#b35806", "#f7f7f7", "#2166ac"]
        );
    }
}
