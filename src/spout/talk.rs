//! The conversation: what each command does, what it is answered, and what goes out unasked.

use std::time::Instant;

use super::Spout;
use super::ahead::Kind;
use super::flow::{Filled, Room};
use super::life::Life;
use crate::companion;
use crate::multilang::{Command, CommandError, Ids, Replies, Wire};

/// An answer in turns. Storm acks inside an emit when it has no ackers, once per emit on its stack: it overflows near 1,400.
/// In bytes: what a pipe holds.
const IN_TURNS: Room = Room { emits: 256, bytes: 48 << 10 };

/// An answer ahead: the next ack takes it, so many small ones are better than one large.
const AHEAD: Room = Room { emits: 8, bytes: 48 << 10 };

/// What goes to the companion with one write. It has no turns: the pipe and the window are the limits.
const PUSHED: Room = Room { emits: usize::MAX, bytes: 128 << 10 };

impl Spout {
    /// Does what a command asks for; in turns it is answered at once.
    pub(super) fn command(&mut self, command: Result<Command, CommandError>, replies: &mut Replies, now: Instant) {
        if matches!(command, Ok(Command::TaskIds)) {
            return;
        }
        let in_turns = self.config.wire == Wire::Multilang;
        if in_turns {
            self.ahead.command(kind(&command), now);
        }
        self.settle(matches!(command, Ok(Command::Deactivate)), now);
        self.obey(command, replies, now);
        if in_turns && !self.ahead.is_on() {
            self.answer(replies, now);
        }
    }

    fn obey(&mut self, command: Result<Command, CommandError>, replies: &mut Replies, now: Instant) {
        match command {
            Ok(Command::Next | Command::TaskIds) => {}
            Ok(Command::Ack(ids)) => self.acks(&ids),
            Ok(Command::Fail(ids)) => self.fails(&ids, now),
            Ok(Command::Activate) => self.activate(now),
            Ok(Command::Deactivate) => self.deactivate(now),
            Ok(Command::Emitted(count)) => {
                self.given = count;
                // The worker's end may be the next that comes.
                self.settle(true, now);
            }
            Ok(Command::Ping { status }) => {
                if status {
                    self.tell_status(replies);
                }
                companion::pong(replies.frames());
            }
            Err(error) => {
                tracing::error!("{error}");
                self.problem(error.to_string());
            }
        }
    }

    fn acks(&mut self, ids: &Ids) {
        for id in ids.as_slice() {
            let Some(id) = id else {
                tracing::warn!("an ack for an id that is not ours");
                continue;
            };
            self.flow.ack(&mut self.slots, *id);
        }
    }

    fn fails(&mut self, ids: &Ids, now: Instant) {
        for id in ids.as_slice() {
            let Some(id) = id else {
                tracing::warn!("a fail for an id that is not ours");
                continue;
            };
            self.flow.fail(&mut self.slots, *id, &self.config, now);
        }
    }

    /// Says what is to be said now. True if there may be more to say as soon as the pipe has taken it.
    pub(super) fn speak(&mut self, replies: &mut Replies, now: Instant) -> bool {
        match self.config.wire {
            Wire::Multilang => {
                self.answer(replies, now);
                false
            }
            Wire::Companion => self.push(replies, now),
        }
    }

    /// Writes the answers that are owed, unless a `next` is held open, and those that may go ahead.
    fn answer(&mut self, replies: &mut Replies, now: Instant) {
        let room = if self.ahead.is_on() { AHEAD } else { IN_TURNS };
        loop {
            let owes = self.ahead.owes();
            if !owes && !self.ahead.has_room() {
                return;
            }
            let begin = replies.frames().len();
            let tuples = self.ahead.may_bring_tuples(now);
            let filled = if tuples { self.emit(room, replies, now) } else { Filled::default() };
            if filled.emits == 0 {
                let wait = if owes { self.hold(&filled, now) } else { !self.wants_an_empty(now) };
                if wait {
                    return;
                }
            }
            self.held = None;
            self.sync(replies);
            self.ahead.answered(replies.frames().len() - begin);
        }
    }

    /// Whether the `next` that is owed an answer is held open: for a record, while Storm has nothing else to do for us.
    fn hold(&mut self, filled: &Filled, now: Instant) -> bool {
        let worth_it = self.ahead.owes_a_next()
            && !self.config.hold.is_zero()
            && self.flow.in_flight() == 0
            && self.problems.is_empty()
            && filled.is_all()
            && self.is_active();
        worth_it && now < *self.held.get_or_insert(now + self.config.hold)
    }

    fn wants_an_empty(&mut self, now: Instant) -> bool {
        self.is_active() && self.ahead.wants_an_empty(self.flow.in_flight(), now)
    }

    /// Writes tuples to the companion while it takes them, and what else is to be said.
    fn push(&mut self, replies: &mut Replies, now: Instant) -> bool {
        // Log lines wait in their own queue, which is bounded.
        self.pipe_is_full = replies.unsent() >= PUSHED.bytes;
        if self.pipe_is_full {
            return true;
        }
        self.sync(replies);
        let filled = self.emit(PUSHED, replies, now);
        self.settle(false, now);
        !filled.is_all()
    }

    fn emit(&mut self, room: Room, replies: &mut Replies, now: Instant) -> Filled {
        if !self.is_active() {
            return Filled::default();
        }
        let mut filled = self.flow.fill(&mut self.slots, &self.config, room, now, replies.frames());
        for (slot, event) in filled.events.drain(..) {
            self.partition_event(slot, event, now);
        }
        filled
    }

    pub(super) fn is_active(&self) -> bool {
        matches!(self.life, Life::Open { active: true, .. })
    }

    /// When a failed tuple is due, if it could be emitted then without being asked for.
    pub(super) fn next_retry(&self, now: Instant) -> Option<Instant> {
        let unasked = match self.config.wire {
            Wire::Multilang => self.held.is_some() || self.ahead.has_room() && self.ahead.may_bring_tuples(now),
            Wire::Companion => !self.pipe_is_full,
        };
        let window = self.flow.in_flight() < self.config.limits.in_flight;
        if unasked && window && self.is_active() { self.flow.next_retry() } else { None }
    }

    /// Without ackers a record is done when Storm has surely taken it.
    fn settle(&mut self, thoroughly: bool, now: Instant) {
        if self.config.ackers {
            return;
        }
        let (written, taken) = match self.config.wire {
            Wire::Multilang => (self.ahead.answers(), self.ahead.taken()),
            Wire::Companion => (self.flow.totals.emitted + self.flow.totals.retried, self.given),
        };
        self.handover.settle(&mut self.slots, written, taken, thoroughly, now);
    }

    /// Has Storm UI told with the next reply. While nobody asks, the same is kept once.
    pub(super) fn problem(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn sync(&mut self, replies: &mut Replies) {
        for problem in self.problems.drain(..) {
            replies.error(&problem);
        }
        replies.sync(&self.logs);
    }
}

fn kind(command: &Result<Command, CommandError>) -> Kind {
    match command {
        Ok(Command::Next) => Kind::Next,
        Ok(Command::Activate) => Kind::Activate,
        Ok(Command::Ack(ids) | Command::Fail(ids)) => Kind::Done(ids.as_slice().len()),
        _ => Kind::Other,
    }
}
