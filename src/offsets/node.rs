//! One znode: what to do next with it, and what its answers mean. No I/O, so that the rule for two writers can be
//! tested alone.
//!
//! Writes are version-checked. After a conflict the node is read: bytes that we sent ourselves (a write that timed
//! out and was applied) are adopted silently; another hand's offset is never moved back while we run.

use std::time::{Duration, Instant};

use super::format::{self, Broker, FormatError, Stored, Writer};
use super::{Commit, Event, Part};

/// So many conflicts in [`CONFLICT_SPAN`] are no hand-over any more but two writers.
const CONFLICTS: usize = 3;
const CONFLICT_SPAN: Duration = Duration::from_mins(1);

/// The next operation on a node.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Read it; if it is missing and `elsewhere`, look at the other layout's place too.
    Read {
        /// Whether this is for a load.
        elsewhere: bool,
    },
    /// Create it, parents included.
    Create(Vec<u8>),
    /// Replace its bytes if it still has this version.
    Set(Vec<u8>, i32),
}

/// How an operation ended.
#[derive(Debug)]
pub enum Outcome {
    /// Written; the node has this version now.
    Written(i32),
    /// Read: bytes and version.
    Read(Vec<u8>, i32),
    /// The node is missing, but the other layout's node has these bytes.
    Elsewhere(Vec<u8>, String),
    /// The node is missing.
    Missing,
    /// Somebody else wrote or created it.
    Conflict,
    /// Nobody knows whether it was done; to be tried again soon.
    Unknown(String),
    /// It was refused: no permission, or a path that cannot be. To be tried again later.
    Refused(String),
}

/// What is known of the node's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Unread,
    Missing,
    Version(i32),
}

/// A write that was sent. It keeps the slot of its time: one that began anew meanwhile must not take its answer.
#[derive(Debug)]
struct Sent {
    slot: u32,
    offset: i64,
    bytes: Vec<u8>,
}

/// Pause after an operation whose outcome is unknown, and after one that was refused.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_REFUSED: Duration = Duration::from_secs(5);

/// No operation before this time.
#[derive(Debug)]
struct Pause {
    until: Instant,
    /// The last operation was refused, or the node is another topic's.
    refused: bool,
}

/// The state of one znode.
#[derive(Debug)]
pub struct Node {
    /// Whose node it is.
    pub part: Part,
    /// Its path, chroot included.
    pub path: String,
    /// Whether an operation is under way; only one ever is.
    pub busy: bool,
    /// No longer ours: goes when nothing is left to write.
    pub released: bool,
    loading: bool,
    pause: Option<Pause>,
    known: Known,
    wanted: Option<(i64, Broker)>,
    /// The node's bytes as we last knew them: found by a load, or written by us and confirmed.
    held: Option<Vec<u8>>,
    /// The last write.
    sent: Option<Sent>,
    /// Another hand's offset; we do not write below it.
    floor: i64,
    conflicts: Vec<Instant>,
}

impl Node {
    /// A node that is to be read first.
    pub fn new(part: Part, path: String) -> Self {
        Self {
            part,
            path,
            busy: false,
            released: false,
            loading: true,
            pause: None,
            known: Known::Unread,
            wanted: None,
            held: None,
            sent: None,
            floor: 0,
            conflicts: Vec::new(),
        }
    }

    /// Asks for another look at the node, for a slot that may be new.
    pub fn load(&mut self, part: Part) {
        self.part = part;
        self.loading = true;
        self.released = false;
        self.pause = None;
    }

    /// Lets go of the node once what is wanted is written; nobody waits for a load any more.
    pub fn release(&mut self) {
        self.released = true;
        self.loading = false;
    }

    /// Asks for an offset to be stored.
    pub fn want(&mut self, commit: Commit) {
        if commit.rewind {
            self.floor = 0;
        }
        self.part = commit.part;
        self.wanted = Some((commit.offset, commit.broker));
    }

    /// Whether nothing is left to do.
    pub fn is_idle(&self) -> bool {
        !self.busy && !self.loading && self.wanted.is_none()
    }

    /// Whether there is nothing that a closing session should wait for.
    pub fn may_close(&self) -> bool {
        self.is_idle() || self.pause.as_ref().is_some_and(|pause| pause.refused)
    }

    /// Whether an offset waits to be stored.
    pub fn has_unwritten(&self) -> bool {
        self.wanted.is_some()
    }

    /// The next operation, if one is due.
    pub fn step(&mut self, writer: &Writer, now: Instant) -> Option<Step> {
        if self.busy || self.pause.as_ref().is_some_and(|pause| pause.until > now) {
            return None;
        }
        if self.loading {
            return Some(Step::Read { elsewhere: true });
        }
        let (offset, broker) = self.wanted.as_ref()?;
        let offset = (*offset).max(self.floor);
        if self.known == Known::Unread {
            return Some(Step::Read { elsewhere: false });
        }
        let bytes = format::write(writer, offset, &self.part.topic, self.part.partition, broker);
        self.sent = Some(Sent { slot: self.part.slot, offset, bytes: bytes.clone() });
        Some(match self.known {
            Known::Version(version) => Step::Set(bytes, version),
            _ => Step::Create(bytes),
        })
    }

    /// Takes the answer to the last step.
    pub fn done(&mut self, outcome: Outcome, writer: &Writer, now: Instant) -> Option<Event> {
        self.pause = None;
        match outcome {
            Outcome::Written(version) => {
                self.known = Known::Version(version);
                self.committed()
            }
            Outcome::Read(bytes, version) => match self.understand(&bytes) {
                Ok(stored) => self.read(bytes, version, stored, writer, now),
                // Until a later look finds it mended nothing is written there.
                Err(problem) => Some(self.refused(&problem, now)),
            },
            Outcome::Elsewhere(bytes, path) => {
                self.known = Known::Missing;
                self.held = None;
                // Another topic's, or nothing of ours, is as if it were not there.
                let stored = format::read(&bytes, &self.part.topic).ok();
                if let Some(Stored { offset, .. }) = &stored {
                    tracing::info!("{}: no offset; taken over from {path}: offset {offset}", self.path);
                }
                // An offset that waits to be written is newer than the one that was taken over before.
                Some(self.loaded(stored, self.wanted.is_some()))
            }
            Outcome::Missing => {
                let deleted = matches!(self.known, Known::Version(_));
                self.known = Known::Missing;
                self.held = None;
                if self.loading {
                    return Some(self.loaded(None, false));
                }
                if deleted {
                    tracing::warn!("{}: the node was deleted while we run; writing it again", self.path);
                }
                None
            }
            Outcome::Conflict => {
                self.known = Known::Unread;
                None
            }
            Outcome::Unknown(reason) => {
                self.known = Known::Unread;
                self.pause = Some(Pause { until: now + RETRY, refused: false });
                Some(Event::Unreachable(format!("ZooKeeper, {}: {reason}", self.path)))
            }
            Outcome::Refused(reason) => Some(self.refused(&reason, now)),
        }
    }

    fn refused(&mut self, reason: &str, now: Instant) -> Event {
        self.known = Known::Unread;
        self.pause = Some(Pause { until: now + RETRY_REFUSED, refused: true });
        Event::Refused { slot: self.part.slot, reason: format!("ZooKeeper, {}: {reason}", self.path) }
    }

    fn read(
        &mut self,
        bytes: Vec<u8>,
        version: i32,
        stored: Option<Stored>,
        writer: &Writer,
        now: Instant,
    ) -> Option<Event> {
        self.known = Known::Version(version);
        let sent = self.sent.as_ref().is_some_and(|sent| sent.bytes == bytes);
        let unchanged = self.held.as_ref() == Some(&bytes);
        if self.loading {
            self.held = Some(bytes);
            return Some(self.loaded(stored, sent || unchanged));
        }
        if sent {
            self.committed()
        } else if unchanged {
            // Our write was not done, and nobody else's was.
            None
        } else {
            self.conflict(stored, writer, now)
        }
    }

    fn committed(&mut self) -> Option<Event> {
        let Sent { slot, offset, ref bytes } = *self.sent.as_ref()?;
        self.held = Some(bytes.clone());
        // A newer offset may have been asked for meanwhile.
        if self.wanted.as_ref().is_some_and(|(wanted, _)| (*wanted).max(self.floor) == offset) {
            self.wanted = None;
        }
        Some(Event::Committed { slot, offset })
    }

    fn loaded(&mut self, stored: Option<Stored>, ours: bool) -> Event {
        self.loading = false;
        if !ours {
            // What another hand has set since is obeyed; what we had to say is out of date.
            self.wanted = None;
            self.floor = 0;
        }
        Event::Loaded { slot: self.part.slot, stored, ours }
    }

    fn understand(&self, bytes: &[u8]) -> Result<Option<Stored>, String> {
        match format::read(bytes, &self.part.topic) {
            Ok(stored) => Ok(Some(stored)),
            Err(FormatError::Unreadable(reason)) => {
                tracing::warn!("{}: not an offset as storm-kafka writes it, taken for none: {reason}", self.path);
                Ok(None)
            }
            Err(FormatError::OtherTopic(other)) => Err(format!(
                "the node holds the offset of topic {other:?}, not of {:?}: set kafka.spout.zookeeper.id or .root to a path of this spout's own, or delete the node",
                self.part.topic
            )),
        }
    }

    fn conflict(&mut self, theirs: Option<Stored>, writer: &Writer, now: Instant) -> Option<Event> {
        let (offset, id) = theirs.map_or((0, String::new()), |stored| (stored.offset, stored.topology_id));
        let ours = self.wanted.as_ref().map_or(0, |(offset, _)| *offset);
        self.floor = self.floor.max(offset);
        tracing::warn!(
            "{}: somebody else wrote offset {offset} (topology {id:?}) while topology {:?} was about to write {ours}; writing the higher one",
            self.path,
            writer.topology_id,
        );
        self.conflicts.retain(|time| now.duration_since(*time) < CONFLICT_SPAN);
        self.conflicts.push(now);
        if self.conflicts.len() < CONFLICTS {
            return None;
        }
        self.conflicts.clear();
        Some(Event::Problem(format!(
            "{}: two writers: topology {id:?} writes offsets there as well as {:?}; give one of them a kafka.spout.zookeeper.id of its own",
            self.path, writer.topology_id
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        Writer { topology_id: "wc-1".to_owned(), topology_name: "wc".to_owned() }
    }

    fn broker() -> Broker {
        Broker { host: "h".to_owned(), port: 9092 }
    }

    fn bytes(id: &str, offset: i64, topic: &str) -> Vec<u8> {
        let writer = Writer { topology_id: id.to_owned(), topology_name: "wc".to_owned() };
        format::write(&writer, offset, topic, 0, &broker())
    }

    /// A node that was read and found missing.
    fn loaded_node() -> Node {
        let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p".to_owned());
        assert_eq!(node.step(&writer(), Instant::now()), Some(Step::Read { elsewhere: true }));
        let event = node.done(Outcome::Missing, &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Loaded { slot: 7, stored: None, ours: false })));
        node
    }

    /// A node that we have written at version 0 with offset 10.
    fn written_node() -> Node {
        let mut node = loaded_node();
        want(&mut node, 10);
        assert_eq!(node.step(&writer(), Instant::now()), Some(Step::Create(bytes("wc-1", 10, "t"))));
        let event = node.done(Outcome::Written(0), &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Committed { slot: 7, offset: 10 })));
        assert!(node.is_idle());
        node
    }

    fn want(node: &mut Node, offset: i64) {
        node.want(Commit { part: node.part.clone(), offset, broker: broker(), rewind: false });
    }

    fn step(node: &mut Node) -> Option<Step> {
        node.step(&writer(), Instant::now())
    }

    #[test]
    fn writes_carry_the_version_they_expect() {
        let mut node = written_node();
        want(&mut node, 12);
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 12, "t"), 0)));
        want(&mut node, 15);
        node.done(Outcome::Written(1), &writer(), Instant::now());
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 15, "t"), 1)), "the newer one is still to be written");
    }

    #[test]
    fn our_own_write_that_timed_out_is_adopted_silently() {
        let mut node = written_node();
        want(&mut node, 12);
        step(&mut node);
        let later = Instant::now() + Duration::from_secs(1);
        assert!(matches!(
            node.done(Outcome::Unknown("timeout".to_owned()), &writer(), Instant::now()),
            Some(Event::Unreachable(_))
        ));
        assert_eq!(step(&mut node), None, "not at once");
        assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: false }));
        let event = node.done(Outcome::Read(bytes("wc-1", 12, "t"), 1), &writer(), later);
        assert!(matches!(event, Some(Event::Committed { offset: 12, .. })));
        assert!(node.is_idle());
    }

    #[test]
    fn another_hands_offset_is_never_moved_back() {
        let mut node = written_node();
        want(&mut node, 12);
        step(&mut node);
        assert!(node.done(Outcome::Conflict, &writer(), Instant::now()).is_none());
        assert_eq!(step(&mut node), Some(Step::Read { elsewhere: false }));
        assert!(node.done(Outcome::Read(bytes("zombie", 50, "t"), 9), &writer(), Instant::now()).is_none());
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 50, "t"), 9)));
        node.done(Outcome::Written(10), &writer(), Instant::now());
        want(&mut node, 13);
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 50, "t"), 10)));
        node.done(Outcome::Written(11), &writer(), Instant::now());
        want(&mut node, 51);
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 51, "t"), 11)));
    }

    #[test]
    fn the_third_conflict_in_a_minute_is_reported_as_two_writers() {
        let mut node = written_node();
        let mut problems = 0;
        for round in 0..3 {
            want(&mut node, 100 + round);
            step(&mut node);
            node.done(Outcome::Conflict, &writer(), Instant::now());
            step(&mut node);
            let event = node.done(Outcome::Read(bytes("other", 1, "t"), 5), &writer(), Instant::now());
            problems += usize::from(
                matches!(&event, Some(Event::Problem(text)) if text.contains("two writers") && text.contains("other")),
            );
            step(&mut node);
            node.done(Outcome::Written(6), &writer(), Instant::now());
        }
        assert_eq!(problems, 1);
    }

    fn is_refused(event: Option<Event>) -> bool {
        matches!(event, Some(Event::Refused { slot: 7, reason }) if reason.contains("\"other\"") && reason.contains("\"t\""))
    }

    #[test]
    fn another_topics_node_is_not_loaded_until_it_is_mended() {
        let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p".to_owned());
        step(&mut node);
        assert!(is_refused(node.done(Outcome::Read(bytes("wc-1", 10, "other"), 3), &writer(), Instant::now())));
        assert_eq!(step(&mut node), None, "not at once");
        let later = Instant::now() + RETRY_REFUSED;
        assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: true }));
        let event = node.done(Outcome::Read(bytes("wc-1", 4, "t"), 4), &writer(), later);
        assert!(matches!(event, Some(Event::Loaded { stored: Some(Stored { offset: 4, .. }), .. })), "{event:?}");
    }

    #[test]
    fn a_node_that_has_become_another_topics_is_not_written_until_it_is_mended() {
        let mut node = written_node();
        want(&mut node, 12);
        step(&mut node);
        node.done(Outcome::Conflict, &writer(), Instant::now());
        step(&mut node);
        assert!(is_refused(node.done(Outcome::Read(bytes("x", 1, "other"), 3), &writer(), Instant::now())));
        want(&mut node, 13);
        let later = Instant::now() + RETRY_REFUSED;
        assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: false }));
        assert!(is_refused(node.done(Outcome::Read(bytes("x", 1, "other"), 3), &writer(), later)));
        assert!(node.may_close(), "nobody can say when it will be mended");
        let later = later + RETRY_REFUSED;
        assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: false }));
        assert!(node.done(Outcome::Missing, &writer(), later).is_none());
        assert_eq!(step(&mut node), Some(Step::Create(bytes("wc-1", 13, "t"))));
    }

    #[test]
    fn a_reload_tells_whether_the_node_is_as_we_left_it() {
        let mut node = written_node();
        node.load(node.part.clone());
        assert_eq!(step(&mut node), Some(Step::Read { elsewhere: true }));
        let event = node.done(Outcome::Read(bytes("wc-1", 10, "t"), 0), &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Loaded { ours: true, .. })));
        node.load(node.part.clone());
        step(&mut node);
        let event = node.done(Outcome::Read(bytes("wc-1", 3, "t"), 1), &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Loaded { ours: false, stored: Some(Stored { offset: 3, .. }), .. })));
    }

    #[test]
    fn an_operators_offset_is_obeyed_each_time_it_is_set() {
        let mut node = written_node();
        let mut reload = |version| {
            node.load(node.part.clone());
            step(&mut node);
            let event = node.done(Outcome::Read(bytes("wc-1", 3, "t"), version), &writer(), Instant::now());
            assert!(matches!(event, Some(Event::Loaded { ours: false, .. })), "{event:?}");
            want(&mut node, 20);
            step(&mut node);
            node.done(Outcome::Written(version + 1), &writer(), Instant::now());
        };
        reload(1);
        reload(3);
    }

    #[test]
    fn our_own_write_that_was_not_done_is_no_conflict() {
        let mut node = written_node();
        for offset in [12, 13, 14, 15] {
            want(&mut node, offset);
            assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", offset, "t"), 0)));
            let now = Instant::now();
            let later = now + RETRY;
            node.done(Outcome::Unknown("connection lost".to_owned()), &writer(), now);
            assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: false }));
            assert!(node.done(Outcome::Read(bytes("wc-1", 10, "t"), 0), &writer(), later).is_none());
        }
        node.load(node.part.clone());
        step(&mut node);
        let event = node.done(Outcome::Read(bytes("wc-1", 10, "t"), 0), &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Loaded { ours: true, .. })), "{event:?}");
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 15, "t"), 0)));
    }

    #[test]
    fn a_takeover_that_was_not_written_yet_does_not_begin_again() {
        let elsewhere = || Outcome::Elsewhere(bytes("old", 10, "t"), "/p/partition_0".to_owned());
        let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p/t/partition_0".to_owned());
        step(&mut node);
        assert!(matches!(node.done(elsewhere(), &writer(), Instant::now()), Some(Event::Loaded { ours: false, .. })));
        want(&mut node, 20);
        node.load(node.part.clone());
        step(&mut node);
        assert!(matches!(node.done(elsewhere(), &writer(), Instant::now()), Some(Event::Loaded { ours: true, .. })));
        assert_eq!(step(&mut node), Some(Step::Create(bytes("wc-1", 20, "t"))));
    }

    #[test]
    fn a_node_that_is_released_is_read_no_more() {
        let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p".to_owned());
        node.release();
        assert!(node.is_idle() && step(&mut node).is_none());
    }

    #[test]
    fn a_reload_that_overtakes_the_last_commit_keeps_it() {
        let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p".to_owned());
        step(&mut node);
        node.done(Outcome::Read(bytes("wc-1", 10, "t"), 3), &writer(), Instant::now());
        want(&mut node, 20);
        node.load(node.part.clone());
        assert_eq!(step(&mut node), Some(Step::Read { elsewhere: true }));
        let event = node.done(Outcome::Read(bytes("wc-1", 10, "t"), 3), &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Loaded { ours: true, .. })), "{event:?}");
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 20, "t"), 3)));
    }

    #[test]
    fn the_other_layouts_offset_is_taken_over_only_if_it_is_our_topics() {
        let load = |topic: &str| {
            let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p/t/partition_0".to_owned());
            step(&mut node);
            match node.done(
                Outcome::Elsewhere(bytes("old", 10, topic), "/p/partition_0".to_owned()),
                &writer(),
                Instant::now(),
            ) {
                Some(Event::Loaded { stored, .. }) => stored.map(|stored| stored.offset),
                event => panic!("{event:?}"),
            }
        };
        assert_eq!((load("t"), load("u")), (Some(10), None));
    }

    #[test]
    fn after_a_truncation_the_offset_goes_back_and_old_answers_are_not_taken_for_new_ones() {
        let mut node = written_node();
        node.floor = 500;
        want(&mut node, 600);
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 600, "t"), 0)));
        let part = Part { slot: 8, ..node.part.clone() };
        node.want(Commit { part, offset: 3, broker: broker(), rewind: true });
        let event = node.done(Outcome::Written(1), &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Committed { slot: 7, offset: 600 })), "{event:?}");
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 3, "t"), 1)));
        let event = node.done(Outcome::Written(2), &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Committed { slot: 8, offset: 3 })), "{event:?}");
    }

    #[test]
    fn a_refused_write_is_tried_again_and_keeps_its_offset() {
        let mut node = written_node();
        want(&mut node, 12);
        step(&mut node);
        let event = node.done(Outcome::Refused("not authorized".to_owned()), &writer(), Instant::now());
        assert!(
            matches!(event, Some(Event::Refused { slot: 7, reason }) if reason.contains("/p") && reason.contains("not authorized"))
        );
        assert!(node.has_unwritten());
        assert_eq!(node.step(&writer(), Instant::now() + RETRY_REFUSED), Some(Step::Read { elsewhere: false }));
    }

    #[test]
    fn a_deleted_node_is_written_again() {
        let mut node = written_node();
        want(&mut node, 12);
        step(&mut node);
        assert!(node.done(Outcome::Missing, &writer(), Instant::now()).is_none());
        assert_eq!(step(&mut node), Some(Step::Create(bytes("wc-1", 12, "t"))));
    }
}
