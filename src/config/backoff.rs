//! How long a failed tuple waits before it comes again.

use std::time::Duration;

/// Exponential backoff with jitter (`kafka.spout.retry.*`).
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    /// After the first fail.
    pub initial: Duration,
    /// After the second fail; doubled with each one more.
    pub delay: Duration,
    /// Never more than this.
    pub max: Duration,
    /// The share of the delay, 0 to 1, of which a random part is taken off: tuples that failed together need not
    /// come back together.
    pub jitter: f64,
    /// Emits after the first one; `None` is without end.
    pub limit: Option<u32>,
}

impl Backoff {
    /// How long to wait after the fail with this number, counted from 1. Storm's `KafkaSpoutRetryExponentialBackoff`
    /// overflows from the 44th fail on and retries in a hot loop; this one stays at `max`.
    pub fn delay(&self, fails: u32) -> Duration {
        let full = match fails {
            0 | 1 => self.initial,
            _ => self.delay.saturating_mul(1u32.checked_shl(fails - 2).unwrap_or(u32::MAX)),
        };
        full.min(self.max).mul_f64(1.0 - self.jitter * fastrand::f64())
    }

    /// Whether a tuple that has failed so often is given up.
    pub fn is_exhausted(&self, fails: u32) -> bool {
        self.limit.is_some_and(|limit| fails > limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(jitter: f64) -> Backoff {
        let ms = Duration::from_millis;
        Backoff { initial: ms(0), delay: ms(100), max: ms(10_000), jitter, limit: Some(3) }
    }

    #[test]
    fn the_delay_doubles_up_to_its_limit_and_never_overflows() {
        let delays: Vec<u128> = (1..=10).map(|fails| backoff(0.0).delay(fails).as_millis()).collect();
        assert_eq!(delays, [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        for fails in [34, 44, 57, 60, 64, 65, u32::MAX] {
            assert_eq!(backoff(0.0).delay(fails).as_millis(), 10_000, "fail {fails}");
        }
    }

    #[test]
    fn jitter_takes_off_at_most_its_share() {
        let delays: Vec<u128> = (0..200).map(|_| backoff(0.2).delay(3).as_millis()).collect();
        assert!(delays.iter().all(|delay| (160..=200).contains(delay)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay != delays[0]), "all the same");
    }

    #[test]
    fn the_limit_counts_emits_after_the_first() {
        assert!(!backoff(0.0).is_exhausted(3));
        assert!(backoff(0.0).is_exhausted(4));
        assert!(!Backoff { limit: None, ..backoff(0.0) }.is_exhausted(u32::MAX));
    }
}
