//! Which of many partitions are fetched, so that what lies fetched is bounded for all of them together.
//!
//! librdkafka's own bounds hold for each partition's queue alone, and no queue has less than a batch, of which a producer
//! makes up to 1 MB: thousands of records. So while much lies fetched, partitions that have run dry are paused, and take
//! turns.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rdkafka::topic_partition_list::TopicPartitionList;

use super::flow::find;
use super::slot::{Slot, Stage};
use crate::kafka::{Consumer, set_paused};

/// So many partitions may hold a batch each.
const FEW: usize = 16;

/// Partitions that are fetched from the start; the others follow as long as there is room.
const FIRST: usize = 64;

/// How often it is looked at: a broker needs some milliseconds for an answer.
const PERIOD: Duration = Duration::from_millis(5);

/// Bytes fetched: above this no partition that is dry is fetched.
pub const MUCH: usize = 96 << 20;

/// Below this more partitions are: some tenths of a second's reading, since an answer for those that are at their end may
/// keep the next one waiting for `fetch.wait.max.ms`.
const LITTLE: usize = 64 << 20;

/// librdkafka's own bytes beside each record.
const BESIDE: usize = 450;

/// Partitions resumed at a look; twice as many at the next one if they brought little.
const STEP: usize = 8;

/// The partitions that wait for their turn, by number.
#[derive(Debug)]
pub struct Fetching {
    /// A partition with fewer records is dry. They are taken out before it is paused, which drops its queue.
    dry: usize,
    waiting: VecDeque<u32>,
    step: usize,
    looked: Option<Instant>,
    /// Bytes of a record where none has been seen.
    usual: usize,
}

/// What lies fetched of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fetched {
    slot: u32,
    records: usize,
    /// Records were there since it was last resumed.
    had_records: bool,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Turn {
    pause: Vec<u32>,
    resume: Vec<u32>,
}

impl Fetching {
    /// `dry` is how few records librdkafka fetches more of a partition at, `queued.min.messages`.
    pub fn new(dry: usize) -> Self {
        Self { dry, waiting: VecDeque::new(), step: STEP, looked: None, usual: 0 }
    }

    /// Whether the next partition to be assigned begins as one that waits.
    pub fn is_to_wait(reading: usize) -> bool {
        reading >= FIRST
    }

    /// Takes a partition that has been paused.
    pub fn waits(&mut self, slot: u32) {
        self.waiting.push_back(slot);
    }

    /// When to look next, if anyone waits.
    pub fn next_look(&self) -> Option<Instant> {
        self.looked.filter(|_| !self.waiting.is_empty()).map(|looked| looked + PERIOD)
    }

    /// Pauses and resumes. What lies fetched of a partition with a full window, so many offsets, does not count: others must not
    /// wait for what nobody takes.
    pub fn look(&mut self, slots: &mut [Slot], consumer: &Consumer, window: usize, now: Instant) {
        if slots.len() <= FEW && self.waiting.is_empty() || self.looked.is_some_and(|looked| now < looked + PERIOD) {
            return;
        }
        self.looked = Some(now);
        let (mut bytes, mut samples, mut open) = (0, (0, 0), Vec::new());
        for slot in &mut *slots {
            let Stage::Reading(queue) = &mut slot.stage else { continue };
            if queue.is_paused() || slot.tracker.uncommitted() >= window {
                continue;
            }
            let (records, each) = (queue.fetched(), queue.record_bytes());
            if each > 0 {
                samples = (samples.0 + each, samples.1 + 1);
            }
            bytes += records * (BESIDE + if each > 0 { each } else { self.usual });
            open.push(Fetched { slot: slot.part.slot, records, had_records: queue.had_records() });
        }
        self.usual = samples.0.checked_div(samples.1).unwrap_or(self.usual);
        let turn = self.turn(bytes, &open);
        tell(slots, &turn.pause, consumer, true);
        tell(slots, &turn.resume, consumer, false);
    }

    /// Decides, with so many bytes fetched of the partitions that are fetched.
    fn turn(&mut self, bytes: usize, open: &[Fetched]) -> Turn {
        let mut turn = Turn::default();
        if bytes >= MUCH || bytes >= LITTLE && !self.waiting.is_empty() {
            self.step = STEP;
            let dry = open.iter().filter(|part| part.records < self.dry);
            let (served, unserved): (Vec<Fetched>, _) = dry.copied().partition(|part| part.had_records);
            turn.pause = served.iter().map(|part| part.slot).collect();
            self.waiting.extend(&turn.pause);
            // An answer for these is still to come, unless there is too much already; then they are the next ones.
            for part in unserved.iter().rev().filter(|_| bytes >= MUCH) {
                turn.pause.push(part.slot);
                self.waiting.push_front(part.slot);
            }
        } else if !self.waiting.is_empty() {
            let count = self.step.min(self.waiting.len());
            turn.resume = self.waiting.drain(..count).collect();
            self.step = STEP.max(2 * count);
        }
        turn
    }
}

/// Pauses or resumes those that are still read.
fn tell(slots: &mut [Slot], numbers: &[u32], consumer: &Consumer, paused: bool) {
    let mut list = TopicPartitionList::with_capacity(numbers.len());
    for number in numbers {
        if let Some(Slot { part, stage: Stage::Reading(queue), .. }) = find(slots, *number) {
            queue.set_paused(paused);
            list.add_partition(&part.topic, part.partition);
        }
    }
    if list.count() > 0 {
        set_paused(consumer, &list, paused);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Partitions of a broker that answers with a batch for a few partitions at a time, in turns.
    struct Log {
        fetching: Fetching,
        /// Records fetched, and whether there were any since it was resumed; those that wait are not here.
        open: BTreeMap<u32, (usize, bool)>,
        read: BTreeMap<u32, usize>,
        asked: u32,
        batch: usize,
        most: usize,
    }

    const DRY: usize = 100;

    const BYTES: usize = BESIDE + 100;

    impl Log {
        fn new(partitions: u32, batch: usize, dry: usize) -> Self {
            let mut fetching = Fetching::new(dry);
            let mut open = BTreeMap::new();
            for slot in 0..partitions {
                if Fetching::is_to_wait(open.len()) {
                    fetching.waits(slot);
                } else {
                    open.insert(slot, (0, false));
                }
            }
            let read = (0..partitions).map(|slot| (slot, 0)).collect();
            Self { fetching, open, read, asked: 0, batch, most: 0 }
        }

        /// A look, then so many answers, then so many records read of each partition that has some.
        fn step(&mut self, answers: usize, reads: usize) {
            let view: Vec<Fetched> = self
                .open
                .iter()
                .map(|(slot, (records, had))| Fetched { slot: *slot, records: *records, had_records: *had })
                .collect();
            let bytes = view.iter().map(|part| part.records * BYTES).sum();
            let turn = self.fetching.turn(bytes, &view);
            for slot in &turn.pause {
                // Its records are taken out first.
                let (records, _) = self.open.remove(slot).expect("only one that is fetched can be paused");
                *self.read.get_mut(slot).expect("known") += records;
            }
            for slot in &turn.resume {
                assert!(self.open.insert(*slot, (0, false)).is_none(), "only one that waits can be resumed");
            }
            for _ in 0..answers {
                let after = self.open.range(self.asked + 1..).chain(self.open.iter());
                let Some(slot) =
                    after.filter(|(_, (records, _))| *records < self.fetching.dry).map(|(slot, _)| *slot).next()
                else {
                    break;
                };
                self.asked = slot;
                self.open.insert(slot, (self.open[&slot].0 + self.batch, true));
            }
            let fetched: usize = self.open.values().map(|(records, _)| records * BYTES).sum();
            self.most = self.most.max(fetched);
            for (slot, (records, _)) in &mut self.open {
                let count = reads.min(*records);
                *records -= count;
                *self.read.get_mut(slot).expect("known") += count;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_lies_fetched_is_bounded_and_every_partition_has_its_turn(
            partitions in 17_u32..600,
            batch in 100_usize..9000,
            answers in 1_usize..8,
            looks in 2_usize..20,
            dry in 50_usize..600,
        ) {
            let mut log = Log::new(partitions, batch, dry);
            // A batch is read in so many looks.
            for _ in 0..5000 {
                log.step(answers, batch.div_ceil(looks));
            }
            // The answers of one period come on top.
            prop_assert!(log.most <= MUCH + answers * batch * BYTES, "{} MiB", log.most >> 20);
            let (least, most) = (log.read.values().min(), log.read.values().max());
            prop_assert!(least >= Some(&batch), "{least:?} to {most:?}");
        }
    }

    #[test]
    fn with_little_to_read_all_are_fetched_soon() {
        let mut log = Log::new(1000, 1, DRY);
        for _ in 0..10 {
            log.step(0, 0);
        }
        assert_eq!(log.open.len(), 1000);
        for _ in 0..100 {
            log.step(50, 1);
        }
        assert_eq!(log.open.len(), 1000, "none is paused");
        assert_eq!(log.fetching.next_look(), None);
    }

    #[test]
    fn a_partition_that_was_resumed_waits_for_its_answer() {
        let mut fetching = Fetching::new(DRY);
        fetching.waits(7);
        let open = |had_records| [Fetched { slot: 3, records: 0, had_records }];
        assert_eq!(fetching.turn(LITTLE, &open(false)), Turn::default());
        assert_eq!(fetching.turn(LITTLE, &open(true)).pause, [3]);
        assert_eq!(fetching.turn(MUCH, &open(false)).pause, [3]);
    }
}
