//! What an endpoint says that it serves: the list of models beside its chat service.

use std::time::Duration;

use forgemark_contract::json::{self, Json};
use reqwest::{Method, Request};

use crate::config::{BuildError, EndpointConfig, HttpConfig};
use crate::endpoint::Endpoint;
use crate::http::Clients;

/// Longest list that is read, in bytes.
const MAX_BODY: usize = 8 << 20;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The endpoint cannot be used as it is configured.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// No connection, or it broke.
    #[error("no answer: {0}")]
    Transport(String),
    /// No list within the time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The endpoint answers, but not with a list; many servers have none.
    #[error("no list of models (status {0})")]
    NoList(u16),
}

/// The names of the models that an endpoint lists, in its order.
///
/// # Errors
/// [`ListError`]; nothing of the endpoint's own words is in it, so no secret can be.
pub async fn list_models(
    config: &EndpointConfig,
    http: &HttpConfig,
    limit: Duration,
) -> Result<Vec<String>, ListError> {
    let asked = ask(config, http);
    tokio::time::timeout(limit, asked)
        .await
        .unwrap_or(Err(ListError::Timeout(limit)))
}

async fn ask(config: &EndpointConfig, http: &HttpConfig) -> Result<Vec<String>, ListError> {
    let mut clients = Clients::new(http, 1);
    let endpoint = Endpoint::new(&config.name, "", config, &http.user_agent, |url| {
        clients.get(url)
    })?;
    let mut request = Request::new(Method::GET, endpoint.beside("/models"));
    *request.headers_mut() = endpoint.headers.clone();
    let lost = |error: reqwest::Error| {
        let error = error.without_url();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            text = inner.to_string();
            cause = inner.source();
        }
        ListError::Transport(text)
    };
    let mut response = endpoint.client.execute(request).await.map_err(lost)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(ListError::NoList(status));
        }
        body.extend_from_slice(&chunk);
    }
    let list = json::parse(&body).ok().filter(|_| status == 200);
    let list = list.as_ref().and_then(|list| list.get("data"));
    let Some(list) = list.and_then(Json::as_array) else {
        return Err(ListError::NoList(status));
    };
    let names = list.iter().filter_map(|model| model.get("id")?.as_str());
    Ok(names.map(str::to_owned).collect())
}
