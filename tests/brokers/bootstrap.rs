//! Where to begin, when not all that is configured is there.

use std::net::TcpListener;
use std::time::Instant;

use crate::load::Load;
use crate::reader::Reader;
use crate::support::kafka::Topic;
use crate::support::report;
use crate::support::stack::stack;
use crate::{LIMIT, alone};

#[test]
fn unknown_and_dead_hosts_among_the_bootstrap_servers_are_no_trouble() {
    let _alone = alone();
    let partitions = [0, 1, 2];
    let topic = Topic::placed("bootstrap", &[&[1], &[2], &[3]]);
    // Nobody listens there any more.
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let alive = stack().brokers()[1];
    let load = Load::start(&topic, &partitions);
    let servers = format!("no.such.host.invalid:9092,{dead},{alive}");
    let mut reader = Reader::begin(&topic, |conf| conf.spout("bootstrap.servers", servers));
    // librdkafka asks them in any order.
    for _ in 0..3 {
        let begun = Instant::now();
        reader.keeps_up(&load, &partitions);
        report(&format!("one of three bootstrap servers is there: caught up after {:?}", begun.elapsed()));
        assert_eq!(reader.errors, [""; 0]);
        let exit = reader.end(crate::support::parent::FakeParent::close_stdin);
        assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
        reader.begin_again();
    }
    reader.has_all(load, &partitions);
    reader.settles_at(3 + 1 + 1 + 1);
    reader.finish();
}
