//! A scripted endpoint for tests: a real HTTP server on a free port of this machine, in this
//! process, which counts and logs every call.

use std::time::{Duration, Instant};

use forgemark_model::scripted::{
    Behaviour, LogEntry, Running, Script, Server, ServerOptions, StartError, Stats,
};

/// Longest time that [`Endpoint::wait_until`] waits: far beyond what any test needs, so that it
/// ends only a test that hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A scripted endpoint at work. Dropping it stops it and cuts its connections.
#[derive(Debug)]
pub struct Endpoint {
    running: Running,
}

impl Endpoint {
    /// Starts an endpoint on a free port of the loopback address.
    ///
    /// # Errors
    /// A script that does not compile; no free port or thread.
    pub fn start(script: &Script) -> Result<Self, StartError> {
        // Two threads show what concurrency shows, whatever the machine.
        let options = ServerOptions {
            threads: Some(2),
            log: true,
        };
        let running = Server::start_with(script, ([127, 0, 0, 1], 0).into(), options)?;
        Ok(Self { running })
    }

    /// Starts an endpoint that does the same with every request.
    ///
    /// # Errors
    /// As [`Endpoint::start`].
    pub fn of(behaviour: Behaviour) -> Result<Self, StartError> {
        Self::start(&Script::new(0).otherwise(behaviour))
    }

    /// Starts an endpoint that answers every request with the ready-made dialogue replies.
    ///
    /// # Errors
    /// As [`Endpoint::start`].
    pub fn dialogue() -> Result<Self, StartError> {
        Self::start(&Script::new(0))
    }

    /// What a configuration names as the endpoint: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        self.running.base_url()
    }

    /// How many chat calls came.
    pub fn calls(&self) -> u64 {
        self.running.stats().calls
    }

    /// Everything that was counted.
    pub fn stats(&self) -> Stats {
        self.running.stats()
    }

    /// Every chat call in order of arrival: its key, attempt, role, status and fault.
    pub fn log(&self) -> Vec<LogEntry> {
        self.running.log()
    }

    /// Forgets all that was counted, attempts by call included.
    pub fn reset(&self) {
        self.running.reset();
    }

    /// Waits until `done` holds for the counters; whether it did before a minute was over.
    pub fn wait_until(&self, done: impl Fn(&Stats) -> bool) -> bool {
        let start = Instant::now();
        while !done(&self.running.stats()) {
            if start.elapsed() > PATIENCE {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }

    /// Cuts every connection, as a server that is killed; what was counted.
    pub fn stop(self) -> Stats {
        self.running.stop()
    }
}

#[cfg(test)]
mod tests;
