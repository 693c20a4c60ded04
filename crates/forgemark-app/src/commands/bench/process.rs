//! What the operating system counts about this process.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::error::{AppError, ErrorKind};

/// Counters of a process at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    /// CPU time in user code.
    pub(super) user: Duration,
    /// CPU time in the kernel.
    pub(super) system: Duration,
    /// Bytes that had to go to a disk (`write_bytes` of `/proc/self/io`: pages that were made dirty,
    /// whole ones); `None` where the system does not say.
    pub(super) disk_bytes: Option<u64>,
}

impl Counters {
    /// The counters now, over all threads.
    ///
    /// # Errors
    /// When the system does not answer.
    pub(super) fn now() -> Result<Self, AppError> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(|error| {
            AppError::new(ErrorKind::Io, "cannot read this process's CPU time").caused_by(error)
        })?;
        let micros = |value: nix::sys::time::TimeVal| {
            Duration::from_micros(u64::try_from(value.num_microseconds()).unwrap_or(0))
        };
        Ok(Self {
            user: micros(usage.user_time()),
            system: micros(usage.system_time()),
            disk_bytes: proc_number("/proc/self/io", "write_bytes:"),
        })
    }

    /// CPU time in user code and kernel.
    pub(super) fn cpu(&self) -> Duration {
        self.user + self.system
    }

    /// What was added since an earlier reading.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
            disk_bytes: self
                .disk_bytes
                .zip(earlier.disk_bytes)
                .map(|(now, then)| now.saturating_sub(then)),
        }
    }
}

/// The most memory that this process ever had resident, in bytes: `VmHWM`, else what `getrusage`
/// says.
pub(super) fn peak_memory() -> u64 {
    if let Some(kib) = proc_number("/proc/self/status", "VmHWM:") {
        return kib * 1024;
    }
    let most = getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss());
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(most).unwrap_or(0) * unit
}

fn proc_number(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_rise_and_memory_is_plausible() {
        let before = Counters::now().unwrap();
        let mut sum = 0_u64;
        for n in 0..20_000_000_u64 {
            sum = sum.wrapping_mul(31).wrapping_add(std::hint::black_box(n));
        }
        std::hint::black_box(sum);
        let used = Counters::now().unwrap().since(&before);
        assert!(used.cpu() > Duration::ZERO, "{used:?}");
        assert!(peak_memory() > 1 << 20);
    }
}
