//! The crate from outside.

// For clippy: helpers of tests may panic only where the compiler is told that they are tests.
#[cfg(test)]
mod caller;
mod scripted;
