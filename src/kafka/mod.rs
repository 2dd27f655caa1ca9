//! Reading Kafka: one client per process, one split queue per partition, absolute start offsets; and one client for
//! the group's offsets.

mod client;
mod closing;
mod group;
mod message;
mod metadata;
mod partitions;
mod reason;
mod sizes;
mod start;

pub use client::{Consumer, check_properties, open, open_for_group, serve};
pub use closing::{Closer, Closing, Work};
pub use group::{GroupAnswer, GroupCommit, GroupError, GroupOffset};
pub use message::Message;
pub use metadata::{Answer, Ask, Committed, Metadata, NoPartitions, TopicPartitions, Watermarks};
pub use partitions::{Polled, Queue, known_end, set_paused};
pub use sizes::Sizes;
pub use start::{Start, Why, begin, stored_offset};
