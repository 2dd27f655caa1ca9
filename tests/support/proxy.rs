//! A TCP relay in front of a server, to take that server away.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Relays connections to a server until told otherwise.
pub struct Proxy {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    mode: Mutex<Mode>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
    /// What the server said first on the newest connection.
    greeting: Mutex<Vec<u8>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    #[default]
    Relaying,
    /// Connections stay open, and nothing passes.
    Frozen,
    /// Connections are closed at once.
    Away,
}

impl Proxy {
    /// Relays to `server`.
    pub fn new(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("address").to_string();
        let state = Arc::new(State::default());
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                relay(&client, &server, &shared);
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on nothing passes; connections stay open.
    pub fn freeze(&self) {
        self.turn(Mode::Frozen);
    }

    /// From now on there is no server: connections are closed, new ones too.
    pub fn take_away(&self) {
        self.turn(Mode::Away);
        for stream in self.state.open.lock().expect("never poisoned").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The server is back.
    pub fn bring_back(&self) {
        self.turn(Mode::Relaying);
    }

    /// What the server said first on the newest connection.
    pub fn greeting(&self) -> Vec<u8> {
        self.state.greeting.lock().expect("never poisoned").clone()
    }

    fn turn(&self, mode: Mode) {
        *self.state.mode.lock().expect("never poisoned") = mode;
        self.state.changed.notify_all();
    }
}

fn relay(client: &TcpStream, server: &str, state: &Arc<State>) {
    if *state.mode.lock().expect("never poisoned") == Mode::Away {
        return;
    }
    let Ok(server) = TcpStream::connect(server) else { return };
    for (from, to, greets) in [(client, &server, false), (&server, client, true)] {
        let from = from.try_clone().expect("a descriptor");
        let to = to.try_clone().expect("a descriptor");
        state.open.lock().expect("never poisoned").push(from.try_clone().expect("a descriptor"));
        let state = Arc::clone(state);
        thread::spawn(move || pump(from, to, greets, &state));
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, mut greets: bool, state: &State) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if std::mem::take(&mut greets) {
            *state.greeting.lock().expect("never poisoned") = buffer[..count].to_vec();
        }
        let mode = state.mode.lock().expect("never poisoned");
        drop(state.changed.wait_while(mode, |mode| *mode == Mode::Frozen).expect("never poisoned"));
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
