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
    /// Storm has said `deactivate`. Positions are kept, acks are taken and committed.
    Deactivated {
        /// A client is still closing; the next one waits for it.
        closing: bool,
        /// Storm has said `activate` meanwhile.
        reopen: bool,
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
    /// A client for the last offsets; it closes at the end of the grace.
    pub client: Option<Arc<Consumer>>,
    /// The Kafka client is still closing.
    pub kafka: bool,
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

impl Life {
    /// The client, if one is open.
    pub fn client(&self) -> Option<&Arc<Consumer>> {
        match self {
            Self::Open { consumer, .. } => Some(consumer),
            Self::Draining(draining) => draining.client.as_ref(),
            Self::Deactivated { .. } => None,
        }
    }
}

impl Draining {
    /// Begins the end. Only after SIGTERM is the parent expected to say more.
    pub fn new(reason: End, kafka: bool, client: Option<Arc<Consumer>>, now: Instant) -> Self {
        let grace = match (reason, &client) {
            (End::Terminate, None) => GRACE,
            (End::Terminate, Some(_)) => GRACE_WITH_CLIENT,
            _ => Duration::ZERO,
        };
        Self { reason, since: now, grace_until: now + grace, client, kafka, store: StoreEnd::Open }
    }

    /// How long the group's coordinator may be waited for.
    pub fn group_patience(&self, now: Instant) -> Duration {
        (self.since + GROUP_UNTIL).saturating_duration_since(now)
    }

    /// When to give up waiting.
    pub fn abandon_at(&self) -> Instant {
        self.since + ABANDON
    }

    /// Whether everything is released.
    pub fn is_done(&self) -> bool {
        !self.kafka && matches!(self.store, StoreEnd::Closed { .. })
    }
}
