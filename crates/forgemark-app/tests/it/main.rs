//! Integration tests of the application crate; one binary.

// It tells clippy that helpers outside of test functions are test code too.
#![cfg(test)]

mod config_errors;
mod config_layers;
mod embed;
mod export;
mod keys;
mod original_keys;
mod program;
mod store;
