//! JSON in which LaTeX stands with single backslashes.
//!
//! The commonest slip of models that write mathematics into JSON: `"so \(x\) is \sqrt{2}"`. No JSON escape begins with these letters,
//! so the text can be read as it is meant. Where an escape does (`\f` of `\frac`, `\t` of `\times`), it is taken for a command only in a
//! reply that has such a slip, and only before letters that make a known one.

use std::borrow::Cow;

/// Commands whose first letter is that of an escape.
const COMMANDS: &[&str] = &[
    "backslash",
    "bar",
    "begin",
    "beta",
    "big",
    "bigcap",
    "bigcup",
    "bigl",
    "bigoplus",
    "bigotimes",
    "bigr",
    "binom",
    "bmod",
    "boldsymbol",
    "boxed",
    "bullet",
    "bf",
    "bot",
    "breve",
    "fbox",
    "flat",
    "forall",
    "frac",
    "frown",
    "nabla",
    "ne",
    "nearrow",
    "neg",
    "neq",
    "newline",
    "ni",
    "nmid",
    "not",
    "notin",
    "nsubseteq",
    "nu",
    "rangle",
    "rbrace",
    "rceil",
    "rfloor",
    "rho",
    "rightarrow",
    "right",
    "rm",
    "root",
    "rtimes",
    "tan",
    "tanh",
    "tau",
    "tbinom",
    "text",
    "textbf",
    "textit",
    "textrm",
    "tfrac",
    "therefore",
    "theta",
    "tilde",
    "times",
    "to",
    "top",
    "triangle",
    "underline",
    "underset",
    "underbrace",
    "up",
    "upsilon",
    "unlhd",
    "uparrow",
];

/// `text` with the backslashes of LaTeX doubled; borrowed where there is none that no escape explains.
pub(super) fn mended(text: &str) -> Cow<'_, str> {
    if !slips(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let escaped = after.chars().next();
        if !is_escape(after) || is_command(after) {
            out.push_str("\\\\");
            rest = after;
        } else {
            // The escape and what it escapes belong together, a backslash above all.
            let length = escaped.map_or(0, char::len_utf8);
            out.push('\\');
            out.push_str(&after[..length]);
            rest = &after[length..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Whether a backslash stands where JSON knows no escape.
fn slips(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let after = &rest[at + 1..];
        if !is_escape(after) {
            return true;
        }
        let length = after.chars().next().map_or(0, char::len_utf8);
        rest = &after[length..];
    }
    false
}

/// Whether what follows a backslash makes an escape of JSON.
fn is_escape(after: &str) -> bool {
    match after.as_bytes().first() {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
        Some(b'u') => {
            let digits = after.as_bytes().get(1..5);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        }
        _ => false,
    }
}

/// Whether the letters behind a backslash are a command.
fn is_command(after: &str) -> bool {
    let end = after
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(after.len());
    COMMANDS.contains(&&after[..end])
}
