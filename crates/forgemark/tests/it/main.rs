//! The binary as a user meets it: exit codes, stdout, stderr.

// It tells clippy that helpers outside of test functions are test code too.
#![cfg(test)]

mod arena;
mod arena_demo;
mod arena_rate;
mod arena_run;
mod bench;
mod bundle;
mod cli;
mod cli_dialogue;
mod command;
mod config;
#[cfg(feature = "store")]
mod cut;
mod doctor;
mod journal;
mod judge;
mod kill;
mod label;
mod original;
mod places;
mod scripted_server;
mod signals;
mod validate;
