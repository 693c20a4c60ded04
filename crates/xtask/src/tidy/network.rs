//! Tests speak to this machine only: no address in a test lies outside the loopback range.

use super::{Hit, source::Source};

#[cfg(test)]
mod tests;

/// Top-level names that never resolve (RFC 6761), for addresses that a test only passes around.
const RESERVED: &[&str] = &["invalid", "test", "example", "localhost"];

/// A URL or an IPv4 address in test code that is neither loopback nor reserved.
pub(super) fn address(source: &Source) -> Vec<Hit> {
    let Some(rust) = &source.rust else {
        return Vec::new();
    };
    let mut hits = Vec::new();
    for range in &rust.tests {
        let literals = &rust.regions.literals[range.clone()];
        let code = &rust.regions.code[range.clone()];
        let found = urls(literals)
            .into_iter()
            .filter(|(_, host)| !is_harmless(host))
            .chain(
                ipv4(literals)
                    .into_iter()
                    .filter(|(_, address)| !address.starts_with("127.")),
            )
            .chain(constructed(code));
        for (offset, host) in found {
            let line = source.line_of(range.start + offset);
            let hit = Hit::fail(
                line,
                format!(
                    "`{host}` is no loopback address: a test may not reach beyond this machine"
                ),
            );
            if !hits.contains(&hit) {
                hits.push(hit);
            }
        }
    }
    hits
}

/// The hosts of all URLs, with their offsets. A host that is a placeholder (`{host}`) is left out.
fn urls(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (offset, _) in text.match_indices("://") {
        let start = offset + 3;
        let rest = &text[start..];
        let end = rest
            .find(|c: char| c.is_whitespace() || "/?#\\\"'`<>,;)".contains(c))
            .unwrap_or(rest.len());
        let authority = &rest[..end];
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let host = if host.starts_with('[') {
            host.find(']').map_or(host, |close| &host[..=close])
        } else {
            host.split(':').next().unwrap_or(host)
        };
        let known = text[..offset].ends_with(|c: char| c.is_ascii_alphanumeric());
        if known && !host.is_empty() && !host.contains(['{', '}', '$', '%']) {
            found.push((start, host));
        }
    }
    found
}

fn is_harmless(host: &str) -> bool {
    let lower = host.to_lowercase();
    match lower.rsplit_once('.') {
        Some((_, top)) => lower.starts_with("127.") || RESERVED.contains(&top),
        // A name without a dot is no name of the public network.
        None => lower == "[::1]" || !lower.starts_with('['),
    }
}

/// Every text of the form a.b.c.d with numbers up to 255, with its offset.
fn ipv4(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.') {
        let parts: Vec<&str> = word.split('.').collect();
        if parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok()) {
            found.push((at, word));
        }
        // The separator is one character, of any width.
        at += word.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    found
}

/// Addresses that are put together from numbers.
fn constructed(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (offset, name) in code.match_indices("Ipv4Addr::new(") {
        let end = code[offset..]
            .find(')')
            .map_or(code.len(), |end| offset + end + 1);
        if !code[offset + name.len()..].trim_start().starts_with("127") {
            found.push((offset, &code[offset..end]));
        }
    }
    found.extend(code.match_indices("::UNSPECIFIED"));
    found
}
