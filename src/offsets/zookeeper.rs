//! The offsets thread: a current-thread tokio runtime around one ZooKeeper session, and nothing else.
//!
//! It takes requests at any time, also while ZooKeeper is away, and merges them into one [`Node`] per partition, so
//! memory is bounded by the number of partitions. Writes of different nodes are pipelined on the one connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc::UnboundedReceiver;
use zookeeper_client::{Acls, Client, CreateMode, Error, SessionState, StateWatcher};

use super::node::{Node, Outcome, Step};
use super::{Event, Part, Request, Store, Writer, ZooKeeperConfig};

/// How long one operation may take before its outcome counts as unknown. The client itself queues requests without
/// bound while it is disconnected.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause between attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// How long to wait for the server to confirm the end of the session.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// How often nodes are looked at whose retry may be due.
const RETRY_TICK: Duration = Duration::from_millis(250);

/// Starts the thread. `tell` is called there with each event; it must not block.
///
/// # Errors
/// The thread or its runtime cannot be made: out of memory, threads or descriptors.
pub fn start(config: ZooKeeperConfig, writer: Writer, tell: impl Fn(Event) + Send + 'static) -> std::io::Result<Store> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (requests, inbox) = tokio::sync::mpsc::unbounded_channel();
    let thread = OffsetsThread {
        config,
        writer,
        tell: Box::new(tell),
        nodes: BTreeMap::new(),
        operations: FuturesUnordered::new(),
        closing: false,
        reachable: None,
    };
    std::thread::Builder::new().name("offsets".to_owned()).spawn(move || runtime.block_on(thread.run(inbox)))?;
    Ok(Store(requests))
}

/// Topic and partition.
type Key = (Arc<str>, i32);

fn key(part: &Part) -> Key {
    (Arc::clone(&part.topic), part.partition)
}

struct OffsetsThread {
    config: ZooKeeperConfig,
    writer: Writer,
    tell: Box<dyn Fn(Event) + Send>,
    /// By topic and partition: one that leaves us and comes back finds its node, and the write under way, again.
    nodes: BTreeMap<Key, Node>,
    operations: FuturesUnordered<BoxFuture<'static, (Key, Outcome)>>,
    closing: bool,
    reachable: Option<bool>,
}

/// The session, or the attempt to get one.
enum Session {
    Connecting(BoxFuture<'static, Result<Client, Error>>),
    Connected(Client, StateWatcher),
}

impl OffsetsThread {
    async fn run(mut self, mut inbox: UnboundedReceiver<Request>) {
        let mut session = self.connect(Duration::ZERO);
        let mut tick = tokio::time::interval(RETRY_TICK);
        loop {
            if let Session::Connected(client, _) = &session {
                self.begin_steps(client);
            }
            if self.closing && (matches!(session, Session::Connecting(_)) || self.nodes.values().all(Node::may_close)) {
                break;
            }
            tokio::select! {
                request = inbox.recv() => match request {
                    Some(request) => self.request(request),
                    None => break,
                },
                Some((key, outcome)) = self.operations.next(), if !self.operations.is_empty() => self.finish_step(&key, outcome),
                next = Self::session_change(&mut session) => if let Some(next) = self.session_changed(next) { session = next },
                _ = tick.tick() => {}
            }
        }
        self.close(session).await;
    }

    /// A connection attempt after `pause`.
    fn connect(&self, pause: Duration) -> Session {
        let (servers, timeout) = (self.config.servers.clone(), self.config.session_timeout);
        Session::Connecting(
            async move {
                tokio::time::sleep(pause).await;
                // Eagerly: we want the reason now and try again ourselves.
                // With a server of 3.5 or newer nothing that we use is different; one of 3.4 knows no `create2`.
                let connector = Client::connector().with_session_timeout(timeout).with_server_version(3, 4, 0);
                connector.with_fail_eagerly().connect(&servers).await
            }
            .boxed(),
        )
    }

    async fn session_change(session: &mut Session) -> Result<Result<Client, Error>, SessionState> {
        match session {
            Session::Connecting(attempt) => Ok(attempt.await),
            Session::Connected(_, watcher) => Err(watcher.changed().await),
        }
    }

    /// The session to go on with, if it is another one now.
    fn session_changed(&mut self, change: Result<Result<Client, Error>, SessionState>) -> Option<Session> {
        let servers = &self.config.servers;
        match change {
            Ok(Ok(client)) => {
                tracing::info!(
                    "ZooKeeper {servers}: session {} with a timeout of {} ms",
                    client.session_id(),
                    client.session_timeout().as_millis()
                );
                self.reached();
                let watcher = client.state_watcher();
                Some(Session::Connected(client, watcher))
            }
            Ok(Err(error)) => {
                self.unreachable(format!(
                    "ZooKeeper {servers}: {error}; is kafka.spout.zookeeper.connect right, and does the server run?"
                ));
                Some(self.connect(RECONNECT_PAUSE))
            }
            Err(state) if state.is_terminated() => {
                // Such a client never works again: a new one, and every version is read anew before the next write.
                tracing::warn!("ZooKeeper {servers}: the session is over ({state:?}); opening another one");
                self.unreachable(format!("ZooKeeper {servers}: session {state:?}"));
                Some(self.connect(Duration::ZERO))
            }
            Err(SessionState::Disconnected) => {
                self.unreachable(format!("ZooKeeper {servers}: disconnected"));
                None
            }
            Err(_) => {
                self.reached();
                None
            }
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Load(parts) => parts.into_iter().for_each(|part| self.load(part)),
            Request::Commit(commits) => {
                for commit in commits {
                    if let Some(node) = self.nodes.get_mut(&key(&commit.part)) {
                        node.want(commit);
                    }
                }
            }
            Request::Release(parts) => {
                for part in parts {
                    if let Some(node) = self.nodes.get_mut(&key(&part)) {
                        node.release();
                    }
                }
                self.nodes.retain(|_, node| !(node.released && node.is_idle()));
            }
            Request::Close => {
                self.closing = true;
                // Loads are of no use any more, and must not keep us.
                self.nodes.retain(|_, node| node.has_unwritten());
            }
        }
    }

    fn load(&mut self, part: Part) {
        if let Some(node) = self.nodes.get_mut(&key(&part)) {
            node.load(part);
        } else {
            let path = self.config.layout.path(&part.topic, part.partition);
            self.nodes.insert(key(&part), Node::new(part, path));
        }
    }

    /// Begins what is due. The requests go out in this order as the futures are first polled.
    fn begin_steps(&mut self, client: &Client) {
        let now = Instant::now();
        for (key, node) in &mut self.nodes {
            let Some(step) = node.step(&self.writer, now) else { continue };
            node.busy = true;
            let other = self.config.layout.other_path(&node.part.topic, node.part.partition);
            let (client, key, path) = (client.clone(), key.clone(), node.path.clone());
            self.operations.push(async move { (key, operate(&client, &path, &other, step).await) }.boxed());
        }
    }

    fn finish_step(&mut self, key: &Key, outcome: Outcome) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        node.busy = false;
        let event = node.done(outcome, &self.writer, Instant::now());
        if node.released && node.is_idle() {
            self.nodes.remove(key);
        }
        match event {
            Some(Event::Unreachable(reason)) => self.unreachable(reason),
            Some(event) => {
                // A refusal is an answer, too.
                self.reached();
                (self.tell)(event);
            }
            None => {}
        }
    }

    fn reached(&mut self) {
        if self.reachable != Some(true) {
            self.reachable = Some(true);
            (self.tell)(Event::Reachable);
        }
    }

    fn unreachable(&mut self, reason: String) {
        if self.reachable != Some(false) {
            self.reachable = Some(false);
            tracing::warn!("{reason}");
        }
        (self.tell)(Event::Unreachable(reason));
    }

    async fn close(mut self, session: Session) {
        let unwritten = self.nodes.values().filter(|node| node.has_unwritten()).count();
        (self.tell)(Event::Written { unwritten });
        self.operations.clear();
        if let Session::Connected(client, mut watcher) = session {
            // The session ends when its last handle goes; persistent nodes lose nothing if nobody confirms it.
            drop(client);
            let closed = async { while !watcher.changed().await.is_terminated() {} };
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
        }
        (self.tell)(Event::Closed);
    }
}

async fn operate(client: &Client, path: &str, other: &str, step: Step) -> Outcome {
    let outcome = tokio::time::timeout(OPERATION_TIMEOUT, attempt(client, path, other, step)).await;
    outcome.unwrap_or_else(|_| Outcome::Unknown(format!("no answer in {} s", OPERATION_TIMEOUT.as_secs())))
}

async fn attempt(client: &Client, path: &str, other: &str, step: Step) -> Outcome {
    match step {
        Step::Read { elsewhere } => match client.get_data(path).await {
            Ok((bytes, stat)) => Outcome::Read(bytes, stat.version),
            Err(Error::NoNode) if elsewhere => match client.get_data(other).await {
                Ok((bytes, _)) => Outcome::Elsewhere(bytes, other.to_owned()),
                Err(Error::NoNode) => Outcome::Missing,
                Err(error) => failed(&format!("reading {other}"), &error),
            },
            Err(Error::NoNode) => Outcome::Missing,
            Err(error) => failed("reading", &error),
        },
        Step::Set(bytes, version) => match client.set_data(path, &bytes, Some(version)).await {
            Ok(stat) => Outcome::Written(stat.version),
            Err(Error::BadVersion) => Outcome::Conflict,
            Err(Error::NoNode) => Outcome::Missing,
            Err(error) => failed("writing", &error),
        },
        Step::Create(bytes) => create(client, path, &bytes).await,
    }
}

async fn create(client: &Client, path: &str, bytes: &[u8]) -> Outcome {
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let mut result = client.create(path, bytes, &options).await;
    if result == Err(Error::NoNode) {
        let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
        if let Err(error) = client.mkdir(parent, &options).await {
            return failed(&format!("creating {parent}"), &error);
        }
        result = client.create(path, bytes, &options).await;
    }
    match result {
        // The answer of 3.4 does not say it: a new node's version is 0.
        Ok(_) => Outcome::Written(0),
        Err(Error::NodeExists) => Outcome::Conflict,
        Err(error) => failed("creating", &error),
    }
}

/// A lost connection leaves the outcome open; the rest are the server's own words.
fn failed(attempted: &str, error: &Error) -> Outcome {
    let reason = format!("{attempted}: {error}");
    match error {
        Error::NoAuth
        | Error::InvalidAcl
        | Error::AuthFailed
        | Error::BadArguments(_)
        | Error::NoChildrenForEphemerals
        | Error::QuotaExceeded => Outcome::Refused(reason),
        _ => Outcome::Unknown(reason),
    }
}
