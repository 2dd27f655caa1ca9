//! Cause of the end x one of three brokers that hangs, on both wires. Prints more rows for the table of docs/reliability.md.

use crate::alone;
use crate::scene::{Cause, Parts};
use crate::support::companion::FakeCompanion;
use crate::support::parent::FakeParent;
use crate::support::parents::Parent;
use crate::table::play_all;

fn all_ends_while_a_broker_hangs<P: Parent>() {
    let _alone = alone();
    let parts = [Parts::CoordinatorHangs, Parts::LeaderHangs];
    play_all::<P>(parts.into_iter().flat_map(|parts| Cause::ALL.map(|cause| (cause, parts))));
}

#[test]
fn no_end_loses_a_record_or_leaves_a_socket_while_a_coordinator_or_a_leader_hangs() {
    all_ends_while_a_broker_hangs::<FakeParent>();
}

#[test]
fn no_end_under_the_companion_loses_a_record_or_leaves_a_socket_while_a_coordinator_or_a_leader_hangs() {
    all_ends_while_a_broker_hangs::<FakeCompanion>();
}
