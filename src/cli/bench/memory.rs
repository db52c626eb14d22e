//! The most memory that a process has held, as Linux counts it; elsewhere it is not known.

use std::fs;

/// Returns the most bytes that process `id` has held since it began.
pub(super) fn peak(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_was_held_is_seen() {
        const SIZE: usize = 64 << 20;
        let held = std::hint::black_box(vec![1_u8; SIZE]);
        assert!(peak(std::process::id()).unwrap() >= held.len() as u64);
        assert_eq!(peak(u32::MAX), None);
    }
}
