use super::{Blame, Evidence, Tally};

/// An endpoint that other calls use between the attempts of ours.
struct Endpoint {
    tally: Tally,
}

impl Endpoint {
    fn fail_ours(
        &mut self,
        evidence: &mut Evidence,
        others_served: u64,
        others_failed: u64,
    ) -> Blame {
        let sent = self.tally;
        self.tally.served += others_served;
        self.tally.failed += others_failed + 1;
        evidence.add(0, true, sent, self.tally)
    }
}

fn start() -> (Endpoint, Evidence) {
    let tally = Tally {
        served: 1_000,
        failed: 7,
    };
    (Endpoint { tally }, Evidence::new(6))
}

/// Failures until the request is blamed, or `None` within 100.
fn until_blamed(others_served: u64, others_failed: u64) -> Option<usize> {
    let (mut endpoint, mut evidence) = start();
    (1..=100)
        .find(|_| endpoint.fail_ours(&mut evidence, others_served, others_failed) == Blame::Request)
}

#[test]
fn an_endpoint_that_serves_all_others_acquits_itself() {
    assert_eq!(until_blamed(20, 0), Some(6));
    // Few others: more failures are needed for the same certainty.
    assert_eq!(until_blamed(1, 0), Some(6));
}

#[test]
fn an_endpoint_that_fails_others_too_needs_a_longer_row() {
    // A fifth of all calls fails: a row of eight is one in 400,000.
    let blamed = until_blamed(16, 4).expect("some time");
    assert!((7..=9).contains(&blamed), "after {blamed}");
    let half = until_blamed(10, 10).expect("some time");
    assert!((16..=19).contains(&half), "after {half}");
}

#[test]
fn an_endpoint_that_serves_nobody_proves_nothing() {
    let (mut endpoint, mut evidence) = start();
    for _ in 0..100 {
        assert_eq!(endpoint.fail_ours(&mut evidence, 0, 5), Blame::Alone);
    }
    // The first success of others is no proof either.
    assert_eq!(endpoint.fail_ours(&mut evidence, 1, 0), Blame::Open);
}

#[test]
fn alone_with_its_endpoint_a_call_is_judged_by_probes() {
    let (mut endpoint, mut evidence) = start();
    let mut probes = 0;
    let failures = (1..100)
        .find(|_| {
            let blame = endpoint.fail_ours(&mut evidence, 0, 0);
            if blame != Blame::Request && evidence.wants_probe() {
                probes += 1;
                endpoint.tally.served += 1;
                evidence.probe_succeeded(0, endpoint.tally);
            }
            blame == Blame::Request
        })
        .expect("blamed");
    assert!(
        failures <= 8 && probes <= 5,
        "{failures} failures, {probes} probes"
    );
}

#[test]
fn what_is_no_answer_is_no_evidence() {
    let (mut endpoint, mut evidence) = start();
    for _ in 0..100 {
        let sent = endpoint.tally;
        endpoint.tally.served += 10;
        endpoint.tally.failed += 1;
        assert_eq!(evidence.add(0, false, sent, endpoint.tally), Blame::Open);
    }
    assert!(!evidence.wants_probe());
}

#[test]
fn a_sick_endpoint_beside_a_healthy_one_is_no_evidence_about_the_request() {
    let mut evidence = Evidence::new(6);
    let mut sick = Tally::default();
    for _ in 0..50 {
        let sent = sick;
        sick.failed += 20;
        assert_eq!(evidence.add(1, true, sent, sick), Blame::Alone);
    }
}
