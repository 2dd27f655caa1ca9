//! The hot path: how much goes out for a `next`, and what an ack or fail does.

use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode;

use super::kept::KeptBytes;
use super::retry::RetryQueue;
use super::slot::{Slot, Stage};
use super::tracker::Acked;
use crate::config::SpoutConfig;
use crate::kafka::{Message, Polled};
use crate::multilang::TupleId;
use crate::offsets::Part;
use crate::tuple::Stream;

/// What one look at the partitions may give.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Tuples.
    pub emits: usize,
    /// Bytes of frames, about. A larger record still goes out, alone.
    pub bytes: usize,
}

/// Records taken from one partition before the next one has its turn.
const TURN: usize = 16;

/// How long the lowest unacked offset may keep a full window before it is reported, and then again.
const BLOCKED_AFTER: Duration = Duration::from_mins(1);

/// Records that one reply looks at, those it passes over included.
const MAX_POLLS: usize = 4096;

/// What one look at the partitions gave.
#[derive(Debug, Default)]
pub struct Filled {
    /// Tuples written.
    pub emits: usize,
    /// Things taken from the partitions' queues.
    polls: usize,
    /// By slot, in the order they came.
    pub events: Vec<(u32, PartitionEvent)>,
}

impl Filled {
    /// Whether nothing was emitted, and nothing more is there now.
    pub fn is_all(&self) -> bool {
        self.emits == 0 && self.polls < MAX_POLLS
    }
}

/// What a partition's queue had besides records.
#[derive(Debug, Clone, Copy)]
pub enum PartitionEvent {
    /// The position is not in the log any more.
    OutOfRange,
    /// Reading is not allowed; librdkafka goes on trying by itself.
    Refused(RDKafkaErrorCode),
    /// Records come again.
    Readable,
}

/// The tuples in flight, over all partitions.
#[derive(Debug, Default)]
pub struct Flow {
    kept: KeptBytes,
    retries: RetryQueue,
    in_flight: usize,
    /// Index of the partition whose turn it is.
    turn: usize,
    /// Totals since the start.
    pub totals: Totals,
}

/// Counters since the start of the process.
#[derive(Debug, Default, Clone, Copy)]
pub struct Totals {
    /// Tuples emitted for the first time.
    pub emitted: u64,
    /// Tuples emitted again.
    pub retried: u64,
    /// Acks of ours.
    pub acked: u64,
    /// Fails of ours.
    pub failed: u64,
    /// Tuples given up.
    pub exhausted: u64,
    /// Offsets that retention passed before they were read.
    pub lost: u64,
}

impl Flow {
    /// Tuples emitted and not yet acked or failed.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// When the next failed tuple is due.
    pub fn next_retry(&self) -> Option<Instant> {
        self.retries.next_due()
    }

    /// Appends emit frames to `out`: what is due again first, then new records, the partitions taking turns.
    pub fn fill(
        &mut self,
        slots: &mut [Slot],
        config: &SpoutConfig,
        room: Room,
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Filled {
        let room = Room { bytes: out.len() + room.bytes, ..room };
        let mut filled = Filled::default();
        while self.has_room(&filled, out, room, config) {
            let Some(id) = self.retries.pop_due(now) else { break };
            let Some(slot) = find(slots, id.slot) else { continue };
            if slot.tracker.retry(id.offset, &self.kept, |frame| out.extend_from_slice(frame)) {
                self.in_flight += 1;
                self.totals.retried += 1;
                filled.emits += 1;
            }
        }
        let count = slots.len();
        let mut idle = 0;
        while idle < count && self.has_room(&filled, out, room, config) {
            self.turn = if self.turn + 1 < count { self.turn + 1 } else { 0 };
            let before = filled.polls;
            self.take_turn(&mut slots[self.turn], config, room, out, &mut filled);
            idle = if filled.polls > before { 0 } else { idle + 1 };
        }
        filled
    }

    fn take_turn(&mut self, slot: &mut Slot, config: &SpoutConfig, room: Room, out: &mut Vec<u8>, filled: &mut Filled) {
        let Slot { part, stream, stage: Stage::Reading(queue), tracker, unreadable, .. } = slot else { return };
        for _ in 0..TURN {
            if !queue.may_have_records() || !self.has_room(filled, out, room, config) {
                return;
            }
            // One tuple is always admitted, however large; retries are not asked.
            let admitted = self.in_flight == 0 || self.kept.held() < config.limits.bytes;
            if !admitted || tracker.uncommitted() >= config.limits.offsets {
                return;
            }
            let polled = queue.poll();
            filled.polls += 1;
            if *unreadable && matches!(polled, Polled::Record(_)) {
                *unreadable = false;
                filled.events.push((part.slot, PartitionEvent::Readable));
            }
            match polled {
                Polled::Record(message) if message.offset() < tracker.position() => {
                    tracing::debug!(
                        "{}/{}: offset {} came again, passed over",
                        part.topic,
                        part.partition,
                        message.offset()
                    );
                }
                Polled::Record(message) if config.skip_tombstones && message.is_tombstone() => {
                    tracker.skipped(message.offset());
                }
                Polled::Record(message) => {
                    let id = TupleId { slot: part.slot, offset: message.offset() };
                    if config.ackers {
                        let kept = self.keep(part, id, stream.as_ref(), &message, config);
                        out.extend_from_slice(self.kept.get(&kept));
                        tracker.emitted(id.offset, kept);
                        self.in_flight += 1;
                    } else {
                        let record = message.record(&part.topic, part.partition);
                        config.encoder.emit(None, stream.as_ref(), &record, out);
                        tracker.skipped(id.offset);
                    }
                    self.totals.emitted += 1;
                    filled.emits += 1;
                }
                Polled::OutOfRange => return filled.events.push((part.slot, PartitionEvent::OutOfRange)),
                Polled::Error(error) => {
                    tracing::warn!("{}/{}: {error}", part.topic, part.partition);
                    // librdkafka says this once; the rest it mends by itself.
                    if error == RDKafkaErrorCode::TopicAuthorizationFailed {
                        *unreadable = true;
                        filled.events.push((part.slot, PartitionEvent::Refused(error)));
                    }
                }
                Polled::Empty => {
                    filled.polls -= 1;
                    return;
                }
            }
        }
    }

    fn keep(
        &mut self,
        part: &Part,
        id: TupleId,
        stream: Option<&Stream>,
        message: &Message,
        config: &SpoutConfig,
    ) -> super::kept::Kept {
        let bytes = message.bytes();
        let record = message.record(&part.topic, part.partition);
        self.kept.keep(bytes + bytes / 8 + 128, |frame| config.encoder.emit(Some(id), stream, &record, frame))
    }

    /// `room.bytes` is how long `out` may become here.
    fn has_room(&self, filled: &Filled, out: &[u8], room: Room, config: &SpoutConfig) -> bool {
        filled.emits < room.emits
            && filled.polls < MAX_POLLS
            && out.len() < room.bytes
            && self.in_flight < config.limits.in_flight
    }

    /// Takes an ack. One for a partition that has left us is nobody's.
    pub fn ack(&mut self, slots: &mut [Slot], id: TupleId) {
        let Some(slot) = find(slots, id.slot) else { return };
        match slot.tracker.ack(id.offset, &mut self.kept) {
            Acked::InFlight => {
                self.in_flight -= 1;
                self.totals.acked += 1;
            }
            Acked::Failed => self.totals.acked += 1,
            Acked::Unknown => {}
        }
    }

    /// Takes a fail: the tuple comes again, or is given up.
    pub fn fail(&mut self, slots: &mut [Slot], id: TupleId, config: &SpoutConfig, now: Instant) {
        let Some(slot) = find(slots, id.slot) else { return };
        let Some(fails) = slot.tracker.fail(id.offset, &mut self.kept) else { return };
        self.in_flight -= 1;
        self.totals.failed += 1;
        if config.backoff.is_exhausted(fails) {
            let part = &slot.part;
            tracing::warn!(
                "{}/{} offset {}: given up after {fails} fails, as kafka.spout.retry.limit says",
                part.topic,
                part.partition,
                id.offset
            );
            slot.tracker.ack(id.offset, &mut self.kept);
            self.totals.exhausted += 1;
        } else {
            self.retries.push(now + config.backoff.delay(fails), id);
        }
    }

    /// Forgets the tuples of a partition that leaves us.
    pub fn forget(&mut self, slot: &mut Slot) {
        self.in_flight -= slot.tracker.clear(&mut self.kept);
    }

    /// Names the offsets that have kept a full window for over a minute.
    pub fn report_blocked(slots: &mut [Slot], limit: usize, now: Instant) {
        for slot in slots {
            let oldest = slot.tracker.oldest().filter(|_| slot.tracker.uncommitted() >= limit);
            let Some((offset, fails)) = oldest else {
                slot.blocked = None;
                continue;
            };
            match slot.blocked {
                Some((known, since)) if known == offset => {
                    if now.duration_since(since) >= BLOCKED_AFTER {
                        let part = &slot.part;
                        tracing::warn!(
                            "{}/{}: no new records: offset {offset} is not acked (failed {fails} times) and kafka.spout.max.uncommitted.offsets ({limit}) is reached",
                            part.topic,
                            part.partition,
                        );
                        slot.blocked = Some((offset, now));
                    }
                }
                _ => slot.blocked = Some((offset, now)),
            }
        }
    }
}

/// Slots are kept in the order of their numbers.
pub fn find(slots: &mut [Slot], number: u32) -> Option<&mut Slot> {
    // Without rebalances the number is the index.
    let guess = number as usize;
    if slots.get(guess).is_some_and(|slot| slot.part.slot == number) {
        return slots.get_mut(guess);
    }
    let index = slots.binary_search_by_key(&number, |slot| slot.part.slot).ok()?;
    slots.get_mut(index)
}
