//! The way of a partition into our hands, and out of them: dealt, assigned, committed, released.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::fetching::Fetching;
use super::flow::PartitionEvent;
use super::life::Life;
use super::slot::{Slot, Stage};
use super::trouble::Cause;
use super::{Spout, assignment, flow};
use crate::kafka::{self, Ask, NoPartitions, Queue, TopicPartitions};
use crate::offsets::{self, Broker, Commit, Part, Request};

/// How soon to ask again what could not be had.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// For the legacy format, while a partition's leader is not known: storm-kafka does not read it back.
const UNKNOWN_BROKER: Broker = Broker { host: String::new(), port: -1 };

impl Spout {
    /// Asks for the topics' partitions.
    pub(super) fn refresh(&mut self, now: Instant) {
        self.timers.refresh = now + self.config.kafka.refresh;
        if let Life::Open { consumer, .. } = &self.life {
            self.metadata.ask(Ask::Partitions(Arc::downgrade(consumer), self.config.kafka.topics.clone()));
        }
    }

    /// Takes the partition lists, and with them what is ours.
    pub(super) fn partitions(&mut self, found: Vec<TopicPartitions>, now: Instant) {
        if !matches!(self.life, Life::Open { .. }) {
            return;
        }
        let bootstrap = &self.config.kafka.bootstrap;
        let (mut complete, mut answered) = (true, true);
        for TopicPartitions { topic, partitions } in found {
            match partitions {
                Ok(partitions) => {
                    self.troubles.clear(&Cause::Topic(topic.clone()));
                    self.topics.insert(topic, partitions);
                }
                Err(NoPartitions::UnknownTopic) => {
                    let reason = format!(
                        "topic {topic:?} does not exist on Kafka {bootstrap}: create it, or mend kafka.spout.topics; looking again all the time"
                    );
                    self.troubles.note(Cause::Topic(topic), reason, now);
                    self.timers.refresh = self.timers.refresh.min(now + RETRY);
                }
                Err(NoPartitions::Error(error)) => {
                    let reason = format!("Kafka {bootstrap}: the partitions of topic {topic:?} cannot be had: {error}");
                    self.troubles.note(Cause::Kafka, reason, now);
                    answered = false;
                    self.timers.refresh = self.timers.refresh.min(now + RETRY);
                    // Partitions are dealt over all topics together: with one of them missing the deal would be another.
                    complete &= self.topics.contains_key(&topic);
                }
            }
        }
        if answered {
            self.troubles.clear(&Cause::Kafka);
        }
        if complete {
            self.deal();
            self.note_missing_leaders(now);
        }
        if self.sizes.fit(self.slots.len()) {
            self.assign();
        } else {
            self.replace_reader();
        }
    }

    /// Closes the client for one with smaller buffers: what it keeps of each partition is fixed when it is made.
    fn replace_reader(&mut self) {
        let Life::Open { active, .. } = self.life else { return };
        tracing::info!("{} partitions: the Kafka client is made anew with smaller buffers for each", self.slots.len());
        self.commit();
        self.close_reader();
        self.life = Life::Closed { reopen: true, active };
    }

    /// Compares what is ours with what we hold.
    fn deal(&mut self) {
        let topics = self.topics.iter();
        let numbers = topics
            .map(|(topic, partitions)| (topic.as_str(), partitions.iter().map(|(partition, _)| *partition).collect()));
        let ours = assignment::ours(numbers, self.context.task_index, self.context.task_count);
        let ours: Vec<(Arc<str>, i32)> = ours.into_iter().map(|(topic, partition)| (topic.into(), partition)).collect();
        let gone: Vec<u32> = self
            .slots
            .iter()
            .filter(|slot| !ours.iter().any(|(topic, partition)| slot.is(topic, *partition)))
            .map(|slot| slot.part.slot)
            .collect();
        self.release(&gone);
        let mut new = Vec::new();
        for (topic, partition) in ours {
            let leader = self.leader(&topic, partition);
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.is(&topic, partition)) {
                slot.leader = leader;
            } else {
                let stream = self.config.streams.get(&*topic).cloned();
                let slot = Slot::new(self.next_slot, topic, partition, leader, stream);
                self.next_slot += 1;
                new.push(slot.part.clone());
                self.slots.push(slot);
            }
        }
        if !new.is_empty() {
            tracing::info!(
                "{} partitions are ours now: {} (task {} of {})",
                new.len(),
                names(&new),
                self.context.task_index + 1,
                self.context.task_count
            );
            self.load(new);
        }
    }

    /// librdkafka goes on looking for a leader without a word.
    fn note_missing_leaders(&mut self, now: Instant) {
        for slot in &self.slots {
            let name = slot.name();
            if slot.leader == UNKNOWN_BROKER {
                let reason = format!(
                    "Kafka {}: {name} has no leader: it cannot be read until a broker that has a copy of it is back",
                    self.config.kafka.bootstrap
                );
                self.troubles.note(Cause::Leader(name), reason, now);
                self.timers.refresh = self.timers.refresh.min(now + RETRY);
            } else {
                self.troubles.clear(&Cause::Leader(name));
            }
        }
    }

    fn leader(&self, topic: &str, partition: i32) -> Broker {
        let partitions = self.topics.get(topic).into_iter().flatten();
        let leader = partitions.filter(|(number, _)| *number == partition).find_map(|(_, leader)| leader.clone());
        leader.unwrap_or(UNKNOWN_BROKER)
    }

    /// Makes the last commit of partitions that are another task's now, and lets them go.
    fn release(&mut self, gone: &[u32]) {
        if gone.is_empty() {
            return;
        }
        let ackers = self.config.ackers;
        let commits: Vec<Commit> =
            gone.iter().filter_map(|number| flow::find(&mut self.slots, *number)?.commit(ackers)).collect();
        self.store(commits);
        let mut parts = Vec::new();
        for number in gone {
            let Some(slot) = flow::find(&mut self.slots, *number) else { continue };
            if let Some(queue) = slot.take_queue() {
                unassign(&self.life, &slot.part);
                drop(queue);
            }
            self.flow.forget(slot);
            self.group.leaves(slot);
            self.troubles.clear(&Cause::Node(slot.name()));
            self.troubles.clear(&Cause::Log(slot.name()));
            self.troubles.clear(&Cause::Leader(slot.name()));
            parts.push(slot.part.clone());
        }
        tracing::info!("{} partitions are ours no longer: {}", parts.len(), names(&parts));
        self.slots.retain(|slot| !gone.contains(&slot.part.slot));
        if let Some(zookeeper) = &self.zookeeper {
            zookeeper.send(Request::Release(parts));
        }
    }

    /// Hands offsets to the store. The group has them in the slots, and is told when it is its time.
    pub(super) fn store(&self, commits: Vec<Commit>) {
        if let Some(zookeeper) = &self.zookeeper
            && !commits.is_empty()
        {
            zookeeper.send(Request::Commit(commits));
        }
    }

    pub(super) fn store_event(&mut self, event: offsets::Event, now: Instant) {
        match event {
            offsets::Event::Loaded { slot, stored, ours } => self.loaded(slot, stored, ours),
            offsets::Event::Committed { slot, offset } => self.committed(slot, offset),
            offsets::Event::Problem(problem) => {
                tracing::error!("{problem}");
                self.problem(problem);
            }
            offsets::Event::Refused { slot, reason } => {
                if let Some(slot) = flow::find(&mut self.slots, slot) {
                    self.troubles.note(Cause::Node(slot.name()), reason, now);
                }
            }
            offsets::Event::Reachable => self.troubles.clear(&Cause::ZooKeeper),
            offsets::Event::Unreachable(reason) => self.troubles.note(Cause::ZooKeeper, reason, now),
            offsets::Event::Written { unwritten } => self.store_written(unwritten),
            offsets::Event::Closed => self.store_closed(),
        }
    }

    /// Gives every partition with a known position to the client.
    pub(super) fn assign(&mut self) {
        let Life::Open { consumer, .. } = &self.life else { return };
        let mut failed = Vec::new();
        let mut reading = self.slots.iter().filter(|slot| matches!(slot.stage, Stage::Reading(_))).count();
        for slot in self.slots.iter_mut().filter(|slot| matches!(slot.stage, Stage::Positioned)) {
            let Part { topic, partition, .. } = &slot.part;
            let split = Queue::split(consumer, topic, *partition, self.events.waker.clone());
            let Some(mut queue) = split else { continue };
            let mut list = TopicPartitionList::with_capacity(1);
            let position = Offset::Offset(slot.tracker.position());
            let assigned = list.add_partition_offset(topic, *partition, position).and_then(|()| {
                if Fetching::is_to_wait(reading) {
                    queue.set_paused(true);
                    kafka::set_paused(consumer, &list, true);
                }
                consumer.incremental_assign(&list)
            });
            match assigned {
                Ok(()) => {
                    tracing::info!("{topic}/{partition}: reading from offset {}", slot.tracker.position());
                    if queue.is_paused() {
                        self.fetching.waits(slot.part.slot);
                    }
                    slot.stage = Stage::Reading(queue);
                    reading += 1;
                }
                Err(error) => failed.push(format!("{}: librdkafka does not take the partition: {error}", slot.name())),
            }
        }
        // Tried again with the next partition list.
        for problem in failed {
            tracing::error!("{problem}");
            self.problem(problem);
        }
    }

    /// What the queue of a partition had besides records.
    pub(super) fn partition_event(&mut self, number: u32, event: PartitionEvent, now: Instant) {
        let Some(slot) = flow::find(&mut self.slots, number) else { return };
        let cause = Cause::Log(slot.name());
        match event {
            PartitionEvent::OutOfRange => self.out_of_range(number),
            PartitionEvent::Refused(error) => {
                let reason = format!("Kafka {}: {} cannot be read: {error}", self.config.kafka.bootstrap, slot.name());
                self.troubles.note(cause, reason, now);
            }
            PartitionEvent::Readable => self.troubles.clear(&cause),
        }
    }

    /// The position of a partition that is read is not in its log.
    fn out_of_range(&mut self, number: u32) {
        let Some(slot) = flow::find(&mut self.slots, number) else { return };
        if let Some(queue) = slot.take_queue() {
            unassign(&self.life, &slot.part);
            drop(queue);
            slot.stage = Stage::Locating { wanted: Some(slot.tracker.position()), asked: false };
            self.locate();
        }
    }

    /// Hands the offsets that may be stored to the store.
    pub(super) fn commit(&mut self) {
        let ackers = self.config.ackers;
        let commits = self.slots.iter_mut().filter_map(|slot| slot.commit(ackers)).collect();
        self.store(commits);
    }
}

fn unassign(life: &Life, part: &Part) {
    let Life::Open { consumer, .. } = life else { return };
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition(&part.topic, part.partition);
    // librdkafka keeps a pause beyond the assignment.
    kafka::set_paused(consumer, &list, false);
    if let Err(error) = consumer.incremental_unassign(&list) {
        tracing::warn!("{}/{}: librdkafka does not let go of the partition: {error}", part.topic, part.partition);
    }
}

/// For a log line: the first few.
fn names(parts: &[Part]) -> String {
    let some: Vec<String> = parts.iter().take(20).map(|part| format!("{}/{}", part.topic, part.partition)).collect();
    let rest = if parts.len() > some.len() { ", ..." } else { "" };
    format!("{}{rest}", some.join(", "))
}
