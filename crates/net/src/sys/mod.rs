//! The system calls of the wire path: every `unsafe` of the network half is in this file.
//!
//! All sockets are non-blocking; `None` or [`Io::Later`] stands for EAGAIN. Interrupted calls are
//! repeated. Closing shuts the socket down first: a forked child may hold a copy of the
//! descriptor, and the peer would never see the end.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

mod sigpipe;

use self::sigpipe::without_sigpipe;

/// What a call on a non-blocking socket came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Io {
    /// That many bytes; 0 from `recv` is the end of the stream.
    Done(usize),
    /// Not now; the reactor will tell when.
    Later,
    /// The connection is broken.
    Broken,
}

impl Io {
    fn from_return(size: isize) -> Option<Self> {
        if size >= 0 {
            return Some(Self::Done(size.unsigned_abs()));
        }
        match io::Error::last_os_error().kind() {
            ErrorKind::Interrupted => None,
            ErrorKind::WouldBlock => Some(Self::Later),
            _ => Some(Self::Broken),
        }
    }
}

fn repeat(mut call: impl FnMut() -> isize) -> Io {
    loop {
        if let Some(outcome) = Io::from_return(call()) {
            return outcome;
        }
    }
}

/// recv(2) into `buf`.
pub fn recv(fd: RawFd, buf: &mut [u8]) -> Io {
    // SAFETY: the pointer and length are those of a live, writable slice.
    repeat(|| unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), 0) })
}

/// The same, and the bytes stay where they are.
pub fn peek(fd: RawFd, buf: &mut [u8]) -> Io {
    // SAFETY: as in `recv`.
    repeat(|| unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), libc::MSG_PEEK) })
}

#[cfg(target_os = "linux")]
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const SEND_FLAGS: libc::c_int = 0;

/// send(2) of `bytes`; never raises SIGPIPE.
pub fn send(fd: RawFd, bytes: &[u8]) -> Io {
    // SAFETY: the pointer and length are those of a live slice.
    repeat(|| unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), SEND_FLAGS) })
}

/// The same on a socket that may be a blocking one.
pub fn send_now(fd: RawFd, bytes: &[u8]) -> Io {
    let flags = SEND_FLAGS | libc::MSG_DONTWAIT;
    // SAFETY: the pointer and length are those of a live slice.
    repeat(|| unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// sendmsg(2) of several slices at once; never raises SIGPIPE.
pub fn send_slices(fd: RawFd, slices: &[IoSlice]) -> Io {
    // SAFETY: an all-zero msghdr is a valid empty one; IoSlice has the layout of iovec (std docs),
    // and the slices outlive the call, which only reads them.
    repeat(|| unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = slices.as_ptr() as *mut libc::iovec;
        message.msg_iovlen = slices.len() as _;
        libc::sendmsg(fd, &message, SEND_FLAGS)
    })
}

/// sendfile(2): at most `count` bytes of `file` from `offset`, without passing through this process.
/// `Done(0)` means that the file ended early.
#[cfg(target_os = "linux")]
pub fn sendfile(fd: RawFd, file: RawFd, offset: u64, count: usize) -> Io {
    without_sigpipe(|| {
        repeat(|| {
            let mut offset = offset as libc::off_t;
            // SAFETY: both descriptors are open, and `offset` is a local the kernel may write.
            unsafe { libc::sendfile(fd, file, &mut offset, count) }
        })
    })
}

/// Elsewhere: pread(2) and send(2) through a small buffer.
#[cfg(not(target_os = "linux"))]
pub fn sendfile(fd: RawFd, file: RawFd, offset: u64, count: usize) -> Io {
    let mut buf = [0u8; 16 * 1024];
    let most = count.min(buf.len());
    // SAFETY: the pointer and length are those of a live, writable array.
    match repeat(|| unsafe { libc::pread(file, buf.as_mut_ptr().cast(), most, offset as _) }) {
        Io::Done(0) => Io::Done(0),
        Io::Done(size) => send(fd, &buf[..size]),
        other => other,
    }
}

/// pread(2): bytes of `file` from `offset`.
pub fn read_at(file: RawFd, buf: &mut [u8], offset: u64) -> Io {
    let (into, most, offset) = (buf.as_mut_ptr().cast(), buf.len(), offset as libc::off_t);
    // SAFETY: the pointer and length are those of a live, writable slice.
    repeat(|| unsafe { libc::pread(file, into, most, offset) })
}

/// An accepted connection and its peer; unix peers have no address.
pub struct Accepted {
    pub fd: OwnedFd,
    pub peer: Option<SocketAddr>,
}

/// accept(2): non-blocking and close-on-exec from the start.
pub fn accept(listener: RawFd) -> io::Result<Option<Accepted>> {
    loop {
        // SAFETY: an all-zero sockaddr_storage is valid; accept writes at most `length` bytes.
        let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let mut length = std::mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let fd = raw_accept(listener, &mut address, &mut length);
        if fd >= 0 {
            // SAFETY: the kernel has just given us this descriptor; nobody else owns it.
            let fd = unsafe { OwnedFd::from_raw_fd(fd) };
            return Ok(Some(Accepted { fd, peer: to_address(&address) }));
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR | libc::ECONNABORTED | libc::EPROTO) => continue,
            _ if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            _ => return Err(error),
        }
    }
}

#[cfg(target_os = "linux")]
fn raw_accept(
    listener: RawFd,
    address: &mut libc::sockaddr_storage,
    length: &mut libc::socklen_t,
) -> RawFd {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: `address` and `length` are live and belong together.
    unsafe { libc::accept4(listener, std::ptr::from_mut(address).cast(), length, flags) }
}

#[cfg(not(target_os = "linux"))]
fn raw_accept(
    listener: RawFd,
    address: &mut libc::sockaddr_storage,
    length: &mut libc::socklen_t,
) -> RawFd {
    // SAFETY: as above; the flags are set on a descriptor that is ours alone.
    unsafe {
        let fd = libc::accept(listener, std::ptr::from_mut(address).cast(), length);
        if fd >= 0 {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK);
            set_option(fd, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1);
        }
        fd
    }
}

fn to_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage holds a sockaddr_in.
            let v4 = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            let ip = std::net::Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some((ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the storage holds a sockaddr_in6.
            let v6 = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            let ip = std::net::Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some((ip, u16::from_be(v6.sin6_port)).into())
        }
        _ => None,
    }
}

fn set_option(fd: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) {
    let size = std::mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the option value is a live c_int of the size given. A refusal only costs the effect.
    unsafe { libc::setsockopt(fd, level, name, std::ptr::from_ref(&value).cast(), size) };
}

/// Small writes go out at once.
pub fn set_nodelay(fd: RawFd) {
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
}

/// The kernel takes no more than so many bytes ahead of what the network takes, so that what is
/// urgent can still overtake (tcp(7), TCP_NOTSENT_LOWAT).
#[cfg(target_os = "linux")]
pub fn limit_unsent(fd: RawFd, bytes: u32) {
    let size = std::mem::size_of_val(&bytes) as libc::socklen_t;
    let value = (&raw const bytes).cast();
    // SAFETY: `value` is a live u32 of `size` bytes; on what is no TCP socket, the call fails.
    unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, value, size) };
}

#[cfg(not(target_os = "linux"))]
pub fn limit_unsent(_fd: RawFd, _bytes: u32) {}

/// Bytes that the kernel has of ours and the peer has not taken: on TCP, acknowledged. 0 where that is
/// not known.
pub fn untaken(fd: RawFd) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: `bytes` is a live int, which the call fills. On Linux this is SIOCOUTQ (tcp(7), unix(7)).
    let failed = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut bytes) } != 0;
    if failed {
        0
    } else {
        usize::try_from(bytes).unwrap_or(0)
    }
}

/// No more bytes from us: the peer reads to the end and sees it.
pub fn shutdown_write(fd: RawFd) {
    // SAFETY: takes no pointers.
    unsafe { libc::shutdown(fd, libc::SHUT_WR) };
}

/// Ends the connection in both directions, for every copy of the descriptor.
pub fn shutdown(fd: &OwnedFd) {
    // SAFETY: takes no pointers.
    unsafe { libc::shutdown(fd.as_raw_fd(), libc::SHUT_RDWR) };
}

/// Makes the close that follows a reset instead of an orderly end.
pub fn reset_on_close(fd: RawFd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = std::mem::size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: the option value is a live linger structure of the size given.
    unsafe {
        let value = std::ptr::from_ref(&linger).cast();
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, value, size);
    }
}

/// A close-on-exec copy of a descriptor.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers; the descriptor that comes back is ours alone.
    unsafe {
        match libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) {
            -1 => Err(io::Error::last_os_error()),
            copy => Ok(OwnedFd::from_raw_fd(copy)),
        }
    }
}

/// write(2) of `bytes` to a file or pipe.
pub fn write(fd: RawFd, bytes: &[u8]) -> Io {
    // SAFETY: the pointer and length are those of a live slice.
    let write = || unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    without_sigpipe(|| repeat(write))
}

/// One timer that makes a poller ready when it runs out.
#[cfg(target_os = "linux")]
pub mod timer {
    use super::{FromRawFd, OwnedFd};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    /// timerfd_create(2).
    pub fn create() -> io::Result<OwnedFd> {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: takes no pointers; the descriptor that comes back is ours alone.
        unsafe {
            match libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) {
                -1 => Err(io::Error::last_os_error()),
                fd => Ok(OwnedFd::from_raw_fd(fd)),
            }
        }
    }

    /// Runs out once after `delay`; `None` disarms.
    pub fn set(timer: &OwnedFd, delay: Option<Duration>) {
        // 1 ns at least: an all-zero value would disarm.
        let delay = delay.map(|delay| delay.max(Duration::from_nanos(1))).unwrap_or_default();
        let value = libc::timespec {
            tv_sec: delay.as_secs() as libc::time_t,
            tv_nsec: delay.subsec_nanos() as libc::c_long,
        };
        let interval = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let setting = libc::itimerspec { it_interval: interval, it_value: value };
        // SAFETY: `setting` is live; the old value is not asked for.
        unsafe { libc::timerfd_settime(timer.as_raw_fd(), 0, &setting, std::ptr::null_mut()) };
    }
}

/// Makes the kernel reset the signal to its default when it is next delivered (SA_RESETHAND): the
/// second one ends the process, even if the interpreter never gets to run its handler.
pub fn reset_on_delivery(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: `action` is filled by the first call before the second reads it; the handler in it
    // is the one that was installed already.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, std::ptr::null(), &mut action) != 0 {
            return Err(io::Error::last_os_error());
        }
        action.sa_flags |= libc::SA_RESETHAND;
        if libc::sigaction(signal, &action, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The CPU clock of this thread, for any thread of the process to read.
#[cfg(target_os = "linux")]
pub fn thread_clock() -> libc::clockid_t {
    thread_local! {
        static CLOCK: libc::clockid_t = {
            let mut clock = 0;
            // SAFETY: the thread is this one, alive; `clock` is a local.
            unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock) };
            clock
        };
    }
    CLOCK.with(|clock| *clock)
}

/// Elsewhere no thread can read the clock of another: all calls look blocked.
#[cfg(not(target_os = "linux"))]
pub fn thread_clock() -> i32 {
    0
}

/// Microseconds that the thread of `clock` has computed; 0 if it has ended.
#[cfg(target_os = "linux")]
pub fn thread_cpu(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a local; a clock of a thread that has ended is an error, not a fault.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000
}

#[cfg(not(target_os = "linux"))]
pub fn thread_cpu(_clock: i32) -> u64 {
    0
}

/// What to wait for on one socket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Want {
    Read,
    Write,
}

/// poll(2) on one socket, for threads that wait for their own client. True if it is ready (or
/// broken), false when `milliseconds` have passed.
pub fn wait_for(fd: RawFd, want: Want, milliseconds: u64) -> bool {
    poll(&mut [want.of(fd)], Some(milliseconds))
}

/// The same on a socket, or until `other` can be read; for ever without a time.
pub fn wait_for_either(one: (RawFd, Want), other: RawFd, milliseconds: Option<u64>) -> bool {
    poll(&mut [one.1.of(one.0), Want::Read.of(other)], milliseconds)
}

impl Want {
    fn of(self, fd: RawFd) -> libc::pollfd {
        let events = match self {
            Self::Read => libc::POLLIN,
            Self::Write => libc::POLLOUT,
        };
        libc::pollfd { fd, events, revents: 0 }
    }
}

fn poll(entries: &mut [libc::pollfd], milliseconds: Option<u64>) -> bool {
    let most =
        milliseconds.map_or(-1, |most| libc::c_int::try_from(most).unwrap_or(libc::c_int::MAX));
    let count = entries.len() as libc::nfds_t;
    // SAFETY: `entries` is so many live pollfds.
    match repeat(|| unsafe { libc::poll(entries.as_mut_ptr(), count, most) } as isize) {
        Io::Done(0) => false,
        Io::Done(_) | Io::Later | Io::Broken => true,
    }
}

/// Milliseconds of CLOCK_MONOTONIC, from the clock that is read without asking the hardware: it is
/// behind by a tick of the kernel at the most.
#[cfg(target_os = "linux")]
pub fn monotonic_ms() -> u64 {
    to_ms(libc::CLOCK_MONOTONIC_COARSE)
}

#[cfg(not(target_os = "linux"))]
pub fn monotonic_ms() -> u64 {
    to_ms(libc::CLOCK_MONOTONIC)
}

fn to_ms(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a local; both clocks always exist.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

/// Seconds since 1970, from the clock that is read without asking the hardware.
#[cfg(target_os = "linux")]
pub fn unix_seconds() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a local; the clock exists on every kernel since 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut time) };
    time.tv_sec as u64
}

#[cfg(not(target_os = "linux"))]
pub fn unix_seconds() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// strftime(3) of local time.
pub fn local_time(seconds: u64, format: &std::ffi::CStr) -> String {
    let time = seconds as libc::time_t;
    let mut buffer = [0u8; 64];
    // SAFETY: an all-zero tm is valid and filled by localtime_r; strftime writes at most the
    // buffer's length and says how much.
    let size = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        libc::localtime_r(&time, &mut parts);
        libc::strftime(buffer.as_mut_ptr().cast(), buffer.len(), format.as_ptr(), &parts)
    };
    String::from_utf8_lossy(&buffer[..size]).into_owned()
}

/// A file in memory, without a name, that forked processes share; close-on-exec.
#[cfg(target_os = "linux")]
pub fn nameless_file() -> io::Result<OwnedFd> {
    // SAFETY: the name is a literal with its NUL; it only shows in /proc.
    let fd = unsafe { libc::memfd_create(c"tricorn".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The same with a file that nobody else can find.
#[cfg(not(target_os = "linux"))]
pub fn nameless_file() -> io::Result<OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt;
    let name = format!("tricorn-{}-{}", std::process::id(), monotonic_ms());
    let path = std::env::temp_dir().join(name);
    let mut options = std::fs::OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file.into())
}

/// How many descriptors this process may have open.
pub fn descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 1024, rlim_max: 1024 };
    // SAFETY: `limit` is a local the kernel fills; on failure the usual limit stands.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// Has the peer reset the connection? (One that only closed may still be reading.)
pub fn is_reset(fd: RawFd) -> bool {
    let mut entry = libc::pollfd { fd, events: 0, revents: 0 };
    // SAFETY: `entry` is one live pollfd; a timeout of 0 never waits.
    let outcome = repeat(|| unsafe { libc::poll(&mut entry, 1, 0) } as isize);
    outcome == Io::Done(1) && entry.revents & (libc::POLLERR | libc::POLLHUP) != 0
}

/// This thread's timers are not rounded up by the kernel's usual 50 us.
#[cfg(target_os = "linux")]
pub fn exact_timers() {
    // SAFETY: takes no pointers; a refusal only leaves the timers as they are.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}

#[cfg(not(target_os = "linux"))]
pub fn exact_timers() {}
