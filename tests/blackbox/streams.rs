//! Which stream a record's tuple goes to.

use serde_json::json;

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::zk;

#[test]
fn records_of_several_topics_go_to_the_streams_that_are_named_and_come_again_there() {
    let topics = ["a", "b", "c"].map(|name| Topic::new(name, 1));
    for topic in &topics {
        topic.produce(0, [topic.name.clone()]);
    }
    let [a, b, c] = &topics;
    let routes = json!({a.name.clone(): "one", format!("{}.*", &b.name): "two"});
    let conf = Conf::new(&[a, b, c]).stream("one", &["value"]).stream("two", &["value"]);
    let mut parent = FakeParent::activated(&conf.clone().spout("stream.by.topic", routes));
    let expected =
        [(a, "one"), (b, "two"), (c, "default")].map(|(topic, stream)| (topic.name.clone(), stream.to_owned()));
    for again in [true, false] {
        let emits = parent.collect(3);
        let mut found: Vec<_> = emits.iter().map(|emit| (emit.text(0).to_owned(), emit.stream.clone())).collect();
        found.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected);
        for emit in &emits {
            if again {
                parent.fail(emit);
            } else {
                parent.ack(emit);
            }
        }
    }
    for topic in &topics {
        zk::wait_for_offset(&conf.node_of(topic, 0), 1);
    }
    parent.finish();
}
