//! Proxies, and certificates that nobody else knows, against servers of this machine.

use std::sync::Arc;

use forgemark_model::{
    BuildError, Caller, Certificates, EndpointConfig, ErrorKind, Proxies, Secret, Trust,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::support::{Answer, Server, Setup, call, clock, dir, journal};

/// The name of the model's host. Nobody resolves it but the proxy.
const HOST: &str = "model.test";

/// A proxy that leads everything to one address and tells the first line and the authorization of each request.
struct Proxy {
    url: String,
    seen: mpsc::UnboundedReceiver<(String, String)>,
}

async fn proxy(to: String) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (to, tell) = (to.clone(), tell.clone());
            tokio::spawn(async move {
                // A connection that ends is the business of those at its ends.
                let _ = lead(stream, &to, &tell).await;
            });
        }
    });
    Proxy { url, seen }
}

async fn lead(
    mut stream: TcpStream,
    to: &str,
    tell: &mpsc::UnboundedSender<(String, String)>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let first = text.lines().next().unwrap_or_default().to_owned();
    let authorization = text
        .lines()
        .find_map(|line| line.strip_prefix("proxy-authorization: "))
        .unwrap_or_default()
        .to_owned();
    let tunnel = first.starts_with("CONNECT ");
    let _ = tell.send((first, authorization));
    let mut server = TcpStream::connect(to).await?;
    if tunnel {
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    } else {
        server.write_all(&head).await?;
    }
    copy_bidirectional(&mut stream, &mut server).await?;
    Ok(())
}

/// An authority of our own, as PEM, and a server with a certificate of it for `host` in front of another.
async fn secured(host: &str, behind: &Server) -> (Vec<u8>, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("valid");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec![host.to_owned()])
        .expect("a name")
        .signed_by(&key, &authority)
        .expect("a certificate");
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .expect("a usable certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let to = behind.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await
                    && let Ok(mut server) = TcpStream::connect(&to).await
                {
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                }
            });
        }
    });
    (authority.pem().into_bytes(), address)
}

fn certificates(pem: &[u8]) -> Option<Certificates> {
    Some(Certificates {
        from: "ca.pem".to_owned(),
        pem: pem.to_vec(),
    })
}

fn address(server: &Server) -> String {
    server.url.trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn a_proxy_forwards_what_is_not_secured_and_gets_its_own_password() {
    let server = Server::start(|_| Answer::text("well")).await;
    let mut proxy = proxy(address(&server)).await;
    let mut setup = Setup::of(&[]);
    setup.endpoints = vec![EndpointConfig::new("e", format!("http://{HOST}/v1"))];
    let mut config = setup.config();
    let url = proxy.url.replace("http://", "http://someone:pass-word-1@");
    config.http.proxies.http = Some(Secret::new(&url));
    let dir = dir();
    let caller = Caller::new(&config, journal(dir.path()), clock()).expect("valid");
    let called = call(&caller, "Hi").await.expect("an outcome");
    assert_eq!(called.outcome.expect("a reply").content, "well");
    let (first, authorization) = proxy.seen.recv().await.expect("a request");
    assert_eq!(
        first,
        format!("POST http://{HOST}/v1/chat/completions HTTP/1.1")
    );
    // someone:pass-word-1
    assert_eq!(authorization, "Basic c29tZW9uZTpwYXNzLXdvcmQtMQ==");
    assert!(!format!("{config:?}").contains("pass-word"));
}

#[tokio::test]
async fn a_tunnel_carries_tls_that_an_authority_of_ones_own_vouches_for() {
    let server = Server::start(|_| Answer::text("well")).await;
    let (pem, secured) = secured(HOST, &server).await;
    let mut setup = Setup::of(&[]);
    setup.endpoints = vec![EndpointConfig::new("e", format!("https://{HOST}/v1"))];
    for only in [true, false] {
        let mut proxy = proxy(secured.clone()).await;
        let mut config = setup.config();
        config.http.proxies.https = Some(Secret::new(&proxy.url));
        config.http.trust = if only {
            Trust {
                only: certificates(&pem),
                also: None,
            }
        } else {
            // Another authority in place of the machine's own, which may have none.
            let (other, _) = super::network::secured("elsewhere.test", &server).await;
            Trust {
                only: certificates(&other),
                also: certificates(&pem),
            }
        };
        let dir = dir();
        let caller = Caller::new(&config, journal(dir.path()), clock()).expect("valid");
        let called = call(&caller, "Hi").await.expect("an outcome");
        assert_eq!(called.outcome.expect("a reply").content, "well");
        let (first, _) = proxy.seen.recv().await.expect("a request");
        assert_eq!(first, format!("CONNECT {HOST}:443 HTTP/1.1"));
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_believed() {
    let server = Server::start(|_| Answer::text("well")).await;
    let (pem, address) = secured("localhost", &server).await;
    let port = address.rsplit(':').next().expect("a port");
    let mut setup = Setup::of(&[]);
    setup.endpoints = vec![EndpointConfig::new(
        "e",
        format!("https://localhost:{port}/v1"),
    )];
    let (other, _) = secured("localhost", &server).await;
    for (pem, works) in [(pem, true), (other, false)] {
        let mut config = setup.config();
        config.http.trust.only = certificates(&pem);
        let dir = dir();
        let caller = Caller::new(&config, journal(dir.path()), clock()).expect("valid");
        let found = caller.probe("user").await.expect("a role");
        let result = &found.endpoints[0].result;
        assert_eq!(result.is_ok(), works, "{result:?}");
        if let Err((kind, line)) = result {
            assert_eq!(*kind, ErrorKind::Connect);
            assert!(line.contains("certificate"), "{line}");
        }
    }
    assert!(server.seen().iter().all(super::support::Seen::is_probe));
}

#[tokio::test]
async fn exceptions_and_this_machine_are_reached_without_a_proxy() {
    let server = Server::start(|_| Answer::text("well")).await;
    // Nobody listens there.
    let nowhere = Some(Secret::new("http://127.0.0.1:9"));
    let mut config = Setup::of(&[&server]).config();
    config.http.proxies = Proxies {
        http: nowhere.clone(),
        https: nowhere,
        except: None,
    };
    let dir = dir();
    let caller = Caller::new(&config, journal(dir.path()), clock()).expect("valid");
    assert!(call(&caller, "Hi").await.is_ok());

    let mut proxy = proxy(address(&server)).await;
    let mut setup = Setup::of(&[]);
    // This machine under an address that is not known to be it.
    let past = server.url.replace("127.0.0.1", "0.0.0.0");
    setup.endpoints = vec![
        EndpointConfig::new("through", format!("http://{HOST}/v1")),
        EndpointConfig::new("past", past),
    ];
    let mut config = setup.config();
    config.http.proxies.http = Some(Secret::new(&proxy.url));
    config.http.proxies.except = Some("other.test, 0.0.0.0".to_owned());
    let dir = super::support::dir();
    let caller = Caller::new(&config, journal(dir.path()), clock()).expect("valid");
    let found = caller.probe("user").await.expect("a role");
    assert!(
        found
            .endpoints
            .iter()
            .all(|endpoint| endpoint.result.is_ok()),
        "{found:?}"
    );
    let (first, _) = proxy.seen.recv().await.expect("a request");
    assert!(first.contains(HOST), "{first}");
    assert!(
        proxy.seen.try_recv().is_err(),
        "the exception went through the proxy"
    );
}

#[tokio::test]
async fn what_is_no_certificate_or_proxy_is_named_before_any_call() {
    let mut setup = Setup::of(&[]);
    setup.endpoints = vec![EndpointConfig::new("e", format!("https://{HOST}/v1"))];
    let dir = dir();
    let refused = |config| match Caller::new(&config, journal(dir.path()), clock()) {
        Err(BuildError::Http { what }) => what,
        other => panic!("{other:?}"),
    };
    let mut config = setup.config();
    config.http.trust.also = certificates(b"no certificate");
    let what = refused(config);
    assert_eq!(what, "certificates of ca.pem: there are none in PEM");
    let mut config = setup.config();
    config.http.proxies.https = Some(Secret::new("http://user:hidden-word@:::"));
    let what = refused(config);
    assert_eq!(what, "the address of a proxy is no URL");
}
