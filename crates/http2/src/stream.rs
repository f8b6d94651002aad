//! One request of a connection, and its response.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Response};
use tricorn_wire::chunked::may_trail;

use crate::priority::Priority;
use crate::text::{self, Wrong};
use crate::wake::{self, Key, Woken};

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// All of the body has been read.
    End,
    /// The client has given the stream up, or the connection has broken.
    Gone,
}

/// A stream; dropping it ends it, with a reset if it is not complete.
pub struct Stream {
    respond: SendResponse<Bytes>,
    /// There once the head of the response is out.
    send: Option<SendStream<Bytes>>,
    recv: RecvStream,
    /// Body that has come and is not read.
    rest: Bytes,
    /// The client sends no more.
    ended: bool,
    trailers: Option<Box<HeaderMap>>,
    key: Arc<Key>,
    waker: Waker,
    id: u32,
    pub priority: Priority,
    /// It is an extended CONNECT for a WebSocket (RFC 8441).
    pub connects_websocket: bool,
}

impl Stream {
    pub(crate) fn new(recv: RecvStream, respond: SendResponse<Bytes>, woken: &Woken) -> Self {
        let key = Key::new(woken);
        let waker = wake::waker(&key);
        let ended = recv.is_end_stream();
        let id = recv.stream_id().as_u32();
        let priority = Priority::default();
        let (send, rest, trailers) = (None, Bytes::new(), None);
        let connects_websocket = false;
        Self {
            respond,
            send,
            recv,
            rest,
            ended,
            trailers,
            key,
            waker,
            id,
            priority,
            connects_websocket,
        }
    }

    /// Its owner's name for it, which `Connection::woken` gives when it can go on.
    pub fn set_key(&mut self, key: usize) {
        self.key.set(key);
        self.is_gone(); // to be told of a reset from now on
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    /// Had the request no body when its head came?
    pub fn is_bodyless(&self) -> bool {
        self.ended && self.rest.is_empty()
    }

    /// Has the client given the stream up, or the connection broken? If not, it will be woken then.
    pub fn is_gone(&mut self) -> bool {
        let mut cx = Context::from_waker(&self.waker);
        let reset = match &mut self.send {
            Some(send) => send.poll_reset(&mut cx),
            None => self.respond.poll_reset(&mut cx),
        };
        reset.is_ready()
    }

    /// Body bytes to `buf`; what was read is the client's to send anew.
    pub fn receive(&mut self, buf: &mut [u8]) -> Received {
        while self.rest.is_empty() {
            if self.ended {
                return Received::End;
            }
            let mut cx = Context::from_waker(&self.waker);
            match self.recv.poll_data(&mut cx) {
                Poll::Pending => return Received::Nothing,
                Poll::Ready(Some(Ok(bytes))) => self.rest = bytes,
                Poll::Ready(Some(Err(_))) => return Received::Gone,
                Poll::Ready(None) => match self.recv.poll_trailers(&mut cx) {
                    Poll::Pending => return Received::Nothing,
                    Poll::Ready(Ok(trailers)) => {
                        self.trailers = trailers.map(Box::new);
                        self.ended = true;
                    }
                    Poll::Ready(Err(_)) => return Received::Gone,
                },
            }
        }
        let size = self.rest.len().min(buf.len());
        buf[..size].copy_from_slice(&self.rest.split_to(size));
        if self.recv.flow_control().release_capacity(size).is_err() {
            return Received::Gone;
        }
        Received::Bytes(size)
    }

    /// The trailer fields of the request, once its body has ended; those that HTTP/1.1 would leave
    /// out are left out here.
    pub fn take_trailers(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let trailers = self.trailers.take().unwrap_or_default();
        let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec())
        };
        trailers.iter().map(pair).filter(|(name, _)| may_trail(name)).collect()
    }

    /// Is the head of the response out?
    pub fn has_responded(&self) -> bool {
        self.send.is_some()
    }

    /// A 1xx response ahead of the real one.
    pub fn interim(&mut self, status: u16, fields: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Wrong> {
        let mut response = Response::new(());
        *response.status_mut() = http::StatusCode::from_u16(status).map_err(|_| Wrong)?;
        *response.headers_mut() = text::fields(fields)?;
        self.respond.send_informational(response).map_err(|_| Wrong)
    }

    /// Sends the head that `text` begins with; says how long it is. With `end`, if nothing comes
    /// behind it, that is all of the response.
    pub fn respond(&mut self, text: &[u8], end: bool) -> Result<usize, Wrong> {
        let (response, length) = text::read_response(text)?;
        let is_all = end && length == text.len();
        let send = self.respond.send_response(response, is_all).map_err(|_| Wrong)?;
        self.send = Some(send);
        Ok(length)
    }

    /// How many of `wanted` bytes may be sent now; if none, it will be woken. None if the client
    /// has gone.
    pub fn room(&mut self, wanted: usize) -> Option<usize> {
        let send = self.send.as_mut()?;
        send.reserve_capacity(wanted);
        loop {
            let room = send.capacity();
            if room > 0 {
                return Some(room.min(wanted));
            }
            let mut cx = Context::from_waker(&self.waker);
            match send.poll_capacity(&mut cx) {
                Poll::Pending => return Some(0),
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return None,
            }
        }
    }

    /// Sends bytes for which there was room; `end` says that they are the last.
    pub fn send(&mut self, bytes: Vec<u8>, end: bool) -> Result<(), Wrong> {
        let send = self.send.as_mut().ok_or(Wrong)?;
        send.send_data(Bytes::from(bytes), end).map_err(|_| Wrong)
    }

    /// Ends the response with trailer fields.
    pub fn send_trailers(&mut self, fields: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Wrong> {
        let trailers = text::fields(fields)?;
        let send = self.send.as_mut().ok_or(Wrong)?;
        send.send_trailers(trailers).map_err(|_| Wrong)
    }

    /// Ends the stream in the middle, so that the client can't take what it has for the whole.
    pub fn reset(&mut self) {
        match &mut self.send {
            Some(send) => send.send_reset(Reason::INTERNAL_ERROR),
            None => self.respond.send_reset(Reason::INTERNAL_ERROR),
        }
    }
}
