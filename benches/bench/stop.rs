//! Ctrl-C and SIGTERM: every wait here ends by them, and all that was started ends after it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use signal_hook::consts::{SIGINT, SIGTERM};

static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

const GLANCE: Duration = Duration::from_millis(20);

/// From now on both signals only set the flag.
///
/// # Errors
/// The system's.
pub fn listen() -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&STOP)).with_context(|| format!("signal {signal}"))?;
    }
    Ok(())
}

/// Whether a signal came.
pub fn asked() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// # Errors
/// A signal came.
pub fn check() -> Result<()> {
    ensure!(!asked(), "stopped by a signal");
    Ok(())
}

/// # Errors
/// A signal came.
pub fn sleep(time: Duration) -> Result<()> {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        check()?;
        std::thread::sleep(left.min(GLANCE));
    }
    check()
}

/// Asks `look` until it finds something; `None` after the time.
///
/// # Errors
/// A signal came, or `look` fails.
pub fn wait_for<T>(time: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if begun.elapsed() > time {
            return Ok(None);
        }
        sleep(GLANCE)?;
    }
}
