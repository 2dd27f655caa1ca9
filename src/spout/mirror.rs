//! The consumer group's copy of the offsets, for those who look there: Storm UI, `kafka-consumer-groups`, exporters of
//! lag, and a later storm-kafka-client spout. ZooKeeper holds the truth; nothing ever waits for the group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Spout;
use super::life::Life;
use super::slot::Slot;
use crate::kafka::{Consumer, GroupCommit, GroupError, GroupOffset};

/// How long the coordinator may take to answer before it is reported, and asked no more when a client closes.
const ANSWER_TIME: Duration = Duration::from_secs(6);

/// Longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// How far the group's copy is. At most one request is on its way.
pub struct Mirror {
    state: State,
    /// What is stored beside each offset.
    metadata: String,
    /// Last offsets of partitions that are another task's now.
    left: Vec<GroupOffset>,
    /// Failures since the last success.
    failures: u32,
    not_before: Option<Instant>,
}

enum State {
    /// Not wanted, or not allowed.
    Off,
    Idle,
    /// On its way: the request, and which slots' offsets are in it.
    Sent(GroupCommit, Vec<(u32, i64)>),
}

/// `org.apache.storm.kafka.spout.internal.CommitMetadata`, in its order.
#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(rename = "topologyId")]
    topology_id: &'a str,
    #[serde(rename = "taskId")]
    task_id: i64,
    #[serde(rename = "threadName")]
    thread_name: &'a str,
}

impl Mirror {
    /// A copy that is kept if `wanted`, in the name of this task.
    pub fn new(wanted: bool, topology_id: &str, task_id: i64) -> Self {
        let metadata = Metadata { topology_id, task_id, thread_name: "kafka-shell-spout" };
        Self {
            state: if wanted { State::Idle } else { State::Off },
            metadata: serde_json::to_string(&metadata).unwrap_or_default(),
            left: Vec::new(),
            failures: 0,
            not_before: None,
        }
    }

    /// Keeps the last offset of a partition that leaves us until it is sent.
    pub fn leaves(&mut self, slot: &Slot) {
        if !matches!(self.state, State::Off)
            && let Some(offset) = slot.unmirrored()
        {
            self.left.push(group_offset(slot, offset));
        }
    }

    /// Sends what the group does not have yet.
    fn send(&mut self, consumer: &Arc<Consumer>, group: &str, slots: &[Slot]) {
        let numbers: Vec<(u32, i64)> =
            slots.iter().filter_map(|slot| Some((slot.part.slot, slot.unmirrored()?))).collect();
        let mut offsets = std::mem::take(&mut self.left);
        // The partition may have come back meanwhile.
        offsets.retain(|left| !slots.iter().any(|slot| slot.is(&left.topic, left.partition)));
        offsets.extend(slots.iter().filter_map(|slot| Some(group_offset(slot, slot.unmirrored()?))));
        if offsets.is_empty() {
            return;
        }
        match GroupCommit::send(consumer, group, &self.metadata, &offsets) {
            Ok(commit) => self.state = State::Sent(commit, numbers),
            Err(error) => self.switch_off(group, &error.to_string()),
        }
    }

    /// Forgets the request on its way, and gives it.
    fn take_sent(&mut self) -> Option<GroupCommit> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Sent(commit, _) => Some(commit),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Takes the answer, if it has come.
    fn poll(&mut self, group: &str, slots: &mut [Slot], now: Instant) {
        let State::Sent(commit, numbers) = &mut self.state else { return };
        let Some(answer) = commit.poll(Duration::ZERO) else {
            if commit.age(now) > ANSWER_TIME && self.failures == 0 {
                self.failures = 1;
                tracing::warn!("group {group:?}: its coordinator does not answer; the copy of the offsets has to wait");
            }
            return;
        };
        let numbers = std::mem::take(numbers);
        self.state = State::Idle;
        match answer {
            Ok(()) => {
                self.failures = 0;
                self.not_before = None;
                for (number, offset) in numbers {
                    if let Some(slot) = super::flow::find(slots, number) {
                        slot.mirrored = Some(offset);
                    }
                }
            }
            Err(error) if error.is_final() => self.switch_off(group, &error.reason),
            Err(error) => self.failed(group, &error, now),
        }
    }

    fn failed(&mut self, group: &str, error: &GroupError, now: Instant) {
        if self.failures == 0 {
            tracing::warn!(
                "group {group:?}: the copy of the offsets cannot be written: {}; trying again",
                error.reason
            );
        }
        self.failures += 1;
        let pause = Duration::from_secs(1).saturating_mul(1 << self.failures.min(6));
        self.not_before = Some(now + pause.min(MAX_PAUSE));
    }

    fn switch_off(&mut self, group: &str, reason: &str) {
        tracing::warn!(
            "group {group:?}: {reason}; no copy of the offsets is kept there. Allow it, choose another kafka.spout.group.id, or set kafka.spout.offsets.mirror.group to false"
        );
        self.state = State::Off;
        self.left.clear();
    }
}

fn group_offset(slot: &Slot, offset: i64) -> GroupOffset {
    GroupOffset { topic: Arc::clone(&slot.part.topic), partition: slot.part.partition, offset }
}

impl Spout {
    /// Brings the group up to date, unless it is busy or has failed a moment ago.
    pub(super) fn mirror(&mut self, now: Instant) {
        let Life::Open { consumer, .. } = &self.life else { return };
        let due = self.mirror.not_before.is_none_or(|time| time <= now);
        if due && matches!(self.mirror.state, State::Idle) {
            self.mirror.send(consumer, &self.config.kafka.group_id, &self.slots);
        }
    }

    /// Looks for the coordinator's answer.
    pub(super) fn serve_mirror(&mut self, now: Instant) {
        self.mirror.poll(&self.config.kafka.group_id, &mut self.slots, now);
        if matches!(&self.mirror.state, State::Sent(commit, _) if commit.is_too_old(now)) {
            tracing::warn!("no coordinator for most of an hour: opening another Kafka client");
            self.replace_client();
        }
    }

    /// The last request of a client that is about to close, if there is something to say and somebody listens.
    pub(super) fn last_mirror(&mut self) -> Option<GroupCommit> {
        let Life::Open { consumer, .. } = &self.life else { return None };
        // A request on its way holds the client, which could not close.
        self.mirror.take_sent();
        if matches!(self.mirror.state, State::Idle) && self.mirror.failures == 0 {
            self.mirror.send(consumer, &self.config.kafka.group_id, &self.slots);
        }
        self.mirror.take_sent()
    }
}
