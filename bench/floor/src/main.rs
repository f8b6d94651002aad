//! The floor: the least an epoll server must do to answer the hello request, without Python.
//!
//! One thread, one edge-triggered epoll, one recv and one send for each request. What it leaves
//! out, and a real server must do: parsing the head (it only looks for the empty line), every
//! limit and timeout, request bodies, partial writes (it closes), the clock (its Date is fixed),
//! logs, signals, and the application.
//!
//! Usage: `floor PORT`.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: text/plain\r\n\
    content-length: 13\r\n\
    date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    server: tricorn\r\n\
    \r\n\
    Hello, world!";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const BUFFER: usize = 64 * 1024; // bytes
const EVENTS: usize = 64;

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let Some(port) = port else {
        eprintln!("usage: floor PORT");
        std::process::exit(2);
    };
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    // The standard library listens with 128; the same backlog as the other servers.
    // SAFETY: the listener owns its open descriptor.
    check(unsafe { libc::listen(listener.as_raw_fd(), 2048) })?;
    listener.set_nonblocking(true)?;
    serve(listener.as_raw_fd())
}

/// Waits for events for ever; the listener is level triggered, connections edge triggered.
fn serve(listener: RawFd) -> io::Result<()> {
    // SAFETY: no pointers.
    let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    watch(epoll, listener, libc::EPOLLIN)?;
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut buffer = vec![0_u8; BUFFER];
    loop {
        for event in wait(epoll, &mut events)? {
            let fd = event.u64 as RawFd;
            if fd == listener {
                accept(epoll, listener)?;
            } else {
                answer(fd, &mut buffer);
            }
        }
    }
}

/// The next events; none if a signal or a tracer interrupted the wait.
fn wait(epoll: RawFd, events: &mut [libc::epoll_event]) -> io::Result<&[libc::epoll_event]> {
    let room = events.len() as libc::c_int;
    // SAFETY: the kernel writes at most `room` events to the slice.
    match check(unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), room, -1) }) {
        Ok(count) => Ok(&events[..count as usize]),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(&[]),
        Err(error) => Err(error),
    }
}

fn accept(epoll: RawFd, listener: RawFd) -> io::Result<()> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: null pointers mean that the peer's address is not wanted.
    let fd = unsafe { libc::accept4(listener, ptr::null_mut(), ptr::null_mut(), flags) };
    if fd < 0 {
        return Ok(()); // the client has gone again
    }
    let on: libc::c_int = 1;
    let size = size_of_val(&on) as libc::socklen_t;
    // SAFETY: `on` lives across the call and `size` is its size.
    check(unsafe {
        let value = ptr::from_ref(&on).cast();
        libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, value, size)
    })?;
    watch(epoll, fd, libc::EPOLLIN | libc::EPOLLET)
}

/// Reads once, answers if that was one whole head, and closes on anything else.
fn answer(fd: RawFd, buffer: &mut [u8]) {
    // SAFETY: the kernel writes at most the buffer's length.
    let read = unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    let complete = read > 0 && buffer[..read as usize].ends_with(END_OF_HEAD);
    let sent = if complete {
        // SAFETY: the answer is static.
        unsafe { libc::send(fd, ANSWER.as_ptr().cast(), ANSWER.len(), libc::MSG_NOSIGNAL) }
    } else {
        -1
    };
    if sent != ANSWER.len() as isize {
        // SAFETY: nobody else has the descriptor; closing takes it out of the epoll.
        unsafe { libc::close(fd) };
    }
}

fn watch(epoll: RawFd, fd: RawFd, interest: libc::c_int) -> io::Result<()> {
    let mut event = libc::epoll_event {
        events: interest as u32,
        u64: fd as u64,
    };
    // SAFETY: the kernel only reads the event, during the call.
    check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) }).map(drop)
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
