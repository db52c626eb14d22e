//! What a thread can ask of Linux to be woken in time. Other systems are not asked: there a link is less
//! exact.

/// Has the calling thread's sleeps end when they should. Where the system refuses, it wakes later, and
/// that is learnt.
#[cfg(target_os = "linux")]
pub(crate) fn wake_in_time() {
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

/// The calling thread goes before all others that have no special class. Nodes that compute on every
/// processor else make it wait for its turn, which is some milliseconds.
///
/// Needs a privilege. Without it a link is late now and then, which a median does not see.
#[cfg(target_os = "linux")]
pub(crate) fn go_first() {
    /// The nice value that is not nice at all.
    const HIGHEST_PRIORITY: i32 = -20;
    let thread = rustix::thread::gettid();
    let _ = rustix::process::setpriority_process(Some(thread), HIGHEST_PRIORITY);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn wake_in_time() {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn go_first() {}
