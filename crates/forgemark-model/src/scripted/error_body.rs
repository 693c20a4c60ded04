//! Error bodies, in the shape and with the codes that the `OpenAI` API and its imitators use.

use super::completion::escape_into;

pub(super) const INVALID_REQUEST: &str = r#"{"error":{"message":"The request body is not a chat completion request: a JSON object with a list of messages is expected.","type":"invalid_request_error","param":"messages","code":null}}"#;

pub(super) const INVALID_EMBEDDING: &str = r#"{"error":{"message":"The request body is not an embedding request: a JSON object with a text or a list of texts as input is expected, none of them empty, and from 1 to 16384 dimensions.","type":"invalid_request_error","param":"input","code":null}}"#;

pub(super) const INVALID_SEARCH: &str = r#"{"error":{"message":"The request body is not a search: a JSON object with a text `q` that is not empty and at most 1000 results as `num` is expected.","type":"invalid_request_error","param":"q","code":null}}"#;

pub(super) const INVALID_RANKING: &str = r#"{"error":{"message":"The request body is not a ranking: a JSON object with a text `query` and a list `documents` of 1 to 1000 texts is expected.","type":"invalid_request_error","param":"documents","code":null}}"#;

pub(super) const NO_STREAMING: &str = r#"{"error":{"message":"The scripted server does not stream; send \"stream\": false.","type":"invalid_request_error","param":"stream","code":"unsupported_value"}}"#;

pub(super) const CONTEXT_LENGTH: &str = r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, your messages resulted in more tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;

pub(super) const NOT_FOUND: &str = r#"{"error":{"message":"There is no such route here. Known are POST /v1/chat/completions, POST /v1/messages, POST /v1/embeddings, POST /v1/rerank, POST /search, the batches of both protocols, GET /v1/models, GET /stats, POST /stats/reset and GET /healthz.","type":"invalid_request_error","param":null,"code":"unknown_url"}}"#;

pub(super) const METHOD: &str = r#"{"error":{"message":"This route does not take this method.","type":"invalid_request_error","param":null,"code":"method_not_allowed"}}"#;

pub(super) const TOO_LARGE: &str = r#"{"error":{"message":"The request body is larger than 256 MiB.","type":"invalid_request_error","param":null,"code":"request_too_large"}}"#;

/// The usual body of an error status.
pub(super) fn of_status(status: u16) -> &'static str {
    match status {
        401 => {
            r#"{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#
        }
        403 => {
            r#"{"error":{"message":"This key may not use this model.","type":"invalid_request_error","param":null,"code":"permission_denied"}}"#
        }
        404 => {
            r#"{"error":{"message":"The model does not exist or you do not have access to it.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
        }
        429 => {
            r#"{"error":{"message":"Rate limit reached. Please try again later.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#
        }
        503 => {
            r#"{"error":{"message":"The engine is currently overloaded, please try again later.","type":"server_error","param":null,"code":"overloaded"}}"#
        }
        500.. => {
            r#"{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}"#
        }
        _ => {
            r#"{"error":{"message":"The request was refused.","type":"invalid_request_error","param":null,"code":null}}"#
        }
    }
}

/// The body of a 400 on a parameter, or on one value of it.
pub(super) fn unsupported_parameter(parameter: &str, value: Option<&str>) -> Vec<u8> {
    let (message, code) = match value {
        Some(value) => (
            format!("Unsupported value: '{parameter}' does not support '{value}' with this model."),
            "unsupported_value",
        ),
        None => (
            format!("Unsupported parameter: '{parameter}' is not supported with this model."),
            "unsupported_parameter",
        ),
    };
    let mut out = b"{\"error\":{\"message\":\"".to_vec();
    escape_into(&mut out, message.as_bytes());
    out.extend_from_slice(b"\",\"type\":\"invalid_request_error\",\"param\":\"");
    escape_into(&mut out, parameter.as_bytes());
    out.extend_from_slice(b"\",\"code\":\"");
    out.extend_from_slice(code.as_bytes());
    out.extend_from_slice(b"\"}}");
    out
}
