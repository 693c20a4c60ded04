//! Whole dialogue runs over scripted models.

// The attribute tells clippy that helpers outside of test functions are test code too.
#[cfg(test)]
mod bench;
#[cfg(test)]
mod check;
#[cfg(test)]
mod counts;
#[cfg(test)]
mod dedup;
#[cfg(test)]
mod determinism;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod kill_matrix;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod rows;
