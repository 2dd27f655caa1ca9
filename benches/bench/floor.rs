//! What a latency has without Storm: a consumer in this process that writes what the bolt of `topology/bench` writes.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::Message as _;
use tempfile::TempDir;

use super::nostorm::{consumer, our_settings};
use super::topic::Topic;

/// As the bolt.
const WRITE_EVERY: Duration = Duration::from_millis(100);

/// Digits of the time, the first of a value.
pub const TIME_DIGITS: usize = 19;

/// Nanoseconds since the epoch.
pub fn now_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

/// Reads until it is dropped or stopped.
pub struct Floor {
    dir: TempDir,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Floor {
    /// # Errors
    /// There is no directory, or librdkafka does not take the configuration.
    pub fn start(kafka: &str, topic: &Topic) -> Result<Self> {
        let dir = tempfile::tempdir().context("a directory for what is counted")?;
        // With what the spout sets.
        let consumer = consumer(kafka, &topic.name, topic, &our_settings(topic))?;
        let (path, stop) = (dir.path().to_owned(), Arc::new(AtomicBool::new(false)));
        let asked = Arc::clone(&stop);
        let thread = Some(std::thread::spawn(move || read(&consumer, &path, &asked)));
        Ok(Self { dir, stop, thread })
    }

    /// Where it writes.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// # Errors
    /// It could not write.
    pub fn stop(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map_or(Ok(()), |thread| thread.join().map_err(|_| anyhow!("the reader panicked"))?)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn read(consumer: &BaseConsumer, dir: &Path, stop: &AtomicBool) -> Result<()> {
    let create = |name: &str| {
        let path = dir.join(name);
        File::create(&path).with_context(|| path.display().to_string())
    };
    let (mut counts, mut all_ages) = (create("count-0")?, create("age-0")?);
    let (begun, mut count, mut ages, mut written) = (Instant::now(), 0_u64, Vec::new(), Instant::now());
    while !stop.load(Ordering::Relaxed) {
        if let Some(message) = consumer.poll(Duration::from_millis(10)) {
            let message = message?;
            let digits = message.payload().and_then(|value| value.get(..TIME_DIGITS)).unwrap_or_default();
            let made: u64 = std::str::from_utf8(digits).unwrap_or_default().parse().unwrap_or(0);
            ages.extend_from_slice(&made.to_be_bytes());
            ages.extend_from_slice(&(now_nanos() as i64 - made as i64).to_be_bytes());
            count += 1;
        }
        if written.elapsed() >= WRITE_EVERY {
            written = Instant::now();
            all_ages.write_all(&ages)?;
            ages.clear();
            writeln!(counts, "{count} {} {} 0", begun.elapsed().as_nanos(), now_nanos() / 1_000_000)?;
        }
    }
    Ok(())
}
