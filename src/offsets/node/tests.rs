use super::*;

fn writer() -> Writer {
    Writer { topology_id: "wc-1".to_owned(), topology_name: "wc".to_owned() }
}

fn broker() -> Broker {
    Broker { host: "h".to_owned(), port: 9092 }
}

fn bytes(id: &str, offset: i64, topic: &str) -> Vec<u8> {
    let writer = Writer { topology_id: id.to_owned(), topology_name: "wc".to_owned() };
    format::write(&writer, offset, topic, 0, &broker())
}

/// A node that was read and found missing.
fn loaded_node() -> Node {
    let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p".to_owned());
    assert_eq!(node.step(&writer(), Instant::now()), Some(Step::Read { elsewhere: true }));
    let event = node.done(Outcome::Missing, &writer(), Instant::now());
    assert!(matches!(event, Some(Event::Loaded { slot: 7, stored: None, ours: false })));
    node
}

/// A node that we have written at version 0 with offset 10.
fn written_node() -> Node {
    let mut node = loaded_node();
    want(&mut node, 10);
    assert_eq!(node.step(&writer(), Instant::now()), Some(Step::Create(bytes("wc-1", 10, "t"))));
    let event = node.done(Outcome::Written(0), &writer(), Instant::now());
    assert!(matches!(event, Some(Event::Committed { slot: 7, offset: 10 })));
    assert!(node.is_idle());
    node
}

fn want(node: &mut Node, offset: i64) {
    node.want(Commit { part: node.part.clone(), offset, broker: broker(), rewind: false });
}

fn step(node: &mut Node) -> Option<Step> {
    node.step(&writer(), Instant::now())
}

#[test]
fn writes_carry_the_version_they_expect() {
    let mut node = written_node();
    want(&mut node, 12);
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 12, "t"), 0)));
    want(&mut node, 15);
    node.done(Outcome::Written(1), &writer(), Instant::now());
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 15, "t"), 1)), "the newer one is still to be written");
}

#[test]
fn our_own_write_that_timed_out_is_adopted_silently() {
    let mut node = written_node();
    want(&mut node, 12);
    step(&mut node);
    let later = Instant::now() + Duration::from_secs(1);
    assert!(matches!(
        node.done(Outcome::Unknown("timeout".to_owned()), &writer(), Instant::now()),
        Some(Event::Unreachable(_))
    ));
    assert_eq!(step(&mut node), None, "not at once");
    assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: false }));
    let event = node.done(Outcome::Read(bytes("wc-1", 12, "t"), 1), &writer(), later);
    assert!(matches!(event, Some(Event::Committed { offset: 12, .. })));
    assert!(node.is_idle());
}

#[test]
fn another_hands_offset_is_never_moved_back() {
    let mut node = written_node();
    want(&mut node, 12);
    step(&mut node);
    assert!(node.done(Outcome::Conflict, &writer(), Instant::now()).is_none());
    assert_eq!(step(&mut node), Some(Step::Read { elsewhere: false }));
    assert!(node.done(Outcome::Read(bytes("zombie", 50, "t"), 9), &writer(), Instant::now()).is_none());
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 50, "t"), 9)));
    node.done(Outcome::Written(10), &writer(), Instant::now());
    want(&mut node, 13);
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 50, "t"), 10)));
    node.done(Outcome::Written(11), &writer(), Instant::now());
    want(&mut node, 51);
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 51, "t"), 11)));
}

#[test]
fn the_third_conflict_in_a_minute_is_reported_as_two_writers() {
    let mut node = written_node();
    let mut problems = 0;
    for round in 0..3 {
        want(&mut node, 100 + round);
        step(&mut node);
        node.done(Outcome::Conflict, &writer(), Instant::now());
        step(&mut node);
        let event = node.done(Outcome::Read(bytes("other", 1, "t"), 5), &writer(), Instant::now());
        problems += usize::from(
            matches!(&event, Some(Event::Problem(text)) if text.contains("two writers") && text.contains("other")),
        );
        step(&mut node);
        node.done(Outcome::Written(6), &writer(), Instant::now());
    }
    assert_eq!(problems, 1);
}

fn is_refused(event: Option<Event>) -> bool {
    matches!(event, Some(Event::Refused { slot: 7, reason }) if reason.contains("\"other\"") && reason.contains("\"t\""))
}

#[test]
fn another_topics_node_is_not_loaded_until_it_is_mended() {
    let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p".to_owned());
    step(&mut node);
    assert!(is_refused(node.done(Outcome::Read(bytes("wc-1", 10, "other"), 3), &writer(), Instant::now())));
    assert_eq!(step(&mut node), None, "not at once");
    let later = Instant::now() + RETRY_REFUSED;
    assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: true }));
    let event = node.done(Outcome::Read(bytes("wc-1", 4, "t"), 4), &writer(), later);
    assert!(matches!(event, Some(Event::Loaded { stored: Some(Stored { offset: 4, .. }), .. })), "{event:?}");
}

#[test]
fn a_node_that_has_become_another_topics_is_not_written_until_it_is_mended() {
    let mut node = written_node();
    want(&mut node, 12);
    step(&mut node);
    node.done(Outcome::Conflict, &writer(), Instant::now());
    step(&mut node);
    assert!(is_refused(node.done(Outcome::Read(bytes("x", 1, "other"), 3), &writer(), Instant::now())));
    want(&mut node, 13);
    let later = Instant::now() + RETRY_REFUSED;
    assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: false }));
    assert!(is_refused(node.done(Outcome::Read(bytes("x", 1, "other"), 3), &writer(), later)));
    assert!(node.may_close(), "nobody can say when it will be mended");
    let later = later + RETRY_REFUSED;
    assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: false }));
    assert!(node.done(Outcome::Missing, &writer(), later).is_none());
    assert_eq!(step(&mut node), Some(Step::Create(bytes("wc-1", 13, "t"))));
}

#[test]
fn a_reload_tells_whether_the_node_is_as_we_left_it() {
    let mut node = written_node();
    node.load(node.part.clone());
    assert_eq!(step(&mut node), Some(Step::Read { elsewhere: true }));
    let event = node.done(Outcome::Read(bytes("wc-1", 10, "t"), 0), &writer(), Instant::now());
    assert!(matches!(event, Some(Event::Loaded { ours: true, .. })));
    node.load(node.part.clone());
    step(&mut node);
    let event = node.done(Outcome::Read(bytes("wc-1", 3, "t"), 1), &writer(), Instant::now());
    assert!(matches!(event, Some(Event::Loaded { ours: false, stored: Some(Stored { offset: 3, .. }), .. })));
}

#[test]
fn an_operators_offset_is_obeyed_each_time_it_is_set() {
    let mut node = written_node();
    let mut reload = |version| {
        node.load(node.part.clone());
        step(&mut node);
        let event = node.done(Outcome::Read(bytes("wc-1", 3, "t"), version), &writer(), Instant::now());
        assert!(matches!(event, Some(Event::Loaded { ours: false, .. })), "{event:?}");
        want(&mut node, 20);
        step(&mut node);
        node.done(Outcome::Written(version + 1), &writer(), Instant::now());
    };
    reload(1);
    reload(3);
}

#[test]
fn our_own_write_that_was_not_done_is_no_conflict() {
    let mut node = written_node();
    for offset in [12, 13, 14, 15] {
        want(&mut node, offset);
        assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", offset, "t"), 0)));
        let now = Instant::now();
        let later = now + RETRY;
        node.done(Outcome::Unknown("connection lost".to_owned()), &writer(), now);
        assert_eq!(node.step(&writer(), later), Some(Step::Read { elsewhere: false }));
        assert!(node.done(Outcome::Read(bytes("wc-1", 10, "t"), 0), &writer(), later).is_none());
    }
    node.load(node.part.clone());
    step(&mut node);
    let event = node.done(Outcome::Read(bytes("wc-1", 10, "t"), 0), &writer(), Instant::now());
    assert!(matches!(event, Some(Event::Loaded { ours: true, .. })), "{event:?}");
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 15, "t"), 0)));
}

#[test]
fn a_takeover_that_was_not_written_yet_does_not_begin_again() {
    let elsewhere = || Outcome::Elsewhere(bytes("old", 10, "t"), "/p/partition_0".to_owned());
    let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p/t/partition_0".to_owned());
    step(&mut node);
    assert!(matches!(node.done(elsewhere(), &writer(), Instant::now()), Some(Event::Loaded { ours: false, .. })));
    want(&mut node, 20);
    node.load(node.part.clone());
    step(&mut node);
    assert!(matches!(node.done(elsewhere(), &writer(), Instant::now()), Some(Event::Loaded { ours: true, .. })));
    assert_eq!(step(&mut node), Some(Step::Create(bytes("wc-1", 20, "t"))));
}

#[test]
fn a_node_that_is_released_is_read_no_more() {
    let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p".to_owned());
    node.release();
    assert!(node.is_idle() && step(&mut node).is_none());
}

#[test]
fn a_reload_that_overtakes_the_last_commit_keeps_it() {
    let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p".to_owned());
    step(&mut node);
    node.done(Outcome::Read(bytes("wc-1", 10, "t"), 3), &writer(), Instant::now());
    want(&mut node, 20);
    node.load(node.part.clone());
    assert_eq!(step(&mut node), Some(Step::Read { elsewhere: true }));
    let event = node.done(Outcome::Read(bytes("wc-1", 10, "t"), 3), &writer(), Instant::now());
    assert!(matches!(event, Some(Event::Loaded { ours: true, .. })), "{event:?}");
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 20, "t"), 3)));
}

#[test]
fn the_other_layouts_offset_is_taken_over_only_if_it_is_our_topics() {
    let load = |topic: &str| {
        let mut node = Node::new(Part { slot: 7, topic: "t".into(), partition: 0 }, "/p/t/partition_0".to_owned());
        step(&mut node);
        match node.done(
            Outcome::Elsewhere(bytes("old", 10, topic), "/p/partition_0".to_owned()),
            &writer(),
            Instant::now(),
        ) {
            Some(Event::Loaded { stored, .. }) => stored.map(|stored| stored.offset),
            event => panic!("{event:?}"),
        }
    };
    assert_eq!((load("t"), load("u")), (Some(10), None));
}

#[test]
fn after_a_truncation_the_offset_goes_back_and_old_answers_are_not_taken_for_new_ones() {
    let mut node = written_node();
    node.floor = 500;
    want(&mut node, 600);
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 600, "t"), 0)));
    let part = Part { slot: 8, ..node.part.clone() };
    node.want(Commit { part, offset: 3, broker: broker(), rewind: true });
    let event = node.done(Outcome::Written(1), &writer(), Instant::now());
    assert!(matches!(event, Some(Event::Committed { slot: 7, offset: 600 })), "{event:?}");
    assert_eq!(step(&mut node), Some(Step::Set(bytes("wc-1", 3, "t"), 1)));
    let event = node.done(Outcome::Written(2), &writer(), Instant::now());
    assert!(matches!(event, Some(Event::Committed { slot: 8, offset: 3 })), "{event:?}");
}

#[test]
fn a_refused_write_is_tried_again_and_keeps_its_offset() {
    let mut node = written_node();
    want(&mut node, 12);
    step(&mut node);
    let event = node.done(Outcome::Refused("not authorized".to_owned()), &writer(), Instant::now());
    assert!(
        matches!(event, Some(Event::Refused { slot: 7, reason }) if reason.contains("/p") && reason.contains("not authorized"))
    );
    assert!(node.has_unwritten());
    assert_eq!(node.step(&writer(), Instant::now() + RETRY_REFUSED), Some(Step::Read { elsewhere: false }));
}

#[test]
fn a_deleted_node_is_written_again() {
    let mut node = written_node();
    want(&mut node, 12);
    step(&mut node);
    assert!(node.done(Outcome::Missing, &writer(), Instant::now()).is_none());
    assert_eq!(step(&mut node), Some(Step::Create(bytes("wc-1", 12, "t"))));
}
