//! One partition in our hands.

use std::sync::Arc;
use std::time::Instant;

use super::tracker::Tracker;
use crate::kafka::Queue;
use crate::offsets::{Broker, Commit, Part};
use crate::tuple::Stream;

/// A partition that is this task's, from the moment it is dealt to us until it leaves.
pub struct Slot {
    /// The partition, and the slot's number.
    pub part: Part,
    /// Its leader when last asked.
    pub leader: Broker,
    /// Where its tuples go; else to `default`.
    pub stream: Option<Stream>,
    /// How far it is.
    pub stage: Stage,
    /// Its records on their way; meaningful once a start is known.
    pub tracker: Tracker,
    /// Without ackers: one past the last offset that Storm has surely taken.
    pub handed: i64,
    /// The position when [`super::handover::Handover`] last looked.
    pub noted: i64,
    /// The offset that the store was last asked to keep.
    pub asked: Option<i64>,
    /// The offset that the store is known to have.
    pub stored: Option<i64>,
    /// The offset that the consumer group is known to have.
    pub in_group: Option<i64>,
    /// It could not be read when last tried.
    pub unreadable: bool,
    /// Since when which offset has kept the window full.
    pub blocked: Option<(i64, Instant)>,
}

/// The way of a partition to being read.
pub enum Stage {
    /// The stored offset is being read.
    Loading,
    /// The ends of the log are needed.
    Locating {
        /// The position that was not in the log, if that is why.
        wanted: Option<i64>,
        /// The question is on its way.
        asked: bool,
    },
    /// The start, found by strategy, is being stored before the first emit: after a crash it must be the same one.
    Claiming,
    /// The position is known; assigned as soon as there is a client.
    Positioned,
    /// Assigned.
    Reading(Queue),
}

impl Slot {
    /// A partition whose stored offset is being read.
    pub fn new(number: u32, topic: Arc<str>, partition: i32, leader: Broker, stream: Option<Stream>) -> Self {
        Self {
            part: Part { slot: number, topic, partition },
            leader,
            stream,
            stage: Stage::Loading,
            tracker: Tracker::new(0),
            handed: 0,
            noted: 0,
            asked: None,
            stored: None,
            in_group: None,
            unreadable: false,
            blocked: None,
        }
    }

    /// Topic and partition, for people.
    pub fn name(&self) -> String {
        format!("{}/{}", self.part.topic, self.part.partition)
    }

    /// Whether this is that partition.
    pub fn is(&self, topic: &str, partition: i32) -> bool {
        self.part.partition == partition && *self.part.topic == *topic
    }

    /// Sets where reading begins.
    pub fn begin_at(&mut self, offset: i64) {
        self.tracker = Tracker::new(offset);
        (self.handed, self.noted) = (offset, offset);
    }

    /// The offset that may be stored, if it differs from the one asked for last.
    pub fn commit(&mut self, ackers: bool) -> Option<Commit> {
        if !matches!(self.stage, Stage::Positioned | Stage::Reading(_)) {
            return None;
        }
        let offset = if ackers { self.tracker.commit_offset() } else { self.handed };
        (self.asked != Some(offset)).then(|| self.ask(offset, false))
    }

    /// Asks for `offset` to be stored; with `rewind` even below another hand's.
    pub fn ask(&mut self, offset: i64, rewind: bool) -> Commit {
        self.asked = Some(offset);
        Commit { part: self.part.clone(), offset, broker: self.leader.clone(), rewind }
    }

    /// The offset that is to be stored, and that the consumer group is not known to have.
    pub fn not_in_group(&self) -> Option<i64> {
        self.asked.filter(|asked| self.in_group != Some(*asked))
    }

    /// Takes the queue of a partition that is read; it goes back to being positioned.
    pub fn take_queue(&mut self) -> Option<Queue> {
        match std::mem::replace(&mut self.stage, Stage::Positioned) {
            Stage::Reading(queue) => Some(queue),
            other => {
                self.stage = other;
                None
            }
        }
    }
}
