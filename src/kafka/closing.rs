//! Closing the client, in the order that librdkafka wants, on a thread of its own: it can hang.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;

use super::client::Consumer;
use super::partitions::Queue;

/// The client is gone, and with it every socket to Kafka.
#[derive(Debug)]
pub struct Closed {
    /// How long it took.
    pub took: Duration,
}

/// The spout thread's end of the closing thread. That is made at the start: at the end there may be none to be had.
pub struct Closer(Sender<(Arc<Consumer>, Vec<Queue>)>);

impl Closer {
    /// Starts the thread. `tell` is called there when a client is closed.
    ///
    /// # Errors
    /// No thread can be made.
    pub fn start(tell: impl Fn(Closed) + Send + 'static) -> std::io::Result<Self> {
        let (clients, inbox) = channel();
        let work = move || {
            for (consumer, queues) in inbox {
                tell(close(consumer, queues));
            }
        };
        std::thread::Builder::new().name("kafka-close".to_owned()).spawn(work)?;
        Ok(Self(clients))
    }

    /// Closes the client behind this call; one after the other. Other handles of it must go soon.
    pub fn close(&self, consumer: Arc<Consumer>, queues: Vec<Queue>) {
        // The thread lives as long as this handle.
        let _ = self.0.send((consumer, queues));
    }
}

/// Partitions, then queues, then the client itself, whose destruction joins librdkafka's threads and closes their
/// sockets.
fn close(consumer: Arc<Consumer>, queues: Vec<Queue>) -> Closed {
    let begun = Instant::now();
    if let Ok(assignment) = consumer.assignment()
        && let Err(error) = consumer.incremental_unassign(&assignment)
    {
        tracing::debug!("closing the Kafka client: {error}");
    }
    drop(queues);
    destroy(consumer);
    Closed { took: begun.elapsed() }
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
