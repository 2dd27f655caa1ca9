//! Commands and answers, counted in one place; and how many answers may be written before their commands come.
//!
//! `ShellSpout` reads until a `sync` and does not care when it was written: the next command of any kind takes the oldest
//! unread answer. A parent that finds its answer in the pipe never waits for this process to be scheduled. What keeps that
//! safe:
//!
//! - each command gets exactly one `sync`, at once (Storm's watchdog and its order of answers rest on it);
//! - tuples go out only while a `next` has been heard lately. Storm 2 takes acks until its queue is empty, and an answer
//!   to an ack that brings a tuple keeps it from ever being so: without this gate no `deactivate` would be seen. It also
//!   hears Storm's backpressure, which is a `next` that does not come;
//! - empty answers are for acks that are about to come, no more than their rate says: each one that nobody takes delays
//!   a later record by a `next`;
//! - what is ahead fits into a pipe.
//!
//! The window of tuples in flight is the caller's: an answer to an ack passes none of Storm's own checks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Answers ahead at most.
const MOST: usize = 256;

/// Bytes of answers ahead, below the 64 KiB of a pipe.
const MOST_BYTES: usize = 60 << 10;

/// How long after a `next` tuples may go out in answers to acks.
const GATE: Duration = Duration::from_millis(100);

/// For how much time empty answers are written ahead, at the rate acks come.
const EMPTIES_FOR: f64 = 2.0;

/// With so many answers ahead the parent waits for nothing: reading its commands may wait, too.
const COMFORTABLE: usize = 32;

/// What a command is, as far as its answer is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `next`.
    Next,
    /// `activate`.
    Activate,
    /// `ack` or `fail`, with the number of tuples.
    Done(usize),
    /// Anything else.
    Other,
}

/// The account of one conversation.
#[derive(Debug)]
pub struct Ahead {
    /// Whether any answer is written before its command.
    on: bool,
    commands: u64,
    answers: u64,
    last: Kind,
    /// When the executor last was not stuck.
    heard: Option<Instant>,
    /// Sizes of the answers that are ahead, the oldest first.
    sizes: VecDeque<usize>,
    bytes: usize,
    rate: Rate,
}

impl Ahead {
    /// Begins a conversation.
    pub fn new(on: bool) -> Self {
        Self {
            on,
            commands: 0,
            answers: 0,
            last: Kind::Other,
            heard: None,
            sizes: VecDeque::new(),
            bytes: 0,
            rate: Rate::default(),
        }
    }

    /// Whether answers are written before their commands.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Counts a command, when it is parsed.
    pub fn command(&mut self, kind: Kind, now: Instant) {
        self.commands += 1;
        self.last = kind;
        if let Some(size) = self.sizes.pop_front() {
            self.bytes -= size;
        }
        match kind {
            // The executor is not stuck in its receive queue.
            Kind::Next | Kind::Activate => self.heard = Some(now),
            Kind::Done(count) => self.rate.add(count, now),
            Kind::Other => {}
        }
    }

    /// Whether a command waits for its answer.
    pub fn owes(&self) -> bool {
        self.answers < self.commands
    }

    /// Whether the only command that waits is a `next`: the one that may be held open.
    pub fn owes_a_next(&self) -> bool {
        self.commands == self.answers + 1 && self.last == Kind::Next
    }

    /// Whether the next answer may bring tuples.
    pub fn may_bring_tuples(&self, now: Instant) -> bool {
        let heard_lately = || self.heard.is_some_and(|heard| now.duration_since(heard) < GATE);
        self.owes_a_next() || self.on && heard_lately()
    }

    /// Whether one more answer with tuples may be written ahead.
    pub fn has_room(&self) -> bool {
        self.on && self.sizes.len() < MOST && self.bytes < MOST_BYTES
    }

    /// Whether one more empty answer should be written ahead, with so many tuples in flight.
    pub fn wants_an_empty(&mut self, in_flight: usize, now: Instant) -> bool {
        self.has_room() && self.sizes.len() < in_flight.min(self.rate.expected(now))
    }

    /// Counts an answer of so many bytes, its `sync` included.
    pub fn answered(&mut self, bytes: usize) {
        debug_assert!(self.on || self.owes(), "an answer that nobody asked for");
        self.answers += 1;
        if self.answers > self.commands {
            self.sizes.push_back(bytes);
            self.bytes += bytes;
        }
    }

    /// Answers written so far.
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// Answers that the parent has read to their end: it sends no command before.
    pub fn taken(&self) -> u64 {
        self.commands.saturating_sub(1).min(self.answers)
    }

    /// Whether the parent can go on for a while without being heard. Waiting a little then spares both sides a wake for each
    /// command.
    pub fn is_comfortable(&self) -> bool {
        self.sizes.len() > COMFORTABLE
    }
}

/// How many acks come, by the millisecond: the number in the last one, or half of what was before if that is more.
#[derive(Debug, Default)]
struct Rate {
    per_ms: f64,
    begun: Option<Instant>,
    count: usize,
}

impl Rate {
    fn add(&mut self, count: usize, now: Instant) {
        self.roll(now);
        self.count += count;
    }

    /// Acks expected in the time to come.
    fn expected(&mut self, now: Instant) -> usize {
        self.roll(now);
        (self.per_ms * EMPTIES_FOR) as usize
    }

    fn roll(&mut self, now: Instant) {
        let begun = *self.begun.get_or_insert(now);
        let passed = now.duration_since(begun).as_secs_f64() * 1000.0;
        if passed >= 1.0 {
            self.per_ms = (self.count as f64 / passed).max(self.per_ms * 0.5f64.powf(passed));
            self.count = 0;
            self.begun = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What the spout does after each look at its pipes: tuples while they may go, then what is owed, then empties.
    fn answer(ahead: &mut Ahead, mut tuples: usize, window: usize, in_flight: &mut usize, now: Instant) -> Vec<usize> {
        let mut written = Vec::new();
        loop {
            let brings = if ahead.may_bring_tuples(now) { tuples.min(4).min(window - *in_flight) } else { 0 };
            let write =
                ahead.owes() || if brings > 0 { ahead.has_room() } else { ahead.wants_an_empty(*in_flight, now) };
            if !write {
                return written;
            }
            tuples -= brings;
            *in_flight += brings;
            ahead.answered(24 + 180 * brings);
            written.push(brings);
        }
    }

    #[test]
    fn switched_off_it_answers_in_turns() {
        let (mut ahead, now, mut in_flight) = (Ahead::new(false), Instant::now(), 0);
        ahead.command(Kind::Next, now);
        assert_eq!(answer(&mut ahead, 100, 50, &mut in_flight, now), [4]);
        ahead.command(Kind::Done(1), now);
        assert_eq!(answer(&mut ahead, 100, 50, &mut in_flight, now), [0]);
        assert!(!ahead.owes() && !ahead.has_room() && !ahead.wants_an_empty(50, now));
    }

    #[test]
    fn an_answer_is_taken_when_the_next_command_comes() {
        let (mut ahead, now) = (Ahead::new(false), Instant::now());
        assert_eq!((ahead.answers(), ahead.taken()), (0, 0));
        ahead.command(Kind::Next, now);
        ahead.answered(100);
        assert_eq!((ahead.answers(), ahead.taken()), (1, 0));
        ahead.command(Kind::Other, now);
        assert_eq!((ahead.answers(), ahead.taken()), (1, 1));
    }

    #[test]
    fn answers_ahead_fit_into_a_pipe() {
        let (mut ahead, now, mut in_flight) = (Ahead::new(true), Instant::now(), 0);
        ahead.command(Kind::Next, now);
        answer(&mut ahead, 1_000_000, 1_000_000, &mut in_flight, now);
        assert!(ahead.bytes < MOST_BYTES + 24 + 4 * 180, "{}", ahead.bytes);
        // The first one was asked for.
        assert_eq!(in_flight, 4 * (ahead.sizes.len() + 1));
    }

    #[test]
    fn nothing_stays_ahead_of_an_idle_spout() {
        let (mut ahead, mut now, mut in_flight) = (Ahead::new(true), Instant::now(), 0);
        ahead.command(Kind::Next, now);
        answer(&mut ahead, 2000, 2000, &mut in_flight, now);
        // All is acked, fast; then only `next`s come.
        while in_flight > 0 {
            now += MS / 100;
            ahead.command(Kind::Done(1), now);
            in_flight -= 1;
            answer(&mut ahead, 0, 2000, &mut in_flight, now);
        }
        let stale = ahead.sizes.len();
        assert!(stale <= 200, "{stale} empty answers for the acks of 2 ms");
        for _ in 0..stale {
            now += MS;
            ahead.command(Kind::Next, now);
            answer(&mut ahead, 0, 2000, &mut in_flight, now);
        }
        assert_eq!((ahead.sizes.len(), ahead.bytes, ahead.owes()), (0, 0, false));
    }

    /// Tuples that are stuck in flight must not keep empty answers alive: each would cost a later record a millisecond.
    #[test]
    fn tuples_that_are_stuck_in_flight_leave_nothing_stale() {
        let (mut ahead, mut now, mut in_flight) = (Ahead::new(true), Instant::now(), 2000);
        ahead.command(Kind::Next, now);
        answer(&mut ahead, 0, 2000, &mut in_flight, now);
        for _ in 0..1000 {
            now += MS / 100;
            ahead.command(Kind::Done(1), now);
            in_flight -= 1;
            answer(&mut ahead, 0, 2000, &mut in_flight, now);
        }
        for _ in 0..300 {
            now += MS;
            ahead.command(Kind::Next, now);
            answer(&mut ahead, 0, 2000, &mut in_flight, now);
        }
        assert_eq!((in_flight, ahead.sizes.len(), ahead.owes()), (1000, 0, false));
    }

    /// Storm 2's executor: it takes acks until none is left, and looks at anything else only then.
    #[test]
    fn a_parent_that_drains_acks_until_none_is_left_gets_to_say_deactivate() {
        let (mut ahead, mut now, mut in_flight) = (Ahead::new(true), Instant::now(), 0);
        ahead.command(Kind::Next, now);
        let begun = now;
        let mut unread: VecDeque<usize> = answer(&mut ahead, usize::MAX, 2000, &mut in_flight, now).into();
        let mut unacked = unread.pop_front().expect("the answer to next");
        while unacked > 0 {
            now += MS / 100;
            ahead.command(Kind::Done(1), now);
            (in_flight, unacked) = (in_flight - 1, unacked - 1);
            unread.extend(answer(&mut ahead, usize::MAX, 2000, &mut in_flight, now));
            unacked += unread.pop_front().expect("the answer to the ack");
            assert!(now.duration_since(begun) < Duration::from_secs(1), "{unacked} acks are left");
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Next,
        Ack,
        Other,
        Wait(u32),
    }

    proptest! {
        /// Any interleaving: one `sync` for each command, in flight never above the window, what is ahead bounded, and
        /// tuples only while a `next` has been heard or is owed.
        #[test]
        fn the_account_balances(
            steps in prop::collection::vec(
                (prop_oneof![
                    3 => Just(Step::Next),
                    6 => Just(Step::Ack),
                    1 => Just(Step::Other),
                    2 => (1..200_000u32).prop_map(Step::Wait),
                ], 0..40usize, 1..4usize),
                0..300,
            ),
            window in 1..100usize,
            on: bool,
        ) {
            let (mut ahead, mut now, mut in_flight) = (Ahead::new(on), Instant::now(), 0);
            let (mut commands, mut answers, mut heard) = (0usize, 0usize, None);
            for (step, tuples, repeats) in steps {
                for _ in 0..repeats {
                    match step {
                        Step::Next => {
                            ahead.command(Kind::Next, now);
                            heard = Some(now);
                        }
                        Step::Ack => {
                            ahead.command(Kind::Done(1), now);
                            in_flight = usize::saturating_sub(in_flight, 1);
                        }
                        Step::Other => ahead.command(Kind::Other, now),
                        Step::Wait(micros) => {
                            now += Duration::from_micros(u64::from(micros));
                            continue;
                        }
                    }
                    commands += 1;
                }
                let owed = commands > answers;
                let written = answer(&mut ahead, tuples, window, &mut in_flight, now);
                answers += written.len();
                prop_assert!(answers >= commands, "{answers} answers to {commands} commands");
                prop_assert!(on || answers == commands);
                prop_assert!(answers <= commands + MOST);
                prop_assert!(in_flight <= window);
                prop_assert_eq!(ahead.sizes.len(), answers - commands);
                prop_assert_eq!(ahead.bytes, ahead.sizes.iter().sum::<usize>());
                prop_assert!(ahead.taken() < commands.max(1) as u64);
                if written.iter().any(|tuples| *tuples > 0) {
                    let lately = heard.is_some_and(|heard| now.duration_since(heard) < GATE);
                    prop_assert!(lately || owed, "tuples without a next");
                }
            }
        }
    }
}
