//! The state of one WebSocket: what has come for the application, and how far its end is.

use std::collections::VecDeque;

use tricorn_wire::ws::close::{self, Close};
use tricorn_wire::ws::deflate::compress::Deflate;
use tricorn_wire::ws::deflate::Agreed;
use tricorn_wire::ws::frame::{control, Opcode};
use tricorn_wire::ws::reader::{Event, Message, Reader};
use tricorn_wire::ws::Violation;

use super::Pools;
use crate::reactor::timer::NEVER;
use crate::settings::WebSockets;

/// Bytes of messages after which no more are read ahead.
const READ_AHEAD: usize = 64 * 1024;

/// What a connection has that is a WebSocket, or may become one.
pub struct WebSocket {
    pub(super) reader: Reader,
    pub(super) deflate: Option<Box<Deflate>>,
    pub(super) queue: VecDeque<Message>,
    /// Bytes in the queue.
    pub(super) queued: usize,
    /// The body of the last ping, if its answer has to wait for the client to read.
    pub(super) pong: Option<Vec<u8>>,
    /// How it ends for the application.
    pub(super) ending: Option<Box<Close>>,
    pub(super) stage: Stage,
    /// The client has broken a rule: we close once the application has had what came before.
    pub(super) fault: Option<Violation>,
    /// A ping is out, and nothing has come since.
    pub(super) is_pinged: bool,
    /// When to ping, or until when something must have come, in milliseconds of the reactor.
    pub(super) by: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// Our close is out, and theirs is awaited.
    Closing,
    /// Nothing more is to be said.
    Over,
}

/// What there is for the application.
pub enum News {
    Message(Message),
    Ended(Close),
    Later,
}

impl WebSocket {
    pub(super) fn new(settings: &WebSockets, agreed: Option<Agreed>) -> Self {
        Self {
            reader: Reader::new(settings.max_size, agreed),
            deflate: agreed.map(|agreed| Box::new(Deflate::new(agreed))),
            queue: VecDeque::new(),
            queued: 0,
            pong: None,
            ending: None,
            stage: Stage::Open,
            fault: None,
            is_pinged: false,
            by: NEVER,
        }
    }

    /// Has it ended, as far as the application is concerned? It may have to be told so.
    pub fn has_ended(&self) -> bool {
        self.ending.is_some()
    }

    /// The next message, or the end once there are no more.
    pub fn next(&mut self) -> News {
        if let Some(message) = self.queue.pop_front() {
            self.queued -= message.body.len();
            if self.queue.is_empty() {
                self.queue = VecDeque::new(); // an idle connection keeps nothing
            }
            return News::Message(message);
        }
        match &self.ending {
            Some(close) => News::Ended(Close::clone(close)),
            None => News::Later,
        }
    }

    /// What the application has not received, and how it ends.
    pub fn take_rest(&mut self) -> (VecDeque<Message>, Close) {
        let close = self.ending.as_deref().cloned().unwrap_or_else(lost);
        (std::mem::take(&mut self.queue), close)
    }

    /// Does the connection have something to do when the application waits?
    pub fn waits_for_app(&self) -> bool {
        self.fault.is_some()
    }

    pub(super) fn has_news(&self) -> bool {
        !self.queue.is_empty() || self.has_ended()
    }

    pub(super) fn is_full(&self, settings: &WebSockets) -> bool {
        let is_full = self.queue.len() >= settings.max_queue || self.queued >= READ_AHEAD;
        is_full || self.fault.is_some()
    }

    /// When the connection has to be looked at.
    pub(crate) fn deadline(&self) -> u64 {
        self.by
    }

    /// Something has come: the client is there.
    pub(super) fn note_alive(&mut self, now: u64, settings: &WebSockets) {
        if self.stage == Stage::Open {
            self.is_pinged = false;
            self.by = after(now, settings.ping_interval);
        }
    }

    /// Reads frames until a bound is met; returns how many bytes it took. What is to be answered
    /// at once goes to `out`; pings not if `is_stuck`, then only the last has an answer, later.
    pub(super) fn feed(
        &mut self,
        input: &mut [u8],
        is_stuck: bool,
        settings: &WebSockets,
        shared: &mut Pools,
        out: &mut Vec<u8>,
    ) -> usize {
        let mut at = 0;
        while at < input.len() && self.stage != Stage::Over && !self.is_full(settings) {
            match self.reader.read(&mut input[at..], &mut shared.inflaters) {
                Ok((taken, event)) => {
                    at += taken;
                    match event {
                        Some(Event::Message(message)) => self.keep(message),
                        Some(Event::Ping(body)) => self.answer_ping(body, is_stuck, out),
                        Some(Event::Close(close)) => self.close_came(close, out),
                        Some(Event::Pong) | None => {}
                    }
                }
                Err(fault) => self.fault = Some(fault),
            }
        }
        at
    }

    fn keep(&mut self, message: Message) {
        if self.stage == Stage::Open {
            self.queued += message.body.len();
            self.queue.push_back(message);
        }
    }

    fn answer_ping(&mut self, body: Vec<u8>, is_stuck: bool, out: &mut Vec<u8>) {
        match self.stage {
            Stage::Open if is_stuck => self.pong = Some(body),
            Stage::Open => control(Opcode::Pong, &body, out),
            _ => {}
        }
    }

    fn close_came(&mut self, close: Option<Close>, out: &mut Vec<u8>) {
        if self.stage == Stage::Open {
            let body = close.as_ref().map(|close| close.code.to_be_bytes().to_vec());
            control(Opcode::Close, &body.unwrap_or_default(), out);
        }
        let none = || Close { code: close::NO_CODE, reason: String::new() };
        self.end_with(close.unwrap_or_else(none));
        self.stage = Stage::Over;
    }

    /// Says why we close, if nothing was said before.
    pub(super) fn say_close(&mut self, code: u16, reason: &str, out: &mut Vec<u8>) {
        if self.stage == Stage::Open {
            control(Opcode::Close, &close::body(code, reason), out);
            self.stage = Stage::Closing;
        }
        self.end_with(Close { code, reason: reason.to_owned() });
    }

    /// Closes for what the client did.
    pub(super) fn fail(&mut self, fault: Violation, out: &mut Vec<u8>) {
        self.say_close(fault.code(), fault.detail(), out);
        self.fault = None;
        self.stage = Stage::Over;
    }

    /// It will not be accepted: the server leaves.
    pub(super) fn part(&mut self, code: u16) {
        self.end_with(Close { code, reason: String::new() });
    }

    /// The first reason counts.
    fn end_with(&mut self, close: Close) {
        self.ending.get_or_insert_with(|| Box::new(close));
    }

    /// The connection is gone without a close.
    pub(super) fn lose(&mut self) {
        self.end_with(lost());
        self.stage = Stage::Over;
    }
}

fn lost() -> Close {
    Close { code: close::LOST, reason: String::new() }
}

/// 0 is for never.
pub(super) fn after(now: u64, milliseconds: u64) -> u64 {
    if milliseconds == 0 {
        NEVER
    } else {
        now.saturating_add(milliseconds)
    }
}
