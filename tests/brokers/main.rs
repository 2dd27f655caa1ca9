//! A real Kafka of three brokers, of which one is killed, hangs, or has to hand over what it leads.
//!
//! One test binary of its own, with servers of its own, since it takes them away from everybody.

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod bootstrap;
mod coordinator;
mod gone;
mod leaders;
mod load;
mod matrix;
mod reader;
#[expect(dead_code, reason = "the other states of the parts are the reliability tests'")]
#[path = "../reliability/scene.rs"]
mod scene;
#[path = "../reliability/table.rs"]
mod table;

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use support::brokers;
use support::stack::stack_with;

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

/// How long Kafka waits for a broker that says nothing before it has others lead; Kafka's own default is 9 s.
const SESSION: Duration = Duration::from_secs(6);

/// Leaders move only when a test says so.
const STACK: &[&str] = &[
    "--brokers",
    "3",
    "--broker-property",
    "broker.session.timeout.ms=6000",
    "--broker-property",
    "broker.heartbeat.interval.ms=1000",
    "--broker-property",
    "auto.leader.rebalance.enable=false",
];

/// The brokers are one test's at a time, and all of them are there when it begins.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(|poisoned| {
        TURN.clear_poison();
        poisoned.into_inner()
    });
    stack_with(STACK);
    brokers::mend();
    brokers::wait_until_whole();
    turn
}
