//! Requests of a thread to Linux, so that it wakes in time. On other systems a link is less exact.

/// Sets the calling thread's timer slack to the minimum. If the system refuses, the thread wakes
/// later, and its waker learns that.
#[cfg(target_os = "linux")]
pub(crate) fn wake_in_time() {
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

/// Gives the calling thread the highest priority without a special class. Otherwise it waits some
/// milliseconds for its turn while nodes compute on every processor.
///
/// Needs a privilege. Without it a link is late at times, which does not change a median.
#[cfg(target_os = "linux")]
pub(crate) fn raise_priority() {
    /// The least nice value.
    const HIGHEST_PRIORITY: i32 = -20;
    let thread = rustix::thread::gettid();
    let _ = rustix::process::setpriority_process(Some(thread), HIGHEST_PRIORITY);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn wake_in_time() {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn raise_priority() {}
