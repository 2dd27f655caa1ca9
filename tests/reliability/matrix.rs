//! Cause of the end x state of the parts. Prints the table of docs/reliability.md.

use super::alone;
use super::scene::{Cause, Parts};
use super::table::play_all;

#[test]
fn no_end_loses_a_record_or_leaves_a_socket_while_parts_hang() {
    let _alone = alone();
    let parts = [
        Parts::Healthy,
        Parts::Unread,
        Parts::KafkaHangs,
        Parts::ZooKeeperHangs,
        Parts::BothHang,
        Parts::HangsWhileConnecting,
        Parts::HangsWhileClosing,
    ];
    play_all(parts.into_iter().flat_map(|parts| Cause::ALL.map(|cause| (cause, parts))));
}

#[test]
fn no_end_loses_a_record_or_leaves_a_socket_while_parts_are_gone() {
    let _alone = alone();
    let causes = [Cause::Deactivate, Cause::Sigterm, Cause::Eof];
    let parts = [Parts::KafkaGone, Parts::ZooKeeperGone];
    play_all(parts.into_iter().flat_map(|parts| causes.map(|cause| (cause, parts))));
}
