//! When a failed tuple is emitted again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::multilang::TupleId;

/// Failed tuples by the time they are due. A tuple that is acked or whose partition leaves meanwhile stays in here
/// and is passed over when its time comes: [`super::tracker::Tracker::retry`] says no.
#[derive(Debug, Default)]
pub struct RetryQueue(BinaryHeap<Reverse<(Instant, TupleId)>>);

impl RetryQueue {
    /// Schedules a retry.
    pub fn push(&mut self, due: Instant, id: TupleId) {
        self.0.push(Reverse((due, id)));
    }

    /// Takes the tuple that is due longest, if any is.
    pub fn pop_due(&mut self, now: Instant) -> Option<TupleId> {
        let Reverse((due, _)) = self.0.peek()?;
        if *due > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, id))| id)
    }

    /// When the next tuple is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn retries_come_in_the_order_they_are_due() {
        let (now, mut queue) = (Instant::now(), RetryQueue::default());
        let id = |offset| TupleId { slot: 0, offset };
        queue.push(now + Duration::from_millis(20), id(1));
        queue.push(now + Duration::from_millis(10), id(2));
        assert_eq!(queue.pop_due(now), None);
        assert_eq!(queue.next_due(), Some(now + Duration::from_millis(10)));
        let later = now + Duration::from_millis(30);
        assert_eq!(
            (queue.pop_due(later), queue.pop_due(later), queue.pop_due(later)),
            (Some(id(2)), Some(id(1)), None)
        );
    }
}
