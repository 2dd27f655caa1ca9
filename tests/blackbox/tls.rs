//! A Kafka that speaks TLS and asks who is there.

use std::time::{Duration, Instant};

use crate::support::conf::Conf;
use crate::support::group::committed;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::{report, wait_for, zk};

/// Passwords of the launcher's Kafka.
const STORE_PASSWORD: &str = "client-secret";
const USER_PASSWORD: &str = "spout-secret";

const WRONG_PASSWORD: &str = "wrong-secret";

fn ten_records() -> (Topic, Conf) {
    let topic = Topic::new("tls", 2);
    for partition in 0..2 {
        topic.produce(partition, (0..5).map(|number| number.to_string()));
    }
    let conf = Conf::new(&[&topic]);
    (topic, conf)
}

/// With TLS, to this address, and trust in the authority that signed the broker's certificate.
fn tls(conf: Conf, address: &str) -> Conf {
    conf.spout("bootstrap.servers", address)
        .spout("consumer.security.protocol", "ssl")
        .spout("consumer.ssl.ca.location", stack().certificate("ca.pem"))
}

/// And with a certificate.
fn with_certificate(conf: Conf) -> Conf {
    conf.spout("consumer.ssl.certificate.location", stack().certificate("client.pem"))
        .spout("consumer.ssl.key.location", stack().certificate("client.key"))
}

fn scram(conf: Conf, password: &str) -> Conf {
    tls(conf, stack().sasl())
        .spout("consumer.security.protocol", "sasl_ssl")
        .spout("consumer.sasl.mechanism", "SCRAM-SHA-256")
        .spout("consumer.sasl.username", "spout")
        .spout("consumer.sasl.password", password)
}

/// Reads, commits to ZooKeeper, and writes the copy to the group: by each of the spout's clients.
fn works(mut parent: FakeParent, topic: &Topic, conf: &Conf) {
    parent.activate();
    let emits = parent.collect(10);
    parent.ack_all(&emits);
    let group = format!("{}-kafka", conf.topology_name());
    for partition in 0..2 {
        zk::wait_for_offset(&conf.node(partition), 5);
        wait_for("the offset in the group", || {
            parent.next();
            (committed(&stack().kafka, &group, &topic.name, partition)?.0 == 5).then_some(())
        });
    }
    let said = parent.said().join("\n");
    parent.terminate();
    let exit = parent.wait_for_exit();
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let said = format!("{said}\n{exit:?}");
    assert!(![STORE_PASSWORD, USER_PASSWORD].iter().any(|secret| said.contains(secret)), "{said}");
}

/// Says what is wrong in Storm UI, lives on, and ends when it is told to.
fn complains(what: &str, conf: &Conf, words: &[&str]) {
    let begun = Instant::now();
    let mut parent = FakeParent::activated(conf);
    let error = parent.wait_for_error(words);
    report(&format!("{what}: Storm UI says after {:?}: {error}", begun.elapsed()));
    assert_eq!(parent.idle(Duration::from_millis(200)), []);
    parent.terminate();
    let exit = parent.wait_for_exit();
    assert!(exit.code == Some(69) && !format!("{error}{exit:?}").contains(WRONG_PASSWORD), "{exit:?}");
}

#[test]
fn records_come_over_tls_from_a_kafka_that_wants_a_certificate() {
    let (topic, conf) = ten_records();
    let conf = with_certificate(tls(conf, stack().tls()));
    works(FakeParent::start(&conf), &topic, &conf);
}

#[test]
fn a_password_comes_from_a_file_and_so_does_not_stand_in_storms_configuration() {
    let (topic, conf) = ten_records();
    let conf = tls(conf, stack().tls()).spout("consumer.ssl.keystore.location", stack().certificate("client.p12"));
    let dir = tempfile::tempdir().expect("a directory");
    let secrets = dir.path().join("secrets.properties");
    std::fs::write(&secrets, format!("kafka.spout.consumer.ssl.keystore.password={STORE_PASSWORD}\n")).expect("write");
    let mut parent = FakeParent::spawn(&["spout", "--config", secrets.to_str().expect("UTF-8")]);
    parent.shake_hands(&conf);
    works(parent, &topic, &conf);
}

#[test]
fn records_come_over_tls_from_a_kafka_that_wants_a_password_and_no_log_has_it() {
    let (topic, conf) = ten_records();
    // With all that librdkafka can tell of its configuration.
    let log = tempfile::NamedTempFile::new().expect("a file");
    let conf = scram(conf, USER_PASSWORD)
        .spout("log.level", "debug")
        .spout("log.file", log.path().to_str().expect("UTF-8"))
        .spout("consumer.debug", "conf,security");
    works(FakeParent::start(&conf), &topic, &conf);
    let log = std::fs::read_to_string(log.path()).expect("the log");
    assert!(log.contains("sasl.password"), "the configuration was not logged, so nothing was tested: {log}");
    assert!(!log.contains(USER_PASSWORD), "{log}");
}

/// Each of these takes as long as Kafka may be away before that is an error, so all are tried at once.
#[test]
fn what_is_wrong_with_tls_stands_in_storm_ui_with_what_to_do() {
    let (_, conf) = ten_records();
    let conf = || conf.clone();
    let by_name = stack().tls().replace("127.0.0.1", "localhost");
    let (protocol, authority) = ("kafka.spout.consumer.security.protocol", "kafka.spout.consumer.ssl.ca.location");
    let untrusted = with_certificate(tls(conf(), stack().tls()))
        .spout("consumer.ssl.ca.location", stack().certificate("other-ca.pem"));
    let misnamed = with_certificate(tls(conf(), &by_name)).spout("consumer.broker.address.family", "v4");
    let cases = [
        ("an authority that did not sign", untrusted, [stack().tls(), authority]),
        ("a name that the certificate lacks", misnamed, [&by_name, "the name or address"]),
        (
            "no certificate",
            tls(conf(), stack().tls()),
            [stack().tls(), "kafka.spout.consumer.ssl.certificate.location"],
        ),
        ("no TLS", conf().spout("bootstrap.servers", stack().tls()), [stack().tls(), protocol]),
        ("TLS where there is none", tls(conf(), &stack().kafka), [&stack().kafka, protocol]),
        ("a wrong password", scram(conf(), WRONG_PASSWORD), [stack().sasl(), "kafka.spout.consumer.sasl.password"]),
    ];
    std::thread::scope(|scope| {
        for (name, conf, words) in &cases {
            let thread = std::thread::Builder::new().name((*name).to_owned());
            thread.spawn_scoped(scope, move || complains(name, conf, words)).expect("a thread");
        }
    });
}

#[test]
fn certificates_and_passwords_that_cannot_be_used_are_refused_at_the_start() {
    let conf = || tls(Conf::new(&[&Topic::later("tls")]), stack().tls());
    let store = |password| {
        let conf = conf().spout("consumer.ssl.keystore.location", stack().certificate("client.p12"));
        conf.spout("consumer.ssl.keystore.password", password)
    };
    for (conf, words) in [
        (conf().spout("consumer.ssl.ca.location", "/nonexistent/ca.pem"), ["ssl.ca.location", "/nonexistent/ca.pem"]),
        (conf().spout("consumer.ssl.key.location", "/nonexistent/key"), ["ssl.key.location", "/nonexistent/key"]),
        (store(WRONG_PASSWORD), ["PKCS#12", "client.p12"]),
        (
            conf().spout("consumer.security.protocol", "sasl_ssl"),
            ["kafka.spout.consumer.sasl.mechanism", "SCRAM-SHA-256"],
        ),
    ] {
        let mut parent = FakeParent::start(&conf);
        let errors = parent.activate().errors;
        report(&format!("Storm UI says: {errors:?}"));
        assert!(errors.len() == 1 && words.iter().all(|word| errors[0].contains(word)), "{words:?} in {errors:?}");
        let exit = parent.wait_for_exit();
        assert!(exit.code == Some(78) && !format!("{exit:?}").contains(WRONG_PASSWORD), "{exit:?}");
    }
}
