//! The queue of one partition, split from the client.

use std::collections::VecDeque;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::bindings as native;
use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client::{Consumer, SpoutContext};
use super::message::{Batches, Message};
use crate::wake::Waker;

/// A long-lived per-partition consumer: its queue, and whether there may be something in it.
pub struct Queue {
    /// Taken and not yet polled. They go before the queues, which librdkafka wants so.
    taken: VecDeque<Message>,
    batches: Batches,
    /// Set by librdkafka when the queue is no longer empty; an empty queue costs one load to look at.
    ready: Arc<AtomicBool>,
    /// Not fetched at the moment.
    paused: bool,
    /// Records were there since it was last resumed.
    had_records: bool,
    /// Key and value of the record that was taken last.
    record_bytes: usize,
    /// Holds the callback, and the client.
    _split: PartitionQueue<SpoutContext>,
}

/// What a queue had.
pub enum Polled {
    /// A record.
    Record(Message),
    /// Nothing, now.
    Empty,
    /// The offset to fetch is not in the log: retention has passed it, or the log was truncated or made anew.
    OutOfRange,
    /// Anything else that librdkafka reports for the partition; it goes on by itself.
    Error(RDKafkaErrorCode),
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
        let batches = Batches::of(consumer, topic, partition)?;
        let taken = VecDeque::new();
        Some(Self { taken, batches, ready, paused: false, had_records: false, record_bytes: 0, _split: queue })
    }

    /// Records fetched and not yet polled.
    pub fn fetched(&self) -> usize {
        if self.may_have_records() { self.taken.len() + self.batches.len() } else { 0 }
    }

    /// Whether there were records since the start, or since it was last resumed.
    pub fn had_records(&self) -> bool {
        self.had_records
    }

    /// Key and value of the record that was taken last; 0 before the first one.
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Whether librdkafka was told not to fetch it.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Notes what librdkafka is about to be told. Before a pause, which drops the queue, takes what is in it: few records,
    /// or they are fetched again.
    pub fn set_paused(&mut self, paused: bool) {
        if paused {
            while self.take() > 0 {}
        }
        (self.paused, self.had_records) = (paused, false);
    }

    /// Whether the queue is worth polling.
    pub fn may_have_records(&self) -> bool {
        !self.taken.is_empty() || self.ready.load(Ordering::Acquire)
    }

    /// Takes the next thing, without waiting.
    pub fn poll(&mut self) -> Polled {
        if self.taken.is_empty() {
            self.take_some();
        }
        let Some(message) = self.taken.pop_front() else { return Polled::Empty };
        match message.error() {
            None => Polled::Record(message),
            Some(RDKafkaErrorCode::PartitionEOF) => Polled::Empty,
            Some(RDKafkaErrorCode::AutoOffsetReset) => Polled::OutOfRange,
            Some(error) => Polled::Error(error),
        }
    }

    fn take_some(&mut self) {
        if self.take() == 0 {
            // The callback comes only when an empty queue gets something: lower the flag first, then make sure.
            self.ready.store(false, Ordering::Release);
            if self.take() > 0 {
                self.ready.store(true, Ordering::Release);
            }
        }
    }

    fn take(&mut self) -> usize {
        let count = self.batches.take(&mut self.taken);
        if count > 0 {
            self.had_records = true;
            self.record_bytes = self.taken.back().map_or(0, Message::bytes);
        }
        count
    }
}

/// Tells librdkafka not to fetch these partitions, or to fetch them again. A pause drops what it has of them; when they are
/// resumed, they are fetched from after the record that was taken last.
pub fn set_paused(consumer: &Consumer, list: &TopicPartitionList, paused: bool) {
    let told = if paused { consumer.pause(list) } else { consumer.resume(list) };
    if let Err(error) = told {
        let what = if paused { "pause" } else { "resume" };
        tracing::warn!("librdkafka does not {what} {} partitions: {error}", list.count());
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
