//! The Kafka spout for Apache Storm as one native program.
//!
//! Data flows one way: a record goes from [`kafka`] through [`tuple`] into a reply of [`multilang`]; an ack goes from
//! [`multilang`] through the tracker in [`spout`] into a commit of [`offsets`].
//!
//! - [`multilang`]: Storm's wire protocol; knows no Kafka
//! - [`companion`]: the binary wire to the Java companion
//! - [`tuple`]: a record becomes the frame of a tuple
//! - [`spout`]: the one thread that owns all state
//! - [`kafka`]: the client, its queues, and the calls that block
//! - [`offsets`]: where the offsets are kept
//! - [`config`]: keys to typed values
//! - [`sockets`]: TCP sockets of a process by state
//! - [`tools`]: the subcommands that an operator types
//! - [`wake`]: how other threads wake the spout thread
//! - [`exit`]: exit codes

pub mod companion;
pub mod config;
pub mod exit;
pub mod kafka;
pub mod multilang;
pub mod offsets;
pub mod sockets;
pub mod spout;
pub mod tools;
pub mod tuple;
pub mod wake;
