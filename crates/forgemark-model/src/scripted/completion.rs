//! The body of a chat completion, written in one pass and padded to its wanted size.

use super::dialogue::Content;
use super::fault::Fault;
use super::ground::Ground;
use super::hash::Purpose;
use super::words::push_filler;

/// A call of a tool: name, and arguments as JSON text, neither escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCall {
    pub(super) name: String,
    pub(super) arguments: Vec<u8>,
}

/// What the model says.
#[derive(Debug)]
pub(super) enum Answer {
    Content(Content),
    ToolCall(ToolCall),
}

/// Time that every completion claims to be made at (2023-11-14T22:13:20Z): a script knows no clock.
pub(super) const CREATED: &str = "1700000000";

/// Writes the completion that says `answer`, changed by `fault`, `size` bytes long if that is
/// longer than it needs to be.
pub(super) fn write(
    ground: &Ground<'_>,
    mut answer: Answer,
    fault: Option<&Fault>,
    size: usize,
) -> Vec<u8> {
    if let (Some(fault), Answer::Content(content)) = (fault, &mut answer) {
        spoil_content(fault, content);
    }
    let mut out = Vec::with_capacity(size.max(1_024) + 64);
    push_head(&mut out, ground);
    let pad_at = match answer {
        Answer::Content(content) => push_content(&mut out, &content, fault, ground),
        Answer::ToolCall(call) => {
            push_tool_calls(&mut out, &call, fault, ground);
            None
        }
    };
    let answer_bytes = out.len().max(size);
    push_usage(&mut out, ground.body.len(), answer_bytes, fault);
    pad(&mut out, pad_at, size);
    out
}

fn push_head(out: &mut Vec<u8>, ground: &Ground<'_>) {
    out.extend_from_slice(b"{\"id\":\"chatcmpl-");
    push_hex(out, ground.request as u64);
    out.extend_from_slice(b"\",\"object\":\"chat.completion\",\"created\":");
    out.extend_from_slice(CREATED.as_bytes());
    out.extend_from_slice(b",\"model\":\"");
    out.extend_from_slice(ground.model().as_bytes());
    out.extend_from_slice(
        b"\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":",
    );
}

/// Cuts, empties or wraps the content as the fault wants it.
fn spoil_content(fault: &Fault, content: &mut Content) {
    match fault {
        Fault::MalformedContent | Fault::FinishLength => {
            let half = content.text.len() / 2;
            let end = (0..=half)
                .rev()
                .find(|end| is_boundary(&content.text, *end))
                .unwrap_or(0);
            content.text.truncate(end);
            content.pad_at = None;
        }
        Fault::FencedContent => {
            let before = b"Here it is:\n\n```json\n";
            content.text.splice(0..0, before.iter().copied());
            content.text.extend_from_slice(b"\n```\n");
            content.pad_at = content.pad_at.map(|at| at + before.len());
        }
        Fault::ProseContent => {
            content.text = b"I would rather answer this in a plain sentence.".to_vec();
            content.pad_at = None;
        }
        Fault::EmptyContent | Fault::FinishContentFilter => {
            content.text.clear();
            content.pad_at = None;
        }
        _ => {}
    }
}

fn is_boundary(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| byte & 0xc0 != 0x80)
}

/// Writes content and what follows it in the choice; where padding may go.
fn push_content(
    out: &mut Vec<u8>,
    content: &Content,
    fault: Option<&Fault>,
    ground: &Ground<'_>,
) -> Option<usize> {
    let mut pad_at = None;
    if matches!(fault, Some(Fault::NullContent | Fault::Refusal)) {
        out.extend_from_slice(b"null");
    } else {
        out.push(b'"');
        let (before, after) = content
            .text
            .split_at(content.pad_at.unwrap_or(content.text.len()));
        escape_into(out, before);
        if matches!(fault, Some(Fault::LoneSurrogate)) {
            out.extend_from_slice(b" \\ud83d ");
        }
        pad_at = content.pad_at.map(|_| out.len());
        escape_into(out, after);
        out.push(b'"');
    }
    match fault {
        Some(Fault::Refusal) => out.extend_from_slice(b",\"refusal\":\"I cannot help with that.\""),
        Some(Fault::ReasoningContent) => {
            out.extend_from_slice(b",\"reasoning_content\":\"First I looked at request ");
            out.extend_from_slice(ground.hash8().as_bytes());
            out.extend_from_slice(b".\\nThen I answered.\"");
        }
        _ => {}
    }
    push_finish(
        out,
        match fault {
            Some(Fault::FinishLength) => "length",
            Some(Fault::FinishContentFilter) => "content_filter",
            _ => "stop",
        },
    );
    pad_at
}

fn push_tool_calls(out: &mut Vec<u8>, call: &ToolCall, fault: Option<&Fault>, ground: &Ground<'_>) {
    let mut id = Vec::with_capacity(32);
    match fault {
        Some(Fault::ToolIdNull) => id.extend_from_slice(b"null"),
        Some(Fault::ToolIdNumber) => id.extend_from_slice(b"7"),
        Some(Fault::ToolIdEmpty) => id.extend_from_slice(b"\"\""),
        Some(Fault::ToolIdReused) => id.extend_from_slice(b"\"call_0\""),
        _ => {
            id.extend_from_slice(b"\"call_");
            push_hex(&mut id, ground.draws.bits(Purpose::CallId));
            id.push(b'"');
        }
    }
    out.extend_from_slice(b"null,\"tool_calls\":[");
    let calls = if matches!(fault, Some(Fault::ToolIdDuplicate)) {
        2
    } else {
        1
    };
    for n in 0..calls {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"id\":");
        out.extend_from_slice(&id);
        out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":\"");
        if matches!(fault, Some(Fault::InventedToolName)) {
            out.extend_from_slice(b"no_such_tool_");
            out.extend_from_slice(ground.hash8().as_bytes());
        } else {
            escape_into(out, call.name.as_bytes());
        }
        out.extend_from_slice(b"\",\"arguments\":\"");
        if matches!(fault, Some(Fault::InvalidToolArguments)) {
            let end = call.arguments.len().saturating_sub(2);
            let end = (0..=end)
                .rev()
                .find(|end| is_boundary(&call.arguments, *end))
                .unwrap_or(0);
            escape_into(out, &call.arguments[..end]);
        } else {
            escape_into(out, &call.arguments);
        }
        out.extend_from_slice(b"\"}}");
    }
    out.push(b']');
    push_finish(out, "tool_calls");
}

fn push_finish(out: &mut Vec<u8>, reason: &str) {
    out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":\"");
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\"}]");
}

/// Four bytes a token is the usual rule of thumb for English.
fn push_usage(out: &mut Vec<u8>, prompt: usize, answer: usize, fault: Option<&Fault>) {
    let (prompt, answer) = (prompt / 4 + 1, answer / 4 + 1);
    out.extend_from_slice(b",\"usage\":{\"prompt_tokens\":");
    push_number(out, prompt);
    out.extend_from_slice(b",\"completion_tokens\":");
    push_number(out, answer);
    out.extend_from_slice(b",\"total_tokens\":");
    push_number(out, prompt + answer);
    if matches!(fault, Some(Fault::ReasoningContent)) {
        out.extend_from_slice(b",\"completion_tokens_details\":{\"reasoning_tokens\":12}");
    }
    out.extend_from_slice(b"}}");
}

/// Fills `out` up to `size` bytes: in the content where it may be lengthened, else in a member of
/// its own, which costs a few bytes more than nothing.
fn pad(out: &mut Vec<u8>, pad_at: Option<usize>, size: usize) {
    const MEMBER: &[u8] = b",\"padding\":\"\"";
    let missing = size.saturating_sub(out.len());
    let mut tail = Vec::new();
    match pad_at {
        Some(at) if missing > 0 => {
            tail = out.split_off(at);
            push_filler(out, missing);
        }
        None if missing >= MEMBER.len() => {
            out.pop();
            out.extend_from_slice(&MEMBER[..MEMBER.len() - 1]);
            push_filler(out, missing - MEMBER.len());
            tail.extend_from_slice(b"\"}");
        }
        _ => {}
    }
    out.extend_from_slice(&tail);
}

/// Appends `bytes` of UTF-8 as they stand between the quotes of a JSON string.
pub(super) fn escape_into(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = rest
        .iter()
        .position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\')
    {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            control => {
                out.extend_from_slice(b"\\u00");
                push_hex_digits(out, u64::from(control), 2);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Sixteen hexadecimal digits.
fn push_hex(out: &mut Vec<u8>, bits: u64) {
    push_hex_digits(out, bits, 16);
}

fn push_hex_digits(out: &mut Vec<u8>, bits: u64, digits: u32) {
    for digit in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(bits >> (4 * digit)) as usize & 15]);
    }
}

fn push_number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(number.to_string().as_bytes());
}
