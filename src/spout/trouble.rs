//! What is wrong outside of us, and when to say so in Storm UI.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long Kafka or ZooKeeper may be away before it is an error.
const GRACE: Duration = Duration::from_secs(10);

/// How long brokers may not know a topic: one that has just started may not have heard of it, nor any of a new one.
const TOPIC_GRACE: Duration = Duration::from_secs(2);

/// How often it is said again.
const AGAIN: Duration = Duration::from_mins(1);

/// What a trouble is about; there is at most one of each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The brokers do not answer.
    Kafka,
    /// ZooKeeper does not answer, or refuses.
    ZooKeeper,
    /// A topic does not exist or is not ours to read.
    Topic(String),
    /// A partition cannot be read, or where its log begins and ends cannot be had.
    Log(String),
    /// A partition has no leader.
    Leader(String),
    /// A partition's znode is another topic's, or ZooKeeper refuses it.
    Node(String),
    /// The consumer group is the store, and its coordinator does not answer.
    Group,
    /// The consumer group is the store, and it is not ours to write.
    GroupRefused,
}

/// The troubles of the moment.
#[derive(Debug, Default)]
pub struct Troubles(BTreeMap<Cause, Trouble>);

#[derive(Debug)]
struct Trouble {
    reason: String,
    say_at: Instant,
}

impl Troubles {
    /// Notes a trouble, or a newer reason for it.
    pub fn note(&mut self, cause: Cause, reason: String, now: Instant) {
        let grace = match cause {
            Cause::Kafka | Cause::ZooKeeper | Cause::Log(_) | Cause::Leader(_) | Cause::Group => GRACE,
            Cause::Topic(_) => TOPIC_GRACE,
            Cause::Node(_) | Cause::GroupRefused => Duration::ZERO,
        };
        self.0.entry(cause).or_insert_with(|| Trouble { reason: String::new(), say_at: now + grace }).reason = reason;
    }

    /// Whether there is such a trouble.
    pub fn has(&self, cause: &Cause) -> bool {
        self.0.contains_key(cause)
    }

    /// The trouble is over.
    pub fn clear(&mut self, cause: &Cause) {
        if let Some(trouble) = self.0.remove(cause) {
            tracing::info!("over: {}", trouble.reason);
        }
    }

    /// Without a client nothing is known of Kafka.
    pub fn forget_kafka(&mut self) {
        self.0.retain(|cause, _| matches!(cause, Cause::ZooKeeper | Cause::Node(_)));
    }

    /// What is due to be said.
    pub fn due(&mut self, now: Instant) -> Vec<String> {
        let mut due = Vec::new();
        for trouble in self.0.values_mut().filter(|trouble| trouble.say_at <= now) {
            trouble.say_at = now + AGAIN;
            due.push(trouble.reason.clone());
        }
        due
    }

    /// All reasons, for the last words.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|trouble| trouble.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_ten_seconds_and_a_missing_topic_two() {
        let (mut troubles, now) = (Troubles::default(), Instant::now());
        troubles.note(Cause::Kafka, "no answer".to_owned(), now);
        troubles.note(Cause::Topic("t".to_owned()), "no topic".to_owned(), now);
        assert!(troubles.due(now + Duration::from_millis(1900)).is_empty());
        assert_eq!(troubles.due(now + Duration::from_secs(2)), ["no topic"]);
        troubles.note(Cause::Kafka, "refused".to_owned(), now + Duration::from_secs(9));
        assert!(troubles.due(now + Duration::from_secs(9)).is_empty());
        assert_eq!(troubles.due(now + Duration::from_secs(10)), ["refused"]);
        assert_eq!(troubles.due(now + Duration::from_secs(62)), ["no topic"]);
        assert_eq!(troubles.due(now + Duration::from_secs(70)), ["refused"]);
        troubles.note(Cause::ZooKeeper, "no session".to_owned(), now);
        troubles.clear(&Cause::Kafka);
        assert_eq!(troubles.reasons().collect::<Vec<_>>(), ["no session", "no topic"]);
        troubles.forget_kafka();
        assert_eq!(troubles.reasons().collect::<Vec<_>>(), ["no session"]);
    }

    #[test]
    fn a_trouble_that_is_over_is_not_said_any_more() {
        let (mut troubles, now) = (Troubles::default(), Instant::now());
        troubles.note(Cause::Topic("t".to_owned()), "no topic".to_owned(), now);
        troubles.note(Cause::Kafka, "no answer".to_owned(), now);
        troubles.clear(&Cause::Kafka);
        assert_eq!(troubles.reasons().collect::<Vec<_>>(), ["no topic"]);
    }
}
