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
mod tests;
