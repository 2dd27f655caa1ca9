//! Closing the client, in the order that librdkafka wants, on a thread of its own: it can hang.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;

use super::client::Consumer;
use super::group::{GroupAnswer, GroupCommit};
use super::partitions::Queue;

/// What the closing thread tells, in this order.
#[derive(Debug)]
pub enum Closing {
    /// What the group's coordinator said to the last offsets, if it was asked and has answered.
    Committed(Option<GroupAnswer>),
    /// The client is gone, and with it every socket to Kafka.
    Closed {
        /// How long it took.
        took: Duration,
    },
}

/// The last offsets for the group, on their way, and how long their answer may keep the close.
pub struct LastCommit {
    /// The request.
    pub commit: GroupCommit,
    /// From the begin of the close.
    pub patience: Duration,
}

/// The spout thread's end of the closing thread. That is made at the start: at the end there may be none to be had.
pub struct Closer(Sender<Work>);

/// A client, its queues, and the last request on its way.
type Work = (Arc<Consumer>, Vec<Queue>, Option<LastCommit>);

impl Closer {
    /// Starts the thread. `tell` is called there twice for each client.
    ///
    /// # Errors
    /// No thread can be made.
    pub fn start(tell: impl Fn(Closing) + Send + 'static) -> std::io::Result<Self> {
        let (clients, inbox) = channel();
        let work = move || {
            for (consumer, queues, last) in inbox {
                close(consumer, queues, last, &tell);
            }
        };
        std::thread::Builder::new().name("kafka-close".to_owned()).spawn(work)?;
        Ok(Self(clients))
    }

    /// Closes the client behind this call, once `last` is answered or has had its time. Other handles of the client
    /// must go soon.
    pub fn close(&self, consumer: Arc<Consumer>, queues: Vec<Queue>, last: Option<LastCommit>) {
        // The thread lives as long as this handle.
        let _ = self.0.send((consumer, queues, last));
    }
}

/// Partitions, then queues, then the client itself, whose destruction joins librdkafka's threads and closes their
/// sockets.
fn close(consumer: Arc<Consumer>, queues: Vec<Queue>, last: Option<LastCommit>, tell: &dyn Fn(Closing)) {
    let begun = Instant::now();
    if let Ok(assignment) = consumer.assignment()
        && let Err(error) = consumer.incremental_unassign(&assignment)
    {
        tracing::debug!("closing the Kafka client: {error}");
    }
    drop(queues);
    tell(Closing::Committed(last.and_then(|LastCommit { commit, patience }| commit.poll(patience))));
    destroy(consumer);
    tell(Closing::Closed { took: begun.elapsed() });
}

/// Waits until the metadata thread has let go of its handle, then drops the last one: were that one dropped there,
/// the metadata thread would be the one to hang.
fn destroy(mut consumer: Arc<Consumer>) {
    loop {
        match Arc::try_unwrap(consumer) {
            Ok(last) => return drop(last),
            Err(shared) => {
                consumer = shared;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
