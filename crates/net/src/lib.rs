//! The reactor: one poller with all connections of a worker, and everything about them that needs
//! no Python. An interface (ASGI, WSGI) drives it: `Poller::wait`, `take` the events, get tokens from `next_runnable`,
//! call `step` on each until it is idle, and answer what `step` asks for.
//!
//! * `conn` one connection · `phase` where it stands · `transport/` what carries it · `exchange/` what it has of a request · `listen` accepting
//! * `input` heads and bodies coming in · `heads` a head on its way to a request · `egress` responses going out · `batch` several at once, but not behind a call that is not `quick`
//! * `streams` connections that speak HTTP/2
//! * `websocket` connections that are WebSockets
//! * `stop` how everything ends · `waiting` threads that wait for their client
//! * `admission` who waits for the application · `health` is the server well · `answer` what the server answers by itself · `redirect` to HTTPS
//! * `probe` does somebody wait for the reactor · `timer` deadlines · `balance` which worker accepts
//! * `spent` for how long the application has had a request
//! * `settings` what it is told · `scoreboard` what the processes of a server know of each other · `inflight` with the requests
//! * `via` who asks, through proxies too · `preface` what they say first · `request_id` names in logs
//! * `access` the access log · `lines` whoever reads it · `sys` the system calls · `sigpipe` · `slab` where connections live
//!
//! Invariants: an edge is remembered in the connection's flags until a short read or EAGAIN clears
//! it; whatever can go on without a new edge is in the queue; nothing here knows Python, so no
//! borrow of the reactor is ever held across application code.

pub mod access;
mod admission;
mod answer;
mod balance;
mod batch;
pub mod conn;
mod egress;
mod exchange;
mod heads;
mod health;
mod inflight;
mod input;
mod lines;
mod listen;
mod phase;
mod preface;
mod probe;
pub mod quick;
mod redirect;
mod request_id;
pub mod scoreboard;
pub mod settings;
mod sigpipe;
mod slab;
pub mod spent;
mod stop;
mod streams;
pub mod sys;
mod timer;
pub mod transport;
pub mod via;
mod waiting;
mod websocket;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Registry, Waker};
use tricorn_wire::date;
use tricorn_wire::reject::Reject;

use self::access::AccessLog;
use self::admission::Line;
use self::balance::Balance;
use self::batch::Batch;
pub use self::conn::Conn;
pub use self::egress::Sent;
pub use self::heads::{Begin, Head};
pub use self::health::HealthPaths;
pub use self::input::Pull;
use self::listen::Listener;
pub use self::phase::Phase;
use self::probe::Probe;
use self::quick::Quick;
use self::scoreboard::Slot;
use self::settings::Settings;
use self::slab::Slab;
pub use self::slab::Token;
use self::timer::{Timer, NEVER};
pub use self::transport::bell::Awaited;
pub use self::transport::tls;
use self::transport::tls::tickets;
use self::via::Fronts;
pub use self::waiting::Room;
pub use self::websocket::News;

/// Events per epoll_wait: few enough that other work of the loop is not held up.
const BATCH: usize = 32;
/// How long a new connection's first request is waited for when the server stops, in milliseconds:
/// its client could not know.
const LAST_CALL_MS: u64 = 1000;
/// TLS handshakes per batch of events: a signature may take a millisecond.
const HANDSHAKES: usize = 4;
/// What one recv(2) may bring; shared by all connections.
const SCRATCH: usize = 64 * 1024;

const TIMER: mio::Token = mio::Token(usize::MAX);
const WAKER: mio::Token = mio::Token(usize::MAX - 1);
/// Tokens from here to `WAKER` are listeners.
const LISTENERS: usize = usize::MAX - 0xffff;

/// What drives the reactor: ASGI or WSGI.
pub trait Interface {
    /// What it keeps with a running exchange. It comes back when that ends, since to drop it may run
    /// code of the application, which must not happen while the reactor is borrowed or locked.
    type Exchange;
    /// Bytes of its own that are sent without a copy. To drop them runs nothing.
    type Bytes: AsRef<[u8]>;
}

/// What a connection needs from the interface to go on.
pub enum Step<I: Interface> {
    /// Nothing: it waits for an event.
    Idle,
    /// Others first: it is back in the queue.
    Again,
    /// A whole head: parse it, then `begin` or `reject`.
    Head(Head),
    /// Body bytes, the end of the body or of the peer: `pull` will say.
    Body,
    /// The output has drained.
    Drained,
    /// The client took too long to send the body.
    Stalled(Reject),
    /// The connection is gone; this was its exchange, if one was running.
    Closed(Option<I::Exchange>),
}

/// The half of the reactor that waits; apart from the other, so that waiting needs no lock on it.
pub struct Poller {
    poll: Poll,
    events: Events,
}

impl Poller {
    /// The descriptor that is readable when there is something to do.
    pub fn fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    /// Collects events for at most `timeout`, for ever without one; returns how many.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
            Ok(()) => Ok(self.events.iter().count()),
        }
    }
}

pub struct Net<I: Interface> {
    registry: Registry,
    waker: Waker,
    listeners: Vec<Listener>,
    pub(crate) conns: Slab<I>,
    /// How many of them are streams of others.
    streams: usize,
    /// With the time, if that is measured.
    queue: VecDeque<(Token, u64)>,
    /// How many more TLS handshakes may begin before events are taken again.
    handshakes: usize,
    /// Who goes on then.
    put_off: Vec<Token>,
    /// Connections whose output is held back until the application lets go.
    corked: Vec<Token>,
    /// May output be held back so? PEP 3333 forbids it: a block is sent before the next is made.
    pub corks: bool,
    /// The application is called where events are taken: first what has come is read.
    pub reads_first: bool,
    line: Line,
    batch: Batch,
    quick: Quick,
    shared: websocket::Shared,
    timer: Timer,
    /// Milliseconds since the start, as of the last `wait` or `touch`.
    now: u64,
    date: [u8; date::LEN],
    date_second: u64,
    scratch: Vec<u8>,
    /// Body bytes of the last `pull`.
    pub pulled: Vec<u8>,
    pub settings: Settings,
    draining: bool,
    /// While draining, idle connections may send one more request, and learn with its response.
    patient: bool,
    /// Accepting has failed and has not worked since.
    paused: bool,
    balance: Balance,
    /// Something to tell the operator, for the interface to take.
    pub complaint: Option<String>,
    pub access: Option<AccessLog>,
    fronts: Fronts,
    /// Where this worker counts.
    slot: Slot,
    /// There if it is measured how long work waits.
    probe: Option<Probe>,
}

impl<I: Interface> Net<I> {
    pub fn new(settings: Settings) -> io::Result<(Poller, Self)> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let mut net = Self {
            waker: Waker::new(&registry, WAKER)?,
            fronts: Fronts::new(&settings),
            timer: Timer::new(&registry, TIMER)?,
            registry,
            listeners: Vec::new(),
            conns: Slab::new(),
            streams: 0,
            queue: VecDeque::new(),
            handshakes: HANDSHAKES,
            put_off: Vec::new(),
            corked: Vec::new(),
            corks: false,
            reads_first: false,
            line: Line::default(),
            batch: Batch::default(),
            quick: Quick::default(),
            shared: websocket::Shared::default(),
            now: 0,
            date: [0; date::LEN],
            date_second: 0,
            scratch: vec![0; SCRATCH],
            pulled: Vec::new(),
            settings,
            draining: false,
            patient: false,
            paused: false,
            balance: Balance::default(),
            complaint: None,
            access: None,
            slot: Slot::private(),
            probe: None,
        };
        net.touch();
        Ok((Poller { poll, events: Events::with_capacity(BATCH) }, net))
    }

    /// Notes what `poller` has collected; true if there may be more of it already.
    pub fn take(&mut self, poller: &Poller) -> bool {
        self.touch();
        self.slot.turns.add();
        let mut count = 0;
        for event in &poller.events {
            count += 1;
            self.note(event);
        }
        if self.timer.retry_is_due(self.now) {
            self.resume_listeners();
        }
        if self.timer.has_run_out(self.now) {
            self.check_deadlines();
        }
        self.resume_put_off();
        self.line.note_taken(count == BATCH);
        count == BATCH
    }

    fn note(&mut self, event: &Event) {
        match event.token() {
            TIMER if self.probe.is_some() => self.timer.acknowledge(),
            TIMER => {}
            WAKER => {
                self.resume_listeners();
            }
            mio::Token(listener) if listener >= LISTENERS => self.accept(listener - LISTENERS),
            mio::Token(packed) => {
                let token = Token::unpack(packed);
                let Some(conn) = self.conns.get_mut(token) else { return };
                conn.transport.note(event);
                self.enqueue(token);
            }
        }
    }

    /// The next connection that can go on.
    pub fn next_runnable(&mut self) -> Option<Token> {
        self.release_if_due();
        if let Some(token) = self.call_in() {
            return Some(token);
        }
        let (token, _) = self.queue.pop_front()?;
        if self.probe.is_some() {
            self.publish_first();
        }
        if let Some(conn) = self.conns.get_mut(token) {
            conn.queued = false;
        }
        Some(token)
    }

    /// Is there anything to do without a new event?
    pub fn has_work(&self) -> bool {
        self.has_leftover() || !self.put_off.is_empty()
    }

    /// … and before events are taken?
    pub fn has_leftover(&self) -> bool {
        !self.queue.is_empty() || self.can_call_in()
    }

    /// Enough for now, of handshakes or of frames: the connection goes on behind the next events.
    fn put_off(&mut self, token: Token) -> Step<I> {
        if let Some(conn) = self.conns.get_mut(token) {
            if !std::mem::replace(&mut conn.queued, true) {
                self.put_off.push(token);
            }
        }
        Step::Idle
    }

    fn resume_put_off(&mut self) {
        self.handshakes = HANDSHAKES;
        for token in std::mem::take(&mut self.put_off) {
            if let Some(conn) = self.conns.get_mut(token) {
                conn.queued = false;
                self.enqueue(token);
            }
        }
    }

    pub fn enqueue(&mut self, token: Token) {
        if let Some(conn) = self.conns.get_mut(token) {
            if !conn.queued {
                conn.queued = true;
                let measured = self.probe.is_some();
                self.queue.push_back((token, if measured { self.timer.now() } else { 0 }));
                if measured && self.queue.len() == 1 {
                    self.publish_first();
                }
            }
        }
    }

    /// Says since when the first connection in the queue waits.
    fn publish_first(&self) {
        let since = self.queue.front().map_or(0, |&(_, since)| self.timer.to_monotonic(since));
        self.slot.runnable_since.set(since);
    }

    /// Measures from now on how long work waits, for `Slot.read()`; `poller` is the other half.
    pub fn measure(&mut self, poller: RawFd) -> io::Result<()> {
        let probe = Probe::start(poller, self.timer.fd(), self.slot.clone())?;
        for listener in &self.listeners {
            probe.add_listener(listener.fd());
        }
        self.probe = Some(probe);
        Ok(())
    }

    pub fn get(&mut self, token: Token) -> Option<&mut Conn<I>> {
        self.conns.get_mut(token)
    }

    /// The connection of `token` if it still serves request number `seq`.
    pub fn exchange(&mut self, token: Token, seq: u32) -> Option<&mut Conn<I>> {
        let conn = self.conns.get_mut(token)?;
        let runs = conn.seq == seq && conn.phase() == Phase::Exchange && conn.exchange.is_some();
        runs.then_some(conn)
    }

    /// Counts in `slot` from now on; false if that comes too late.
    pub fn attach(&mut self, slot: Slot) -> bool {
        let in_time = self.listeners.is_empty() && !self.draining;
        if in_time {
            slot.begin();
            self.slot = slot;
        }
        in_time
    }

    /// Where this worker counts.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Number of open sockets of clients.
    fn sockets(&self) -> usize {
        self.conns.len() - self.streams
    }

    /// Number of open connections, streams included.
    pub fn open(&self) -> usize {
        self.conns.len()
    }

    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Has it been a while since events were taken?
    pub fn is_stale(&self) -> bool {
        const STALE_MS: u64 = 5;
        self.timer.now() > self.now + STALE_MS
    }

    /// Reads the clock, after a time in which the application ran.
    pub fn touch(&mut self) {
        self.now = self.timer.now();
    }

    /// Do access lines wait to be written?
    pub fn has_lines(&self) -> bool {
        self.access.as_ref().is_some_and(|access| access.lines.can_go_on())
    }

    /// Writes the access lines that wait.
    pub fn flush_lines(&mut self) {
        if self.has_lines() {
            let again = self.write_lines();
            self.timer.want(again);
        }
    }

    /// The same, also if they were refused just now. When again?
    fn write_lines(&mut self) -> u64 {
        let Some(AccessLog { lines, .. }) = &mut self.access else { return NEVER };
        lines.flush();
        if let Some(complaint) = lines.complaint() {
            self.complaint = Some(complaint);
        }
        if lines.waits() {
            self.now + lines::RETRY_MS
        } else {
            NEVER
        }
    }

    /// The request is over, one way or another: its access line is complete.
    fn end_line(&mut self, token: Token) {
        if let (Some(access), Some(conn)) = (&mut self.access, self.conns.get_mut(token)) {
            if let Some(draft) = conn.request.draft.take() {
                access.end(draft, &conn.egress.response);
            }
        }
    }

    fn refresh_date(&mut self) {
        let seconds = sys::unix_seconds();
        if seconds != self.date_second {
            self.date_second = seconds;
            self.date = date::imf_fixdate(seconds);
        }
    }

    /// Sets the deadline that follows from where the connection stands.
    pub fn renew(&mut self, token: Token) {
        if let Some(conn) = self.conns.get_mut(token) {
            conn.times.deadline = conn.next_deadline(&self.settings.timeouts);
            if conn.times.deadline != NEVER {
                self.timer.want(conn.times.deadline);
            }
        }
    }

    fn check_deadlines(&mut self) {
        let mut earliest = self.resume_listeners().min(self.rotate_tickets());
        earliest = earliest.min(self.write_lines());
        let now = self.now;
        let mut expired = Vec::new();
        for (token, conn) in self.conns.iter_mut() {
            if conn.times.deadline <= now {
                conn.times.expired = true;
                expired.push(token);
            } else {
                earliest = earliest.min(conn.times.deadline);
            }
        }
        for token in expired {
            self.enqueue(token);
        }
        if earliest != NEVER {
            self.timer.want(earliest);
        }
    }

    /// Forgets old keys of tickets; when again?
    fn rotate_tickets(&self) -> u64 {
        let speaks_tls = self.settings.identities.is_some();
        let next = speaks_tls.then(tickets::rotate).flatten();
        next.map_or(NEVER, |left| self.now.saturating_add(left.as_millis() as u64))
    }

    /// Wakes a `wait` that another thread is in.
    pub fn wake(&self) {
        // It fails only when the poller is gone, and then there is nobody to wake.
        let _ = self.waker.wake();
    }
}
