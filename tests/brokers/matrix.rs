//! Cause of the end x one of three brokers that hangs. Prints more rows for the table of docs/reliability.md.

use crate::alone;
use crate::scene::{Cause, Parts};
use crate::table::play_all;

#[test]
fn no_end_loses_a_record_or_leaves_a_socket_while_a_coordinator_or_a_leader_hangs() {
    let _alone = alone();
    let parts = [Parts::CoordinatorHangs, Parts::LeaderHangs];
    play_all(parts.into_iter().flat_map(|parts| Cause::ALL.map(|cause| (cause, parts))));
}
