//! A scanner that takes the tags out of an HTML fragment, linear in its length and without a tree.

/// Appends the text of a fragment to `out`: tags and comments are dropped with the content of scripts and styles, block
/// ends become line ends, and the common entities are read.
pub(crate) fn strip_tags(fragment: &str, out: &mut String) {
    let mut rest = fragment;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        entities(text, out);
        rest = skip_tag(tag, out);
    }
    entities(rest, out);
}

/// Skips what begins with the `<` of `tag` and returns what follows it.
fn skip_tag<'a>(tag: &'a str, out: &mut String) -> &'a str {
    if tag.starts_with("<!--") {
        return after(tag, "-->");
    }
    let name_at = if tag.starts_with("</") { 2 } else { 1 };
    let name: String = tag
        .get(name_at..)
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .take(12)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if name.is_empty() && !tag.starts_with("<!") && !tag.starts_with("<?") {
        // A lone sign, as in "a < b".
        out.push('<');
        return tag.get(1..).unwrap_or_default();
    }
    if name_at == 1 && (name == "script" || name == "style") {
        let lower = tag.to_ascii_lowercase();
        let end = lower.find(&format!("</{name}")).unwrap_or(tag.len());
        return after(tag.get(end..).unwrap_or_default(), ">");
    }
    let breaks = matches!(
        name.as_str(),
        "br" | "p"
            | "div"
            | "li"
            | "tr"
            | "table"
            | "ul"
            | "ol"
            | "pre"
            | "blockquote"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
    );
    if breaks && !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    after(tag, ">")
}

/// What follows the first `end`, or nothing.
fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.find(end)
        .and_then(|at| text.get(at + end.len()..))
        .unwrap_or_default()
}

fn entities(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        out.push_str(before);
        let end = entity.bytes().take(12).position(|b| b == b';');
        let read = end.and_then(|end| Some((character(entity.get(1..end)?)?, end + 1)));
        let (character, length) = read.unwrap_or(('&', 1));
        out.push(character);
        rest = entity.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "copy" => '©',
        "times" => '×',
        "deg" => '°',
        "micro" => 'µ',
        _ => return None,
    })
}
