//! Secrets and personal data: found by their form, replaced or refused.
//!
//! A rule here knows the shape of what it looks for and, where there is one, its check digits, so that a number that only
//! looks like a card or an account is left alone. Names of people have no form and are not found.

use std::sync::LazyLock;

use forgemark_contract::store::{ChatMessage, Content};
use regex::Regex;

#[cfg(test)]
mod tests;

/// A kind of thing that must not be trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A private key in PEM form.
    PrivateKey,
    /// A token of a known service: GitHub, GitLab, Slack, AWS, Google, `OpenAI`, Anthropic, Hugging Face, Stripe.
    ServiceToken,
    /// A JSON web token.
    WebToken,
    /// A value that is called a password, secret or key.
    Assigned,
    /// An e-mail address.
    Email,
    /// A telephone number in international form.
    Phone,
    /// A payment card, with its check digit.
    Card,
    /// A bank account, with its check digits.
    Iban,
    /// An internet address that is not private.
    IpAddress,
}

impl Kind {
    /// All kinds, in the order in which they are looked for.
    pub const ALL: [Kind; 9] = [
        Kind::PrivateKey,
        Kind::ServiceToken,
        Kind::WebToken,
        Kind::Assigned,
        Kind::Email,
        Kind::Iban,
        Kind::Card,
        Kind::Phone,
        Kind::IpAddress,
    ];

    /// What stands in its place, between brackets.
    pub fn word(self) -> &'static str {
        match self {
            Kind::PrivateKey => "PRIVATE_KEY",
            Kind::ServiceToken => "TOKEN",
            Kind::WebToken => "WEB_TOKEN",
            Kind::Assigned => "SECRET",
            Kind::Email => "EMAIL",
            Kind::Phone => "PHONE",
            Kind::Card => "CARD",
            Kind::Iban => "IBAN",
            Kind::IpAddress => "IP_ADDRESS",
        }
    }

    fn pattern(self) -> &'static str {
        match self {
            Kind::PrivateKey => {
                r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"
            }
            Kind::ServiceToken => concat!(
                r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}",
                r"|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}|sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|[sr]k_live_[A-Za-z0-9]{20,})"
            ),
            Kind::WebToken => r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
            Kind::Assigned => {
                r#"(?i)\b(?:password|passwd|secret|api[_-]?key|access[_-]?token)\b["']?\s*[:=]\s*["']?([A-Za-z0-9!@#$%^&*()_+/=.-]{8,})"#
            }
            Kind::Email => r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b",
            Kind::Phone => {
                r"\+[1-9][0-9]{0,2}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){2,4}\b"
            }
            Kind::Card => r"\b[0-9](?:[ -]?[0-9]){12,18}\b",
            Kind::Iban => r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
            Kind::IpAddress => r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b",
        }
    }

    /// What a match of the pattern must also be.
    fn is_real(self, text: &str) -> bool {
        match self {
            Kind::Card => is_card(text),
            Kind::Iban => is_iban(text),
            Kind::IpAddress => is_public_address(text),
            // A word alone is more often prose than a password.
            Kind::Assigned => text.chars().any(|c| !c.is_alphabetic()),
            _ => true,
        }
    }
}

/// One find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// Patterns by kind; one that could not be read would be missing, which the test of all kinds would show.
static PATTERNS: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    let patterns = Kind::ALL
        .into_iter()
        .map(|kind| (kind, Regex::new(kind.pattern())));
    patterns
        .filter_map(|(kind, pattern)| Some((kind, pattern.ok()?)))
        .collect()
});

/// Everything of these kinds in `text`, in its order; where two overlap, the kind that is looked for first.
pub fn find(text: &str, kinds: &[Kind]) -> Vec<Find> {
    let mut finds: Vec<Find> = Vec::new();
    for (kind, pattern) in PATTERNS.iter().filter(|(kind, _)| kinds.contains(kind)) {
        for captures in pattern.captures_iter(text) {
            // Of an assignment only the value is secret.
            let Some(found) = captures.get(1).or_else(|| captures.get(0)) else {
                continue;
            };
            let overlaps = finds
                .iter()
                .any(|other| found.start() < other.end && other.start < found.end());
            if !overlaps && kind.is_real(found.as_str()) {
                finds.push(Find {
                    kind: *kind,
                    start: found.start(),
                    end: found.end(),
                });
            }
        }
    }
    finds.sort_by_key(|found| found.start);
    finds
}

/// `text` with each find replaced by its kind in brackets, and the finds.
pub fn redact(text: &str, kinds: &[Kind]) -> (String, Vec<Find>) {
    let finds = find(text, kinds);
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for found in &finds {
        out.push_str(&text[end..found.start]);
        out.push('[');
        out.push_str(found.kind.word());
        out.push(']');
        end = found.end;
    }
    out.push_str(&text[end..]);
    (out, finds)
}

/// Redacts all texts of a message: content, reasoning and the arguments of calls. Returns the kinds that were found, each
/// as often as it was.
pub fn redact_message(message: &mut ChatMessage, kinds: &[Kind]) -> Vec<Kind> {
    let mut found = Vec::new();
    let mut change = |text: &mut String| {
        let (clean, finds) = redact(text, kinds);
        if !finds.is_empty() {
            *text = clean;
            found.extend(finds.iter().map(|find| find.kind));
        }
    };
    match &mut message.content {
        Some(Content::Text(text)) => change(text),
        Some(Content::Parts(parts)) => {
            for part in parts {
                if let Some(text) = part.as_object_mut().and_then(|part| part.get_mut("text"))
                    && let Some(mut clean) = text.as_str().map(str::to_owned)
                {
                    change(&mut clean);
                    *text = clean.into();
                }
            }
        }
        None => {}
    }
    if let Some(reasoning) = &mut message.reasoning {
        change(reasoning);
    }
    for call in &mut message.tool_calls {
        change(&mut call.function.arguments);
    }
    found
}

/// The check of Luhn over 13 to 19 digits that are not all the same.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    (13..=19).contains(&digits.len())
        && sum.is_multiple_of(10)
        && digits.iter().any(|digit| *digit != digits[0])
}

/// The check of ISO 7064: the account, its head moved to the end and letters as numbers, is 1 modulo 97.
fn is_iban(text: &str) -> bool {
    let compact: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    if !(15..=34).contains(&compact.len()) {
        return false;
    }
    let moved = compact[4..].iter().chain(&compact[..4]);
    let rest = moved.fold(0_u32, |rest, c| match c.to_digit(36) {
        Some(digit) if digit > 9 => (rest * 100 + digit) % 97,
        digit => (rest * 10 + digit.unwrap_or(0)) % 97,
    });
    rest == 1
}

fn is_public_address(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok_and(|address| {
        !(address.is_private()
            || address.is_loopback()
            || address.is_unspecified()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_link_local())
    })
}
