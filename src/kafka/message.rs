//! Records as librdkafka hands them out, some at a time.
//!
//! The crate rdkafka polls one event for each record: two looks at the clock, three allocations, a lock.
//! `rd_kafka_consume_batch_queue` takes the lock alone.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{NonNull, null, null_mut};

use rdkafka::bindings as native;
use rdkafka::consumer::Consumer as _;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client::Consumer;
use crate::tuple::{Headers, Record, VisitHeader};

/// Records taken with one call: as many as a partition has in its turn.
const BATCH: usize = 16;

/// A record, or an error in its place. As long as it lives, so does the answer of the broker that it came with.
pub struct Message(NonNull<native::rd_kafka_message_t>);

// SAFETY: a message is an op of librdkafka, counted by reference; any one thread may look at it and destroy it.
unsafe impl Send for Message {}

impl Message {
    fn get(&self) -> &native::rd_kafka_message_t {
        // SAFETY: librdkafka gave the pointer, and it is destroyed only in `drop`.
        unsafe { self.0.as_ref() }
    }

    /// What stands in the record's place, if it is none.
    pub fn error(&self) -> Option<RDKafkaErrorCode> {
        let error = self.get().err;
        (error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    /// The record's offset.
    pub fn offset(&self) -> i64 {
        self.get().offset
    }

    /// Bytes of key and value together.
    pub fn bytes(&self) -> usize {
        self.get().key_len + self.get().len
    }

    /// Whether it has no value.
    pub fn is_tombstone(&self) -> bool {
        self.get().payload.is_null()
    }

    /// The record. Its queue knows which partition's it is.
    pub fn record<'a>(&'a self, topic: &'a str, partition: i32) -> Record<'a> {
        let message = self.get();
        Record {
            topic,
            partition,
            offset: message.offset,
            timestamp: self.timestamp(),
            // SAFETY: pointer and length belong together and live as long as the message.
            key: unsafe { bytes(message.key, message.key_len) },
            // SAFETY: as above.
            value: unsafe { bytes(message.payload, message.len) },
            headers: Some(self),
        }
    }

    fn timestamp(&self) -> Option<i64> {
        let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and the out pointer is ours.
        let millis = unsafe { native::rd_kafka_message_timestamp(self.0.as_ptr(), &raw mut kind) };
        let known = kind != native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && millis != -1;
        known.then_some(millis)
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: librdkafka gave it to us, and it is destroyed once.
        unsafe { native::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// Names as bytes: rdkafka's own reader panics on one that is not UTF-8, and producers in other languages do write such.
impl Headers for Message {
    fn each(&self, visit: &mut VisitHeader<'_>) {
        let mut headers = null_mut();
        // SAFETY: the message is alive, and the out pointer is ours. A record without headers is an error of its own kind.
        let error = unsafe { native::rd_kafka_message_headers(self.0.as_ptr(), &raw mut headers) };
        if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut size): (*const c_char, *const c_void, usize) = (null(), null(), 0);
            // SAFETY: the list lives as long as the message; the out pointers are ours.
            let error = unsafe {
                native::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut size)
            };
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: librdkafka ends the name with a NUL, and name and value live as long as the message.
            visit(unsafe { CStr::from_ptr(name) }.to_bytes(), unsafe { bytes(value, size) });
        }
    }
}

/// What librdkafka points to; null is nothing.
///
/// # Safety
/// `start` is null, or `len` bytes are there for as long as `'a`.
unsafe fn bytes<'a>(start: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller promises.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), len) })
}

/// Our own handle of a partition's queue.
pub struct Batches(NonNull<native::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used by any thread.
unsafe impl Send for Batches {}

impl Batches {
    /// Of a partition whose queue has been split. `None` if the topic's name cannot be one.
    pub fn of(consumer: &Consumer, topic: &str, partition: i32) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client is alive, and the name ends with a NUL.
        let queue =
            unsafe { native::rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), partition) };
        NonNull::new(queue).map(Self)
    }

    /// What lies in the queue: records, and what stands in place of one.
    pub fn len(&self) -> usize {
        // SAFETY: the queue is ours.
        unsafe { native::rd_kafka_queue_length(self.0.as_ptr()) }
    }

    /// Appends what is there, at most [`BATCH`], without waiting; gives how many.
    pub fn take(&self, messages: &mut VecDeque<Message>) -> usize {
        let mut batch = [null_mut(); BATCH];
        // SAFETY: the queue is ours, and the array has room for as many messages as are asked for.
        let count = unsafe { native::rd_kafka_consume_batch_queue(self.0.as_ptr(), 0, batch.as_mut_ptr(), BATCH) };
        let count = usize::try_from(count).unwrap_or(0);
        messages.extend(batch[..count].iter().copied().filter_map(NonNull::new).map(Message));
        count
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and it is destroyed once.
        unsafe { native::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}
