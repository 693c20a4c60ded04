//! How well decontamination and redaction find what was planted: texts made by a seed, of which it is known what is in them.
//!
//! Half of what is planted is easy and half is disguised, so that the recall says something; half of what is clean only looks
//! like something.

use crate::recipe::HoldoutItem;
use crate::redact::{Kind, find};
use crate::similar::text::finish;
use crate::stages::Grams;

#[cfg(test)]
mod tests;

/// What was found among what was planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Texts in which something was planted.
    pub planted: usize,
    /// Of these, texts in which it was found.
    pub found: usize,
    /// Texts in which nothing was planted.
    pub clean: usize,
    /// Of these, texts in which something was found all the same.
    pub false_positives: usize,
}

impl Found {
    /// The share of what was planted that was found, 0 to 1; 1 where nothing was planted.
    pub fn recall(self) -> f64 {
        if self.planted == 0 {
            1.0
        } else {
            self.found as f64 / self.planted as f64
        }
    }

    fn note(&mut self, planted: bool, found: bool) {
        if planted {
            self.planted += 1;
            self.found += usize::from(found);
        } else {
            self.clean += 1;
            self.false_positives += usize::from(found);
        }
    }
}

/// Numbers of a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (finish(self.0) % bound as u64) as usize
    }

    fn word(&mut self) -> String {
        const HEADS: [&str; 10] = ["ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "su"];
        const TAILS: [&str; 8] = ["l", "n", "r", "st", "m", "nd", "p", "x"];
        let (first, second) = (self.below(HEADS.len()), self.below(HEADS.len()));
        let tail = self.below(TAILS.len());
        format!("{}{}{}", HEADS[first], HEADS[second], TAILS[tail])
    }

    fn words(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.word()).collect()
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }

    fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789";
        (0..count)
            .map(|_| char::from(LETTERS[self.below(LETTERS.len())]))
            .collect()
    }
}

/// Plants evaluation items of 20 to 39 words in longer texts: as they are, and with other punctuation and every eighth word
/// replaced. Clean texts have the same vocabulary; half of them share six words in a row with an item. `n` and `share` are
/// those of [`HoldoutRule`](crate::recipe::HoldoutRule).
pub fn holdout(seed: u64, count: usize, n: usize, share: f64) -> Found {
    let mut numbers = Numbers(seed);
    let evals: Vec<Vec<String>> = (0..count)
        .map(|_| {
            let length = 20 + numbers.below(20);
            numbers.words(length)
        })
        .collect();
    let items: Vec<HoldoutItem> = evals
        .iter()
        .enumerate()
        .map(|(number, words)| HoldoutItem {
            id: number.to_string(),
            text: words.join(" "),
            vector: None,
        })
        .collect();
    let grams = Grams::new(&items, n, share);
    let mut found = Found::default();
    for (number, eval) in evals.iter().enumerate() {
        let planted = if number % 2 == 0 {
            eval.join(" ")
        } else {
            let places = eval.iter().enumerate();
            let changed = places.map(|(place, word)| match place % 8 {
                7 => numbers.word(),
                3 => format!("{},", word.to_uppercase()),
                _ => word.clone(),
            });
            changed.collect::<Vec<_>>().join("  ")
        };
        let (before, after) = (numbers.words(30).join(" "), numbers.words(30).join(" "));
        let text = format!("{before}: {planted}. {after}");
        found.note(true, grams.find(&text).is_some());
        let shared = if number % 2 == 0 { 0 } else { 6 };
        let clean = [
            numbers.words(50),
            eval[..shared].to_vec(),
            numbers.words(20),
        ]
        .concat();
        found.note(false, grams.find(&clean.join(" ")).is_some());
    }
    found
}

/// Plants secrets and personal data of every kind in sentences, `count` of each: as they are usually written, and in ways that
/// are written too (an address with "at" in words, a telephone number without its country, a key with spaces in it). Clean texts
/// hold numbers and words that look like them.
pub fn redaction(seed: u64, count: usize) -> Vec<(Kind, Found)> {
    let mut numbers = Numbers(seed);
    let kinds = Kind::ALL.into_iter();
    kinds
        .map(|kind| {
            let mut found = Found::default();
            for number in 0..count {
                let usual = number % 2 == 0;
                let planted = plant(kind, usual, &mut numbers);
                let clean = decoy(kind, usual, &mut numbers);
                for (is_planted, what) in [(true, planted), (false, clean)] {
                    let (before, after) = (numbers.words(6).join(" "), numbers.words(4).join(" "));
                    let text = format!("{before} {what}, {after}.");
                    found.note(is_planted, !find(&text, &[kind]).is_empty());
                }
            }
            (kind, found)
        })
        .collect()
}

fn plant(kind: Kind, usual: bool, numbers: &mut Numbers) -> String {
    let (name, host) = (numbers.word(), numbers.word());
    match kind {
        Kind::PrivateKey => {
            let body = numbers.letters(120);
            let head = if usual {
                "RSA PRIVATE KEY"
            } else {
                "ENCRYPTED PRIVATE KEY"
            };
            format!("-----BEGIN {head}-----\n{body}\n-----END {head}-----")
        }
        Kind::ServiceToken if usual => format!("ghp_{}", numbers.letters(36)),
        Kind::ServiceToken => format!("sk-proj-{}", numbers.letters(40)),
        Kind::WebToken => {
            let (head, body, sign) = (
                numbers.letters(20),
                numbers.letters(60),
                numbers.letters(43),
            );
            format!(
                "{}eyJ{head}.eyJ{body}.{sign}",
                if usual { "" } else { "Bearer " }
            )
        }
        Kind::Assigned if usual => format!("password = \"{}7\"", numbers.letters(10)),
        Kind::Assigned => format!("the password is {}7", numbers.letters(10)),
        Kind::Email if usual => format!("{name}.{host}@{host}.example.org"),
        Kind::Email => format!("{name} at {host} dot org"),
        Kind::Phone if usual => format!("+49 {} {}", 30 + numbers.below(60), numbers.digits(7)),
        Kind::Phone => format!("0{} {}", 30 + numbers.below(60), numbers.digits(7)),
        Kind::Card => {
            let body = format!("4{}", numbers.digits(14));
            let check = luhn(&body);
            let all = format!("{body}{check}");
            if usual {
                all
            } else {
                [&all[..4], &all[4..8], &all[8..12], &all[12..]].join(" ")
            }
        }
        Kind::Iban => {
            let account = numbers.digits(18);
            let check = 98 - remainder(&format!("{account}131400"));
            let all = format!("DE{check:02}{account}");
            if usual {
                return all;
            }
            let parts: Vec<&str> = (0..all.len())
                .step_by(4)
                .map(|at| &all[at..all.len().min(at + 4)])
                .collect();
            parts.join(" ")
        }
        Kind::IpAddress => {
            let port = if usual { "" } else { ":8080" };
            format!(
                "85.{}.{}.{}{port}",
                numbers.below(256),
                numbers.below(256),
                1 + numbers.below(254)
            )
        }
    }
}

fn decoy(kind: Kind, easy: bool, numbers: &mut Numbers) -> String {
    if easy {
        return numbers.words(3).join(" ");
    }
    let name = numbers.word();
    match kind {
        Kind::PrivateKey => "-----BEGIN CERTIFICATE-----".to_owned(),
        Kind::ServiceToken => format!("sk-{name}"),
        Kind::WebToken => format!("eyJ.{name}.{name}"),
        Kind::Assigned => format!("password: {name}word"),
        Kind::Email => format!("@{name} and {name}@"),
        Kind::Phone => format!("+{} and {}", numbers.below(90), numbers.digits(4)),
        Kind::Card => {
            let body = format!("4{}", numbers.digits(14));
            format!("order {body}{}", (luhn(&body) + 1) % 10)
        }
        Kind::Iban => {
            let account = numbers.digits(18);
            let right = 98 - remainder(&format!("{account}131400"));
            format!("DE{}{account}", if right == 50 { 51 } else { 50 })
        }
        Kind::IpAddress => format!("192.168.{}.{}", numbers.below(256), numbers.below(256)),
    }
}

/// The check digit of Luhn for the digits before it.
fn luhn(digits: &str) -> u32 {
    let digits = digits.chars().rev().filter_map(|c| c.to_digit(10));
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, twice) if twice > 9 => twice - 9,
            (0, twice) => twice,
            _ => digit,
        })
        .sum();
    (10 - sum % 10) % 10
}

/// A number of any length modulo 97.
fn remainder(digits: &str) -> u32 {
    let digits = digits.chars().filter_map(|c| c.to_digit(10));
    digits.fold(0, |rest, digit| (rest * 10 + digit) % 97)
}
