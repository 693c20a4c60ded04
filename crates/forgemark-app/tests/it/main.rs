//! Integration tests of the application crate; one binary.

// The attribute tells clippy that helpers outside of test functions are test code too.
#[cfg(test)]
mod config_errors;
#[cfg(test)]
mod config_layers;
#[cfg(test)]
mod keys;
