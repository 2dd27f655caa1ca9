//! librdkafka and a loop that looks at each record and throws it away: what no program on top of it can beat.

use std::ptr::{null_mut, slice_from_raw_parts};

use anyhow::{Context as _, Result, bail, ensure};
use kafka_shell_spout::kafka::Sizes;
use rdkafka::ClientConfig;
use rdkafka::bindings;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{Clock, Reading, Source};
use crate::topic::Topic;
use crate::{sample, stop};

/// Records of one call.
const BATCH: usize = 1000;

const TIMEOUT_MS: i32 = 200;

/// Calls without a record, some 30 s, are the end.
const PATIENCE: u32 = 150;

/// With what the spout sets for so many partitions: what it could reach at most.
pub fn as_ours(source: &Source<'_>) -> Result<Reading> {
    read(source, &our_settings(source.topic))
}

/// What the spout sets for that topic.
pub fn our_settings(topic: &Topic) -> [(&'static str, usize); 4] {
    let sizes = Sizes::of(topic.partitions as usize);
    [
        ("queued.min.messages", sizes.records),
        ("queued.max.messages.kbytes", sizes.kbytes),
        ("fetch.queue.backoff.ms", sizes.backoff_ms),
        ("fetch.wait.max.ms", 100),
    ]
}

/// With its own settings, and so much room that no partition ever waits for it.
pub fn far_ahead(source: &Source<'_>) -> Result<Reading> {
    read(source, &[("queued.min.messages", 1_000_000), ("queued.max.messages.kbytes", 1 << 20)])
}

/// Reads all of a topic from its beginning.
///
/// # Errors
/// librdkafka does not take a setting.
pub fn consumer(kafka: &str, group: &str, topic: &Topic, settings: &[(&str, usize)]) -> Result<BaseConsumer> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka).set("group.id", group).set("enable.auto.commit", "false");
    for (key, value) in settings {
        config.set(*key, value.to_string());
    }
    let consumer: BaseConsumer = config.create().with_context(|| format!("a consumer of {kafka}"))?;
    let mut list = TopicPartitionList::new();
    for partition in 0..topic.partitions {
        list.add_partition_offset(&topic.name, partition as i32, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

fn read(source: &Source<'_>, settings: &[(&str, usize)]) -> Result<Reading> {
    let before = sample::of(std::process::id() as i32);
    let consumer = consumer(&source.kafka, &source.id, source.topic, settings)?;
    let mut queue = Queue::of(&consumer)?;
    let (mut count, mut bytes, mut idle, mut clock) = (0, 0, 0, Clock::default());
    while count < source.records {
        let (records, length) = queue.take()?;
        count += records;
        bytes += length;
        clock.at(count);
        idle = if records == 0 { idle + 1 } else { 0 };
        ensure!(idle < PATIENCE, "no record came any more after {count}");
        stop::check()?;
    }
    ensure!(bytes >= count * source.topic.size as u64, "{count} records have only {bytes} bytes");
    let cpu = before.zip(sample::of(std::process::id() as i32)).map(|((before, _), (after, _))| after - before);
    clock.stop(count, cpu).context("all came in one go")
}

/// The queue of all partitions, and room for what is taken of it.
struct Queue {
    queue: *mut bindings::rd_kafka_queue_t,
    batch: Vec<*mut bindings::rd_kafka_message_t>,
}

impl Queue {
    fn of(consumer: &BaseConsumer) -> Result<Self> {
        // SAFETY: the client lives, and the queue holds it until it is destroyed.
        let queue = unsafe { bindings::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        ensure!(!queue.is_null(), "librdkafka has no queue for the consumer");
        Ok(Self { queue, batch: vec![null_mut(); BATCH] })
    }

    /// How many records, and bytes of their values.
    fn take(&mut self) -> Result<(u64, u64)> {
        // SAFETY: the batch has room for as many pointers as are asked for.
        let taken = unsafe {
            bindings::rd_kafka_consume_batch_queue(self.queue, TIMEOUT_MS, self.batch.as_mut_ptr(), self.batch.len())
        };
        let Ok(taken) = usize::try_from(taken) else { bail!("librdkafka gives no records") };
        let (mut records, mut bytes) = (0, 0);
        for &message in &self.batch[..taken] {
            // SAFETY: librdkafka has filled that many with messages of ours, which live until they are destroyed here.
            unsafe {
                if (*message).err == bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    records += 1;
                    bytes += slice_from_raw_parts((*message).payload.cast::<u8>(), (*message).len).len() as u64;
                }
                bindings::rd_kafka_message_destroy(message);
            }
        }
        Ok((records, bytes))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: it is ours, and not used any more.
        unsafe { bindings::rd_kafka_queue_destroy(self.queue) };
    }
}
