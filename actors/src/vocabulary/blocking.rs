//! Work that blocks or computes for long, on threads of its own.

use super::error::ApiError;

/// Runs `work` on a thread that may block.
///
/// # Errors
/// If the threads are gone, because the node stops, or `work` panicked.
pub async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = actix_rt::task::spawn_blocking(work).await;
    done.map_err(|_| ApiError::unavailable("the thread pool"))
}
