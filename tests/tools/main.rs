//! The subcommands that an operator types, `sockets` and `load`, and the scripts that measure: on real processes and
//! sockets and, where a test says so, a real Kafka, ZooKeeper and Storm.

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod bad_spouts;
mod bench;
mod leak_demo;
mod load;
mod sockets;
mod tool;
