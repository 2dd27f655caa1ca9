//! Where a partition's reading begins: its stored offset loaded, its log located, its start claimed.

use std::sync::Arc;
use std::time::Instant;

use super::life::Life;
use super::positions::RETRY;
use super::slot::{Slot, Stage};
use super::trouble::Cause;
use super::{Spout, flow};
use crate::kafka::{self, Ask, Start, Watermarks, Why};
use crate::offsets::{Part, Request, Stored};

impl Spout {
    /// Reads every node again, after a time without a client.
    pub(super) fn reload(&mut self) {
        for slot in &mut self.slots {
            slot.stage = Stage::Loading;
        }
        self.load(self.slots.iter().map(|slot| slot.part.clone()).collect());
    }

    /// Asks the store where the partitions stand.
    pub(super) fn load(&mut self, parts: Vec<Part>) {
        self.timers.load = None;
        if parts.is_empty() {
            return;
        }
        match &self.zookeeper {
            Some(zookeeper) => zookeeper.send(Request::Load(parts)),
            None => self.load_from_group(parts),
        }
    }

    /// Asks again for what could not be had.
    pub(super) fn load_again(&mut self) {
        let loading = self.slots.iter().filter(|slot| matches!(slot.stage, Stage::Loading));
        self.load(loading.map(|slot| slot.part.clone()).collect());
    }

    /// Takes where a partition stands.
    pub(super) fn loaded(&mut self, number: u32, stored: Option<Stored>, ours: bool) {
        let Some(slot) = flow::find(&mut self.slots, number) else { return };
        if !matches!((&slot.stage, &self.life), (Stage::Loading, Life::Open { .. })) {
            return;
        }
        self.troubles.clear(&Cause::Node(slot.name()));
        slot.stored = stored.as_ref().map(|stored| stored.offset);
        match (slot.asked, stored) {
            // First time: whose commit it is decides whether it counts.
            (None, stored) => {
                let topology = &self.config.writer.topology_id;
                match kafka::stored_offset(stored.as_ref(), topology, self.config.first_poll) {
                    Some(offset) => {
                        slot.begin_at(offset);
                        slot.asked = Some(offset);
                        slot.stage = Stage::Positioned;
                    }
                    None => slot.stage = Stage::Locating { wanted: None, asked: false },
                }
            }
            // After a time without a client somebody has moved it: obeyed.
            (Some(asked), Some(stored)) if !ours && stored.offset != asked => {
                let part = &slot.part;
                tracing::warn!(
                    "{}/{}: the stored offset was changed from {asked} to {} (topology {:?}); reading goes on there",
                    part.topic,
                    part.partition,
                    stored.offset,
                    stored.topology_id,
                );
                self.renumber(number, stored.offset);
            }
            (Some(_), Some(_)) => slot.stage = Stage::Positioned,
            // Deleted meanwhile, or the claim never got there.
            (Some(_), None) => self.claim(number, false),
        }
        self.locate();
        self.assign();
    }

    /// Begins a partition anew at `offset`, under a new number: acks for what was in flight are nobody's then.
    fn renumber(&mut self, number: u32, offset: i64) -> Option<&mut Slot> {
        let index = self.slots.iter().position(|slot| slot.part.slot == number)?;
        let mut slot = self.slots.remove(index);
        self.flow.forget(&mut slot);
        slot.part.slot = self.next_slot;
        self.next_slot += 1;
        slot.begin_at(offset);
        slot.asked = Some(offset);
        slot.stage = Stage::Positioned;
        self.slots.push(slot);
        self.slots.last_mut()
    }

    /// Asks where the logs begin and end, for all partitions that need it.
    pub(super) fn locate(&mut self) {
        self.timers.locate = None;
        let Life::Open { consumer, .. } = &self.life else { return };
        let mut parts = Vec::new();
        for slot in &mut self.slots {
            if let Stage::Locating { asked: asked @ false, .. } = &mut slot.stage {
                *asked = true;
                parts.push(slot.part.clone());
            }
        }
        if !parts.is_empty() {
            self.metadata.ask(Ask::Watermarks(Arc::downgrade(consumer), parts));
        }
    }

    /// Takes the ends of a partition's log, and with them the start.
    pub(super) fn watermarks(&mut self, part: &Part, found: Result<Watermarks, String>, now: Instant) {
        let Some(slot) = flow::find(&mut self.slots, part.slot) else { return };
        let cause = Cause::Log(slot.name());
        let (Stage::Locating { wanted, asked }, Life::Open { .. }) = (&mut slot.stage, &self.life) else { return };
        *asked = false;
        match found {
            Ok(log) => {
                self.troubles.clear(&cause);
                let start = kafka::begin(*wanted, self.config.first_poll, log);
                self.begin(part.slot, start);
                self.assign();
            }
            Err(reason) => {
                self.troubles.note(cause, format!("Kafka {}: {reason}", self.config.kafka.bootstrap), now);
                self.timers.locate = Some(now + RETRY);
            }
        }
    }

    fn begin(&mut self, number: u32, Start { offset, why }: Start) {
        let Some(slot) = flow::find(&mut self.slots, number) else { return };
        let name = slot.name();
        match why {
            // Fetching from here was refused a moment ago.
            Why::Stored => {
                let problem = format!(
                    "{name}: offset {offset} was not in the log and now is: the log may have been truncated and have grown again; records before it may be missing"
                );
                slot.stage = Stage::Positioned;
                tracing::warn!("{problem}");
                self.problem(problem);
            }
            Why::Strategy => {
                tracing::info!("{name}: no stored offset counts; beginning at {offset}");
                slot.begin_at(offset);
                self.claim(number, false);
            }
            Why::Passed { lost } => {
                self.flow.totals.lost += lost as u64;
                let problem = format!(
                    "{name}: {lost} offsets before {offset} are gone: retention has passed them before they were read"
                );
                slot.tracker.jump(offset);
                slot.handed = slot.handed.max(offset);
                slot.stage = Stage::Positioned;
                tracing::warn!("{problem}");
                self.problem(problem);
            }
            Why::Truncated => {
                let problem = format!(
                    "{name}: the log ends before offset {}: it was truncated, or the topic was made anew; reading goes on at {offset}",
                    slot.tracker.position()
                );
                tracing::warn!("{problem}");
                self.problem(problem);
                if let Some(slot) = self.renumber(number, offset) {
                    let number = slot.part.slot;
                    self.claim(number, true);
                }
            }
        }
    }

    /// Has the position stored before the first emit.
    fn claim(&mut self, number: u32, rewind: bool) {
        let Some(slot) = flow::find(&mut self.slots, number) else { return };
        slot.stage = Stage::Claiming;
        // What the group has, it may have from somebody else.
        slot.in_group = None;
        let commit = slot.ask(slot.tracker.commit_offset(), rewind);
        self.store(vec![commit]);
        if self.zookeeper.is_none() {
            self.commit_to_group(Instant::now());
        }
    }

    /// The store has an offset.
    pub(super) fn committed(&mut self, number: u32, offset: i64) {
        let Some(slot) = flow::find(&mut self.slots, number) else { return };
        slot.stored = Some(offset);
        self.troubles.clear(&Cause::Node(slot.name()));
        if !matches!(slot.stage, Stage::Claiming) {
            return;
        }
        if offset > slot.tracker.position() {
            // Another hand was faster and is further on; its records are not ours to read again.
            self.renumber(number, offset);
        } else {
            slot.stage = Stage::Positioned;
        }
        self.assign();
    }
}
