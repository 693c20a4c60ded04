//! Tests of the corpus from outside: real files, a real index folder, and the real extraction child.

// The attribute tells clippy that helpers outside of test functions are test code too.
#[cfg(test)]
mod bad_files;
#[cfg(test)]
mod bomb;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod heavy;
#[cfg(test)]
mod paper;
#[cfg(test)]
mod place;
