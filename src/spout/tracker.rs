//! Which offsets of one partition are emitted and not yet acked, and so what may be committed.

use std::collections::VecDeque;

use super::kept::{Kept, KeptBytes};

/// The record of one partition's way through the topology. Offsets are emitted in ascending order, gaps from
/// compaction and transactions included, and are acked in any order.
#[derive(Debug)]
pub struct Tracker {
    /// Ascending; the front is never done, so it is the lowest offset that is not.
    entries: VecDeque<Entry>,
    /// One past the last offset emitted or skipped; the position to read on from.
    position: i64,
}

#[derive(Debug)]
struct Entry {
    offset: i64,
    fails: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    InFlight(Kept),
    Failed(Kept),
    Done,
}

/// What an ack did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// The tuple was in flight and is done.
    InFlight,
    /// The tuple had failed and waited for its retry; done all the same.
    Failed,
    /// No such tuple, or done before.
    Unknown,
}

impl Tracker {
    /// Begins at the offset to read first.
    pub fn new(position: i64) -> Self {
        Self { entries: VecDeque::new(), position }
    }

    /// The offset to commit: the lowest one not done (next to read). Never passes an unacked record.
    pub fn commit_offset(&self) -> i64 {
        self.entries.front().map_or(self.position, |entry| entry.offset)
    }

    /// The next offset to read.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Offsets from the lowest one not done to the last one emitted, the done ones between included.
    pub fn uncommitted(&self) -> usize {
        self.entries.len()
    }

    /// The lowest offset that is not done, and how often it failed.
    pub fn oldest(&self) -> Option<(i64, u32)> {
        self.entries.front().map(|entry| (entry.offset, entry.fails))
    }

    /// Records an emit. `offset` must not be below [`Self::position`].
    pub fn emitted(&mut self, offset: i64, kept: Kept) {
        debug_assert!(offset >= self.position, "{offset} < {}", self.position);
        self.entries.push_back(Entry { offset, fails: 0, state: State::InFlight(kept) });
        self.position = offset + 1;
    }

    /// Passes over a record that needs no ack.
    pub fn skipped(&mut self, offset: i64) {
        debug_assert!(offset >= self.position, "{offset} < {}", self.position);
        self.position = offset + 1;
    }

    /// Goes on at a later offset: what lies between is not in the log any more.
    pub fn jump(&mut self, offset: i64) {
        self.position = self.position.max(offset);
    }

    /// Records an ack and lets the kept frame go.
    pub fn ack(&mut self, offset: i64, bytes: &mut KeptBytes) -> Acked {
        let Some(index) = self.find(offset) else { return Acked::Unknown };
        let (acked, kept) = match std::mem::replace(&mut self.entries[index].state, State::Done) {
            State::InFlight(kept) => (Acked::InFlight, kept),
            State::Failed(kept) => (Acked::Failed, kept),
            State::Done => return Acked::Unknown,
        };
        bytes.release(kept);
        while self.entries.front().is_some_and(|entry| matches!(entry.state, State::Done)) {
            self.entries.pop_front();
        }
        acked
    }

    /// Records a fail; gives how often the tuple has failed now, or `None` if it was not in flight.
    pub fn fail(&mut self, offset: i64, bytes: &mut KeptBytes) -> Option<u32> {
        let index = self.find(offset)?;
        let entry = &mut self.entries[index];
        match std::mem::replace(&mut entry.state, State::Done) {
            State::InFlight(kept) => {
                entry.state = State::Failed(bytes.move_out(kept));
                entry.fails = entry.fails.saturating_add(1);
                Some(entry.fails)
            }
            other => {
                entry.state = other;
                None
            }
        }
    }

    /// Puts a failed tuple in flight again and hands its frame to `emit`; false if it does not wait for that.
    pub fn retry(&mut self, offset: i64, bytes: &KeptBytes, emit: impl FnOnce(&[u8])) -> bool {
        let Some(index) = self.find(offset) else { return false };
        let entry = &mut self.entries[index];
        match std::mem::replace(&mut entry.state, State::Done) {
            State::Failed(kept) => {
                emit(bytes.get(&kept));
                entry.state = State::InFlight(kept);
                true
            }
            other => {
                entry.state = other;
                false
            }
        }
    }

    /// Forgets everything; gives how many tuples were in flight.
    pub fn clear(&mut self, bytes: &mut KeptBytes) -> usize {
        let mut in_flight = 0;
        for entry in self.entries.drain(..) {
            match entry.state {
                State::InFlight(kept) => {
                    in_flight += 1;
                    bytes.release(kept);
                }
                State::Failed(kept) => bytes.release(kept),
                State::Done => {}
            }
        }
        in_flight
    }

    fn find(&self, offset: i64) -> Option<usize> {
        let first = self.entries.front()?.offset;
        // Without gaps the index is known; with gaps it is at most that far.
        let guess = usize::try_from(offset.checked_sub(first)?).ok()?;
        match self.entries.get(guess) {
            Some(entry) if entry.offset == offset => Some(guess),
            _ => self.entries.binary_search_by_key(&offset, |entry| entry.offset).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn emit(tracker: &mut Tracker, bytes: &mut KeptBytes, offset: i64) {
        let kept = bytes.keep(8, |out| out.extend_from_slice(&offset.to_be_bytes()));
        tracker.emitted(offset, kept);
    }

    #[test]
    fn the_commit_offset_waits_for_the_lowest_unacked_record() {
        let (mut tracker, mut bytes) = (Tracker::new(5), KeptBytes::default());
        assert_eq!(tracker.commit_offset(), 5);
        for offset in [5, 6, 9, 10] {
            emit(&mut tracker, &mut bytes, offset);
        }
        for offset in [5, 9, 10] {
            assert_eq!(tracker.ack(offset, &mut bytes), Acked::InFlight);
        }
        assert_eq!(tracker.commit_offset(), 6);
        assert_eq!(tracker.ack(6, &mut bytes), Acked::InFlight);
        assert_eq!(tracker.commit_offset(), 11);
        assert_eq!(tracker.ack(6, &mut bytes), Acked::Unknown);
        assert_eq!(bytes.held(), 0);
    }

    #[test]
    fn a_failed_record_comes_again_with_the_same_bytes() {
        let (mut tracker, mut bytes) = (Tracker::new(0), KeptBytes::default());
        emit(&mut tracker, &mut bytes, 3);
        assert!(!tracker.retry(3, &bytes, |_| panic!("it is in flight")));
        assert_eq!(tracker.fail(3, &mut bytes), Some(1));
        assert_eq!(tracker.fail(3, &mut bytes), None);
        let mut frame = Vec::new();
        assert!(tracker.retry(3, &bytes, |kept| frame.extend_from_slice(kept)));
        assert_eq!(frame, 3i64.to_be_bytes());
        assert_eq!(tracker.fail(3, &mut bytes), Some(2));
        assert_eq!(tracker.oldest(), Some((3, 2)));
        assert_eq!(tracker.ack(3, &mut bytes), Acked::Failed);
        assert_eq!(tracker.commit_offset(), 4);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Emit(i64),
        Skip(i64),
        Ack(prop::sample::Index),
        Fail(prop::sample::Index),
        Retry(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let index = any::<prop::sample::Index>();
        prop::collection::vec(
            prop_oneof![
                4 => (0..4i64).prop_map(Step::Emit),
                1 => (0..3i64).prop_map(Step::Skip),
                4 => index.prop_map(Step::Ack),
                2 => any::<prop::sample::Index>().prop_map(Step::Fail),
                2 => any::<prop::sample::Index>().prop_map(Step::Retry),
            ],
            0..200,
        )
    }

    proptest! {
        /// The model: for each offset whether it is in flight, failed or done, in a plain map.
        #[test]
        fn the_tracker_agrees_with_a_simple_model(steps in steps(), start in 0..1000i64) {
            let (mut tracker, mut bytes) = (Tracker::new(start), KeptBytes::default());
            let mut model: BTreeMap<i64, &str> = BTreeMap::new();
            let mut position = start;
            for step in steps {
                let pick = |index: prop::sample::Index| {
                    let known: Vec<i64> = model.keys().copied().chain([position, start - 1]).collect();
                    known[index.index(known.len())]
                };
                match step {
                    Step::Emit(gap) => {
                        emit(&mut tracker, &mut bytes, position + gap);
                        model.insert(position + gap, "in flight");
                        position += gap + 1;
                    }
                    Step::Skip(gap) => {
                        tracker.skipped(position + gap);
                        position += gap + 1;
                    }
                    Step::Ack(index) => {
                        let offset = pick(index);
                        let expected = match model.get(&offset) {
                            Some(&"in flight") => Acked::InFlight,
                            Some(&"failed") => Acked::Failed,
                            _ => Acked::Unknown,
                        };
                        prop_assert_eq!(tracker.ack(offset, &mut bytes), expected);
                        model.entry(offset).and_modify(|state| *state = "done");
                    }
                    Step::Fail(index) => {
                        let offset = pick(index);
                        let in_flight = model.get(&offset) == Some(&"in flight");
                        prop_assert_eq!(tracker.fail(offset, &mut bytes).is_some(), in_flight);
                        if in_flight {
                            model.insert(offset, "failed");
                        }
                    }
                    Step::Retry(index) => {
                        let offset = pick(index);
                        let failed = model.get(&offset) == Some(&"failed");
                        let mut frame = None;
                        prop_assert_eq!(tracker.retry(offset, &bytes, |kept| frame = Some(kept.to_vec())), failed);
                        if failed {
                            prop_assert_eq!(frame, Some(offset.to_be_bytes().to_vec()));
                            model.insert(offset, "in flight");
                        }
                    }
                }
                let lowest_open = model.iter().find(|(_, state)| **state != "done").map(|(offset, _)| *offset);
                prop_assert_eq!(tracker.commit_offset(), lowest_open.unwrap_or(position));
                prop_assert_eq!(tracker.position(), position);
            }
            let in_flight = model.values().filter(|state| **state == "in flight").count();
            prop_assert_eq!(tracker.clear(&mut bytes), in_flight);
            prop_assert_eq!(bytes.held(), 0);
        }
    }
}
