//! The consumer group's offsets. They are a copy for those who look there (Storm UI, `kafka-consumer-groups`, exporters
//! of lag, a later storm-kafka-client spout), and nothing ever waits for it; or, with `offsets.store: group`, the truth.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;

use super::life::Life;
use super::slot::{Slot, Stage};
use super::trouble::Cause;
use super::{Spout, flow};
use crate::config::KafkaConfig;
use crate::kafka::{self, Ask, Committed, Consumer, GroupAnswer, GroupCommit, GroupError, GroupOffset, Work};
use crate::offsets::{CommitMetadata, Part};

/// How long the coordinator may take to answer before it is reported; a copy is then not waited for at a close.
const ANSWER_TIME: Duration = Duration::from_secs(6);

/// Longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The same where nothing else has the offsets.
const MAX_PAUSE_OF_STORE: Duration = Duration::from_secs(2);

/// What the group is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Not wanted, or not allowed.
    Off,
    /// ZooKeeper has the offsets; the group gets a copy.
    Copy,
    /// It has the offsets.
    Store,
}

/// How far the group is. At most one request is on its way.
pub struct Group {
    role: Role,
    /// Open while the client that reads is open, and at the end until the last offsets are written.
    client: Option<Arc<Consumer>>,
    state: State,
    /// What is stored beside each offset.
    metadata: CommitMetadata,
    /// Last offsets of partitions that are another task's now.
    left: Vec<GroupOffset>,
    /// Failures since the last success.
    failures: u32,
    not_before: Option<Instant>,
}

/// Slots, and their offsets in a request.
type Numbers = Vec<(u32, i64)>;

enum State {
    Idle,
    /// On its way.
    Sent(GroupCommit, Numbers),
    /// The closing thread waits for the answer.
    Last(Numbers),
}

impl Group {
    /// Offsets that are kept in this role, in the name of a task.
    pub fn new(role: Role, metadata: CommitMetadata) -> Self {
        Self { role, client: None, state: State::Idle, metadata, left: Vec::new(), failures: 0, not_before: None }
    }

    /// Opens the client, if one is needed.
    pub fn open(&mut self, config: &KafkaConfig, now: Instant) {
        if self.role == Role::Off || self.client.is_some() {
            return;
        }
        match kafka::open_for_group(config) {
            Ok(client) => self.client = Some(client),
            Err(error) => {
                tracing::warn!("no Kafka client can be made for the group's offsets: {error}");
                self.failed(now);
            }
        }
    }

    /// Keeps the last offset of a partition that leaves us until it is sent.
    pub fn leaves(&mut self, slot: &Slot) {
        if self.role != Role::Off
            && let Some(offset) = slot.not_in_group()
        {
            self.left.push(group_offset(slot, offset));
        }
    }

    /// How many partitions have an offset that the group is not known to have.
    pub fn behind(&self, slots: &[Slot]) -> usize {
        if self.role == Role::Off { 0 } else { slots.iter().filter_map(Slot::not_in_group).count() }
    }

    /// Whether there is a last request to make. A copy is not worth waiting for a coordinator that is known to be away.
    pub fn wants_to_speak(&self, slots: &[Slot]) -> bool {
        let listens = match self.role {
            Role::Off => false,
            Role::Copy => self.failures == 0,
            Role::Store => true,
        };
        listens && (self.behind(slots) > 0 || !self.left.is_empty())
    }

    /// A request with what the group does not have yet, if there is anything.
    fn send(&mut self, config: &KafkaConfig, slots: &[Slot]) -> Option<(GroupCommit, Numbers)> {
        let client = self.client.as_ref()?;
        let mut offsets = std::mem::take(&mut self.left);
        // The partition may have come back meanwhile.
        offsets.retain(|left| !slots.iter().any(|slot| slot.is(&left.topic, left.partition)));
        let mut numbers = Vec::new();
        for (slot, offset) in slots.iter().filter_map(|slot| Some((slot, slot.not_in_group()?))) {
            if self.role == Role::Store && matches!(slot.stage, Stage::Loading) {
                // Somebody may have moved it, and there are no versions that would show it.
                continue;
            }
            numbers.push((slot.part.slot, offset));
            offsets.push(group_offset(slot, offset));
        }
        if offsets.is_empty() {
            return None;
        }
        match GroupCommit::send(client, &config.group_id, &self.metadata.to_json(), &offsets) {
            Ok(commit) => Some((commit, numbers)),
            // The configuration has no group whose name is none.
            Err(error) => {
                tracing::error!("group {:?}: {error}", config.group_id);
                None
            }
        }
    }

    fn failed(&mut self, now: Instant) {
        self.failures += 1;
        let pause = Duration::from_secs(1).saturating_mul(1 << self.failures.min(6));
        let longest = if self.role == Role::Store { MAX_PAUSE_OF_STORE } else { MAX_PAUSE };
        self.not_before = Some(now + pause.min(longest));
    }

    fn switch_off(&mut self, group: &str, reason: &str) {
        tracing::warn!(
            "group {group:?}: {reason}; no copy of the offsets is kept there. Allow it, choose another kafka.spout.group.id, or set kafka.spout.offsets.mirror.group to false"
        );
        self.role = Role::Off;
        self.left.clear();
    }
}

fn group_offset(slot: &Slot, offset: i64) -> GroupOffset {
    GroupOffset { topic: Arc::clone(&slot.part.topic), partition: slot.part.partition, offset }
}

impl Spout {
    /// Brings the group up to date, unless it is busy or has failed a moment ago.
    pub(super) fn commit_to_group(&mut self, now: Instant) {
        let group = &mut self.group;
        let due = group.not_before.is_none_or(|time| time <= now);
        if !due || !matches!((&group.state, &self.life), (State::Idle, Life::Open { .. })) {
            return;
        }
        group.open(&self.config.kafka, now);
        if let Some((commit, numbers)) = group.send(&self.config.kafka, &self.slots) {
            group.state = State::Sent(commit, numbers);
        }
    }

    /// Looks for the coordinator's answer, and after it when none comes.
    pub(super) fn serve_group(&mut self, now: Instant) {
        let Some(client) = &self.group.client else { return };
        for error in kafka::serve(client).0 {
            tracing::debug!("librdkafka, for the group: {error}");
        }
        self.poll_group(now);
        if self.group.role == Role::Off {
            return self.close_group(Duration::ZERO, now);
        }
        let State::Sent(commit, _) = &self.group.state else { return };
        if commit.is_too_old(now) {
            tracing::warn!("no coordinator for most of an hour: opening another Kafka client for the group's offsets");
            // The next commit opens it.
            return self.close_group(Duration::ZERO, now);
        }
        if commit.age(now) > ANSWER_TIME && self.group.failures == 0 {
            self.group.failures = 1;
            let reason = self.about_group("its coordinator does not answer");
            if self.group.role == Role::Store {
                self.troubles.note(Cause::Group, reason, now);
            } else {
                tracing::warn!("{reason}; the copy of the offsets has to wait");
            }
        }
    }

    fn poll_group(&mut self, now: Instant) {
        let State::Sent(commit, numbers) = &mut self.group.state else { return };
        if let Some(answer) = commit.poll(Duration::ZERO) {
            let numbers = std::mem::take(numbers);
            self.group.state = State::Idle;
            self.group_answered(numbers, answer, now);
        }
    }

    fn group_answered(&mut self, numbers: Numbers, answer: GroupAnswer, now: Instant) {
        let refused = match answer {
            Ok(refused) => refused,
            Err(error) => return self.group_failed(&error, now),
        };
        for (number, offset) in numbers {
            let Some(slot) = flow::find(&mut self.slots, number) else { continue };
            if refused.iter().any(|refused| slot.is(&refused.topic, refused.partition)) {
                continue;
            }
            slot.in_group = Some(offset);
            if self.group.role == Role::Store {
                self.committed(number, offset);
            }
        }
        match refused.first() {
            Some(refused) => return self.group_failed(&refused.error, now),
            None => self.group_answers(),
        }
        // A start that is to be stored before the first emit does not wait for the next period.
        if self.slots.iter().any(|slot| matches!(slot.stage, Stage::Claiming) && slot.not_in_group().is_some()) {
            self.commit_to_group(now);
        }
    }

    fn group_answers(&mut self) {
        self.group.failures = 0;
        self.group.not_before = None;
        self.troubles.clear(&Cause::Group);
        self.troubles.clear(&Cause::GroupRefused);
    }

    fn group_failed(&mut self, error: &GroupError, now: Instant) {
        let reason = self.about_group(&error.reason);
        match self.group.role {
            Role::Store => self.note_group(error, now),
            _ if error.is_final() => return self.group.switch_off(&self.config.kafka.group_id, &error.reason),
            _ if self.group.failures == 0 => {
                tracing::warn!("{reason}: the copy of the offsets cannot be written; trying again");
            }
            _ => {}
        }
        self.group.failed(now);
        if error.has_moved() {
            // The next commit opens another one.
            self.close_group(Duration::ZERO, now);
        }
    }

    /// What librdkafka says of the client as a whole. A lookup of the coordinator that is not allowed is told only here:
    /// who asks for the group's offsets hears that it took too long.
    pub(super) fn client_error(&mut self, error: &KafkaError, now: Instant) {
        let error = GroupError::new(error);
        if self.group.role == Role::Store && error.is_final() {
            self.note_group(&error, now);
        }
    }

    fn note_group(&mut self, error: &GroupError, now: Instant) {
        let reason = self.about_group(&error.reason);
        if error.is_final() {
            let advice = "allow it, end its other members, or choose another kafka.spout.group.id";
            self.troubles.note(Cause::GroupRefused, format!("{reason}; {advice}"), now);
        } else if !self.troubles.has(&Cause::GroupRefused) {
            self.troubles.note(Cause::Group, reason, now);
        }
    }

    fn about_group(&self, what: &str) -> String {
        let kafka = &self.config.kafka;
        format!("Kafka {}, group {:?}: {what}", kafka.bootstrap, kafka.group_id)
    }

    /// Asks the group where the partitions stand.
    pub(super) fn load_from_group(&mut self, parts: Vec<Part>) {
        if let Life::Open { consumer, .. } = &self.life {
            self.metadata.ask(Ask::Committed(Arc::downgrade(consumer), parts));
        }
    }

    /// Takes the group's offsets.
    pub(super) fn loaded_from_group(
        &mut self,
        found: Result<Vec<(Part, Option<Committed>)>, GroupError>,
        now: Instant,
    ) {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                self.note_group(&error, now);
                self.timers.load = Some(now + super::positions::RETRY);
                return;
            }
        };
        self.group_answers();
        for (part, committed) in found {
            let Some(slot) = flow::find(&mut self.slots, part.slot) else { continue };
            slot.in_group = committed.as_ref().map(|committed| committed.offset);
            let stored = committed.map(|Committed { offset, metadata }| self.group.metadata.stored(offset, &metadata));
            let ours = stored.as_ref().is_some_and(|(_, ours)| *ours);
            self.loaded(part.slot, stored.map(|(stored, _)| stored), ours);
        }
    }

    /// Has the client closed, once the coordinator has answered a last request or has had its time; if there is something
    /// to say and somebody listens.
    pub(super) fn close_group(&mut self, patience: Duration, now: Instant) {
        self.poll_group(now);
        // A request on its way holds the client, which could not close.
        self.group.state = State::Idle;
        let wanted = self.group.wants_to_speak(&self.slots) && !patience.is_zero();
        let sent = if wanted { self.group.send(&self.config.kafka, &self.slots) } else { None };
        let Some(client) = self.group.client.take() else { return };
        let last = sent.map(|(last, numbers)| {
            self.group.state = State::Last(numbers);
            last
        });
        self.close(Work::Group { client, last, patience });
    }

    /// What became of the last request.
    pub(super) fn last_group_answer(&mut self, answer: Option<GroupAnswer>, now: Instant) {
        let State::Last(numbers) = std::mem::replace(&mut self.group.state, State::Idle) else { return };
        match answer {
            Some(answer) => self.group_answered(numbers, answer, now),
            None => self.group.failures += 1,
        }
    }
}
