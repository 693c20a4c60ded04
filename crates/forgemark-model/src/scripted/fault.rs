//! What can go wrong with a scripted reply, and when.

use super::hash::{Draws, Purpose};

/// A fault of one reply. Its name in a script is [`Fault::name`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An error status with the usual OpenAI-shaped error body (502 has an HTML body, as from a
    /// proxy). Names: `status`, or just the number; 429 is also `rate_limit`.
    Status {
        /// The status, from 400 to 599.
        status: u16,
        /// Value of the `Retry-After` header in seconds; no header when absent.
        retry_after_s: Option<u32>,
    },
    /// 400 `context_length_exceeded`.
    ContextLength,
    /// 400 `unsupported_parameter`; has no effect on a request without that parameter.
    UnsupportedParameter {
        /// A member of the request body, such as `temperature`.
        parameter: String,
        /// Only when this word stands in the parameter's value, such as `json_schema`.
        value: Option<String>,
    },
    /// The request is read, and never answered.
    Stall,
    /// The connection is closed instead of a reply.
    CutBeforeHeaders,
    /// The connection is closed in the middle of the body.
    CutMidBody,
    /// Status 200 with an HTML page.
    Html,
    /// Status 200 with a body that ends in the middle of its JSON.
    MalformedJson,
    /// The content is cut, so that it is no longer JSON where JSON was asked for.
    MalformedContent,
    /// The content is wrapped in a sentence and a fenced code block.
    FencedContent,
    /// The content is a sentence, whatever was asked for.
    ProseContent,
    /// The content is `""`.
    EmptyContent,
    /// The content is null.
    NullContent,
    /// The content is cut and `finish_reason` is `length`.
    FinishLength,
    /// The content is `""` and `finish_reason` is `content_filter`.
    FinishContentFilter,
    /// The content is null and the message has a `refusal`.
    Refusal,
    /// The message has `reasoning_content` beside a good content.
    ReasoningContent,
    /// The content holds a lone surrogate.
    LoneSurrogate,
    /// A body of this size.
    LargeReply {
        /// Size of the body.
        bytes: usize,
    },
    /// The body comes in pieces with pauses between them.
    SlowBody {
        /// Number of pieces, at least 1.
        pieces: u32,
        /// Pause between two pieces.
        interval_ms: u32,
    },
    /// The id of the tool call is null. This and the other faults of tool calls have no effect
    /// on a request that offers no tool, or that already holds a tool's result.
    ToolIdNull,
    /// The id of the tool call is a number.
    ToolIdNumber,
    /// The id of the tool call is `""`.
    ToolIdEmpty,
    /// Two tool calls with one id.
    ToolIdDuplicate,
    /// The same id in each round.
    ToolIdReused,
    /// A tool call even where tool results are there already.
    EndlessToolCalls,
    /// A call of a tool that was not offered.
    InventedToolName,
    /// The arguments of the tool call are not JSON.
    InvalidToolArguments,
    /// The last text of an embedding request has no vector. This and the other faults of vectors have no effect on a
    /// chat request.
    MissingVector,
    /// The last vector has half of its values.
    ShortVector,
    /// The last vector has no numbers in it.
    NanVector,
    /// Topic ids in the reply are not among the offered ones.
    InventedCoverageTarget,
}

impl Fault {
    /// 429 with `Retry-After: seconds`, or without the header.
    pub fn rate_limit(retry_after_s: Option<u32>) -> Self {
        Self::Status {
            status: 429,
            retry_after_s,
        }
    }

    /// An error status without `Retry-After`.
    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after_s: None,
        }
    }

    /// The name in scripts, statistics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status { status: 429, .. } => "rate_limit",
            Self::Status { .. } => "status",
            Self::ContextLength => "context_length",
            Self::UnsupportedParameter { .. } => "unsupported_parameter",
            Self::Stall => "stall",
            Self::CutBeforeHeaders => "cut_before_headers",
            Self::CutMidBody => "cut_mid_body",
            Self::Html => "html",
            Self::MalformedJson => "malformed_json",
            Self::MalformedContent => "malformed_content",
            Self::FencedContent => "fenced_content",
            Self::ProseContent => "prose_content",
            Self::EmptyContent => "empty_content",
            Self::NullContent => "null_content",
            Self::FinishLength => "finish_length",
            Self::FinishContentFilter => "finish_content_filter",
            Self::Refusal => "refusal",
            Self::ReasoningContent => "reasoning_content",
            Self::LoneSurrogate => "lone_surrogate",
            Self::LargeReply { .. } => "large_reply",
            Self::SlowBody { .. } => "slow_body",
            Self::ToolIdNull => "tool_id_null",
            Self::ToolIdNumber => "tool_id_number",
            Self::ToolIdEmpty => "tool_id_empty",
            Self::ToolIdDuplicate => "tool_id_duplicate",
            Self::ToolIdReused => "tool_id_reused",
            Self::EndlessToolCalls => "endless_tool_calls",
            Self::InventedToolName => "invented_tool_name",
            Self::InvalidToolArguments => "invalid_tool_arguments",
            Self::MissingVector => "missing_vector",
            Self::ShortVector => "short_vector",
            Self::NanVector => "nan_vector",
            Self::InventedCoverageTarget => "invented_coverage_target",
        }
    }

    /// The fault of this name with its usual parameters; `None` for an unknown name.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|fault| fault.name() == name)
    }

    /// One fault of each name, with the parameters that a script may leave out.
    pub fn all() -> Vec<Self> {
        vec![
            Self::rate_limit(None),
            Self::status(500),
            Self::ContextLength,
            Self::UnsupportedParameter {
                parameter: "response_format".to_owned(),
                value: None,
            },
            Self::Stall,
            Self::CutBeforeHeaders,
            Self::CutMidBody,
            Self::Html,
            Self::MalformedJson,
            Self::MalformedContent,
            Self::FencedContent,
            Self::ProseContent,
            Self::EmptyContent,
            Self::NullContent,
            Self::FinishLength,
            Self::FinishContentFilter,
            Self::Refusal,
            Self::ReasoningContent,
            Self::LoneSurrogate,
            Self::LargeReply { bytes: 8 << 20 },
            Self::SlowBody {
                pieces: 8,
                interval_ms: 50,
            },
            Self::ToolIdNull,
            Self::ToolIdNumber,
            Self::ToolIdEmpty,
            Self::ToolIdDuplicate,
            Self::ToolIdReused,
            Self::EndlessToolCalls,
            Self::InventedToolName,
            Self::InvalidToolArguments,
            Self::MissingVector,
            Self::ShortVector,
            Self::NanVector,
            Self::InventedCoverageTarget,
        ]
    }

    /// What the fault needs of a request.
    fn applies(&self, request: &Facts<'_>) -> bool {
        match self {
            Self::UnsupportedParameter { parameter, value } => {
                super::scan::member(request.body, parameter.as_bytes()).is_some_and(|raw| {
                    value
                        .as_ref()
                        .is_none_or(|value| memchr::memmem::find(raw, value.as_bytes()).is_some())
                })
            }
            Self::ToolIdNull
            | Self::ToolIdNumber
            | Self::ToolIdEmpty
            | Self::ToolIdDuplicate
            | Self::ToolIdReused
            | Self::InventedToolName
            | Self::InvalidToolArguments => request.tools && !request.tool_result,
            Self::EndlessToolCalls => request.tools,
            Self::MissingVector | Self::ShortVector | Self::NanVector => request.vectors,
            _ => true,
        }
    }
}

/// What decides whether a fault can show in the reply to a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) body: &'a [u8],
    pub(super) tools: bool,
    pub(super) tool_result: bool,
    /// Vectors are asked for, and no chat completion.
    pub(super) vectors: bool,
}

/// A fault, and which requests it strikes.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// The fault.
    pub fault: Fault,
    /// Probability in `[0, 1]` for each attempt of a request, given that no earlier fault of the
    /// list struck it.
    pub rate: f64,
    /// Only these attempts, counted from 1; any when empty.
    pub attempts: Vec<u32>,
    /// Only requests with a body longer than this many bytes.
    pub over_bytes: usize,
}

impl FaultRule {
    /// Strikes each attempt with probability `rate`.
    pub fn at_rate(fault: Fault, rate: f64) -> Self {
        Self {
            fault,
            rate,
            attempts: Vec::new(),
            over_bytes: 0,
        }
    }

    /// Strikes these attempts, counted from 1.
    pub fn on_attempts(fault: Fault, attempts: &[u32]) -> Self {
        Self {
            fault,
            rate: 1.0,
            attempts: attempts.to_vec(),
            over_bytes: 0,
        }
    }

    /// Strikes each request with a body longer than `bytes`.
    pub fn over_bytes(fault: Fault, bytes: usize) -> Self {
        Self {
            fault,
            rate: 1.0,
            attempts: Vec::new(),
            over_bytes: bytes,
        }
    }
}

/// The fault of an attempt (counted from 0): the list by attempt decides where it reaches, else
/// the first rule that strikes.
pub(super) fn choose<'a>(
    by_attempt: &'a [Option<Fault>],
    rules: &'a [FaultRule],
    request: &Facts<'_>,
    attempt: u32,
    draws: Draws,
) -> Option<&'a Fault> {
    if let Some(listed) = by_attempt.get(attempt as usize) {
        return listed.as_ref().filter(|fault| fault.applies(request));
    }
    let number = attempt.saturating_add(1);
    rules
        .iter()
        .enumerate()
        .find(|(n, rule)| {
            (rule.attempts.is_empty() || rule.attempts.contains(&number))
                && request.body.len() > rule.over_bytes
                && draws.hit(Purpose::Fault(*n), rule.rate)
                && rule.fault.applies(request)
        })
        .map(|(_, rule)| &rule.fault)
}
