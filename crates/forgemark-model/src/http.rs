//! The HTTP client: one connection pool for all endpoints of a kind, and one POST.
//!
//! HTTP/1.1 with keep-alive, no Nagle delay, no redirects (a redirected POST would become a GET), no decompression. TLS is
//! rustls with ring. Proxies and authorities come with the configuration, never from the environment. Loopback addresses
//! never go through a proxy, and a run that only talks to this machine needs no root certificates to be installed.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Method, NoProxy, Proxy, Request, StatusCode, Url};
use tokio::task::JoinSet;

use crate::config::{BuildError, Certificates, EndpointConfig, HttpConfig, Proxies};
use crate::endpoint::{Endpoint, is_loopback};
use crate::wire::{ErrorKind, Fault};

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
static RETRY_COUNT: HeaderName = HeaderName::from_static("x-retry-count");

/// The kinds of connections, which differ in what they need from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To this machine, without TLS: no proxy, no root certificates.
    Local,
    /// To this machine with TLS: no proxy.
    LocalTls,
    /// To the world.
    Remote,
}

/// The clients, built when first needed.
#[derive(Debug)]
pub(crate) struct Clients<'c> {
    config: &'c HttpConfig,
    max_idle: usize,
    built: Vec<(Kind, Client)>,
}

impl<'c> Clients<'c> {
    /// Clients that keep up to `max_idle` idle connections to each host.
    pub(crate) fn new(config: &'c HttpConfig, max_idle: usize) -> Self {
        Clients {
            config,
            max_idle,
            built: Vec::new(),
        }
    }

    /// The client for an address; equal kinds share one.
    pub(crate) fn get(&mut self, url: &Url) -> Result<Client, BuildError> {
        let kind = match (is_loopback(url), url.scheme()) {
            (true, "http") => Kind::Local,
            (true, _) => Kind::LocalTls,
            (false, _) => Kind::Remote,
        };
        if let Some((_, client)) = self.built.iter().find(|(k, _)| *k == kind) {
            return Ok(client.clone());
        }
        let client = build(self.config, self.max_idle, kind)?;
        self.built.push((kind, client.clone()));
        Ok(client)
    }
}

fn build(config: &HttpConfig, max_idle: usize, kind: Kind) -> Result<Client, BuildError> {
    install_ring();
    let mut builder = Client::builder()
        .http1_only()
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(config.connect_timeout)
        .pool_idle_timeout(config.idle_timeout)
        .pool_max_idle_per_host(max_idle)
        .referer(false);
    // Else the library would ask the environment by itself.
    builder = builder.no_proxy();
    if kind == Kind::Remote {
        for proxy in proxies(&config.proxies)? {
            builder = builder.proxy(proxy);
        }
    }
    if kind != Kind::Local {
        if let Some(only) = &config.trust.only {
            builder = builder.tls_certs_only(authorities(only)?);
        }
        if let Some(also) = &config.trust.also {
            builder = builder.tls_certs_merge(authorities(also)?);
        }
    }
    if kind == Kind::Local {
        // Without this the client looks for the machine's certificates, and fails where there are none.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| BuildError::Http {
                what: error.to_string(),
            })?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder = builder.tls_backend_preconfigured(tls);
    }
    builder.build().map_err(|error| BuildError::Http {
        what: chain(&error.without_url()),
    })
}

fn proxies(config: &Proxies) -> Result<Vec<Proxy>, BuildError> {
    let except = config.except.as_deref().and_then(NoProxy::from_string);
    let made = [
        config.http.as_ref().map(|url| Proxy::http(url.expose())),
        config.https.as_ref().map(|url| Proxy::https(url.expose())),
    ];
    let made = made.into_iter().flatten().map(|proxy| {
        // The address may hold a password, so the error is not shown.
        let proxy = proxy.map_err(|_| BuildError::Http {
            what: "the address of a proxy is no URL".to_owned(),
        })?;
        Ok(proxy.no_proxy(except.clone()))
    });
    made.collect()
}

fn authorities(certificates: &Certificates) -> Result<Vec<Certificate>, BuildError> {
    let wrong = |what: String| BuildError::Http {
        what: format!("certificates of {}: {what}", certificates.from),
    };
    let found = Certificate::from_pem_bundle(&certificates.pem)
        .map_err(|error| wrong(chain(&error.without_url())))?;
    if found.is_empty() {
        return Err(wrong("there are none in PEM".to_owned()));
    }
    Ok(found)
}

/// Makes ring the crypto provider of the process, unless the program has chosen one.
fn install_ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Fails only when another thread was faster, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    });
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends one call and reads the whole answer. The caller bounds the time.
pub(crate) async fn post(
    endpoint: &Endpoint,
    body: Bytes,
    key: &HeaderValue,
    retry: u32,
    max_body: usize,
) -> Result<RawAnswer, Fault> {
    let mut request = Request::new(Method::POST, endpoint.url.clone());
    *request.body_mut() = Some(body.into());
    attempt(endpoint, request, key, retry, max_body).await
}

/// The same as a GET with these pairs as its query, beside what the address has already.
pub(crate) async fn get(
    endpoint: &Endpoint,
    pairs: Vec<(String, String)>,
    key: &HeaderValue,
    retry: u32,
    max_body: usize,
) -> Result<RawAnswer, Fault> {
    let mut url = endpoint.url.clone();
    url.query_pairs_mut().extend_pairs(pairs);
    let request = Request::new(Method::GET, url);
    attempt(endpoint, request, key, retry, max_body).await
}

async fn attempt(
    endpoint: &Endpoint,
    mut request: Request,
    key: &HeaderValue,
    retry: u32,
    max_body: usize,
) -> Result<RawAnswer, Fault> {
    let mut headers = endpoint.headers.clone();
    headers.insert(IDEMPOTENCY_KEY.clone(), key.clone());
    headers.insert(RETRY_COUNT.clone(), HeaderValue::from(retry));
    *request.headers_mut() = headers;
    let mut response = endpoint.client.execute(request).await.map_err(fault)?;
    let status = response.status();
    let body = read(&mut response, max_body).await?;
    Ok(RawAnswer {
        status,
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// Sends any other request to a service beside the chat of an endpoint, and reads the whole answer. The caller bounds the
/// time.
pub(crate) async fn send(
    endpoint: &Endpoint,
    method: Method,
    url: Url,
    body: Option<(HeaderValue, Bytes)>,
    max_body: usize,
) -> Result<RawAnswer, Fault> {
    let mut request = Request::new(method, url);
    let mut headers = endpoint.headers.clone();
    if let Some((content_type, body)) = body {
        headers.insert(CONTENT_TYPE, content_type);
        *request.body_mut() = Some(body.into());
    } else {
        headers.remove(CONTENT_TYPE);
    }
    *request.headers_mut() = headers;
    let mut response = endpoint.client.execute(request).await.map_err(fault)?;
    let status = response.status();
    let body = read(&mut response, max_body).await?;
    Ok(RawAnswer {
        status,
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// The whole body. One that came in a single piece is not copied.
async fn read(response: &mut reqwest::Response, max_body: usize) -> Result<Bytes, Fault> {
    let Some(first) = response.chunk().await.map_err(fault)? else {
        return Ok(Bytes::new());
    };
    let Some(second) = response.chunk().await.map_err(fault)? else {
        return Ok(first);
    };
    let mut whole = BytesMut::with_capacity((first.len() + second.len()) * 2);
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(next) = response.chunk().await.map_err(fault)? {
        if whole.len() + next.len() > max_body {
            return Err(Fault::transport(
                ErrorKind::NotChat,
                format!("the body is longer than {max_body} bytes"),
            ));
        }
        whole.extend_from_slice(&next);
    }
    Ok(whole.freeze())
}

fn fault(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let kind = if error.is_connect() {
        ErrorKind::Connect
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Cut
    };
    Fault::transport(kind, chain(&error))
}

/// The error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = inner.source();
    }
    line
}

/// What [`bare_loop`] did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BareReport {
    /// Calls that were answered with a success.
    pub calls: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Bytes of all bodies that were received.
    pub bytes: u64,
    /// Wall time.
    pub wall: Duration,
}

/// Sends `n` POSTs of `bodies`, in turn, to `base_url` with `concurrency` at a time, and does nothing else with the answers
/// than to read them. The measure that the whole client is compared with: same library, settings and headers.
///
/// # Errors
/// [`BuildError`] when the address is wrong or the client cannot be built.
pub async fn bare_loop(
    base_url: &str,
    bodies: &[Bytes],
    concurrency: usize,
    n: u64,
) -> Result<BareReport, BuildError> {
    let http = HttpConfig::default();
    let config = EndpointConfig::new("bare", base_url);
    let mut clients = Clients::new(&http, concurrency);
    let endpoint = Endpoint::new("bare", "bare", &config, &http.user_agent, |url| {
        clients.get(url)
    })?;
    let (endpoint, bodies): (Arc<Endpoint>, Arc<[Bytes]>) = (Arc::new(endpoint), bodies.into());
    let (next, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency.max(1) {
        let (endpoint, bodies) = (endpoint.clone(), bodies.clone());
        let (next, bytes) = (next.clone(), bytes.clone());
        tasks.spawn(async move {
            let mut done = 0_u64;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let place = number.checked_rem(bodies.len() as u64).unwrap_or(0) as usize;
                let Some(body) = bodies.get(place).filter(|_| number < n) else {
                    return done;
                };
                let key = HeaderValue::from(number);
                if let Ok(answer) = post(&endpoint, body.clone(), &key, 0, http.max_body).await
                    && answer.status.is_success()
                {
                    done += 1;
                    bytes.fetch_add(answer.body.len() as u64, Ordering::Relaxed);
                }
            }
        });
    }
    let mut calls = 0;
    while let Some(done) = tasks.join_next().await {
        calls += done.unwrap_or(0);
    }
    Ok(BareReport {
        calls,
        failed: n.saturating_sub(calls),
        bytes: bytes.load(Ordering::Relaxed),
        wall: started.elapsed(),
    })
}
