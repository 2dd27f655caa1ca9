//! One cell of the matrix: a spout with acked and unacked records, the parts in some state, and an end.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::support::brokers::{group_coordinated_by, wait_until_whole};
use crate::support::conf::Conf;
use crate::support::group;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::parents::Parent;
use crate::support::proc::{self, Socket};
use crate::support::stack::stack;
use crate::support::{wait_for, zk};

/// What ends the spout, or its reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Deactivate,
    Sigterm,
    Sigint,
    Eof,
    Epipe,
    Kill,
}

impl Cause {
    pub const ALL: [Self; 6] = [Self::Deactivate, Self::Sigterm, Self::Sigint, Self::Eof, Self::Epipe, Self::Kill];

    fn apply(self, parent: &mut impl Parent) {
        match self {
            Self::Deactivate => parent.deactivate_unread(),
            Self::Sigterm => parent.process().terminate(),
            Self::Sigint => parent.process().interrupt(),
            Self::Eof => parent.process().close_stdin(),
            Self::Epipe => parent.process().close_stdout(),
            Self::Kill => parent.process().kill(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Deactivate => "deactivate",
            Self::Sigterm => "SIGTERM",
            Self::Sigint => "SIGINT",
            Self::Eof => "end of stdin",
            Self::Epipe => "broken pipe",
            Self::Kill => "SIGKILL",
        })
    }
}

/// How the parts are when the end comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    Healthy,
    /// The parent does not read, and the pipe is full.
    Unread,
    KafkaHangs,
    ZooKeeperHangs,
    BothHang,
    /// Kafka has hung since before the spout began.
    HangsWhileConnecting,
    /// Kafka hangs, and the client of a `deactivate` is still closing.
    HangsWhileClosing,
    KafkaGone,
    ZooKeeperGone,
    /// Of three brokers the one that coordinates the group hangs, and leads nothing of ours.
    CoordinatorHangs,
    /// Of three brokers one of the two hangs that lead a partition each.
    LeaderHangs,
}

impl Parts {
    /// What is read: one partition, or as many as the parts need.
    fn topic(self) -> Topic {
        if matches!(self, Self::CoordinatorHangs | Self::LeaderHangs) {
            // The broker that hung in the cell before.
            wait_until_whole();
        }
        match self {
            Self::CoordinatorHangs => Topic::placed("matrix", &[&[1]]),
            Self::LeaderHangs => Topic::placed("matrix", &[&[1], &[2]]),
            _ => Topic::new("matrix", 1),
        }
    }

    fn conf(self, topic: &Topic) -> Conf {
        let conf = Conf::new(&[topic]).fields(&["offset", "value"]);
        match self {
            Self::CoordinatorHangs | Self::LeaderHangs => conf.spout("group.id", group_coordinated_by(3)),
            _ => conf,
        }
    }

    fn kafka_hangs(self) -> bool {
        matches!(self, Self::KafkaHangs | Self::BothHang | Self::HangsWhileConnecting | Self::HangsWhileClosing)
    }

    /// Whether offsets can be stored at the end.
    pub fn stores(self) -> bool {
        !matches!(self, Self::ZooKeeperHangs | Self::BothHang | Self::ZooKeeperGone)
    }

    /// Whether the group can be written at the end, and all acks are read before it.
    fn copies(self) -> bool {
        matches!(self, Self::Healthy | Self::ZooKeeperHangs | Self::ZooKeeperGone)
    }

    fn set(self) {
        if self.kafka_hangs() {
            stack().order("freeze kafka");
        }
        match self {
            Self::ZooKeeperHangs | Self::BothHang => stack().order("freeze zookeeper"),
            Self::KafkaGone => stack().order("kill kafka"),
            Self::ZooKeeperGone => stack().order("kill zookeeper"),
            Self::CoordinatorHangs => stack().order("freeze kafka-3"),
            Self::LeaderHangs => stack().order("freeze kafka-2"),
            _ => {}
        }
    }

    fn mend(self) {
        if self.kafka_hangs() {
            stack().order("thaw kafka");
        }
        match self {
            Self::ZooKeeperHangs | Self::BothHang => stack().order("thaw zookeeper"),
            Self::KafkaGone => stack().order("start kafka"),
            Self::ZooKeeperGone => stack().order("start zookeeper"),
            Self::CoordinatorHangs => stack().order("thaw kafka-3"),
            Self::LeaderHangs => stack().order("thaw kafka-2"),
            _ => {}
        }
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Healthy => "healthy",
            Self::Unread => "stdout unread, pipe full",
            Self::KafkaHangs => "Kafka hangs",
            Self::ZooKeeperHangs => "ZooKeeper hangs",
            Self::BothHang => "both hang",
            Self::HangsWhileConnecting => "Kafka hangs, connecting",
            Self::HangsWhileClosing => "Kafka hangs, closing",
            Self::KafkaGone => "Kafka gone",
            Self::ZooKeeperGone => "ZooKeeper gone",
            Self::CoordinatorHangs => "coordinator hangs",
            Self::LeaderHangs => "one of two leaders hangs",
        })
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// From the cause to the release: of the sockets to Kafka for `deactivate`, of everything for an end.
    pub took: Duration,
    /// Exit code; none for `deactivate` and SIGKILL.
    pub code: Option<i32>,
    /// Records that nobody acked and that do not come again.
    pub lost: usize,
    /// Records that were acked and come again.
    pub duplicates: usize,
    /// Sockets left, at either end, TIME_WAIT apart: to Kafka for `deactivate`, all for an end.
    pub sockets: usize,
    /// What `deactivate` leaves of these, beside what a healthy process holds that is deactivated.
    pub descriptors: usize,
    pub threads: usize,
}

const RECORDS: usize = 300;
/// Acked and committed before the parts change.
const COMMITTED: usize = 100;
/// Acked after it, in order.
const ACKED: usize = 150;
/// And one far behind a gap: it cannot be committed.
const BEHIND: usize = 250;

/// Descriptors and threads of a healthy process that is deactivated.
static IDLE: LazyLock<(usize, usize)> = LazyLock::new(|| {
    let topic = Topic::new("matrix", 1);
    topic.produce(0, ["x"]);
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]));
    let emits = parent.collect(1);
    parent.ack_all(&emits);
    parent.deactivate();
    // The client's threads end one by one, and it has at least three.
    let begun = held(parent.pid());
    let idle = wait_for("the end of the client's threads", || {
        let now = held(parent.pid());
        std::thread::sleep(Duration::from_millis(200));
        (now.1 + 3 <= begun.1 && held(parent.pid()) == now).then_some(now)
    });
    parent.finish();
    idle
});

fn held(pid: u32) -> (usize, usize) {
    (proc::descriptors(pid), proc::threads(pid))
}

struct Scene<P> {
    topic: Topic,
    conf: Conf,
    parent: P,
    acked: BTreeSet<i64>,
    sockets: Vec<Socket>,
}

/// Plays one cell, and a second life after it that tells what was lost.
pub fn play<P: Parent>(cause: Cause, parts: Parts) -> Outcome {
    LazyLock::force(&IDLE);
    let mut scene = Scene::<P>::begin(parts);
    let begun = Instant::now();
    cause.apply(&mut scene.parent);
    if cause == Cause::Deactivate { scene.deactivated(parts, begun) } else { scene.ended(parts) }
}

impl<P: Parent> Scene<P> {
    fn begin(parts: Parts) -> Self {
        let topic = parts.topic();
        topic.produce(0, (0..RECORDS).map(|_| "x".repeat(400)));
        let conf = parts.conf(&topic);
        if parts == Parts::HangsWhileConnecting {
            parts.set();
        }
        let parent = P::activated(&conf);
        let mut scene = Self { topic, conf, parent, acked: BTreeSet::new(), sockets: Vec::new() };
        if parts == Parts::HangsWhileConnecting {
            scene.parent.idle(Duration::from_millis(500));
        } else {
            scene.work(parts);
        }
        scene.sockets = proc::sockets(scene.parent.process().pid());
        scene
    }

    fn work(&mut self, parts: Parts) {
        let tuples = self.parent.collect(RECORDS);
        self.acks(&tuples[..COMMITTED]);
        zk::wait_for_offset(&self.conf.node(0), COMMITTED as i64);
        parts.set();
        if parts == Parts::HangsWhileClosing {
            self.parent.deactivate_unread();
            self.parent.deactivated();
        }
        if parts == Parts::Unread {
            // Failed tuples come again at once; three hundred of them are more than a pipe holds. They may come in the
            // answers to the fails, so these are not read either.
            self.parent.fails_unread(&tuples[COMMITTED..]);
            self.parent.fill_stdout();
            for tuples in [&tuples[COMMITTED..ACKED], &tuples[BEHIND..=BEHIND]] {
                self.parent.acks_unread(tuples);
                self.acked.extend(tuples.iter().map(P::offset));
            }
        } else {
            self.acks(&tuples[COMMITTED..ACKED]);
            self.acks(&tuples[BEHIND..=BEHIND]);
        }
    }

    fn acks(&mut self, tuples: &[P::Tuple]) {
        self.parent.acks(tuples);
        self.acked.extend(tuples.iter().map(P::offset));
    }

    /// The process lives: its sockets to Kafka go, and with the next `activate` it goes on where it was.
    fn deactivated(mut self, parts: Parts, begun: Instant) -> Outcome {
        let (pid, brokers) = (self.parent.process().pid(), stack().kafka_ports());
        wait_for("no socket to Kafka", || (proc::to_ports(&proc::sockets(pid), &brokers) == 0).then_some(()));
        let took = begun.elapsed();
        // Threads end a moment after their sockets.
        let (descriptors, threads) = wait_for("an end of what the client had", || {
            let left = held(pid);
            (left.0 <= IDLE.0 && left.1 <= IDLE.1 || begun.elapsed() > took + Duration::from_secs(3)).then_some(left)
        });
        parts.mend();
        self.parent.deactivated();
        let sockets = proc::to_ports(&proc::sockets(pid), &brokers);
        self.parent.activate();
        // Nothing is told anew to a process that has forgotten nothing: what is not acked now comes by its timeout.
        let tuples = self.parent.idle(Duration::from_millis(500));
        let duplicates = tuples.iter().filter(|tuple| self.acked.contains(&P::offset(tuple))).count();
        let Self { topic, conf, parent, acked, .. } = self;
        let mut process = parent.into_process();
        process.kill();
        process.wait_for_exit();
        let lost = second_life::<P>(&topic, &conf, &acked).0;
        Outcome {
            took,
            code: None,
            lost,
            duplicates,
            sockets,
            descriptors: descriptors.saturating_sub(IDLE.0),
            threads: threads.saturating_sub(IDLE.1),
        }
    }

    fn ended(self, parts: Parts) -> Outcome {
        let Self { topic, conf, parent, acked, sockets, .. } = self;
        let exit = parent.into_process().wait_for_exit();
        parts.mend();
        let begun = Instant::now();
        // A server that hung finds out now.
        let sockets = wait_for("the servers' ends", || {
            let left = proc::remains_at_both_ends(&sockets).len();
            (left == 0 || begun.elapsed() > Duration::from_secs(10)).then_some(left)
        });
        if parts.copies() && exit.code.is_some() {
            let group = format!("{}-kafka", conf.topology_name());
            let copy = group::committed(&stack().kafka, &group, &topic.name, 0).map(|(offset, _)| offset);
            assert_eq!(copy, Some(ACKED as i64), "the group answers, so it has the acked prefix");
        }
        let (lost, duplicates) = second_life::<P>(&topic, &conf, &acked);
        Outcome { took: exit.took, code: exit.code, lost, duplicates, sockets, descriptors: 0, threads: 0 }
    }
}

/// Another process with the same configuration: how many records are lost, how many acked ones come again.
fn second_life<P: Parent>(topic: &Topic, conf: &Conf, acked: &BTreeSet<i64>) -> (usize, usize) {
    let stored = zk::offset(&conf.node(0)).unwrap_or(0);
    let mut parent = P::activated(conf);
    let tuples = parent.collect(RECORDS - usize::try_from(stored).expect("an offset"));
    parent.finish();
    let again: BTreeSet<i64> = tuples.iter().map(P::offset).collect();
    let lost = (0..RECORDS as i64).filter(|offset| !acked.contains(offset) && !again.contains(offset)).count();
    topic.delete();
    (lost, again.intersection(acked).count())
}
