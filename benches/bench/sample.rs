//! CPU and memory of the spouts' processes while a run lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use procfs::process::Process;

const PERIOD: Duration = Duration::from_millis(100);

/// Of all watched processes together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sample {
    /// Milliseconds since the epoch.
    pub millis: u64,
    /// So far.
    pub cpu_seconds: f64,
    /// Resident memory.
    pub rss_bytes: u64,
}

/// Takes samples until it is asked for them.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sample>>,
}

/// Milliseconds since the epoch.
pub fn now_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// Of one process now, if it lives: CPU seconds so far, and resident bytes.
pub fn of(pid: i32) -> Option<(f64, u64)> {
    let stat = Process::new(pid).and_then(|process| process.stat()).ok()?;
    let ticks = (stat.utime + stat.stime) as f64;
    Some((ticks / procfs::ticks_per_second() as f64, stat.rss * procfs::page_size()))
}

/// Whether it runs. One that only waits for its parent to take note of its end does not.
pub fn is_running(pid: i32) -> bool {
    Process::new(pid).and_then(|process| process.stat()).is_ok_and(|stat| stat.state != 'Z')
}

impl Sampler {
    /// Begins.
    pub fn start(pids: Vec<i32>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut samples = Vec::new();
            while !asked.load(Ordering::Relaxed) {
                samples.push(take(&pids));
                std::thread::sleep(PERIOD);
            }
            samples.push(take(&pids));
            samples
        });
        Self { stop, thread }
    }

    /// All of them.
    pub fn finish(self) -> Vec<Sample> {
        self.stop.store(true, Ordering::Relaxed);
        // It panics on nothing.
        self.thread.join().unwrap_or_default()
    }
}

fn take(pids: &[i32]) -> Sample {
    let mut sample = Sample { millis: now_millis(), ..Sample::default() };
    for (cpu_seconds, rss_bytes) in pids.iter().filter_map(|pid| of(*pid)) {
        sample.cpu_seconds += cpu_seconds;
        sample.rss_bytes += rss_bytes;
    }
    sample
}

/// CPU seconds from one time to another, in between of samples along a straight line.
pub fn cpu_between(samples: &[Sample], begin: u64, end: u64) -> f64 {
    cpu_at(samples, end) - cpu_at(samples, begin)
}

fn cpu_at(samples: &[Sample], millis: u64) -> f64 {
    let after = samples.partition_point(|sample| sample.millis < millis);
    let (Some(left), Some(right)) = (samples.get(after.saturating_sub(1)), samples.get(after).or(samples.last()))
    else {
        return 0.0;
    };
    let length = right.millis.saturating_sub(left.millis);
    let share = if length == 0 { 1.0 } else { (millis.saturating_sub(left.millis) as f64 / length as f64).min(1.0) };
    left.cpu_seconds + share * (right.cpu_seconds - left.cpu_seconds)
}

/// The most memory between two times.
pub fn most_rss(samples: &[Sample], begin: u64, end: u64) -> u64 {
    let within = samples.iter().filter(|sample| (begin..=end).contains(&sample.millis));
    within.map(|sample| sample.rss_bytes).max().unwrap_or(0)
}
