//! The end of a client, and of the process.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::life::{Draining, End, Life, StoreEnd};
use super::{GROUP_PATIENCE, Spout};
use crate::config::SpoutConfig;
use crate::exit;
use crate::kafka::{GroupAnswer, Work};
use crate::multilang::Level;
use crate::offsets::{OffsetStore, Request};
use crate::sockets::SocketCount;

/// How the process is to end.
pub struct Verdict {
    /// Exit code.
    pub code: u8,
    /// Something hangs: the threads must not be waited for.
    pub abandon: bool,
}

impl Spout {
    /// Hands the client that reads to the closing thread. Only a life without a client may follow.
    pub(super) fn close_reader(&mut self) {
        let Life::Open { consumer, .. } = &self.life else { return };
        let queues = self.slots.iter_mut().filter_map(super::slot::Slot::take_queue).collect();
        // Our own handle goes when the life is replaced; the closing thread waits for that.
        self.close(Work::Reader(Arc::clone(consumer), queues));
    }

    pub(super) fn close(&mut self, work: Work) {
        self.closing += 1;
        self.closer.close(work);
    }

    /// The closing thread is done with a client. If Storm has said `activate` meanwhile, the next tick opens another client.
    pub(super) fn kafka_closed(&mut self, took: Duration) {
        tracing::info!("Kafka client closed after {} ms; {}", took.as_millis(), sockets());
        self.closing -= 1;
        self.group_written();
    }

    /// The closing thread waits for the group's coordinator no longer.
    pub(super) fn last_offsets_in_group(&mut self, answer: Option<GroupAnswer>, now: Instant) {
        self.last_group_answer(answer, now);
        self.group_written();
    }

    /// With the offsets in the group, the store ends with the client that wrote the last ones.
    fn group_written(&mut self) {
        let unwritten = self.group.behind(&self.slots);
        if self.zookeeper.is_none()
            && let Life::Draining(draining) = &mut self.life
            && draining.store != StoreEnd::Open
        {
            draining.store =
                if self.closing > 0 { StoreEnd::Written { unwritten } } else { StoreEnd::Closed { unwritten } };
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
        let with_client = self.needs_the_group();
        if with_client {
            self.group.open(&self.config.kafka, now);
        } else {
            self.close_group(GROUP_PATIENCE, now);
        }
        self.close_reader();
        self.life = Life::Draining(Draining::new(reason, with_client, now));
    }

    /// Whether a client has to take the last offsets to the group after the grace: where they are nowhere else; and after
    /// a `deactivate`, which has closed the client, if acks have come since or may still come.
    fn needs_the_group(&self) -> bool {
        let in_group_alone = self.zookeeper.is_none();
        match &self.life {
            Life::Open { .. } => in_group_alone,
            Life::Closed { .. } => {
                let more = in_group_alone && self.flow.in_flight() > 0;
                self.closing == 0 && (more || self.group.wants_to_speak(&self.slots))
            }
            Life::Draining(_) => false,
        }
    }

    /// The next step of the end, if it has begun.
    pub(super) fn drain(&mut self, now: Instant) {
        let Life::Draining(draining) = &mut self.life else { return };
        if draining.store == StoreEnd::Open && now >= draining.grace_until {
            draining.store = StoreEnd::Closing;
            let patience = if self.zookeeper.is_some() { GROUP_PATIENCE } else { draining.group_patience(now) };
            // What was acked during the grace.
            self.commit();
            if let Some(zookeeper) = &self.zookeeper {
                zookeeper.send(Request::Close);
            }
            let closing = self.closing;
            self.close_group(patience, now);
            if self.closing == closing {
                self.group_written();
            }
        }
    }

    pub(super) fn next_drain_step(&self) -> Option<Instant> {
        let Life::Draining(draining) = &self.life else { return None };
        Some(if draining.store == StoreEnd::Open { draining.grace_until } else { draining.abandon_at() })
    }

    /// How to end, once it is time.
    pub(super) fn verdict(&self, now: Instant) -> Option<Verdict> {
        let Life::Draining(draining) = &self.life else { return None };
        let done = self.closing == 0 && matches!(draining.store, StoreEnd::Closed { .. });
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
        if self.closing > 0 {
            words.push(format!(
                "Kafka {} does not let go; leaving its sockets to the kernel",
                self.config.kafka.bootstrap
            ));
        }
        match draining.store {
            StoreEnd::Closed { unwritten: 0 } => {}
            StoreEnd::Written { unwritten: 0 } => {
                words.push(format!("{} does not confirm the end; all offsets are stored", store(&self.config)));
            }
            StoreEnd::Written { unwritten } | StoreEnd::Closed { unwritten } => words
                .push(format!("the offsets of {unwritten} partitions could not be stored: records will come again")),
            _ => words.push(format!("{} does not answer: records may come again", store(&self.config))),
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

/// The store, for people.
fn store(config: &SpoutConfig) -> String {
    match &config.store {
        OffsetStore::ZooKeeper(zookeeper) => format!("ZooKeeper {}", zookeeper.servers),
        OffsetStore::Group => format!("Kafka {}, group {:?}", config.kafka.bootstrap, config.kafka.group_id),
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
