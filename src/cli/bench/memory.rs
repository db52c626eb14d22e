//! The most memory that a process has held, as Linux counts it; elsewhere it is not known.

use std::fs;

/// Has the system forget what process `id` has held before. False where it cannot.
pub(super) fn forget_peak(id: u32) -> bool {
    fs::write(format!("/proc/{id}/clear_refs"), "5").is_ok()
}

/// The most bytes that process `id` has held since.
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
    fn what_was_held_is_seen_and_forgotten() {
        const SIZE: usize = 64 << 20;
        let own = std::process::id();
        let held = std::hint::black_box(vec![1_u8; SIZE]);
        assert!(peak(own).unwrap() >= held.len() as u64);
        drop(held);
        let before = peak(own).unwrap();
        assert!(forget_peak(own));
        assert!(peak(own).unwrap() < before);
    }
}
