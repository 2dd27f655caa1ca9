//! Where the offsets are to be kept.

use super::values::{ConfigError, Values};
use super::{default_id, missing, topology_name};
use crate::multilang::Context;
use crate::offsets::{Layout, OffsetStore, Writer, ZooKeeperConfig};

/// `kafka.spout.offsets.store` and what belongs to it.
pub(super) fn store(values: &Values<'_>, context: &Context, single_topic: bool) -> Result<OffsetStore, ConfigError> {
    let in_group = values.one_of("kafka.spout.offsets.store", false, &[("zookeeper", false), ("group", true)], &[])?;
    // Without a node nothing of ZooKeeper has to be right.
    Ok(if in_group { OffsetStore::Group } else { OffsetStore::ZooKeeper(zookeeper(values, context, single_topic)?) })
}

/// In whose name offsets are stored.
pub(super) fn writer(values: &Values<'_>) -> Result<Writer, ConfigError> {
    let topology_name = topology_name(values)?;
    Ok(Writer { topology_id: values.text("storm.id")?.unwrap_or_else(|| topology_name.clone()), topology_name })
}

fn zookeeper(values: &Values<'_>, context: &Context, single_topic: bool) -> Result<ZooKeeperConfig, ConfigError> {
    let key = "kafka.spout.zookeeper.connect";
    let connect = match values.text(key)?.or(values.text("config.zkServers")?) {
        Some(connect) => connect,
        None => storm_zookeeper(values)?
            .ok_or_else(|| missing(key, "the ZooKeeper servers, as host:port,host:port/chroot; or keep the offsets in the consumer group: kafka.spout.offsets.store"))?,
    };
    let (hosts, chroot) = connect.find('/').map_or((connect.as_str(), ""), |slash| connect.split_at(slash));
    // Java writes a comma after the last server.
    let hosts: Vec<&str> = hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).collect();
    if hosts.is_empty() {
        return Err(ConfigError::new(key, format!("{connect:?} names no server; write host:port,host:port/chroot")));
    }
    let with_port = |host: &&str| match host.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => (*host).to_owned(),
        _ => format!("{host}:2181"),
    };
    let name = default_id(values, context)?;
    let (root, id) = (values.text("kafka.spout.zookeeper.root")?, values.text("kafka.spout.zookeeper.id")?);
    let prefix = match (root, id, values.text("config.zkRoot")?) {
        (None, None, Some(whole)) => whole,
        (root, id, _) => format!("{}/{}", root.as_deref().unwrap_or("/kafka-spout"), id.unwrap_or(name)),
    };
    let layout = Layout::new(&format!("{chroot}/{prefix}"), single_topic);
    Ok(ZooKeeperConfig {
        servers: hosts.iter().map(with_port).collect::<Vec<_>>().join(","),
        layout: layout.map_err(|problem| ConfigError::new("kafka.spout.zookeeper.root", problem))?,
        session_timeout: values.millis("kafka.spout.zookeeper.session.timeout.ms", 20_000, 1000)?,
    })
}

fn storm_zookeeper(values: &Values<'_>) -> Result<Option<String>, ConfigError> {
    let port = values.integer("storm.zookeeper.port", 2181, 1..=65535)?;
    let servers = values.list("storm.zookeeper.servers")?;
    let with_port =
        |servers: Vec<String>| servers.iter().map(|server| format!("{server}:{port}")).collect::<Vec<_>>().join(",");
    Ok(servers.map(with_port))
}
