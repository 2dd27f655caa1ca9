//! The queue of one partition, split from the client.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client::{Consumer, SpoutContext};
use crate::tuple::Record;
use crate::wake::Waker;

/// A long-lived per-partition consumer: its queue, and whether there may be something in it.
pub struct Queue {
    queue: PartitionQueue<SpoutContext>,
    /// Set by librdkafka when the queue is no longer empty; an empty queue costs one load to look at.
    ready: Arc<AtomicBool>,
}

/// What a queue had.
pub enum Polled<'a> {
    /// A record.
    Record(BorrowedMessage<'a>),
    /// Nothing, now.
    Empty,
    /// The offset to fetch is not in the log: retention has passed it, or the log was truncated or made anew.
    OutOfRange,
    /// Anything else that librdkafka reports for the partition; it goes on by itself.
    Error(KafkaError),
}

impl Queue {
    /// Splits the queue of a partition. Do it before the partition is assigned: then no record takes the other way.
    /// `None` if the topic's name cannot be one.
    pub fn split(consumer: &Arc<Consumer>, topic: &str, partition: i32, waker: Waker) -> Option<Self> {
        let mut queue = consumer.split_partition_queue(topic, partition)?;
        let ready = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&ready);
        // Called on a librdkafka thread with the queue's lock held: nothing but a flag and an eventfd.
        queue.set_nonempty_callback(move || {
            flag.store(true, Ordering::Release);
            waker.wake();
        });
        Some(Self { queue, ready })
    }

    /// Whether the queue is worth polling.
    pub fn may_have_records(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Takes the next thing, without waiting.
    pub fn poll(&self) -> Polled<'_> {
        let mut polled = self.queue.poll(Duration::ZERO);
        if polled.is_none() {
            // The callback comes only when an empty queue gets something: lower the flag first, then make sure.
            self.ready.store(false, Ordering::Release);
            polled = self.queue.poll(Duration::ZERO);
            if polled.is_some() {
                self.ready.store(true, Ordering::Release);
            }
        }
        match polled {
            None | Some(Err(KafkaError::PartitionEOF(_))) => Polled::Empty,
            Some(Ok(message)) => Polled::Record(message),
            Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => {
                Polled::OutOfRange
            }
            Some(Err(error)) => Polled::Error(error),
        }
    }
}

/// The next offset to be written to a partition, as librdkafka last heard in answer to a fetch: no call to a broker.
/// With transactions it counts those that are still open, too.
pub fn known_end(consumer: &Consumer, topic: &str, partition: i32) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is alive as long as `consumer` is, the name is NUL-terminated, and both numbers are ours.
    let error = unsafe {
        native::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    // Below 0 it is not known yet.
    (error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// The record in a message.
impl<'a> From<&'a BorrowedMessage<'_>> for Record<'a> {
    fn from(message: &'a BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
            headers: message.headers().map(|headers| headers as _),
        }
    }
}
