//! Answers that are no completion.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use super::{Delivery, Scripted};
use crate::scripted::error_body;
use crate::scripted::fault::Fault;

pub(in crate::scripted) const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const HTML_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\
    <body><h1>Sign in to the network</h1></body></html>\n";
const BAD_GATEWAY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n\
    <body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

pub(in crate::scripted) fn answer_with(
    status: u16,
    content_type: &'static str,
    body: Bytes,
) -> Scripted {
    Scripted {
        delay: Duration::ZERO,
        fault: None,
        delivery: Delivery::Whole,
        status,
        content_type,
        headers: Vec::new(),
        body,
        role: Cow::Borrowed(""),
    }
}

pub(super) fn refuse(status: u16, body: &'static str) -> Scripted {
    answer_with(status, JSON, Bytes::from_static(body.as_bytes()))
}

/// The answer to a rate-limited request.
pub(in crate::scripted) fn rate_limited(retry_after_s: Option<u32>) -> Scripted {
    let mut scripted = refuse(429, error_body::of_status(429));
    scripted.fault = Some("rate_limit");
    scripted
        .headers
        .extend(retry_after_s.map(|seconds| ("retry-after", seconds.to_string())));
    scripted
}

/// The whole answer of a fault that is no completion.
pub(super) fn error_reply(fault: &Fault) -> Option<Scripted> {
    Some(match fault {
        Fault::Status {
            status: 429,
            retry_after_s,
        } => rate_limited(*retry_after_s),
        Fault::Status {
            status,
            retry_after_s,
        } => {
            let mut scripted = if *status == 502 {
                answer_with(502, HTML, Bytes::from_static(BAD_GATEWAY_PAGE.as_bytes()))
            } else {
                refuse(*status, error_body::of_status(*status))
            };
            scripted
                .headers
                .extend(retry_after_s.map(|seconds| ("retry-after", seconds.to_string())));
            scripted
        }
        Fault::ContextLength => refuse(400, error_body::CONTEXT_LENGTH),
        Fault::UnsupportedParameter { parameter, value } => {
            let body = error_body::unsupported_parameter(parameter, value.as_deref());
            answer_with(400, JSON, Bytes::from(body))
        }
        Fault::Html => answer_with(200, HTML, Bytes::from_static(HTML_PAGE.as_bytes())),
        _ => return None,
    })
}
