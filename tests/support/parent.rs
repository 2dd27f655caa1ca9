//! A fake Storm parent: it speaks to the spout as `ShellSpout` does, byte for byte and strictly in turns, and like it
//! reads only while one of its commands is open. It is no Storm: no executor, no acker, no timeouts stand behind it.

use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kafka_shell_spout::tools::inherit_nothing;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::conf::Conf;
use super::wire::{Emit, Frames, Message, Reply};
use super::{PATIENCE, wait_for};

/// Storm's executor sleeps so long when a `next` emitted nothing.
const IDLE_SLEEP: Duration = Duration::from_millis(1);

/// The parent and its child.
pub struct FakeParent {
    pub(super) child: Child,
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: Option<OwnedFd>,
    frames: Frames,
    stderr: Arc<Mutex<String>>,
    pub(super) stderr_reader: Option<JoinHandle<()>>,
    pid_dir: TempDir,
    /// When the end was asked for.
    pub(super) asked: Option<Instant>,
    /// Whether the child may write answers before their commands.
    pub(super) answers_ahead: bool,
    /// Commands whose answer has not been read, of those written by [`Self::send`].
    unanswered: usize,
    /// Tuples that came in answers to something else than `next`: as good as any, in the order they came.
    early: Vec<Emit>,
    /// All logs and errors so far, for the message of a test that fails.
    pub(super) said: Vec<String>,
    /// Whether the child has gone over to the companion's frames.
    pub(super) binary: bool,
}

impl FakeParent {
    /// Starts the spout and shakes hands.
    pub fn start(conf: &Conf) -> Self {
        let mut parent = Self::spawn(&[]);
        parent.shake_hands(conf);
        parent
    }

    /// Starts the spout, shakes hands, and activates it.
    pub fn activated(conf: &Conf) -> Self {
        let mut parent = Self::start(conf);
        parent.activate();
        parent
    }

    /// Starts the spout and says nothing.
    pub fn spawn(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kafka-shell-spout"));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Other tests run librdkafka's mock cluster in this process.
        inherit_nothing(&mut command);
        let mut child = command.spawn().expect("the program starts");
        let stderr = Arc::default();
        let stderr_reader = child.stderr.take().map(|pipe| collect_stderr(pipe, Arc::clone(&stderr)));
        let [stdin, stdout] = [child.stdin.take().map(OwnedFd::from), child.stdout.take().map(OwnedFd::from)]
            .map(|pipe| pipe.map(nonblocking));
        let pid_dir = tempfile::tempdir().expect("a directory");
        Self {
            child,
            stdin,
            stdout,
            frames: Frames::default(),
            stderr,
            stderr_reader,
            pid_dir,
            asked: None,
            answers_ahead: false,
            unanswered: 0,
            early: vec![],
            said: vec![],
            binary: false,
        }
    }

    /// Sends the handshake and reads the answer.
    pub fn shake_hands(&mut self, conf: &Conf) {
        self.answers_ahead = conf.answers_ahead();
        self.send_handshake(conf);
        match self.read_message() {
            Message::Pid(pid) => assert_eq!(pid, self.pid()),
            other => panic!("the answer to the handshake is {other:?}"),
        }
    }

    /// Sends the handshake alone.
    pub(super) fn send_handshake(&mut self, conf: &Conf) {
        let handshake = conf.handshake(self.pid_dir.path());
        self.send_frame(handshake.as_bytes());
    }

    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where the child leaves its pid file.
    pub fn pid_dir(&self) -> &std::path::Path {
        self.pid_dir.path()
    }

    /// What the child has written to stderr.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("never poisoned").clone()
    }

    /// All its logs and errors so far.
    pub fn said(&self) -> &[String] {
        &self.said
    }

    /// Bytes in the pipe of stdout.
    pub fn unread_bytes(&self) -> u64 {
        rustix::io::ioctl_fionread(self.stdout.as_ref().expect("stdout is open")).expect("a pipe")
    }

    /// Reads nothing until the pipe of stdout takes no more, whatever is asked for in between. How much that is depends on
    /// how the bytes came: a write begins a page of its own where the last one has not enough left.
    pub fn wait_for_full_stdout(&mut self, mut ask: impl FnMut(&mut Self)) {
        const STEADY: usize = 20;
        const LEAST: u64 = 32 << 10;
        let (mut before, mut same) = (0, 0);
        wait_for("a full pipe", || {
            ask(self);
            std::thread::sleep(IDLE_SLEEP);
            let now = self.unread_bytes();
            same = if now == before { same + 1 } else { 0 };
            before = now;
            (same >= STEADY && now >= LEAST).then_some(())
        });
    }

    /// Writes one frame.
    pub fn send_frame(&mut self, frame: &[u8]) {
        self.write(&[frame, b"\nend\n"].concat());
    }

    /// Writes bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).unwrap_or_else(|error| panic!("stdin: {error}; {}", self.account()));
    }

    fn try_write(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        let begun = Instant::now();
        while !bytes.is_empty() {
            match rustix::io::write(self.stdin.as_ref().expect("stdin is open"), bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::AGAIN) => self.wait_until_ready(PollFlags::OUT, begun),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes a command as Storm does, and does not wait for the answer.
    pub fn send(&mut self, command: &str, id: &Value) {
        self.try_send(command, id).unwrap_or_else(|error| panic!("stdin: {error}; {}", self.account()));
    }

    /// The same to a child that may be gone.
    pub fn try_send(&mut self, command: &str, id: &Value) -> Result<(), Errno> {
        let json = json!({"command": command, "id": id}).to_string().replace('/', "\\/");
        self.try_write(format!("{json}\nend\n").as_bytes())?;
        self.unanswered += 1;
        Ok(())
    }

    /// Writes a command and reads until its `sync`. Tuples that come are kept for [`Self::next`], which alone gives them.
    pub fn command(&mut self, command: &str, id: &Value) -> Reply {
        self.send(command, id);
        let mut reply = self.reply();
        self.early.append(&mut reply.emits);
        reply
    }

    /// Reads until a `sync`.
    pub fn reply(&mut self) -> Reply {
        let mut reply = Reply::default();
        loop {
            match self.read_message() {
                Message::Sync => {
                    self.unanswered = self.unanswered.saturating_sub(1);
                    return reply;
                }
                Message::Emit(emit) => reply.emits.push(emit),
                Message::Log(level, text) => {
                    self.said.push(format!("log {level}: {text}"));
                    reply.logs.push((level, text));
                }
                Message::Error(text) => {
                    self.said.push(format!("error: {text}"));
                    reply.errors.push(text);
                }
                Message::Pid(pid) => panic!("a second handshake answer: {pid}"),
            }
        }
    }

    /// Reads the answers to all commands so far.
    pub fn replies(&mut self) {
        while self.unanswered > 0 {
            self.reply();
        }
    }

    /// Reads one document.
    pub fn read_message(&mut self) -> Message {
        Message::read(self.read_frame())
    }

    /// Reads one frame, not understood.
    pub(super) fn read_frame(&mut self) -> Vec<u8> {
        let frame = self.frame_within(PATIENCE);
        frame.unwrap_or_else(|| panic!("the child says nothing; {}", self.account()))
    }

    /// The next frame, if one comes in that time.
    pub(super) fn frame_within(&mut self, time: Duration) -> Option<Vec<u8>> {
        let begun = Instant::now();
        loop {
            if let Some(frame) = self.buffered_frame() {
                return Some(frame);
            }
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return None;
            }
            if self.is_ready(PollFlags::IN, left) {
                assert!(self.read_some(begun), "stdout has ended; {}", self.account());
            }
        }
    }

    pub(super) fn buffered_frame(&mut self) -> Option<Vec<u8>> {
        if self.binary { self.frames.next_binary() } else { self.frames.next_frame() }
    }

    /// `next`; gives the tuples that came since the last one, too.
    pub fn next(&mut self) -> Reply {
        let mut reply = self.command("next", &json!(""));
        reply.emits.append(&mut self.early);
        reply
    }

    /// `ack`
    pub fn ack(&mut self, emit: &Emit) -> Reply {
        self.command("ack", &emit.id())
    }

    /// Acks one by one.
    pub fn ack_all<'a>(&mut self, emits: impl IntoIterator<Item = &'a Emit>) {
        for emit in emits {
            self.ack(emit);
        }
    }

    /// `fail`
    pub fn fail(&mut self, emit: &Emit) -> Reply {
        self.command("fail", &emit.id())
    }

    /// `activate`
    pub fn activate(&mut self) -> Reply {
        self.command("activate", &json!(""))
    }

    /// `deactivate`
    pub fn deactivate(&mut self) -> Reply {
        self.command("deactivate", &json!(""))
    }

    /// Says `next` until `count` tuples have come; gives exactly these.
    pub fn collect(&mut self, count: usize) -> Vec<Emit> {
        let emits = self.collect_at_least(count);
        assert_eq!(emits.len(), count, "too many tuples");
        emits
    }

    /// Says `next` until at least `count` tuples have come.
    pub fn collect_at_least(&mut self, count: usize) -> Vec<Emit> {
        let mut emits = Vec::new();
        self.next_until(&format!("{count} tuples"), |reply| {
            emits.append(&mut reply.emits);
            emits.len() >= count
        });
        emits
    }

    /// Says `next` until `enough` of a reply.
    pub fn next_until(&mut self, what: &str, mut enough: impl FnMut(&mut Reply) -> bool) {
        let begun = Instant::now();
        loop {
            let mut reply = self.next();
            let idle = reply.emits.is_empty();
            if enough(&mut reply) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what} in {} s; {}", PATIENCE.as_secs(), self.account());
            if idle {
                std::thread::sleep(IDLE_SLEEP);
            }
        }
    }

    /// Says `next` until an error has come that holds all of `words`.
    pub fn wait_for_error(&mut self, words: &[&str]) -> String {
        let mut found = String::new();
        self.next_until(&format!("error with {words:?}"), |reply| {
            let error = reply.errors.iter().find(|error| words.iter().all(|word| error.contains(word)));
            error.inspect(|error| found.clone_from(error)).is_some()
        });
        found
    }

    /// Says `next` for a while, as a topology with nothing to do does; gives what was emitted.
    pub fn idle(&mut self, time: Duration) -> Vec<Emit> {
        let (begun, mut emits) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            emits.append(&mut self.next().emits);
            std::thread::sleep(IDLE_SLEEP);
        }
        emits
    }

    /// Reads what is there, waiting for it; false at the end of stdout.
    pub(super) fn read_some(&mut self, begun: Instant) -> bool {
        let mut buffer = [0; 16 << 10];
        loop {
            match rustix::io::read(self.stdout.as_ref().expect("stdout is open"), &mut buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    self.frames.push(&buffer[..count]);
                    return true;
                }
                Err(Errno::AGAIN) => self.wait_until_ready(PollFlags::IN, begun),
                Err(error) => panic!("stdout: {error}"),
            }
        }
    }

    fn wait_until_ready(&self, what: PollFlags, begun: Instant) {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        assert!(!left.is_zero(), "the child does not move ({what:?}); {}", self.account());
        self.is_ready(what, left);
    }

    /// Waits so long at most. An interrupted wait is tried again by the caller.
    fn is_ready(&self, what: PollFlags, time: Duration) -> bool {
        let pipe = if what == PollFlags::IN { &self.stdout } else { &self.stdin };
        let mut descriptors = [PollFd::from_borrowed_fd(pipe.as_ref().expect("open").as_fd(), what)];
        let time = time.try_into().expect("a short time");
        poll(&mut descriptors, Some(&time)).is_ok_and(|ready| ready > 0)
    }

    /// What a failing test should show.
    pub(super) fn account(&self) -> String {
        let said = &self.said[self.said.len().saturating_sub(40)..];
        let unread = String::from_utf8_lossy(self.frames.rest()).chars().take(300).collect::<String>();
        format!("the child said:\n  {}\nunread: {unread:?}\nstderr:\n{}", said.join("\n  "), self.stderr())
    }
}

impl Drop for FakeParent {
    fn drop(&mut self) {
        // Already gone if the test came to its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nonblocking(pipe: OwnedFd) -> OwnedFd {
    let flags = fcntl_getfl(&pipe).expect("a pipe");
    fcntl_setfl(&pipe, flags | OFlags::NONBLOCK).expect("a pipe");
    pipe
}

fn collect_stderr(mut pipe: ChildStderr, text: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            text.lock().expect("never poisoned").push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    })
}
