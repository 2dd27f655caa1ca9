//! Znodes, read and written as a person at `zkCli` would.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Error, Permission};

use super::stack::stack;
use super::{PATIENCE, wait_for};

type Job = Box<dyn FnOnce(Client) -> BoxFuture<'static, ()> + Send>;

/// The thread with the one session of the test process.
static JOBS: LazyLock<UnboundedSender<Job>> = LazyLock::new(|| {
    let (jobs, mut inbox) = unbounded_channel::<Job>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
        runtime.block_on(async {
            // A test may take the server away for a while.
            let connector = Client::connector().with_session_timeout(PATIENCE);
            let client = connector.connect(&stack().zookeeper).await.expect("ZooKeeper");
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

/// Lets nobody write a znode that has no password; or everybody again.
pub fn protect(path: &str, protected: bool) {
    let path = path.to_owned();
    run(move |client| {
        async move {
            // ADMIN stays everybody's, so that the list can be changed again.
            let allowed = if protected { Permission::READ | Permission::ADMIN } else { Permission::ALL };
            client.set_acl(&path, &[Acl::new(allowed, AuthId::anyone())], None).await.map(drop)
        }
        .boxed()
    })
    .unwrap_or_else(|error| panic!("ZooKeeper: {error}"));
}

/// Takes over the session whose handshake the server answered with `greeting`, and closes it: what a server that has
/// lost patience does to it.
pub fn close_session(greeting: &[u8]) {
    // Length, protocol version, timeout; then the session's id, and its password with a length before it.
    let (id, password) = (&greeting[12..20], &greeting[20..40]);
    let mut request = Vec::new();
    // Protocol version, last zxid seen, timeout in ms.
    request.extend_from_slice(&[0; 12]);
    request.extend_from_slice(&10_000i32.to_be_bytes());
    request.extend_from_slice(id);
    request.extend_from_slice(password);
    // Not read-only.
    request.push(0);
    let mut server = TcpStream::connect(&stack().zookeeper).expect("ZooKeeper");
    send(&mut server, &request);
    let answer = receive(&mut server);
    assert_eq!(answer[8..16], *id, "the session is ours now");
    // Transaction id and the operation closeSession.
    send(&mut server, &[1i32.to_be_bytes(), (-11i32).to_be_bytes()].concat());
    receive(&mut server);
}

fn send(server: &mut TcpStream, packet: &[u8]) {
    let length = (packet.len() as i32).to_be_bytes();
    server.write_all(&[&length, packet].concat()).expect("ZooKeeper takes it");
}

fn receive(server: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    server.read_exact(&mut length).expect("ZooKeeper answers");
    let mut packet = vec![0; i32::from_be_bytes(length) as usize];
    server.read_exact(&mut packet).expect("ZooKeeper answers");
    packet
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
