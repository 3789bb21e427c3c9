//! The command line inside the wheel.

use crate::runtime::{SLICE, block, runtime};
use pyo3::prelude::*;
use tokio::sync::oneshot;

/// Runs the command line and gives its exit code. Python's own handler takes Ctrl-C and only sets a flag, so it is
/// asked between slices; the program is then told to stop and ends by itself.
#[pyfunction]
pub(crate) fn cli_main(py: Python<'_>, args: Vec<String>) -> PyResult<i32> {
    let (cancel, cancelled) = oneshot::channel::<()>();
    let (finish, mut finished) = oneshot::channel::<i32>();
    let handle = runtime()?.handle();
    handle.spawn(async move {
        let code = turnwire_cli::run(args, async move {
            // A sender that is gone means that nobody will cancel any more.
            if cancelled.await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let _ = finish.send(code.await);
    });
    let mut cancel = Some(cancel);
    loop {
        let slice = block(py, |_| {
            handle.block_on(async { tokio::time::timeout(SLICE, &mut finished).await }).ok()
        });
        match slice {
            // A program that panicked has failed.
            Ok(code) => return Ok(code.unwrap_or(1)),
            Err(_) => {
                if let Some(cancel) = cancel.take() {
                    let _ = cancel.send(());
                }
            }
        }
    }
}
