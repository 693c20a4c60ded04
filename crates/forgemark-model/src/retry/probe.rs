//! One-token calls that ask whether an endpoint works at all.
//!
//! Before a run each role's endpoints are probed, so that a wrong key is known before any work is done. Later a probe
//! decides whether an endpoint that fails one request serves others. Probes are sent past the limits, are not recorded as
//! outcomes, and learn parameters that the endpoint refuses like any call.

use std::time::Duration;

use forgemark_contract::json::Object;
use futures_util::future::join_all;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::attempt;
use crate::adapt::Sent;
use crate::caller::Shared;
use crate::chat::body::RequestBody;
use crate::chat::{ChatRequest, Message};
use crate::config::{Params, RoleParams};
use crate::endpoint::Endpoint;
use crate::pool::{Hopeless, Pool};
use crate::wire::{ErrorKind, Fault};

/// Longest wait for a probe; a model that needs longer for one token is not serving.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Names of the token limit that are tried.
const TRIES: u32 = 3;

/// Probes one endpoint and tells the pool. The latency when it works. `earlier` probes of it failed just before.
pub(crate) async fn endpoint(
    shared: &Shared,
    pool: &Pool,
    index: usize,
    endpoint: &Endpoint,
    model: &str,
    earlier: u32,
) -> Result<Duration, Fault> {
    let sent_at = Instant::now();
    let result = send(shared, pool, endpoint, model, earlier).await;
    pool.note_probe(index, sent_at, result.as_ref().map(|_| ()));
    result
}

async fn send(
    shared: &Shared,
    pool: &Pool,
    endpoint: &Endpoint,
    model: &str,
    earlier: u32,
) -> Result<Duration, Fault> {
    let request = ChatRequest::new(vec![Message::user("Say ok.")], 0);
    let params = RoleParams::plain(Params {
        max_tokens: Some(1),
        extra: Object::new(),
        ..Params::default()
    });
    let body = RequestBody::new(&request, model, &params);
    let key = HeaderValue::from_static("probe");
    let limit = TIMEOUT.min(pool.retry.attempt_timeout);
    let mut number = 0;
    loop {
        let accepts = endpoint.accepts();
        let bytes = body.for_endpoint(endpoint, &request, model, &params, accepts);
        let sent = Sent {
            wire: endpoint.wire,
            accepts,
            request: &request,
            params: &params,
        };
        let began = Instant::now();
        match attempt(
            shared,
            endpoint,
            bytes,
            &key,
            earlier + number,
            limit,
            &sent,
        )
        .await
        {
            Ok(_) => return Ok(began.elapsed()),
            Err(fault) => {
                number += 1;
                if let Some(feature) = fault.refused
                    && number < TRIES
                {
                    endpoint.learn(accepts, accepts.without(feature, &params, endpoint.wire).0);
                    continue;
                }
                // A model that thinks first cannot answer in one token, and some say so by an error.
                let short =
                    fault.detail.contains("max_tokens") || fault.detail.contains("output limit");
                if fault.kind == ErrorKind::InvalidRequest && short {
                    return Ok(began.elapsed());
                }
                return Err(fault);
            }
        }
    }
}

/// Asks every endpoint of a pool that looks down. Gives the pool up when none answers. Several calls that come here
/// together ask once.
pub(crate) async fn confirm(shared: &Shared, pool: &Pool, model: &str) {
    let _one_at_a_time = pool.confirming.lock().await;
    if pool.hopeless() != Some(Hopeless::Likely) {
        return;
    }
    let probes = pool
        .endpoints
        .iter()
        .enumerate()
        .map(|(index, e)| endpoint(shared, pool, index, e, model, 0));
    let results = join_all(probes).await;
    if results.iter().all(Result::is_err) {
        pool.give_up();
    }
}
