//! Counts what the way of a record, and that of its ack, ask of the allocator. librdkafka's own are not counted.

use std::collections::VecDeque;
use std::time::Instant;

use super::ahead::{Ahead, Kind};
use super::kept::KeptBytes;
use super::tracker::Tracker;
use crate::multilang::{Command, Ids, Replies, TupleId, Wire};
use crate::tuple::{Encoder, Encoding, Field, Record, Undecodable};

const WINDOW: usize = 2000;

/// What [`super::flow::Flow`] does with a record, and with an ack, and what is around it in a reply.
struct Way {
    encoder: Encoder,
    kept: KeptBytes,
    tracker: Tracker,
    ahead: Ahead,
    replies: Replies,
    unacked: VecDeque<i64>,
    ack: Vec<u8>,
}

impl Way {
    fn new(wire: Wire) -> Self {
        let (key, value, undecodable) = (Encoding::Utf8, Encoding::Utf8, Undecodable::Replace);
        let fields = vec![Field::Topic, Field::Partition, Field::Offset, Field::Timestamp, Field::Key, Field::Value];
        Self {
            encoder: Encoder { wire, fields, key, value, undecodable },
            kept: KeptBytes::default(),
            tracker: Tracker::new(0),
            ahead: Ahead::new(true),
            replies: Replies::default(),
            unacked: VecDeque::new(),
            ack: Vec::new(),
        }
    }

    fn one_record(&mut self, null: &std::fs::File) {
        let offset = self.tracker.position();
        let record = Record {
            topic: "t",
            partition: 3,
            offset,
            timestamp: Some(1_700_000_000_000),
            key: Some(b"key"),
            value: Some(b"a value of some length, with \"quotes\", \\ and \n and \xff in it"),
            headers: None,
        };
        let id = TupleId { slot: 7, offset };
        let kept = self.kept.keep(200, |frame| self.encoder.emit(Some(id), None, &record, frame));
        self.replies.frames().extend_from_slice(self.kept.get(&kept));
        self.tracker.emitted(offset, kept);
        self.unacked.push_back(offset);
        self.ahead.answered(self.replies.unsent());
        self.replies.write_to(std::os::fd::AsFd::as_fd(null)).expect("/dev/null takes all");
        if self.unacked.len() > WINDOW {
            self.one_ack();
        }
    }

    fn one_ack(&mut self) {
        let offset = self.unacked.pop_front().expect("a window");
        self.ack.clear();
        self.ack.extend_from_slice(b"{\"command\":\"ack\",\"id\":");
        TupleId { slot: 7, offset }.write(&mut self.ack);
        self.ack.push(b'}');
        let Ok(Command::Ack(ids @ Ids::One(_))) = Command::parse(&self.ack) else { panic!("no ack") };
        for id in ids.as_slice().iter().flatten() {
            self.tracker.ack(id.offset, &mut self.kept);
        }
        self.ahead.command(Kind::Done(1), Instant::now());
    }
}

#[test]
fn a_record_and_its_ack_allocate_nothing_once_the_buffers_are_there() {
    let null = std::fs::File::options().write(true).open("/dev/null").expect("/dev/null");
    for wire in [Wire::Multilang, Wire::Companion] {
        let mut way = Way::new(wire);
        (0..3 * WINDOW).for_each(|_| way.one_record(&null));
        let counted = allocation_counter::measure(|| (0..10_000).for_each(|_| way.one_record(&null)));
        assert_eq!(counted.count_total, 0, "{wire:?}: {counted:?} for 10000 records");
    }
}
