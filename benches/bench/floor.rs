//! What a latency has without Storm: a consumer in this process that writes what the bolt of `topology/bench` writes.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use kafka_shell_spout::kafka::Sizes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tempfile::TempDir;

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
        let consumer = consumer(kafka, topic)?;
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

/// With what the spout sets.
fn consumer(kafka: &str, topic: &Topic) -> Result<BaseConsumer> {
    let sizes = Sizes::of(topic.partitions as usize);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", &topic.name)
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", sizes.backoff_ms.to_string())
        .create()
        .with_context(|| format!("a consumer of {kafka}"))?;
    let mut list = TopicPartitionList::new();
    for partition in 0..topic.partitions {
        list.add_partition_offset(&topic.name, partition as i32, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

fn read(consumer: &BaseConsumer, dir: &Path, stop: &AtomicBool) -> Result<()> {
    let append = |name: &str| -> Result<File> {
        let path = dir.join(name);
        OpenOptions::new().create(true).append(true).open(&path).with_context(|| path.display().to_string())
    };
    let (mut counts, mut all_ages) = (append("count-0")?, append("age-0")?);
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
