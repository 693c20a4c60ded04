//! Integration tests of the crate, in one program.

// The attribute tells clippy that helpers outside of test functions are test code too.
#[cfg(test)]
mod golden;
