//! A broker that hangs and goes on hanging.

use std::time::Duration;

use super::alone;
use super::support::conf::Conf;
use super::support::kafka::Topic;
use super::support::parent::FakeParent;
use super::support::stack::stack;
use super::support::{proc, report, zk};

#[test]
fn a_hundred_times_off_and_on_against_a_broker_that_hangs_leave_no_more_than_once() {
    let _alone = alone();
    let topic = Topic::new("hung", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 10);
    stack().order("freeze kafka");
    let count = |parent: &FakeParent| {
        let pid = parent.pid();
        [proc::sockets(pid).len(), proc::descriptors(pid), proc::threads(pid)]
    };
    let mut most = [0; 3];
    let mut off_and_on = |parent: &mut FakeParent, times| {
        for _ in 0..times {
            parent.deactivate();
            parent.activate();
            for (most, now) in most.iter_mut().zip(count(parent)) {
                *most = now.max(*most);
            }
        }
        parent.idle(Duration::from_secs(3));
        (most, count(parent))
    };
    let once = off_and_on(&mut parent, 1);
    let hundred = off_and_on(&mut parent, 100);
    stack().order("thaw kafka");
    topic.produce(0, ["after it"]);
    let emits = parent.collect(1);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 11);
    parent.finish();
    report(&format!(
        "broker hangs, [sockets, descriptors, threads]: {once:?} (most, then) after one time off and on, {hundred:?} after 100 more"
    ));
    // The spare one: a connection attempt that begins or ends while we count.
    assert!(hundred.1.iter().zip(once.1).all(|(hundred, once)| *hundred <= once + 1), "{hundred:?} {once:?}");
    assert!(hundred.0.iter().zip(once.0).all(|(hundred, once)| *hundred <= once + 2), "{hundred:?} {once:?}");
}
