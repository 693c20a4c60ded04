//! Whether a call fails because of its request or because of its endpoint.
//!
//! A failure that drops an item has to lie in the request. The endpoint is taken to be well when it served other calls since
//! this call failed last; a failure then is *confirmed*. Enough confirmed failures decide, unless the endpoint fails others
//! so often that such a row may well be chance: with a share `p` of failures among the others, a row of `k` has the
//! probability `p^k`, and it has to be below [`CHANCE`]. `p` is estimated by the rule of succession,
//! `(failures + 1) / (calls + 2)`, from what the endpoint did for others since the call failed first.
//!
//! Where there are no other calls, one-token probes stand for them.

#[cfg(test)]
mod tests;

/// How improbable a row of failures has to be for a healthy request.
const CHANCE: f64 = 1e-5;

/// What a failure right after a successful probe counts: nothing lies between the two, and a lone call would otherwise
/// pause for minutes to be sure.
const PROBED_WEIGHT: u32 = 2;

/// What an endpoint did so far, for all calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Calls and probes that it served.
    pub(crate) served: u64,
    /// Attempts that it failed.
    pub(crate) failed: u64,
}

/// What is known after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// The request is at fault.
    Request,
    /// Nobody knows yet, and the endpoint serves others.
    Open,
    /// Nobody knows yet, and the call is alone with its endpoint; a probe would help.
    Alone,
}

/// The failures of one call.
#[derive(Debug)]
pub(super) struct Evidence {
    /// Confirmed failures that are needed.
    needed: u32,
    answered: u32,
    confirmed: u32,
    probed: bool,
    endpoints: Vec<Seen>,
}

/// One endpoint as the call saw it.
#[derive(Debug)]
struct Seen {
    endpoint: usize,
    /// When the attempt was sent that failed first.
    first: Tally,
    last: Tally,
    /// Failures of this call.
    own: u64,
}

impl Evidence {
    /// No failure yet; `needed` confirmed ones decide.
    pub(super) fn new(needed: u32) -> Self {
        Evidence {
            needed: needed.max(1),
            answered: 0,
            confirmed: 0,
            probed: false,
            endpoints: Vec::new(),
        }
    }

    /// An attempt failed. `answered` says that the endpoint answered with an error of its own; `sent` and `now` are its
    /// tallies when the attempt was sent and now, this failure included.
    pub(super) fn add(
        &mut self,
        endpoint: usize,
        answered: bool,
        sent: Tally,
        now: Tally,
    ) -> Blame {
        let seen = self.seen(endpoint, sent);
        let serves_others = now.served > seen.last.served;
        seen.last = now;
        seen.own += 1;
        let probed = std::mem::take(&mut self.probed);
        if answered {
            self.answered += 1;
            self.confirmed += match (probed, serves_others) {
                (true, _) => PROBED_WEIGHT,
                (false, true) => 1,
                (false, false) => 0,
            };
        }
        if self.confirmed >= self.needed && self.chance() < CHANCE {
            Blame::Request
        } else if serves_others || probed {
            Blame::Open
        } else {
            Blame::Alone
        }
    }

    /// A probe of the endpoint succeeded; `now` is its tally with the probe.
    pub(super) fn probe_succeeded(&mut self, endpoint: usize, now: Tally) {
        self.probed = true;
        self.seen(endpoint, now).last.served = now.served;
    }

    /// Whether a probe is worth its token: after half of the failures that are needed, but not after the first, which is
    /// mostly nothing.
    pub(super) fn wants_probe(&self) -> bool {
        self.answered >= (self.needed / 2).max(2)
    }

    fn seen(&mut self, endpoint: usize, first: Tally) -> &mut Seen {
        let known = self
            .endpoints
            .iter()
            .position(|seen| seen.endpoint == endpoint);
        let place = known.unwrap_or_else(|| {
            self.endpoints.push(Seen {
                endpoint,
                first,
                last: first,
                own: 0,
            });
            self.endpoints.len() - 1
        });
        &mut self.endpoints[place]
    }

    /// The probability that a healthy request meets the confirmed failures.
    fn chance(&self) -> f64 {
        let (mut served, mut failed) = (0, 0);
        for seen in &self.endpoints {
            served += seen.last.served.saturating_sub(seen.first.served);
            let all = seen.last.failed.saturating_sub(seen.first.failed);
            failed += all.saturating_sub(seen.own);
        }
        let share = (failed as f64 + 1.0) / ((served + failed) as f64 + 2.0);
        share.powi(self.confirmed.min(1_000) as i32)
    }
}
