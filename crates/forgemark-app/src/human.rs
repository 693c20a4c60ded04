//! Numbers, money and time as people read them.

use std::time::Duration;

/// `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `950`, `12k`, `1.2M`: three digits at most.
pub fn short(n: u64) -> String {
    const STEPS: [(u64, &str); 4] = [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (1_000, "k"),
    ];
    let Some((unit, letter)) = STEPS.into_iter().find(|(unit, _)| n >= *unit) else {
        return n.to_string();
    };
    let tenths = n / (unit / 10);
    if tenths < 100 {
        format!("{}.{}{letter}", tenths / 10, tenths % 10)
    } else {
        format!("{}{letter}", tenths / 10)
    }
}

/// Dollars from millionths: `$0.0042`, `$1.23`, `$1,234`. Small sums keep two digits that count.
pub fn usd(micro: u64) -> String {
    match micro {
        0 => "$0".to_owned(),
        1..10_000 => format!("${:.4}", micro as f64 / 1e6)
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        10_000..1_000_000_000 => {
            let cents = (micro + 5_000) / 10_000;
            format!("${}.{:02}", count(cents / 100), cents % 100)
        }
        _ => format!("${}", count((micro + 500_000) / 1_000_000)),
    }
}

/// `850 ms`, `12 s`, `3 min 20 s`, `1 h 05 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A guess at a time: rounded, so that it does not promise what it cannot know.
pub fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => "a few seconds".to_owned(),
        10..90 => format!("about {} s", seconds.div_ceil(10) * 10),
        90..5_400 => format!("about {} min", (seconds + 30) / 60),
        _ => {
            let minutes = (seconds + 300) / 600 * 10;
            format!("about {} h {:02} min", minutes / 60, minutes % 60)
        }
    }
}

/// `1.5 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{n} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `1 document`, `3 documents`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{} {many}", count(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [950, 1_049, 12_345, 999_999, 1_250_000].map(short),
            ["950", "1.0k", "12k", "999k", "1.2M"]
        );
        assert_eq!(
            [0, 1, 4_200, 12_300, 1_234_999, 999_995_000, 1_234_567_890].map(usd),
            [
                "$0",
                "$0",
                "$0.0042",
                "$0.01",
                "$1.23",
                "$1,000.00",
                "$1,235"
            ]
        );
        assert_eq!(
            [12, 1_536, 1_610_612_736].map(bytes),
            ["12 B", "1.5 KiB", "1.5 GiB"]
        );
        assert_eq!(
            [plural(1, "turn", "turns"), plural(1_200, "turn", "turns")],
            ["1 turn", "1,200 turns"]
        );
    }

    #[test]
    fn times() {
        let shown = |millis: u64| duration(Duration::from_millis(millis));
        assert_eq!(
            [850, 12_900, 200_000, 3_900_000].map(shown),
            ["850 ms", "12 s", "3 min 20 s", "1 h 05 min"]
        );
        let guess = |seconds: u64| about(Duration::from_secs(seconds));
        assert_eq!(
            [3, 42, 100, 3_599, 5_500, 7_300].map(guess),
            [
                "a few seconds",
                "about 50 s",
                "about 2 min",
                "about 60 min",
                "about 1 h 30 min",
                "about 2 h 00 min"
            ]
        );
    }
}
