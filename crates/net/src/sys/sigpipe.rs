//! SIGPIPE and calls that have no flag against it. Python ignores the signal, but an application may have
//! reset it.

/// Makes a call; a SIGPIPE that it brings does not end the process.
#[cfg(target_os = "linux")]
pub fn without_sigpipe<T>(call: impl FnOnce() -> T) -> T {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: all-zero sets are valid and emptied first; all pointers are to locals. The mask is that
    // of this thread alone, to which the signal goes, and is put back.
    unsafe {
        let (mut pipe, mut before): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
        libc::sigemptyset(&mut pipe);
        libc::sigaddset(&mut pipe, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &pipe, &mut before);
        let outcome = call();
        // Also if a part went out first, and that is what the call says.
        if libc::sigismember(&before, libc::SIGPIPE) == 0 {
            libc::sigtimedwait(&pipe, std::ptr::null_mut(), &at_once);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        outcome
    }
}

#[cfg(not(target_os = "linux"))]
pub fn without_sigpipe<T>(call: impl FnOnce() -> T) -> T {
    call()
}
