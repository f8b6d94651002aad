//! An end for a worker that has lost its supervisor and hangs, so that it can't notice.
//!
//! The kernel tells the process by a signal (prctl(2), PR_SET_PDEATHSIG), and a handler in C sets an
//! alarm: whoever is still there when it rings is ended by it, whatever it does. A worker that is
//! well has left before.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

static SECONDS: AtomicU32 = AtomicU32::new(0);

/// After the parent's end, this process has so many seconds left. Linux only; elsewhere nothing.
#[cfg(target_os = "linux")]
pub fn expire_with_parent(seconds: u32) -> io::Result<()> {
    SECONDS.store(seconds.max(1), Ordering::Relaxed);
    // A real-time signal that neither libc nor applications use.
    let signal = libc::SIGRTMAX() - 1;
    // SAFETY: the action is filled before it is read; the handler does only what may be done in
    // one (an atomic load and alarm(2), signal-safety(7)); prctl takes no pointers here.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_orphaned as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        if libc::sigaction(signal, &action, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        if libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub fn expire_with_parent(seconds: u32) -> io::Result<()> {
    SECONDS.store(seconds, Ordering::Relaxed);
    Ok(())
}

#[cfg(target_os = "linux")]
extern "C" fn on_orphaned(_signal: libc::c_int) {
    // SAFETY: alarm has no pointers and is async-signal-safe.
    unsafe { libc::alarm(SECONDS.load(Ordering::Relaxed)) };
}
