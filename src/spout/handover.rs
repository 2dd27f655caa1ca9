//! Without ackers: which records have surely reached Storm.
//!
//! What the pipe has taken may still die with the worker. A reply has been read when the parent sends its next command; the
//! Java companion says itself how many tuples it has emitted. Until then an offset is not committed.

use std::time::{Duration, Instant};

use super::slot::Slot;

/// How often the partitions are looked at: with a thousand of them not at every reply.
const PERIOD: Duration = Duration::from_millis(5);

/// Positions that were noted, and what has to be taken until they count. Written and taken are counted in whatever is
/// handed over: replies, or tuples.
#[derive(Debug, Default)]
pub struct Handover {
    mark: Option<u64>,
    looked: Option<Instant>,
}

impl Handover {
    /// Brings [`Slot::handed`] up to date; `thoroughly` if it was done just now, too.
    pub fn settle(&mut self, slots: &mut [Slot], written: u64, taken: u64, thoroughly: bool, now: Instant) {
        if !thoroughly && self.looked.is_some_and(|looked| now.duration_since(looked) < PERIOD) {
            return;
        }
        self.looked = Some(now);
        if taken >= written {
            self.mark = None;
            for slot in slots {
                slot.handed = slot.tracker.position();
            }
            return;
        }
        if self.mark.is_some_and(|mark| taken >= mark) {
            self.mark = None;
            for slot in slots.iter_mut() {
                slot.handed = slot.noted;
            }
        }
        if self.mark.is_none() {
            self.mark = Some(written);
            for slot in slots {
                slot.noted = slot.tracker.position();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offsets::Broker;

    fn slots() -> Vec<Slot> {
        let mut slot = Slot::new(0, "t".into(), 0, Broker { host: "h".to_owned(), port: 1 }, None);
        slot.begin_at(10);
        vec![slot]
    }

    #[test]
    fn a_record_counts_when_what_carried_it_has_been_taken() {
        let (mut handover, mut slots, now) = (Handover::default(), slots(), Instant::now());
        slots[0].tracker.skipped(14);
        handover.settle(&mut slots, 1, 0, true, now);
        assert_eq!(slots[0].handed, 10);
        slots[0].tracker.skipped(19);
        handover.settle(&mut slots, 2, 1, true, now);
        assert_eq!(slots[0].handed, 15);
        handover.settle(&mut slots, 2, 2, true, now);
        assert_eq!(slots[0].handed, 20);
    }

    #[test]
    fn a_start_that_is_set_anew_meanwhile_is_not_passed() {
        let (mut handover, mut slots, now) = (Handover::default(), slots(), Instant::now());
        slots[0].tracker.skipped(14);
        handover.settle(&mut slots, 1, 0, true, now);
        slots[0].begin_at(3);
        handover.settle(&mut slots, 2, 1, true, now);
        assert_eq!(slots[0].handed, 3);
    }

    #[test]
    fn partitions_are_not_looked_at_more_often_than_has_to_be() {
        let (mut handover, mut slots, now) = (Handover::default(), slots(), Instant::now());
        handover.settle(&mut slots, 0, 0, false, now);
        slots[0].tracker.skipped(14);
        handover.settle(&mut slots, 1, 1, false, now);
        assert_eq!(slots[0].handed, 10);
        handover.settle(&mut slots, 1, 1, false, now + PERIOD);
        assert_eq!(slots[0].handed, 15);
    }
}
