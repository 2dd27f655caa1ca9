//! The subcommands that an operator types: `sockets` and `load`, on real processes, sockets and, where a test says so,
//! a real Kafka and ZooKeeper.

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod bad_spouts;
mod leak_demo;
mod load;
mod sockets;
mod tool;
