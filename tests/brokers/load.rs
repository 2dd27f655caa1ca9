//! Records that keep coming, whatever happens to the brokers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::kafka::{Producer, Record, Topic};
use crate::support::stack::stack;

/// Between two records of a partition.
const PERIOD: Duration = Duration::from_millis(5);

/// Produces to some partitions, to each at the same pace; a record's value is its offset.
pub struct Load {
    counts: Arc<[AtomicI64]>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// Starts at offset 0 of each of these partitions.
    pub fn start(topic: &Topic, partitions: &[i32]) -> Self {
        let counts: Arc<[AtomicI64]> = partitions.iter().map(|_| AtomicI64::new(0)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped, name, partitions) =
            (Arc::clone(&counts), Arc::clone(&stop), topic.name.clone(), partitions.to_vec());
        let thread = std::thread::spawn(move || {
            // Without idempotence a record whose answer is lost comes twice, with two offsets.
            let properties = [("enable.idempotence", "true"), ("reconnect.backoff.max.ms", "500")];
            let producer = Producer::new(&stack().kafka, &properties);
            while !stopped.load(Ordering::Relaxed) {
                for (partition, count) in partitions.iter().zip(&*shared) {
                    let value = count.fetch_add(1, Ordering::Relaxed).to_string();
                    let record = Record { partition: *partition, value: Some(value.as_bytes()), ..Record::default() };
                    producer.enqueue(&name, &record);
                }
                std::thread::sleep(PERIOD);
            }
            producer.finish();
        });
        Self { counts, stop, thread: Some(thread) }
    }

    /// How many records there are, or soon will be, in each partition, in the order of [`Self::start`].
    pub fn counts(&self) -> Vec<i64> {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Ends it, and waits until all records are in Kafka.
    pub fn finish(mut self) -> Vec<i64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("only here").join().expect("the producer had no failure");
        self.counts()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
