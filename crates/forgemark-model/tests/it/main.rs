//! The crate from outside.

// It tells clippy that helpers outside of test functions are test code too.
#![cfg(test)]

mod batch;
mod caller;
mod embed;
mod scripted;
mod services;
