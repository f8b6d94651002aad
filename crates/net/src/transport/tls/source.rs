//! The certificates of now, for a process and the workers that it has forked.
//!
//! What was read from the files is kept in a file without a name, in memory, that all of them have
//! open: version, length and digest, then the content. Whoever can read the real files writes there
//! what is new; the others look at most once a second, and only when somebody connects. So workers
//! need no rights, no message and no timer. They can only read it: one that an attacker has taken over
//! must not choose the certificates of the others, or who vouches for their clients.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{digest, SHA256, SHA256_OUTPUT_LEN};

use super::{Flaw, Identity, Materials, Options};
use crate::sys;

/// Milliseconds between two looks.
const LOOK_MS: u64 = 1000;
const HEAD: usize = 16 + SHA256_OUTPUT_LEN;
/// More than a thousand long chains.
const MOST: u64 = 16 * 1024 * 1024;

pub struct Source {
    options: Options,
    shared: File,
    /// The same, to write to; None where that is not allowed.
    writable: Mutex<Option<File>>,
    held: Mutex<Held>,
}

struct Held {
    identity: Identity,
    version: u64,
    /// In milliseconds of whoever asks.
    looked: u64,
}

impl Source {
    /// Fails with what is wrong with the files, or if there is no memory.
    pub fn new(materials: &Materials, options: Options) -> Result<io::Result<Self>, Flaw> {
        let identity = Identity::new(materials, &options)?;
        let held = Mutex::new(Held { identity, version: 0, looked: 0 });
        let memory = sys::nameless_file().and_then(halves);
        Ok(memory.map(|(shared, writable)| Self {
            options,
            shared,
            writable: Mutex::new(Some(writable)),
            held,
        }))
    }

    /// From now on this process can't `replace` anything.
    pub fn only_read(&self) {
        self.writable.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// What connections that come at `now` speak TLS with.
    pub fn identity(&self, now: u64) -> Identity {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(held.looked) >= LOOK_MS {
            held.looked = now;
            if let Some((version, materials)) = self.news(held.version) {
                if let Ok(identity) = Identity::new(&materials, &self.options) {
                    held.identity = identity;
                }
                held.version = version;
            }
        }
        held.identity.clone()
    }

    /// What has been written since `version`; nothing while it is being written.
    fn news(&self, version: u64) -> Option<(u64, Materials)> {
        let mut head = [0; HEAD];
        self.shared.read_exact_at(&mut head, 0).ok()?;
        let number = |at: usize| Some(u64::from_le_bytes(head[at..at + 8].try_into().ok()?));
        let (written, len) = (number(0)?, number(8)?);
        if written == version || len > MOST {
            return None;
        }
        let mut content = vec![0; len as usize];
        self.shared.read_exact_at(&mut content, HEAD as u64).ok()?;
        let is_whole = digest(&SHA256, &content).as_ref() == &head[16..];
        is_whole.then(|| Materials::from_bytes(&content)).flatten().map(|found| (written, found))
    }

    /// From now on these, here and in the processes that share this. On a flaw nothing changes.
    pub fn replace(&self, materials: &Materials) -> Result<io::Result<()>, Flaw> {
        let identity = Identity::new(materials, &self.options)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let version = held.version + 1;
        let written = self.write(version, &materials.to_bytes());
        if written.is_ok() {
            held.identity = identity;
            held.version = version;
        }
        Ok(written)
    }

    fn write(&self, version: u64, content: &[u8]) -> io::Result<()> {
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(&version.to_le_bytes());
        head.extend_from_slice(&(content.len() as u64).to_le_bytes());
        head.extend_from_slice(digest(&SHA256, content).as_ref());
        let writable = self.writable.lock().unwrap_or_else(PoisonError::into_inner);
        let file = writable.as_ref().ok_or(io::ErrorKind::PermissionDenied)?;
        file.write_all_at(content, HEAD as u64)?;
        file.write_all_at(&head, 0)
    }

    /// The chain of each certificate, in DER.
    pub fn chains(&self) -> Vec<Vec<Vec<u8>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).identity.chains()
    }
}

/// A memory file to read and to write. Nobody but its owner can open it once more; where there is no
/// /proc, both halves can write.
fn halves(memory: OwnedFd) -> io::Result<(File, File)> {
    let writable = File::from(memory);
    writable.set_permissions(Permissions::from_mode(0o600))?;
    let path = format!("/proc/self/fd/{}", writable.as_raw_fd());
    let readable = File::open(path).or_else(|_| writable.try_clone())?;
    Ok((readable, writable))
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source") // it has keys
    }
}
