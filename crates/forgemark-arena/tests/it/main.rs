//! What this crate does with folders: reading, checking, putting aside; and letting models fill them.

// It tells clippy that helpers outside of test functions are test code too.
#![cfg(test)]

mod arena;
mod check;
mod decide;
mod heavy;
mod label;
mod pipeline;
mod quarantine;
