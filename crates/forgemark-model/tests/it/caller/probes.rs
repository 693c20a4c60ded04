//! What one-token probes find before a run.

use forgemark_contract::json::Json;
use forgemark_model::{CallError, ErrorKind};

use super::support::{Answer, Server, Setup, call, dir};

#[tokio::test]
async fn a_probe_tells_what_a_role_can_expect() {
    let good =
        Server::start(|_| Answer::message(Json::object([("content", Json::from(""))]), "length"))
            .await;
    let bad = Server::start(|_| Answer::error(401, "bad key")).await;
    let dir = dir();
    let caller = Setup::of(&[&good, &bad]).caller(dir.path());
    let probe = caller.probe("user").await.expect("a known role");
    assert!(probe.is_usable());
    assert_eq!((probe.role.as_str(), probe.model.as_str()), ("user", "m"));
    assert!(probe.endpoints[0].result.is_ok());
    let (kind, line) = probe.endpoints[1].result.as_ref().expect_err("refused");
    assert_eq!(
        (*kind, line.as_str()),
        (ErrorKind::Auth, "key refused (401): bad key")
    );
    assert_eq!(good.seen()[0].body.at("max_tokens").as_i64(), Some(1));
    // It is no outcome.
    assert_eq!(caller.journal().totals().all().calls, 0);
    assert!(matches!(
        caller.probe("nobody").await,
        Err(CallError::UnknownRole(_))
    ));
}

#[tokio::test]
async fn a_patient_probe_outlasts_what_passes_and_nothing_else() {
    let html = || Answer::status(200, "<html>starting</html>");
    let cut = || Answer {
        cut_after: Some(5),
        ..Answer::text("well")
    };
    let firsts: [fn() -> Answer; 3] = [|| Answer::error(500, "warming up"), html, cut];
    for first in firsts {
        let server = Server::start(move |seen| {
            if seen.n < 2 {
                first()
            } else {
                Answer::text("well")
            }
        })
        .await;
        let dir = dir();
        let caller = Setup::of(&[&server]).caller(dir.path());
        let probe = caller.probe_patiently("user").await.expect("a known role");
        assert!(probe.is_usable(), "{probe:?}");
        assert_eq!(server.seen().len(), 3);
        // The endpoint serves calls as if nothing had been.
        assert!(
            call(&caller, "Hi")
                .await
                .expect("an outcome")
                .outcome
                .is_ok()
        );
    }

    for (status, probes) in [(500, 4), (401, 1), (404, 1)] {
        let server = Server::start(move |_| Answer::error(status, "no")).await;
        let dir = dir();
        let caller = Setup::of(&[&server]).caller(dir.path());
        let probe = caller.probe_patiently("user").await.expect("a known role");
        assert!(!probe.is_usable());
        assert_eq!(server.seen().len(), probes, "{status}");
        let (_, line) = probe.endpoints[0].result.as_ref().expect_err("refused");
        assert!(line.contains(&status.to_string()), "{line}");
    }
}
