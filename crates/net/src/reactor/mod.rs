//! The reactor: one poller with all connections of a worker. It alone knows all the other rooms.
//!
//! * `slab` where connections live · `conn` one of them · `phase` where it stands · `timer` deadlines
//! * `heads` a head on its way to a request · `input` what comes · `egress` what goes · `stop` how everything ends
//! * `batch` responses that go out together, but not behind a call that is not `quick`
//! * `waiting` threads that wait for their client

pub(crate) mod batch;
pub mod conn;
pub(crate) mod egress;
pub(crate) mod heads;
pub(crate) mod input;
pub(crate) mod phase;
pub mod quick;
pub(crate) mod slab;
pub(crate) mod stop;
pub(crate) mod timer;
pub(crate) mod waiting;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Registry, Waker};
use tricorn_wire::date;
use tricorn_wire::reject::Reject;

use self::batch::Batch;
use self::conn::Conn;
use self::heads::Head;
use self::phase::Phase;
use self::quick::Quick;
use self::slab::Slab;
use self::stop::Stop;
use self::timer::{Timer, NEVER};
use crate::answers::admission::Line;
use crate::listen::via::Fronts;
use crate::listen::Listeners;
use crate::observe::access::AccessLog;
use crate::observe::lines;
use crate::observe::probe::Probe;
use crate::scoreboard::Slot;
use crate::settings::Settings;
use crate::tls::tickets;
use crate::{sys, websocket, Interface, Token};

/// Events per epoll_wait: few enough that other work of the loop is not held up.
const BATCH: usize = 32;
/// How long a new connection's first request is waited for when the server stops, in milliseconds:
/// its client could not know.
pub(crate) const LAST_CALL_MS: u64 = 1000;
/// TLS handshakes per batch of events: a signature may take a millisecond.
const HANDSHAKES: usize = 4;
/// What one recv(2) may bring; shared by all connections.
pub(crate) const SCRATCH: usize = 64 * 1024;

const TIMER: mio::Token = mio::Token(usize::MAX);
const WAKER: mio::Token = mio::Token(usize::MAX - 1);
/// Tokens from here to `WAKER` are listeners.
pub(crate) const LISTENERS: usize = usize::MAX - 0xffff;

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

/// Whose turn it is.
pub struct Turns {
    /// Connections that can go on; with the time, if that is measured.
    pub(crate) queue: VecDeque<(Token, u64)>,
    /// How many more TLS handshakes may begin before events are taken again.
    pub(crate) handshakes: usize,
    /// Who goes on then.
    pub(crate) put_off: Vec<Token>,
}

/// Output that waits to go out with more.
#[derive(Default)]
pub struct Gathered {
    /// Connections whose output is held back until the application lets go.
    pub(crate) corked: Vec<Token>,
    /// May output be held back so? PEP 3333 forbids it: a block is sent before the next is made.
    pub corks: bool,
    pub(crate) batch: Batch,
    pub(crate) quick: Quick,
}

/// Memory that all connections share.
pub struct Buffers {
    /// What one recv(2) brings.
    pub(crate) scratch: Vec<u8>,
    /// Body bytes of the last `pull`.
    pub pulled: Vec<u8>,
}

/// The field Date of now.
pub struct Today {
    pub(crate) text: [u8; date::LEN],
    second: u64,
}

pub struct Net<I: Interface> {
    pub(crate) registry: Registry,
    waker: Waker,
    pub(crate) listeners: Listeners,
    pub(crate) conns: Slab<I>,
    pub(crate) turns: Turns,
    pub gathered: Gathered,
    /// The application is called where events are taken: first what has come is read.
    pub reads_first: bool,
    pub(crate) line: Line,
    pub(crate) shared: websocket::Pools,
    pub(crate) timer: Timer,
    /// Milliseconds since the start, as of the last `wait` or `touch`.
    pub(crate) now: u64,
    pub(crate) date: Today,
    pub buffers: Buffers,
    pub settings: Settings,
    pub(crate) stop: Stop,
    /// Something to tell the operator, for the interface to take.
    pub complaint: Option<String>,
    pub access: Option<AccessLog>,
    pub(crate) fronts: Fronts,
    /// Where this worker counts.
    pub(crate) slot: Slot,
    /// There if it is measured how long work waits.
    pub(crate) probe: Option<Probe>,
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
            listeners: Listeners::default(),
            conns: Slab::new(),
            turns: Turns { queue: VecDeque::new(), handshakes: HANDSHAKES, put_off: Vec::new() },
            gathered: Gathered::default(),
            reads_first: false,
            line: Line::default(),
            shared: websocket::Pools::default(),
            now: 0,
            date: Today { text: [0; date::LEN], second: 0 },
            buffers: Buffers { scratch: vec![0; SCRATCH], pulled: Vec::new() },
            settings,
            stop: Stop::No,
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

    pub(crate) fn note(&mut self, event: &Event) {
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
        let (token, _) = self.turns.queue.pop_front()?;
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
        self.has_leftover() || !self.turns.put_off.is_empty()
    }

    /// … and before events are taken?
    pub fn has_leftover(&self) -> bool {
        !self.turns.queue.is_empty() || self.can_call_in()
    }

    /// Enough for now, of handshakes or of frames: the connection goes on behind the next events.
    pub(crate) fn put_off(&mut self, token: Token) -> Step<I> {
        if let Some(conn) = self.conns.get_mut(token) {
            if !std::mem::replace(&mut conn.queued, true) {
                self.turns.put_off.push(token);
            }
        }
        Step::Idle
    }

    pub(crate) fn resume_put_off(&mut self) {
        self.turns.handshakes = HANDSHAKES;
        for token in std::mem::take(&mut self.turns.put_off) {
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
                self.turns.queue.push_back((token, if measured { self.timer.now() } else { 0 }));
                if measured && self.turns.queue.len() == 1 {
                    self.publish_first();
                }
            }
        }
    }

    /// Says since when the first connection in the queue waits.
    pub(crate) fn publish_first(&self) {
        let since =
            self.turns.queue.front().map_or(0, |&(_, since)| self.timer.to_monotonic(since));
        self.slot.runnable_since.set(since);
    }

    /// Measures from now on how long work waits, for `Slot.read()`; `poller` is the other half.
    pub fn measure(&mut self, poller: RawFd) -> io::Result<()> {
        let probe = Probe::start(poller, self.timer.fd(), self.slot.clone())?;
        for listener in &self.listeners.all {
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
        let in_time = self.listeners.all.is_empty() && !self.stop.is_begun();
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
    pub(crate) fn sockets(&self) -> usize {
        self.conns.sockets()
    }

    /// Number of open connections, streams included.
    pub fn open(&self) -> usize {
        self.conns.len()
    }

    pub fn is_draining(&self) -> bool {
        self.stop.is_begun()
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
    pub(crate) fn write_lines(&mut self) -> u64 {
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
    pub(crate) fn end_line(&mut self, token: Token) {
        if let (Some(access), Some(conn)) = (&mut self.access, self.conns.get_mut(token)) {
            if let Some(draft) = conn.request.draft.take() {
                access.end(draft, &conn.egress.response);
            }
        }
    }

    pub(crate) fn refresh_date(&mut self) {
        let seconds = sys::unix_seconds();
        if seconds != self.date.second {
            self.date.second = seconds;
            self.date.text = date::imf_fixdate(seconds);
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

    pub(crate) fn check_deadlines(&mut self) {
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
    pub(crate) fn rotate_tickets(&self) -> u64 {
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
