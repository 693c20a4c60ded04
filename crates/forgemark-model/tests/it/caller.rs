//! The caller against a small server: every kind of failure, and what becomes of it.

mod adaptation;
mod anthropic;
mod budget;
mod failover;
mod faults;
mod journal;
mod network;
mod probes;
mod scripted_faults;
mod secrets;
mod structured;
pub(crate) mod support;
