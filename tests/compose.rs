//! `docker-compose.yml`, as far as it can be tried without pulling an image: docker-compose accepts it, it says the same
//! as the rest of the repository, and Kafka itself starts with the configuration that it gives.

use std::collections::BTreeMap;

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use support::local::{Local, compose, free_port, text_of, version_of};
use support::report;
use support::stack::{Stack, kafka_tool};

/// What stands beneath a service: `key: value` for each line of its own, items of lists under the list's key.
type Service = BTreeMap<String, Vec<String>>;

/// The services of the file, read by its own indentation: two spaces a level.
fn services() -> BTreeMap<String, Service> {
    let text = text_of("docker-compose.yml");
    let (_, services) = text.split_once("\nservices:\n").expect("services");
    let (services, _) = services.split_once("\nvolumes:\n").expect("volumes");
    let mut found: BTreeMap<String, Service> = BTreeMap::new();
    let (mut service, mut key) = (String::new(), String::new());
    for line in services.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
        let word = line.trim();
        match line.len() - line.trim_start().len() {
            2 => word.trim_end_matches(':').clone_into(&mut service),
            4 => {
                let (name, value) = word.split_once(':').expect("key: value");
                name.clone_into(&mut key);
                let values = found.entry(service.clone()).or_default().entry(key.clone()).or_default();
                values.extend((!value.is_empty()).then(|| value.trim().to_owned()));
            }
            _ => {
                let item = word.trim_start_matches("- ").trim_matches('"').to_owned();
                found.get_mut(&service).and_then(|service| service.get_mut(&key)).expect("a key").push(item);
            }
        }
    }
    found
}

/// The value of a variable of a service's environment.
fn variable<'a>(service: &'a Service, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let value = service["environment"].iter().find_map(|line| line.strip_prefix(prefix.as_str()));
    value.unwrap_or_else(|| panic!("no {name}")).trim_matches('"')
}

#[test]
fn docker_compose_accepts_it() {
    let (local, compose) = (Local::new(), compose());
    let version = local.run(&format!("{compose} version --short"));
    assert_eq!(
        version.code,
        Some(0),
        "Compose is wanted to check docker-compose.yml, no engine; scripts/test installs it, or: sudo apt-get install \
         --no-install-recommends docker-compose"
    );
    for (options, storm) in [("", false), ("--profile storm", true)] {
        let printed = local.run(&format!("{compose} {options} config")).ok();
        for (image, expected) in [("apache/kafka:", true), ("zookeeper:", true), ("storm:", storm)] {
            let is_there = printed.contains(&format!("image: {image}"));
            // Compose 1 prints what no profile of the command line has, too.
            assert!(is_there || !expected, "{image} in\n{printed}");
        }
        let lines = printed.lines().count();
        report(&format!("{compose} {} accepts docker-compose.yml {options}: {lines} lines", version.out.trim()));
    }
}

#[test]
fn its_versions_are_those_of_the_pom() {
    let services = services();
    for (service, image, part) in [
        ("kafka", "apache/kafka", "kafka"),
        ("zookeeper", "zookeeper", "zookeeper"),
        ("nimbus", "storm", "storm"),
        ("supervisor", "storm", "storm"),
        ("ui", "storm", "storm"),
    ] {
        assert_eq!(services[service]["image"], [format!("{image}:{}", version_of(part))], "{service}");
        let profile = services[service].get("profiles").map(Vec::as_slice).unwrap_or_default();
        assert_eq!(profile, if part == "storm" { &["[\"storm\"]"][..] } else { &[] }, "{service}");
        assert!(services[service].contains_key("healthcheck"), "{service}");
    }
    assert_eq!(services.len(), 5);
}

#[test]
fn its_ports_are_those_of_the_script() {
    let services = services();
    let help = Local::new().run("scripts/stack --help").ok();
    for (service, option) in [("kafka", "--kafka-port"), ("zookeeper", "--zookeeper-port")] {
        let line = help.lines().find(|line| line.trim().starts_with(option)).expect("the option");
        let port = line.split_once("default ").expect("a default").1;
        assert_eq!(services[service]["ports"], [format!("127.0.0.1:{port}:{port}")]);
    }
    assert_eq!(services["ui"]["ports"], ["127.0.0.1:8080:8080"]);
    assert_eq!(
        variable(&services["kafka"], "KAFKA_ADVERTISED_LISTENERS"),
        "HOST://127.0.0.1:9092,CONTAINERS://kafka:19092"
    );
}

/// As the image does it: each variable is a line of the broker's configuration. The ports are others, the data lie
/// elsewhere, and the name that only containers know is this machine's.
#[test]
fn kafka_starts_with_its_configuration_and_is_reached_both_ways() {
    let ports: BTreeMap<&str, u16> = ["9092", "19092", "29093"].map(|port| (port, free_port())).into();
    let mut properties = Vec::new();
    for line in &services()["kafka"]["environment"] {
        let (name, value) = line.split_once(": ").expect("NAME: value");
        let key = name.strip_prefix("KAFKA_").expect("a variable of Kafka's").to_lowercase().replace('_', ".");
        if key == "log.dirs" {
            continue;
        }
        let mut value = value.trim_matches('"').replace("//kafka:", "//localhost:");
        for (theirs, ours) in &ports {
            value = value.replace(&format!(":{theirs}"), &format!(":{ours}"));
        }
        properties.push(format!("{key}={value}"));
    }
    let port = ports["9092"].to_string();
    let mut arguments = vec!["--kafka-port", &port];
    arguments.extend(properties.iter().flat_map(|property| ["--broker-property", property]));
    let stack = Stack::start(&arguments);

    let made = kafka_tool("TopicCommand", &stack.kafka, &["--create", "--topic", "seen", "--partitions", "3"]);
    assert!(made.contains("Created topic seen"), "{made}");
    let containers = format!("localhost:{}", ports["19092"]);
    for (listener, advertised) in [(&stack.kafka, &stack.kafka), (&containers, &containers)] {
        let topics = kafka_tool("TopicCommand", listener, &["--list"]);
        assert!(topics.contains("seen"), "{topics}");
        // What a client goes on with.
        let brokers = kafka_tool("BrokerApiVersionsCommand", listener, &[]);
        assert!(brokers.contains(&format!("{advertised} (id: 1")), "{brokers}");
    }
}
