//! The two parents as one, for what has to hold on both wires.

use std::time::Duration;

use serde_json::json;

use super::companion::{self, FakeCompanion, kind};
use super::conf::Conf;
use super::parent::FakeParent;
use super::wire;

/// A fake parent of either kind.
pub trait Parent {
    /// A tuple as this one has it; the conf's first field is the offset.
    type Tuple;

    /// Starts the spout and activates it.
    fn activated(conf: &Conf) -> Self;

    /// The process and its pipes.
    fn process(&mut self) -> &mut FakeParent;

    /// The same, for its end.
    fn into_process(self) -> FakeParent;

    /// The offset of a tuple.
    fn offset(tuple: &Self::Tuple) -> i64;

    /// Exactly so many tuples.
    fn collect(&mut self, count: usize) -> Vec<Self::Tuple>;

    /// What comes in that time while the topology runs.
    fn idle(&mut self, time: Duration) -> Vec<Self::Tuple>;

    /// Acks, and comes back when the child has taken them.
    fn acks(&mut self, tuples: &[Self::Tuple]);

    /// Acks, and reads nothing.
    fn acks_unread(&mut self, tuples: &[Self::Tuple]);

    /// Fails, and reads nothing.
    fn fails_unread(&mut self, tuples: &[Self::Tuple]);

    /// Waits until the pipe of stdout takes no more.
    fn fill_stdout(&mut self);

    /// Says that the topology runs again.
    fn activate(&mut self);

    /// Says that it does not, and reads nothing.
    fn deactivate_unread(&mut self);

    /// Reads what the child has said up to that `deactivate`, and that it has taken it.
    fn deactivated(&mut self);

    /// Ends the child as the end of a worker does.
    fn finish(self);
}

impl Parent for FakeParent {
    type Tuple = wire::Emit;

    fn activated(conf: &Conf) -> Self {
        Self::activated(conf)
    }

    fn process(&mut self) -> &mut FakeParent {
        self
    }

    fn into_process(self) -> FakeParent {
        self
    }

    fn offset(tuple: &Self::Tuple) -> i64 {
        tuple.integer(0)
    }

    fn collect(&mut self, count: usize) -> Vec<Self::Tuple> {
        self.collect(count)
    }

    fn idle(&mut self, time: Duration) -> Vec<Self::Tuple> {
        self.idle(time)
    }

    fn acks(&mut self, tuples: &[Self::Tuple]) {
        self.ack_all(tuples);
    }

    fn acks_unread(&mut self, tuples: &[Self::Tuple]) {
        for tuple in tuples {
            self.send("ack", &tuple.id());
        }
    }

    fn fails_unread(&mut self, tuples: &[Self::Tuple]) {
        for tuple in tuples {
            self.send("fail", &tuple.id());
        }
    }

    fn fill_stdout(&mut self) {
        self.wait_for_full_stdout(|parent| parent.send("next", &json!("")));
    }

    fn activate(&mut self) {
        self.activate();
    }

    fn deactivate_unread(&mut self) {
        self.send("deactivate", &json!(""));
    }

    fn deactivated(&mut self) {
        self.replies();
    }

    fn finish(self) {
        self.finish();
    }
}

impl Parent for FakeCompanion {
    type Tuple = companion::Tuple;

    fn activated(conf: &Conf) -> Self {
        Self::activated(conf)
    }

    fn process(&mut self) -> &mut FakeParent {
        &mut self.parent
    }

    fn into_process(self) -> FakeParent {
        self.parent
    }

    fn offset(tuple: &Self::Tuple) -> i64 {
        tuple.long(0)
    }

    fn collect(&mut self, count: usize) -> Vec<Self::Tuple> {
        self.collect(count)
    }

    fn idle(&mut self, time: Duration) -> Vec<Self::Tuple> {
        self.listen(time)
    }

    fn acks(&mut self, tuples: &[Self::Tuple]) {
        self.ack(tuples);
        assert_eq!(self.ping(), [], "nothing was failed, and all has been read");
    }

    fn acks_unread(&mut self, tuples: &[Self::Tuple]) {
        self.ack(tuples);
    }

    fn fails_unread(&mut self, tuples: &[Self::Tuple]) {
        self.fail(tuples);
    }

    fn fill_stdout(&mut self) {
        self.parent.wait_for_full_stdout(|_| ());
    }

    fn activate(&mut self) {
        self.send(kind::ACTIVATE, &[]);
    }

    fn deactivate_unread(&mut self) {
        self.send(kind::DEACTIVATE, &[]);
    }

    fn deactivated(&mut self) {
        self.ping();
    }

    fn finish(self) {
        self.finish();
    }
}
