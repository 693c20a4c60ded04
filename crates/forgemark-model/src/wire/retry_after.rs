//! How long an endpoint asks to be left alone.
//!
//! In order: `retry-after-ms`; `Retry-After` as seconds or as an HTTP date (RFC 9110, section 10.2.3); the reset headers of the
//! limit that is used up (`x-ratelimit-reset…`, as seconds, as `6m0s`, as a time since 1970, or as RFC 3339); Gemini's
//! `retryDelay`; and "try again in 1.5s" in the message. Dates count from the answer's own `Date` header, so that a wrong
//! clock here does no harm.

use std::time::Duration;

use forgemark_contract::time::Timestamp;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Longer answers are nonsense; what is really waited is bounded further by the configuration.
const LONGEST: f64 = 7.0 * 24.0 * 3_600.0;

/// Numbers above this in a reset header are times since 1970, not waits.
const EPOCH_SECONDS: f64 = 1e9;
const EPOCH_MILLISECONDS: f64 = 1e12;

/// The wait that an answer asks for. `lower` is the message in lower case.
pub(crate) fn find(
    headers: &HeaderMap,
    body: &[u8],
    lower: &str,
    now: Timestamp,
) -> Option<Duration> {
    let now = text(headers, DATE.as_str())
        .and_then(http_date)
        .unwrap_or(now.0 as f64 / 1e6);
    if let Some(ms) = text(headers, "retry-after-ms").and_then(number) {
        return duration(ms / 1e3);
    }
    if let Some(value) = text(headers, RETRY_AFTER.as_str()) {
        let seconds = number(value).or_else(|| http_date(value).map(|at| at - now));
        if let Some(seconds) = seconds {
            return duration(seconds);
        }
    }
    reset(headers, now)
        .or_else(|| retry_delay(body))
        .or_else(|| in_message(lower))
        .and_then(duration)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.clamp(0.0, LONGEST)).ok()
}

/// Seconds since 1970 of an HTTP date.
fn http_date(text: &str) -> Option<f64> {
    let instant = jiff::fmt::rfc2822::DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
        .ok()?;
    Some(instant.as_second() as f64)
}

/// The longest reset of the limits that are used up, else the shortest of all.
fn reset(headers: &HeaderMap, now: f64) -> Option<f64> {
    let (mut used_up, mut any): (Option<f64>, Option<f64>) = (None, None);
    for (name, value) in headers {
        let name = name.as_str();
        if !name.contains("ratelimit") || !name.contains("reset") {
            continue;
        }
        let Some(wait) = value
            .to_str()
            .ok()
            .and_then(|value| wait(value.trim(), now))
        else {
            continue;
        };
        let remaining = name.replace("reset", "remaining");
        if text(headers, &remaining)
            .and_then(number)
            .is_some_and(|left| left <= 0.0)
        {
            used_up = Some(used_up.map_or(wait, |longest| longest.max(wait)));
        }
        any = Some(any.map_or(wait, |shortest| shortest.min(wait)));
    }
    used_up.or(any)
}

fn wait(value: &str, now: f64) -> Option<f64> {
    if let Some(plain) = number(value) {
        return Some(match plain {
            at if at >= EPOCH_MILLISECONDS => at / 1e3 - now,
            at if at >= EPOCH_SECONDS => at - now,
            seconds => seconds,
        });
    }
    units(value).or_else(|| {
        let at = Timestamp::parse(value).ok()?;
        Some(at.0 as f64 / 1e6 - now)
    })
}

/// `6m0s`, `1h2m3.5s`, `120ms`.
fn units(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (value, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let scale = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        seconds += number(value)? * scale;
        rest = next;
    }
    (!text.is_empty()).then_some(seconds)
}

/// Google's `"retryDelay": "35s"`.
fn retry_delay(body: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, after) = text.split_once("\"retryDelay\"")?;
    let (_, value) = after.split_once('"')?;
    let (value, _) = value.split_once('"')?;
    units(value)
}

/// "Please try again in 1.5s", "retry in 20 seconds".
fn in_message(lower: &str) -> Option<f64> {
    let (_, after) = ["try again in ", "retry in ", "retry after "]
        .iter()
        .find_map(|words| lower.split_once(words))?;
    let mut words = after.split_whitespace();
    let first = words.next()?.trim_end_matches(['.', ',', ';', '!', ')']);
    if let Some(value) = units(first) {
        return Some(value);
    }
    let value = number(first)?;
    let unit = words.next().unwrap_or("s");
    let scale = if unit.starts_with("ms") || unit.starts_with("milli") {
        1e-3
    } else if unit.starts_with('m') {
        60.0
    } else if unit.starts_with('h') {
        3_600.0
    } else {
        1.0
    };
    Some(value * scale)
}
