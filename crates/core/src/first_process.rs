//! A second signal also ends process 1, as in a container.
//!
//! Elsewhere the kernel puts the default action back, which ends the process whatever it does. Process 1
//! has no default actions: what has no handler is ignored (pid_namespaces(7)). So a handler in C ends
//! it, which needs neither the interpreter nor a thread that answers.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One more than the largest number of a signal.
const SIGNALS: usize = 65;

/// The handlers that take the first delivery.
static FIRST: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];

/// The handler that stands takes the next delivery of `signal`; the one after that ends the process.
pub fn end_at_second(signal: libc::c_int) -> io::Result<()> {
    let place = usize::try_from(signal).ok().and_then(|number| FIRST.get(number));
    let place = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: an all-zero action is valid, and filled by the call.
    let standing = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, std::ptr::null(), &mut action) != 0 {
            return Err(io::Error::last_os_error());
        }
        action.sa_sigaction
    };
    place.store(standing, Ordering::Relaxed);
    install(signal, first)
}

/// The next delivery of `signal` ends the process, with 128 + its number as a shell shows it.
pub fn end_at_next(signal: libc::c_int) -> io::Result<()> {
    install(signal, end)
}

fn install(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) -> io::Result<()> {
    // SAFETY: the action is filled before it is read; both handlers do only what may be done in one
    // (an atomic load, sigaction, _exit and CPython's own handler; signal-safety(7)).
    let done = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        libc::sigaction(signal, &action, std::ptr::null_mut())
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

extern "C" fn first(signal: libc::c_int) {
    let _ = end_at_next(signal);
    let standing = FIRST.get(signal as usize).map_or(0, |one| one.load(Ordering::Relaxed));
    if standing != libc::SIG_DFL && standing != libc::SIG_IGN {
        // SAFETY: it was installed as the handler of this signal, without SA_SIGINFO: CPython's
        // signal_handler, which takes the number.
        let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(standing) };
        handler(signal);
    }
}

extern "C" fn end(signal: libc::c_int) {
    // SAFETY: _exit takes no pointers and is async-signal-safe.
    unsafe { libc::_exit(128 + signal) }
}
