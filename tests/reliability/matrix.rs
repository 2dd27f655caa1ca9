//! Cause of the end x state of the parts, on both wires. Prints the table of docs/reliability.md.

use super::alone;
use super::scene::{Cause, Parts};
use super::support::companion::FakeCompanion;
use super::support::parent::FakeParent;
use super::support::parents::Parent;
use super::table::play_all;

fn all_ends_while_parts_hang<P: Parent>() {
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
    play_all::<P>(parts.into_iter().flat_map(|parts| Cause::ALL.map(|cause| (cause, parts))));
}

fn ends_while_parts_are_gone<P: Parent>() {
    let _alone = alone();
    let causes = [Cause::Deactivate, Cause::Sigterm, Cause::Eof];
    let parts = [Parts::KafkaGone, Parts::ZooKeeperGone];
    play_all::<P>(parts.into_iter().flat_map(|parts| causes.map(|cause| (cause, parts))));
}

#[test]
fn no_end_loses_a_record_or_leaves_a_socket_while_parts_hang() {
    all_ends_while_parts_hang::<FakeParent>();
}

#[test]
fn no_end_under_the_companion_loses_a_record_or_leaves_a_socket_while_parts_hang() {
    all_ends_while_parts_hang::<FakeCompanion>();
}

#[test]
fn no_end_loses_a_record_or_leaves_a_socket_while_parts_are_gone() {
    ends_while_parts_are_gone::<FakeParent>();
}

#[test]
fn no_end_under_the_companion_loses_a_record_or_leaves_a_socket_while_parts_are_gone() {
    ends_while_parts_are_gone::<FakeCompanion>();
}
