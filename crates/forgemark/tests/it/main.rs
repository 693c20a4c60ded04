//! The binary as a user meets it: exit codes, stdout, stderr.

// The attribute tells clippy that helpers outside of test functions are test code too.
#[cfg(test)]
mod cli;
#[cfg(test)]
mod cli_dialogue;
#[cfg(test)]
mod command;
#[cfg(test)]
mod config;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod original;
#[cfg(test)]
mod scripted_server;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod validate;
