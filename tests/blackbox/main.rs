//! Black-box tests: the program itself between a fake parent, a real Kafka and a real ZooKeeper.
//!
//! One test binary, so that the servers are started once. Each test has topics and znodes of its own.

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod acks;
mod acls;
mod assignment;
mod companion;
mod companion_values;
mod deactivation;
mod ends;
mod group;
mod group_store;
mod kill_storm;
mod limits;
mod many_partitions;
mod nodes;
mod outages;
mod protocol;
mod refusals;
mod sockets;
mod start;
mod status;
mod streams;
mod tls;
mod unread;
mod values;
