//! The scripted server as a client sees it: raw bytes over a socket, nothing of ours between.

// For clippy: helpers of tests may panic only where the compiler is told that they are tests.
#[cfg(test)]
mod client;
mod counting;
mod faults;
mod messages;
mod replies;
mod routes;
