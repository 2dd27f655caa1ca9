//! Znodes, read and written as a person at `zkCli` would.

use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use zookeeper_client::{Acls, Client, CreateMode, Error};

use super::stack::stack;
use super::{PATIENCE, wait_for};

type Job = Box<dyn FnOnce(Client) -> BoxFuture<'static, ()> + Send>;

/// The thread with the one session of the test process.
static JOBS: LazyLock<UnboundedSender<Job>> = LazyLock::new(|| {
    let (jobs, mut inbox) = unbounded_channel::<Job>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
        runtime.block_on(async {
            let client = Client::connect(&stack().zookeeper).await.expect("ZooKeeper");
            while let Some(job) = inbox.recv().await {
                job(client.clone()).await;
            }
        });
    });
    jobs
});

fn run<T: Send + 'static>(work: impl FnOnce(Client) -> BoxFuture<'static, T> + Send + 'static) -> T {
    let (sender, answer): (Sender<T>, _) = channel();
    let job = move |client| {
        let done = work(client);
        async move { drop(sender.send(done.await)) }.boxed()
    };
    assert!(JOBS.send(Box::new(job)).is_ok(), "the ZooKeeper thread is gone");
    answer.recv_timeout(PATIENCE).expect("ZooKeeper answers")
}

/// The text and version of a znode, if it exists.
pub fn read(path: &str) -> Option<(String, i32)> {
    let path = path.to_owned();
    let read = run(|client| async move { client.get_data(&path).await }.boxed());
    match read {
        Ok((bytes, stat)) => Some((String::from_utf8_lossy(&bytes).into_owned(), stat.version)),
        Err(Error::NoNode) => None,
        Err(error) => panic!("ZooKeeper: {error}"),
    }
}

/// Writes a znode, whatever is there; makes it, parents included.
pub fn write(path: &str, text: &str) {
    let (path, bytes) = (path.to_owned(), text.as_bytes().to_vec());
    let written = run(|client| {
        async move {
            let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
            match client.set_data(&path, &bytes, None).await {
                Err(Error::NoNode) => {
                    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                    client.mkdir(parent, &options).await?;
                    client.create(&path, &bytes, &options).await.map(drop)
                }
                other => other.map(drop),
            }
        }
        .boxed()
    });
    written.unwrap_or_else(|error| panic!("ZooKeeper: {error}"));
}

/// Removes a znode.
pub fn delete(path: &str) {
    let path = path.to_owned();
    run(|client| async move { client.delete(&path, None).await }.boxed()).expect("delete");
}

/// What the old spout would have stored.
pub fn legacy(topology_id: &str, offset: i64, partition: i32, topic: &str) -> String {
    format!(
        "{{\"topology\":{{\"id\":\"{topology_id}\",\"name\":\"old\"}},\"offset\":{offset},\"partition\":{partition},\
         \"broker\":{{\"host\":\"h\",\"port\":9092}},\"topic\":\"{topic}\"}}"
    )
}

/// The offset in a znode, if it exists.
pub fn offset(path: &str) -> Option<i64> {
    let (text, _) = read(path)?;
    let node: Value = serde_json::from_str(&text).expect("JSON in the znode");
    Some(node["offset"].as_i64().expect("an integer offset in the znode"))
}

/// Waits until the znode holds this offset.
pub fn wait_for_offset(path: &str, wanted: i64) {
    let mut last = None;
    let begun = std::time::Instant::now();
    while last != Some(wanted) {
        last = offset(path);
        assert!(begun.elapsed() < PATIENCE, "{path} holds {last:?} and not {wanted}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Waits until the znode exists; gives its offset.
pub fn wait_for_node(path: &str) -> i64 {
    wait_for(path, || offset(path))
}
