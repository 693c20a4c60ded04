//! Numbers as Python writes them.

use std::fmt::Write as _;

/// A small text buffer on the stack; a double in scientific notation has at most 24 characters.
struct Digits {
    bytes: [u8; 32],
    len: usize,
}

impl Digits {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Digits before the exponent.
    fn n_digits(&self) -> usize {
        self.as_bytes()
            .iter()
            .take_while(|byte| **byte != b'e')
            .filter(|byte| **byte != b'.')
            .count()
    }
}

impl std::fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        let Some(room) = self.bytes.get_mut(self.len..end) else {
            return Err(std::fmt::Error);
        };
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Appends the decimal digits of `value`.
pub(super) fn write_u64(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends `value` in decimal.
pub(super) fn write_i64(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_u64(out, value.unsigned_abs());
}

/// The double whose shortest spelling is the shortest spelling of `value`, so that a writer of doubles writes a single
/// without the digits that its conversion would add (`0.1`, not `0.10000000149011612`).
pub fn shortest_f32(value: f32) -> f64 {
    let mut text = Digits {
        bytes: [0; 32],
        len: 0,
    };
    match write!(text, "{value:e}") {
        Ok(()) => text.as_str().parse().unwrap_or_else(|_| f64::from(value)),
        Err(_) => f64::from(value),
    }
}

/// Appends `value` as `serde_json` writes it: the shortest digits, plain from 1e-5 up to below 1e16 and always with a
/// fraction, else scientific with a signed exponent (`1e-7`, `1e+16`; older versions leave the plus out); `null` for
/// what is not finite.
pub(super) fn write_f64_rust(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        return out.extend_from_slice(b"null");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    write_shortest(out, value.abs(), -5, 1);
}

/// Appends `value` as `repr(float)` and `json.dumps` write it: the shortest digits that read back to the same double,
/// plain for exponents -4 to 15 and always with a fraction (`1.0`), else scientific with a signed exponent of at least
/// two digits (`1e-07`, `1e+16`); `NaN`, `Infinity`, `-Infinity`.
pub(super) fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    write_shortest(out, value.abs(), -4, 2);
}

/// Appends the shortest digits of a finite `value` that is not negative: plain for exponents from `least_plain` to 15,
/// else scientific with a signed exponent of at least `exponent_digits`, 1 or 2.
fn write_shortest(out: &mut Vec<u8>, value: f64, least_plain: i32, exponent_digits: u32) {
    let (digits, n_digits, exponent) = shortest(value);
    let digits = &digits[..n_digits];
    if (least_plain..16).contains(&exponent) {
        return write_plain(out, digits, exponent);
    }
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent_digits > 1 && exponent.abs() < 10 {
        out.push(b'0');
    }
    write_u64(out, u64::from(exponent.unsigned_abs()));
}

/// The shortest digits of a finite `value` that is not negative, how many there are, and the exponent of the first.
fn shortest(value: f64) -> ([u8; 20], usize, i32) {
    let mut written = scientific(value, None);
    if written.n_digits() >= LONGEST_SURE {
        let rounded = scientific(value, Some(written.n_digits() - 1));
        if rounded.as_str().parse() == Ok(value) {
            written = rounded;
        }
    }
    let written = written.as_bytes();
    let split = memchr::memchr(b'e', written).unwrap_or(written.len());
    let mut digits = [0u8; 20];
    let mut n_digits = 0;
    for &byte in written[..split]
        .iter()
        .filter(|byte| **byte != b'.')
        .take(digits.len())
    {
        digits[n_digits] = byte;
        n_digits += 1;
    }
    let exponent = written.get(split + 1..).map_or(0, read_exponent);
    (digits, n_digits, exponent)
}

/// Shortest digits fewer than this are the nearest ones for sure. At 16 and 17 digits a double can lie exactly between
/// two equally short spellings; Python takes the even one, Rust's shortest form the upper one, so those are rounded again.
const LONGEST_SURE: usize = 15;

/// `value`, not negative, in Rust's scientific notation: its shortest digits, or rounded to `decimals` after the first,
/// half to even.
fn scientific(value: f64, decimals: Option<usize>) -> Digits {
    let mut text = Digits {
        bytes: [0; 32],
        len: 0,
    };
    // The buffer is large enough for every double, so the result carries no information.
    let _ = match decimals {
        None => write!(text, "{value:e}"),
        Some(decimals) => write!(text, "{value:.decimals$e}"),
    };
    text
}

/// Reads the exponent that Rust wrote: an optional minus and digits.
fn read_exponent(text: &[u8]) -> i32 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let size = digits
        .iter()
        .fold(0i32, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    if negative { -size } else { size }
}

/// Appends `d.ddd * 10^exponent` without an exponent.
fn write_plain(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-exponent - 1) as usize, b'0');
        out.extend_from_slice(digits);
        return;
    }
    let whole = exponent as usize + 1;
    if digits.len() > whole {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    } else {
        out.extend_from_slice(digits);
        out.resize(out.len() + whole - digits.len(), b'0');
        out.extend_from_slice(b".0");
    }
}
