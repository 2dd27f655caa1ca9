//! Offsets of a consumer group, written by librdkafka's admin request instead of the consumer's own commit.
//!
//! An outstanding commit of the consumer holds back partitions that are assigned meanwhile, and the close, for as long
//! as the coordinator does not answer (`rdkafka_assignment.c`, `rdkafka_cgrp.c`). The admin request
//! (`rd_kafka_AlterConsumerGroupOffsets`, KIP-396) says the same to the coordinator and holds back nothing. rdkafka has
//! no wrapper for it.

use std::ffi::{CStr, CString, NulError};
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as native;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaEvent, RDKafkaQueue};

use super::client::Consumer;

/// How long a request may live: the longest that librdkafka allows. One that it gives up before it has found a
/// coordinator that answers is used after it is freed as soon as one does (`rd_kafka_admin_coord_request` in 2.12.1,
/// an assertion fails there), so none may ever be given up: see [`GroupCommit::is_too_old`].
const REQUEST_TIME: Duration = Duration::from_hours(1);

/// One partition's offset in the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// The next offset to read.
    pub offset: i64,
}

/// Why the coordinator did not take the offsets, or some of them.
#[derive(Debug, PartialEq, Eq)]
pub struct GroupError {
    /// librdkafka's code.
    pub code: RDKafkaErrorCode,
    /// Its words.
    pub reason: String,
}

impl GroupError {
    /// What rdkafka says, without its wrapping.
    pub fn new(error: &KafkaError) -> Self {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        Self { code, reason: code.to_string() }
    }

    /// Whether the group has another coordinator by now. librdkafka 2.12.1 goes on asking the old one for ten minutes
    /// (`rd_kafka_coord_cache`), whatever that one says: only another client finds the new one.
    pub fn has_moved(&self) -> bool {
        self.code == RDKafkaErrorCode::NotCoordinator
    }

    /// Whether trying again is of no use: the group is not ours to write, or has members of its own.
    pub fn is_final(&self) -> bool {
        matches!(
            self.code,
            RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::NonEmptyGroup
                | RDKafkaErrorCode::InvalidGroupId
        )
    }
}

/// What the coordinator says: which partitions' offsets it did not take, or that it took none.
pub type GroupAnswer = Result<Vec<Refused>, GroupError>;

/// A partition whose offset the coordinator did not take.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Why.
    pub error: GroupError,
}

/// A request on its way. Dropping it forgets the answer, not the request.
pub struct GroupCommit {
    sent: Instant,
    // Before the client: a queue must not outlive the client it belongs to.
    answer: AnswerQueue,
    _consumer: Arc<Consumer>,
}

impl GroupCommit {
    /// Sends `offsets` with `metadata` to the coordinator of `group`, whenever there is one.
    ///
    /// # Errors
    /// The group's name holds a NUL.
    pub fn send(
        consumer: &Arc<Consumer>,
        group: &str,
        metadata: &str,
        offsets: &[GroupOffset],
    ) -> Result<Self, NulError> {
        let group = CString::new(group)?;
        let list = list(offsets, metadata);
        let client = consumer.client().native_ptr();
        // SAFETY: `client` lives as long as `consumer`. librdkafka copies the group's name, the list and the options
        // before the call returns; the request and the options are destroyed here, the queue by `AnswerQueue`.
        // Without a buffer no text is written about a time out of range, which this one is not.
        let answer = unsafe {
            let answer = AnswerQueue(native::rd_kafka_queue_new(client));
            let options = native::rd_kafka_AdminOptions_new(
                client,
                native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
            );
            native::rd_kafka_AdminOptions_set_request_timeout(options, REQUEST_TIME.as_millis() as i32, null_mut(), 0);
            let mut request = native::rd_kafka_AlterConsumerGroupOffsets_new(group.as_ptr(), list.ptr());
            native::rd_kafka_AlterConsumerGroupOffsets(client, &raw mut request, 1, options, answer.0);
            native::rd_kafka_AlterConsumerGroupOffsets_destroy(request);
            native::rd_kafka_AdminOptions_destroy(options);
            answer
        };
        Ok(Self { sent: Instant::now(), answer, _consumer: Arc::clone(consumer) })
    }

    /// For how long it is on its way.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.sent)
    }

    /// Whether the client must be closed before librdkafka gives the request up.
    pub fn is_too_old(&self, now: Instant) -> bool {
        self.age(now) > REQUEST_TIME * 3 / 4
    }

    /// The answer, if it comes within `wait`.
    pub fn poll(&self, wait: Duration) -> Option<GroupAnswer> {
        let event = self.answer.poll(wait)?;
        // SAFETY: the event lives until the end of this call, and what is read of it is copied; a result that is not
        // there is a null pointer, and pointers inside of one are librdkafka's own.
        unsafe {
            let code = native::rd_kafka_event_error(event.0);
            if let Err(error) = check(code, || text(native::rd_kafka_event_error_string(event.0))) {
                return Some(Err(error));
            }
            let result = native::rd_kafka_event_AlterConsumerGroupOffsets_result(event.0);
            if result.is_null() {
                return None;
            }
            let mut count = 0;
            let groups = native::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &raw mut count);
            // One group was asked for.
            Some(if count == 0 { Ok(Vec::new()) } else { group_result(*groups) })
        }
    }
}

fn list(offsets: &[GroupOffset], metadata: &str) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for GroupOffset { topic, partition, offset } in offsets {
        let mut element = list.add_partition(topic, *partition);
        // It fails only for an offset that is not a number.
        let _ = element.set_offset(Offset::Offset(*offset));
        element.set_metadata(metadata);
    }
    list
}

/// What the group says, as a whole and for each partition.
///
/// # Safety
/// `group` points into an event that lives.
unsafe fn group_result(group: *const native::rd_kafka_group_result_t) -> GroupAnswer {
    // SAFETY: as the caller promises; the error is null if there is none, and the list has `cnt` elements.
    unsafe {
        let error = native::rd_kafka_group_result_error(group);
        if !error.is_null() {
            check(native::rd_kafka_error_code(error), || text(native::rd_kafka_error_string(error)))?;
        }
        let Some(list) = native::rd_kafka_group_result_partitions(group).as_ref() else { return Ok(Vec::new()) };
        let elements = (0..usize::try_from(list.cnt).unwrap_or(0)).map(|index| &*list.elems.add(index));
        let refused = elements.filter_map(|element| {
            let (topic, partition) = (text(element.topic), element.partition);
            let error = check(element.err, || format!("{topic}/{partition}")).err()?;
            Some(Refused { topic, partition, error })
        });
        Ok(refused.collect())
    }
}

fn check(code: native::rd_kafka_resp_err_t, about: impl FnOnce() -> String) -> Result<(), GroupError> {
    if code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    let code = RDKafkaErrorCode::from(code);
    Err(GroupError { code, reason: format!("{code}: {}", about()) })
}

/// # Safety
/// Null, or a text that ends with a NUL.
unsafe fn text(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The queue that gets the answer. Used by the thread that owns it; librdkafka's queues may move between threads.
struct AnswerQueue(*mut RDKafkaQueue);

// SAFETY: librdkafka's queues have a lock of their own and are bound to no thread.
unsafe impl Send for AnswerQueue {}

impl AnswerQueue {
    fn poll(&self, wait: Duration) -> Option<Event> {
        // SAFETY: the queue lives as long as `self`.
        let event = unsafe { native::rd_kafka_queue_poll(self.0, wait.as_millis() as i32) };
        (!event.is_null()).then_some(Event(event))
    }
}

impl Drop for AnswerQueue {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_queue_new, destroyed once.
        unsafe { native::rd_kafka_queue_destroy(self.0) };
    }
}

struct Event(*mut RDKafkaEvent);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: given by rd_kafka_queue_poll, destroyed once.
        unsafe { native::rd_kafka_event_destroy(self.0) };
    }
}
