//! The whole of a connection: its settings, its streams, its end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::{Builder, Handshake};
use h2::Reason;

use crate::gate::Gate;
use crate::meter::{Meter, Offence};
use crate::pipe::Pipe;
use crate::priority::Priority;
use crate::stream::Stream;
use crate::text;
use crate::wake::Woken;

/// What one client may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests at a time.
    pub streams: u32,
    /// Bytes of a request's fields.
    pub head: u32,
    /// Bytes of body that may come before the application reads them, for one request …
    pub stream_window: u32,
    /// … and for all of a connection.
    pub window: u32,
    /// Are there WebSockets (RFC 8441)?
    pub connect: bool,
}

/// What `Connection::poll` found.
pub enum Event {
    /// A request: its head as text of HTTP/1.1, and its stream.
    Request { head: Vec<u8>, stream: Stream },
    /// Nothing more for now.
    Idle,
    /// It is over once the output is out.
    Over,
}

enum State {
    Greeting(Box<Handshake<Pipe, Bytes>>),
    Open(Box<h2::server::Connection<Pipe, Bytes>>),
    Over,
}

/// One connection.
pub struct Connection {
    state: State,
    pipe: Pipe,
    meter: Meter,
    gate: Gate,
    woken: Woken,
    stopping: bool,
}

/// Bytes of a response that `h2` holds for a stream, at the most.
const SEND_BUFFER: usize = 64 * 1024;

impl Connection {
    pub fn new(limits: &Limits) -> Self {
        let pipe = Pipe::default();
        let mut builder = Builder::new();
        builder
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits.head)
            .initial_window_size(limits.stream_window)
            .initial_connection_window_size(limits.window)
            .max_send_buffer_size(SEND_BUFFER);
        if limits.connect {
            builder.enable_connect_protocol();
        }
        let state = State::Greeting(Box::new(builder.handshake(pipe.clone())));
        let (meter, woken) = (Meter::new(), Woken::default());
        let gate = Gate::new(limits.head);
        Self { state, pipe, meter, gate, woken, stopping: false }
    }

    /// Takes bytes from the client. One that sends too much of what brings no request is told to
    /// calm down and loses the connection. `seconds` since any fixed time.
    pub fn receive(&mut self, bytes: &[u8], seconds: u64) {
        let passed = match self.meter.read(bytes, seconds) {
            Ok(()) => self.gate.pass(bytes, self.pipe.lock().input()),
            Err(Offence::Flood) => Err(Reason::ENHANCE_YOUR_CALM),
            Err(Offence::AfterReset) => Err(Reason::STREAM_CLOSED),
        };
        if let Err(reason) = passed {
            self.abort(reason);
        }
    }

    /// How many of the bytes that come next are as many frames as a connection may take from us
    /// before others get their turn. Each may be a request.
    pub fn turn(&self, bytes: &[u8]) -> usize {
        const FRAMES: usize = 64;
        self.meter.extent(bytes, FRAMES)
    }

    /// The client sends no more.
    pub fn receive_end(&mut self) {
        self.pipe.lock().ended = true;
    }

    /// Bytes that have come and wait for output to go out first.
    pub fn unread(&self) -> usize {
        self.pipe.lock().unread()
    }

    /// Is a head under way, so that its time runs?
    pub fn in_head(&self) -> bool {
        self.meter.in_head()
    }

    /// Goes on as far as input and the room for output allow.
    pub fn poll(&mut self) -> Event {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match &mut self.state {
                State::Over => return Event::Over,
                State::Greeting(handshake) => match Pin::new(&mut **handshake).poll(&mut cx) {
                    Poll::Pending => return Event::Idle,
                    Poll::Ready(Ok(mut connection)) => {
                        if self.stopping {
                            connection.graceful_shutdown();
                        }
                        self.state = State::Open(Box::new(connection));
                    }
                    Poll::Ready(Err(_)) => self.state = State::Over,
                },
                State::Open(connection) => match connection.poll_accept(&mut cx) {
                    Poll::Pending => return Event::Idle,
                    Poll::Ready(Some(Ok((request, respond)))) => {
                        return self.begin(request, respond);
                    }
                    Poll::Ready(Some(Err(_)) | None) => self.state = State::Over,
                },
            }
        }
    }

    fn begin(
        &mut self,
        request: http::Request<h2::RecvStream>,
        respond: h2::server::SendResponse<Bytes>,
    ) -> Event {
        let (parts, body) = request.into_parts();
        let mut head = Vec::with_capacity(512);
        text::write_request(&parts, &mut head);
        let mut stream = Stream::new(body, respond, &self.woken);
        if let Some(value) = parts.headers.get("priority") {
            stream.priority = Priority::parse(value.as_bytes());
        }
        stream.connects_websocket = text::connects_websocket(&parts);
        Event::Request { head, stream }
    }

    /// Moves what is to be sent into `out`.
    pub fn take_output(&mut self, out: &mut Vec<u8>) {
        let mut queues = self.pipe.lock();
        self.meter.note_sent(queues.output.len());
        if out.is_empty() {
            std::mem::swap(out, &mut queues.output);
        } else {
            out.append(&mut queues.output);
        }
    }

    /// The keys of streams that can go on.
    pub fn woken(&mut self) -> Vec<usize> {
        self.woken.take()
    }

    /// Streams whose client has changed its mind about how urgent they are, by their numbers.
    pub fn take_priorities(&mut self) -> Vec<(u32, Priority)> {
        self.meter.take_updates()
    }

    /// Tells the client that its next requests have to go elsewhere; those that run are finished.
    pub fn shut_down(&mut self) {
        self.stopping = true;
        if let State::Open(connection) = &mut self.state {
            connection.graceful_shutdown();
        }
    }

    /// Ends the connection at once, with the reason.
    pub fn abort(&mut self, reason: Reason) {
        if let State::Greeting(_) = self.state {
            self.poll(); // our settings come first
        }
        match &mut self.state {
            State::Open(connection) => connection.abrupt_shutdown(reason),
            State::Greeting(_) => {
                write_goaway(reason, &mut self.pipe.lock().output);
                self.state = State::Over;
            }
            State::Over => {}
        }
    }
}

/// The end of a connection that has not begun for `h2`.
fn write_goaway(reason: Reason, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&u32::from(reason).to_be_bytes());
}
