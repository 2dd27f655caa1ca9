//! The spout thread: the one owner of all state. Commands and events come in, replies and requests go out; nothing
//! here waits.

mod ahead;
#[cfg(test)]
mod allocations;
mod assignment;
mod ending;
mod fetching;
mod flow;
mod group;
mod handover;
mod input;
mod kept;
mod life;
mod pipes;
mod positions;
mod retry;
mod run;
mod slot;
mod starts;
mod status;
mod talk;
mod tracker;
mod trouble;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use self::fetching::Fetching;
use self::flow::Flow;
use self::group::{Group, Role};
use self::handover::Handover;
use self::life::Life;
use self::slot::Slot;
use self::trouble::{Cause, Troubles};
use crate::config::{Answers, SpoutConfig};
use crate::kafka::{self, Closer, Metadata, Sizes};
use crate::multilang::{Context, LogQueue};
use crate::offsets::{self, Broker, CommitMetadata, OffsetStore, Store};
use crate::wake::Waker;

pub use ahead::{Ahead, Kind};
pub use ending::say_last;
pub use fetching::MUCH as FETCHED_BYTES;
pub use run::run;

/// How often librdkafka's main queue is served: its logs and errors come only there.
const SERVE_PERIOD: Duration = Duration::from_millis(100);

/// How long the group's coordinator may keep a close while the process lives on: what it does not get now comes later.
const GROUP_PATIENCE: Duration = Duration::from_millis(200);

/// What other threads have to say.
pub enum Event {
    /// The store.
    Store(offsets::Event),
    /// The metadata thread.
    Kafka(kafka::Answer),
    /// The closing thread.
    Closing(kafka::Closing),
}

/// Hands events to the spout thread and wakes it.
#[derive(Clone)]
pub struct Events {
    sender: Sender<Event>,
    waker: Waker,
}

impl Events {
    fn send(&self, event: Event) {
        // The receiver is gone only in the last moments of the process.
        let _ = self.sender.send(event);
        self.waker.wake();
    }
}

/// All state of a spout task.
pub struct Spout {
    config: SpoutConfig,
    context: Context,
    logs: Arc<LogQueue>,
    events: Events,
    /// Where the offsets are, unless they are in the group.
    zookeeper: Option<Store>,
    metadata: Metadata,
    closer: Closer,
    /// Clients that are still closing.
    closing: usize,
    life: Life,
    /// What the client that reads was made for.
    sizes: Sizes,
    /// In the order of their numbers.
    slots: Vec<Slot>,
    next_slot: u32,
    flow: Flow,
    fetching: Fetching,
    ahead: Ahead,
    handover: Handover,
    /// The companion takes no more for now.
    pipe_is_full: bool,
    /// Tuples that the companion has given to Storm, as it last said.
    given: u64,
    group: Group,
    /// The topics' partitions and leaders as last heard.
    topics: BTreeMap<String, Vec<(i32, Option<Broker>)>>,
    troubles: Troubles,
    /// For Storm UI, with the next reply.
    problems: Vec<String>,
    /// A `next` that is held open, and until when.
    held: Option<Instant>,
    timers: Timers,
}

/// When what is due again.
struct Timers {
    commit: Instant,
    refresh: Instant,
    serve: Instant,
    /// Watermarks that could not be had are asked for again.
    locate: Option<Instant>,
    /// The group's offsets that could not be had are asked for again.
    load: Option<Instant>,
    /// The next status line, if there are any.
    status: Option<Instant>,
}

impl Spout {
    /// Starts the threads and opens the Kafka client; both connect behind this call.
    ///
    /// # Errors
    /// The system gives no thread, or librdkafka refuses to make a client.
    pub fn start(
        config: SpoutConfig,
        context: Context,
        logs: Arc<LogQueue>,
        sender: Sender<Event>,
        waker: Waker,
    ) -> anyhow::Result<Self> {
        let now = Instant::now();
        let events = Events { sender, waker };
        let [to_us, to_us_too, to_us_three] = [(); 3].map(|()| events.clone());
        let (zookeeper, role) = match &config.store {
            OffsetStore::ZooKeeper(zookeeper) => {
                let tell = move |event| to_us.send(Event::Store(event));
                let store = offsets::start(zookeeper.clone(), config.writer.clone(), tell)?;
                (Some(store), if config.mirror { Role::Copy } else { Role::Off })
            }
            OffsetStore::Group => (None, Role::Store),
        };
        let metadata = Metadata::start(move |answer| to_us_too.send(Event::Kafka(answer)))?;
        let closer = Closer::start(move |closed| to_us_three.send(Event::Closing(closed)))?;
        // How many partitions will be ours is known later; a few need no other client.
        let sizes = Sizes::of(0);
        let consumer = kafka::open(&config.kafka, sizes)?;
        let mut group = Group::new(role, CommitMetadata::new(&config.writer, context.task_id));
        group.open(&config.kafka, now);
        let ahead = Ahead::new(config.answers == Answers::Ahead);
        let mut spout = Self {
            context,
            logs,
            events,
            zookeeper,
            metadata,
            closer,
            closing: 0,
            life: Life::Open { consumer, active: false },
            sizes,
            slots: Vec::new(),
            next_slot: 0,
            flow: Flow::default(),
            fetching: Fetching::new(sizes.records),
            ahead,
            handover: Handover::default(),
            pipe_is_full: false,
            given: 0,
            group,
            topics: BTreeMap::new(),
            troubles: Troubles::default(),
            problems: Vec::new(),
            held: None,
            timers: Timers {
                commit: now + config.commit_period,
                refresh: now,
                serve: now,
                locate: None,
                load: None,
                status: config.status_period.map(|period| now + period),
            },
            config,
        };
        spout.refresh(now);
        Ok(spout)
    }

    fn activate(&mut self, now: Instant) {
        match &mut self.life {
            Life::Open { active, .. } => *active = true,
            Life::Closed { reopen, active } if self.closing > 0 => {
                tracing::warn!("activated while the Kafka client of before is still closing; waiting for it");
                (*reopen, *active) = (true, true);
            }
            Life::Closed { .. } => self.reopen(true, now),
            Life::Draining(_) => {}
        }
    }

    /// Commits, then closes the client: a topology that is switched off holds no socket to Kafka.
    fn deactivate(&mut self, now: Instant) {
        match &mut self.life {
            Life::Open { .. } => {
                self.commit();
                self.troubles.forget_kafka();
                self.close_group(GROUP_PATIENCE, now);
                self.close_reader();
                self.life = Life::Closed { reopen: false, active: false };
            }
            Life::Closed { reopen, active } => (*reopen, *active) = (false, false),
            Life::Draining(_) => {}
        }
    }

    fn reopen(&mut self, active: bool, now: Instant) {
        self.sizes = Sizes::of(self.slots.len());
        self.fetching = Fetching::new(self.sizes.records);
        match kafka::open(&self.config.kafka, self.sizes) {
            Ok(consumer) => {
                self.life = Life::Open { consumer, active };
                self.group.open(&self.config.kafka, now);
                self.timers.serve = now;
                self.reload();
                self.refresh(now);
            }
            // No threads or descriptors to be had: Storm's activate is answered, and each tick tries again.
            Err(error) => {
                self.troubles.note(Cause::Kafka, format!("no Kafka client can be made: {error}"), now);
                self.life = Life::Closed { reopen: true, active };
            }
        }
    }

    fn event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Store(event) => self.store_event(event, now),
            Event::Kafka(kafka::Answer::Partitions(topics)) => self.partitions(topics, now),
            Event::Kafka(kafka::Answer::Watermarks(part, found)) => self.watermarks(&part, found, now),
            Event::Kafka(kafka::Answer::Committed(found)) => self.loaded_from_group(found, now),
            Event::Closing(kafka::Closing::Committed(answer)) => self.last_offsets_in_group(answer, now),
            Event::Closing(kafka::Closing::Closed { took }) => self.kafka_closed(took),
        }
    }

    /// Does what is due.
    fn tick(&mut self, now: Instant) {
        if now >= self.timers.serve {
            self.serve(now);
        }
        if let Life::Open { consumer, .. } = &self.life {
            self.fetching.look(&mut self.slots, consumer, self.config.limits.offsets, now);
        }
        if now >= self.timers.commit {
            self.timers.commit = now + self.config.commit_period;
            self.commit();
            self.commit_to_group(now);
            Flow::report_blocked(&mut self.slots, self.config.limits.offsets, now);
        }
        if now >= self.timers.refresh {
            self.refresh(now);
        }
        if self.timers.locate.is_some_and(|time| now >= time) {
            self.locate();
        }
        if self.timers.load.is_some_and(|time| now >= time) {
            self.load_again();
        }
        if let Life::Closed { reopen: true, active } = self.life
            && self.closing == 0
        {
            self.reopen(active, now);
        }
        if self.timers.status.is_some_and(|time| now >= time) {
            self.timers.status = self.config.status_period.map(|period| now + period);
            self.report_status();
        }
        for problem in self.troubles.due(now) {
            self.problem(problem);
        }
        self.drain(now);
    }

    /// Takes librdkafka's logs and errors.
    fn serve(&mut self, now: Instant) {
        self.timers.serve = now + SERVE_PERIOD;
        self.serve_group(now);
        let Life::Open { consumer, .. } = &self.life else { return };
        let (errors, strays) = kafka::serve(consumer);
        for error in errors {
            tracing::debug!("librdkafka: {error}");
            self.client_error(&error, now);
        }
        // Queues are split before they are assigned, so this cannot be; a record lost here would be lost.
        if strays > 0 {
            self.problem(format!("{strays} records came past their partition's queue; please report this"));
        }
    }

    /// When [`Self::tick`] has something to do next.
    fn next_tick(&self, now: Instant) -> Instant {
        let mut next = self.timers.commit.min(self.timers.refresh);
        if matches!(self.life, Life::Open { .. }) {
            next = next.min(self.timers.serve);
        }
        let draining = self.next_drain_step();
        self.held
            .into_iter()
            .chain(self.next_retry(now))
            .chain(self.fetching.next_look().filter(|_| matches!(self.life, Life::Open { .. })))
            .chain(self.timers.locate)
            .chain(self.timers.load)
            .chain(self.timers.status)
            .chain(draining)
            .fold(next, Instant::min)
    }
}
