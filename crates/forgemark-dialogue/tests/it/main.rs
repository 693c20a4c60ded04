//! Whole dialogue runs over scripted models.

// It tells clippy that helpers outside of test functions are test code too.
#![cfg(test)]

mod acceptance;
mod batches;
mod bench;
mod bundle;
mod check;
mod counts;
mod dedup;
mod determinism;
mod faults;
mod judge;
mod kill_matrix;
mod original;
mod original_runs;
mod resume;
mod rows;
mod services;
