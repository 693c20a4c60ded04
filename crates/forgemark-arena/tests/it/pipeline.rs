//! Whole runs, on a disk in memory and with models in this process or behind a scripted endpoint.

mod batches;
mod bench;
mod changes;
mod controls;
mod faults;
mod flow;
mod kill;
mod modes;
mod protocol;
mod skills;
