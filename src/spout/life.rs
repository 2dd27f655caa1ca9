//! The life of the spout as a type: only [`Life::Open`] can read and emit, and none can open a second client while one
//! is still closing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::kafka::Consumer;

/// After SIGTERM the topology may still have acks on their way: Storm signals worker and child together.
const GRACE: Duration = Duration::from_millis(500);

/// The same when a client has to take the last offsets to the group, and to close, after it.
const GRACE_WITH_CLIENT: Duration = Duration::from_millis(300);

/// From the signal to the moment when the group's coordinator is not waited for any more: the client has to close.
const GROUP_UNTIL: Duration = Duration::from_millis(500);

/// From the signal to the moment a close that is not done is abandoned. Storm 1.1.3 halts its worker after 1 s.
const ABANDON: Duration = Duration::from_millis(700);

/// Where the spout is in its life.
pub enum Life {
    /// The client is open: connecting while partitions find their positions, then reading. Tuples are emitted only
    /// when `active`.
    Open {
        /// The client.
        consumer: Arc<Consumer>,
        /// Storm has said `activate`.
        active: bool,
    },
    /// There is no client. Positions are kept, acks are taken and committed.
    Closed {
        /// The next client waits for the one that is still closing: Storm has said `activate` meanwhile, or the
        /// partitions have become so many that they need another one.
        reopen: bool,
        /// Storm has said `activate` last.
        active: bool,
    },
    /// The end has begun: nothing is emitted any more.
    Draining(Draining),
}

/// What is left to do before the end.
pub struct Draining {
    /// What asked for the end.
    pub reason: End,
    /// When it was asked for.
    pub since: Instant,
    /// Acks are taken until then.
    pub grace_until: Instant,
    /// How far the store is.
    pub store: StoreEnd,
}

/// How far the store is towards its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreEnd {
    /// It takes commits.
    Open,
    /// It was told to write what it has and end its session.
    Closing,
    /// It has written what it could; the session is ending.
    Written {
        /// Number of partitions whose offsets could not be written.
        unwritten: usize,
    },
    /// Its session has ended, too.
    Closed {
        /// As above.
        unwritten: usize,
    },
}

/// What asks for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// SIGTERM: from the supervisor, or from `ShellSpout.close`.
    Terminate,
    /// SIGINT: somebody at a terminal.
    Interrupt,
    /// The parent has closed our stdin, or is gone.
    InputClosed,
    /// The parent does not read any more (`EPIPE`).
    BrokenPipe,
    /// What comes on stdin is not multilang.
    Protocol,
}

impl Draining {
    /// Begins the end. Only after SIGTERM is the parent expected to say more. `with_client`: one is to close after it.
    pub fn new(reason: End, with_client: bool, now: Instant) -> Self {
        let grace = match reason {
            End::Terminate if with_client => GRACE_WITH_CLIENT,
            End::Terminate => GRACE,
            _ => Duration::ZERO,
        };
        Self { reason, since: now, grace_until: now + grace, store: StoreEnd::Open }
    }

    /// How long the group's coordinator may be waited for.
    pub fn group_patience(&self, now: Instant) -> Duration {
        (self.since + GROUP_UNTIL).saturating_duration_since(now)
    }

    /// When to give up waiting.
    pub fn abandon_at(&self) -> Instant {
        self.since + ABANDON
    }
}
