//! Work that blocks or computes for long, on threads of its own.

use super::error::ApiError;

/// Runs `work` on a thread that may block.
///
/// # Errors
/// If the threads are gone, because the node stops (`unavailable`), or `work` panicked (`internal`).
pub async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = actix_rt::task::spawn_blocking(work).await;
    done.map_err(|error| match error.try_into_panic() {
        Ok(_) => ApiError::internal("a step of this node has ended with a panic"),
        Err(_) => ApiError::unavailable("the thread pool"),
    })
}
