//! A spout that acks at once what it emits, and a parent that lets no gap and no repetition pass.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use procfs::net::TcpState;

use crate::load::Load;
use crate::support::conf::Conf;
use crate::support::exit::Exit;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::proc::{self, Socket};
use crate::support::stack::stack;
use crate::support::wire::Reply;
use crate::support::{group, wait_for, zk};

/// The spout, and how far it is.
pub struct Reader {
    pub conf: Conf,
    parent: Option<FakeParent>,
    topic: String,
    partitions: BTreeMap<i64, Progress>,
    /// All that Storm UI was told.
    pub errors: Vec<String>,
}

struct Progress {
    next: i64,
    last: Instant,
    /// The longest time without a record, since somebody asked.
    pause: Duration,
}

impl Reader {
    /// Reads a topic of one's own.
    pub fn begin(topic: &Topic, configure: impl FnOnce(Conf) -> Conf) -> Self {
        let conf = Conf::new(&[topic]).fields(&["partition", "offset", "value"]);
        let conf = configure(conf.spout("partition.refresh.period.ms", 1000));
        let parent = Some(FakeParent::activated(&conf));
        Self { conf, parent, topic: topic.name.clone(), partitions: BTreeMap::new(), errors: Vec::new() }
    }

    /// Ends the process in some way.
    pub fn end(&mut self, how: impl FnOnce(&mut FakeParent)) -> Exit {
        let mut parent = self.parent.take().expect("it lives");
        how(&mut parent);
        parent.wait_for_exit()
    }

    /// Another process with the same configuration, which goes on where the last one has ended.
    pub fn begin_again(&mut self) {
        self.parent = Some(FakeParent::activated(&self.conf));
    }

    /// Ends it as the end of a worker does.
    pub fn finish(mut self) {
        self.parent.take().expect("it lives").finish();
    }

    /// The parent of the living process.
    pub fn parent(&mut self) -> &mut FakeParent {
        self.parent.as_mut().expect("it lives")
    }

    /// The living process.
    pub fn pid(&self) -> u32 {
        self.parent.as_ref().expect("it lives").pid()
    }

    /// One `next`.
    pub fn step(&mut self) {
        let reply = self.parent().next();
        if reply.emits.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.take(reply);
    }

    /// Takes what came, in order and once.
    pub fn take(&mut self, mut reply: Reply) {
        let now = Instant::now();
        self.errors.append(&mut reply.errors);
        for emit in &reply.emits {
            let (partition, offset) = (emit.integer(0), emit.integer(1));
            let progress =
                self.partitions.entry(partition).or_insert(Progress { next: 0, last: now, pause: Duration::ZERO });
            assert_eq!(offset, progress.next, "{}/{partition}", self.topic);
            assert_eq!(emit.text(2), offset.to_string(), "{}/{partition}", self.topic);
            progress.next += 1;
            progress.pause = progress.pause.max(now - progress.last);
            progress.last = now;
        }
        for emit in &reply.emits {
            // An error comes with the answer to whatever is said next.
            let mut reply = self.parent().ack(emit);
            self.errors.append(&mut reply.errors);
        }
    }

    /// Says `next` for a while.
    pub fn idle(&mut self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.step();
        }
    }

    /// Says `next` until something is so that does not cost a question to Kafka.
    pub fn until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        wait_for(what, || {
            // Looking may cost a question to ZooKeeper.
            for _ in 0..20 {
                self.step();
            }
            so(self).then_some(())
        });
        begun.elapsed()
    }

    /// Says `next` while somebody else works.
    pub fn meanwhile<T: Send>(&mut self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let work = scope.spawn(work);
            while !work.is_finished() {
                self.step();
            }
            work.join().expect("no failure there")
        })
    }

    /// The next offset of a partition.
    pub fn position(&self, partition: i64) -> i64 {
        self.partitions.get(&partition).map_or(0, |progress| progress.next)
    }

    fn has_read(&self, partitions: &[i32], counts: &[i64]) -> bool {
        partitions.iter().zip(counts).all(|(partition, count)| self.position(i64::from(*partition)) >= *count)
    }

    /// Waits until all has been read and stored that has been produced by now.
    pub fn keeps_up(&mut self, load: &Load, partitions: &[i32]) -> Duration {
        let counts = load.counts();
        let took = self.until("records of each partition", |reader| reader.has_read(partitions, &counts));
        for (partition, count) in partitions.iter().zip(&counts) {
            let node = self.conf.node(*partition);
            self.until("offsets of each partition", |_| zk::offset(&node).is_some_and(|offset| offset >= *count));
        }
        took
    }

    /// Forgets how long the pauses were.
    pub fn forget_pauses(&mut self) {
        let now = Instant::now();
        for progress in self.partitions.values_mut() {
            (progress.last, progress.pause) = (now, Duration::ZERO);
        }
    }

    /// The longest pause of these partitions.
    pub fn pause(&self, partitions: &[i32]) -> Duration {
        let pause = |partition: &i32| self.partitions[&i64::from(*partition)].pause;
        partitions.iter().map(pause).max().unwrap_or_default()
    }

    /// All of it is read, once, and stored in ZooKeeper and in the group.
    pub fn has_all(&mut self, load: Load, partitions: &[i32]) {
        let counts = self.meanwhile(|| load.finish());
        self.until("the rest", |reader| reader.has_read(partitions, &counts));
        // What is too much would come now.
        self.idle(Duration::from_millis(500));
        for (partition, count) in partitions.iter().zip(&counts) {
            assert_eq!(self.position(i64::from(*partition)), *count);
            zk::wait_for_offset(&self.conf.node(*partition), *count);
        }
    }

    /// The group's copy is at the last offset read.
    pub fn is_copied(&mut self, group: &str, partitions: &[i32]) {
        let topic = self.topic.clone();
        for partition in partitions {
            let position = self.position(i64::from(*partition));
            self.meanwhile(|| {
                wait_for("the group's copy", || {
                    let (copy, _) = group::committed(&stack().kafka, group, &topic, *partition)?;
                    (copy == position).then_some(())
                });
            });
        }
    }

    /// Waits until there are no more sockets than `most`: who was only asked for the coordinator goes after ten seconds.
    pub fn settles_at(&mut self, most: usize) {
        self.until("the end of idle connections", |reader| proc::sockets(reader.pid()).len() <= most);
        self.sockets(most);
    }

    /// The process's sockets: no more than `most`, and none that it should have closed.
    pub fn sockets(&self, most: usize) -> Vec<Socket> {
        let sockets = proc::sockets(self.pid());
        assert!(sockets.len() <= most, "{sockets:?}");
        assert_eq!(proc::count(&sockets, &TcpState::CloseWait), 0, "{sockets:?}");
        sockets
    }
}
