//! The end of a client, and of the process.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Spout;
use super::life::{Draining, End, Life, StoreEnd};
use crate::exit;
use crate::kafka::Closed;
use crate::multilang::Level;
use crate::offsets::Request;
use crate::sockets::SocketCount;

/// How the process is to end.
pub struct Verdict {
    /// Exit code.
    pub code: u8,
    /// Something hangs: the threads must not be waited for.
    pub abandon: bool,
}

impl Spout {
    /// Hands the client to the closing thread; true if there was one. Only a life without a client may follow.
    pub(super) fn close_kafka(&mut self) -> bool {
        let last = self.last_mirror();
        let Life::Open { consumer, .. } = &self.life else { return false };
        let queues = self.slots.iter_mut().filter_map(super::slot::Slot::take_queue).collect();
        // Our own handle goes when the life is replaced; the closing thread waits for that.
        self.closer.close(Arc::clone(consumer), queues, last);
        true
    }

    /// The closing thread is done. If Storm has said `activate` meanwhile, the next tick opens another client.
    pub(super) fn kafka_closed(&mut self, closed: &Closed) {
        tracing::info!("Kafka client closed after {} ms; {}", closed.took.as_millis(), sockets());
        match &mut self.life {
            Life::Deactivated { closing, .. } => *closing = false,
            Life::Draining(draining) => draining.kafka = false,
            Life::Open { .. } => {}
        }
    }

    pub(super) fn store_written(&mut self, unwritten: usize) {
        if let Life::Draining(draining) = &mut self.life {
            draining.store = StoreEnd::Written { unwritten };
        }
    }

    pub(super) fn store_closed(&mut self) {
        if let Life::Draining(Draining { store, .. }) = &mut self.life
            && let StoreEnd::Written { unwritten } = *store
        {
            *store = StoreEnd::Closed { unwritten };
        }
    }

    /// Begins the end, or hastens it: once the parent is gone nobody is waited for.
    pub(super) fn end(&mut self, reason: End, now: Instant) {
        if let Life::Draining(draining) = &mut self.life {
            if reason != End::Terminate {
                draining.grace_until = draining.grace_until.min(now);
            }
            return;
        }
        tracing::info!("ending: {reason:?}; {} tuples in flight", self.flow.in_flight());
        self.commit();
        let closing = self.close_kafka() || matches!(self.life, Life::Deactivated { closing: true, .. });
        self.life = Life::Draining(Draining::new(reason, closing, now));
    }

    /// The next step of the end, if it has begun.
    pub(super) fn drain(&mut self, now: Instant) {
        let Life::Draining(draining) = &mut self.life else { return };
        if draining.store == StoreEnd::Open && now >= draining.grace_until {
            draining.store = StoreEnd::Closing;
            // What was acked during the grace.
            self.commit();
            self.store.send(Request::Close);
        }
    }

    pub(super) fn next_drain_step(&self) -> Option<Instant> {
        let Life::Draining(draining) = &self.life else { return None };
        Some(if draining.store == StoreEnd::Open { draining.grace_until } else { draining.abandon_at() })
    }

    /// How to end, once it is time.
    pub(super) fn verdict(&self, now: Instant) -> Option<Verdict> {
        let Life::Draining(draining) = &self.life else { return None };
        let done = draining.is_done();
        if !done && now < draining.abandon_at() {
            return None;
        }
        let code = match draining.store {
            _ if draining.reason == End::Protocol => exit::PROTOCOL,
            StoreEnd::Closed { unwritten: 0 } if done && self.troubles.reasons().next().is_none() => exit::OK,
            _ => exit::UNAVAILABLE,
        };
        self.last_words(draining, now);
        Some(Verdict { code, abandon: !done })
    }

    /// Nobody reads stdout by now: what is left to say goes to stderr, which Storm logs, and to `log.file`.
    fn last_words(&self, draining: &Draining, now: Instant) {
        let took = now.duration_since(draining.since);
        let mut words: Vec<String> = self.troubles.reasons().map(|reason| format!("not mended: {reason}")).collect();
        if draining.kafka {
            words.push(format!(
                "Kafka {} does not let go; leaving its sockets to the kernel",
                self.config.kafka.bootstrap
            ));
        }
        match draining.store {
            StoreEnd::Closed { unwritten: 0 } => {}
            StoreEnd::Written { unwritten: 0 } => words.push(format!(
                "ZooKeeper {} does not confirm the end of the session; all offsets are stored",
                self.config.zookeeper.servers
            )),
            StoreEnd::Written { unwritten } | StoreEnd::Closed { unwritten } => words
                .push(format!("the offsets of {unwritten} partitions could not be stored: records will come again")),
            _ => words
                .push(format!("ZooKeeper {} does not answer: records may come again", self.config.zookeeper.servers)),
        }
        let totals = self.flow.totals;
        words.push(format!(
            "ended by {:?} in {} ms; {} emitted, {} retried, {} acked, {} failed, {} given up, {} lost to retention, {} in flight; {}",
            draining.reason, took.as_millis(), totals.emitted, totals.retried, totals.acked, totals.failed, totals.exhausted, totals.lost,
            self.flow.in_flight(), sockets(),
        ));
        for line in words {
            say_last(&line);
            self.logs.push(Level::Info, line);
        }
    }
}

/// Writes a line to stderr, whatever becomes of it.
pub fn say_last(line: &str) {
    let _ = writeln!(std::io::stderr(), "kafka-shell-spout: {line}");
}

fn sockets() -> String {
    SocketCount::of_this_process()
        .map_or_else(|error| format!("sockets cannot be counted: {error}"), |count| count.to_string())
}

/// Time for Storm to read an error before the process that told it is gone.
pub const READ_TIME: Duration = Duration::from_millis(500);
