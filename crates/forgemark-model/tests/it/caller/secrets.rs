//! Keys leave only as headers.

use std::path::Path;

use forgemark_model::{CallError, Secret};

use super::support::{Answer, Seen, Server, Setup, call, dir};

const KEY: &str = "sk-proj-0123456789abcdefghij";
const HEADER: &str = "tenant-key-9876543210";

/// A server that echoes what it was sent, as debugging proxies do.
fn echo(seen: &Seen) -> Answer {
    let text = format!(
        "Incorrect key {} for {}",
        seen.header("authorization"),
        seen.header("x-tenant")
    );
    match seen.last() {
        "error" => Answer::error(500, &text),
        "page" => Answer::status(200, format!("<html>{text}")),
        "refused" => Answer::error(400, &text),
        _ => Answer::text(&text),
    }
}

fn setup(server: &Server) -> Setup {
    let mut setup = Setup::of(&[server]);
    setup.endpoints[0].api_key = Some(Secret::new(KEY));
    setup.endpoints[0]
        .headers
        .push(("x-tenant".to_owned(), Secret::new(HEADER)));
    setup
}

fn holds_secret(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains(KEY) || text.contains(HEADER)
}

/// Looks through every file; how often the masked text was found, which shows that the bodies lie there readable.
fn check_files(dir: &Path) -> usize {
    let mut masked = 0;
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            masked += check_files(&path);
        } else {
            let content = std::fs::read(&path).expect("readable");
            assert!(!holds_secret(&content), "{} holds a secret", path.display());
            masked += String::from_utf8_lossy(&content)
                .matches("Bearer ***")
                .count();
        }
    }
    masked
}

#[tokio::test]
async fn no_error_notice_or_journal_holds_a_key() {
    let server = Server::start(echo).await;
    let dir = dir();
    let setup = setup(&server);
    assert!(!holds_secret(format!("{:?}", setup.config()).as_bytes()));
    {
        let caller = setup.caller(dir.path());
        let reply = call(&caller, "Hi")
            .await
            .expect("an outcome")
            .outcome
            .expect("a reply");
        assert_eq!(reply.content, "Incorrect key Bearer *** for ***");
        // It was really sent.
        assert_eq!(
            server.seen()[0].header("authorization"),
            format!("Bearer {KEY}")
        );
        assert_eq!(server.seen()[0].header("x-tenant"), HEADER);
        let refused = call(&caller, "refused")
            .await
            .expect("an outcome")
            .outcome
            .expect_err("a failure");
        assert!(refused.detail.contains("Bearer ***"), "{refused}");
        for text in ["error", "page"] {
            let failure = call(&caller, text)
                .await
                .expect("an outcome")
                .outcome
                .expect_err("a failure");
            assert!(!holds_secret(failure.detail.as_bytes()), "{failure}");
        }
        for endpoint in caller.endpoints() {
            assert!(!holds_secret(format!("{endpoint:?}").as_bytes()));
        }
        caller.journal().flush().await.expect("durable");
    }
    assert!(
        check_files(dir.path()) >= 4,
        "four outcomes have to be there"
    );
}

#[tokio::test]
async fn an_unusable_endpoint_does_not_tell_its_key() {
    let server = Server::start(|seen| {
        Answer::error(401, &format!("bad key {}", seen.header("authorization")))
    })
    .await;
    let dir = dir();
    let caller = setup(&server).caller(dir.path());
    let error = call(&caller, "Hi").await.expect_err("unusable");
    assert!(matches!(error, CallError::Unusable(_)));
    assert!(error.to_string().contains("bad key Bearer ***"), "{error}");
    let notices = format!("{:?} {error:?}", caller.meter().take_notices());
    assert!(!holds_secret(notices.as_bytes()), "{notices}");
}
