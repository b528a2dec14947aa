//! Forked children with a pipe each: they report lines, and tests wait for those lines and never for time.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};

/// A child that is not done after so many seconds hangs: the kernel ends it, and the test fails. Far more than any takes on
/// a machine that does many other things.
pub const HANGS_AFTER: u32 = 600;

/// A pipe: the end to read and the end to write.
pub fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: room for both descriptors, which are owned by nobody else.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}

/// A child of this process. Dropping it kills and reaps it.
pub struct Child {
    pub pid: i32,
    pub lines: BufReader<File>,
    reaped: bool,
}

/// What a child reports with: each line is one write, which a kill cannot halve.
pub struct Report(File);

impl Report {
    pub fn line(&self, text: &str) {
        (&self.0).write_all(format!("{text}\n").as_bytes()).unwrap();
    }
}

/// Runs `work` in a forked child; it ends with code 0, or 101 after a panic.
pub fn fork(work: impl FnOnce(&Report)) -> Child {
    let (read, write) = pipe();
    // SAFETY: the C library makes its allocator usable in the child, which leaves by `_exit`.
    match unsafe { libc::fork() } {
        -1 => panic!("fork failed"),
        0 => {
            // SAFETY: plain system calls.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                libc::alarm(size(HANGS_AFTER as usize, 3600) as u32);
            }
            drop(read);
            let report = Report(write);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&report)));
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(if done.is_ok() { 0 } else { 101 }) }
        }
        pid => Child { pid, lines: BufReader::new(read), reaped: false },
    }
}

impl Child {
    /// The next line; `None` when the child has ended.
    pub fn next_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.lines.read_line(&mut line).unwrap();
        (length > 0).then(|| line.trim_end().to_owned())
    }

    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next_line()).collect()
    }

    /// What a child that is killed has said. Its own children keep the pipe open, so the end is not waited for.
    pub fn rest_until_dead(&mut self) -> Vec<String> {
        let mut text = self.lines.buffer().to_vec();
        self.lines.consume(text.len());
        // SAFETY: our own child, which is left to be reaped, and our own descriptor.
        unsafe {
            let mut info = std::mem::zeroed();
            let waited = libc::waitid(libc::P_PID, self.pid as u32, &mut info, libc::WEXITED | libc::WNOWAIT);
            assert_eq!(waited, 0);
            libc::fcntl(self.lines.get_ref().as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK);
        }
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.lines.get_mut().read(&mut bytes) {
            text.extend_from_slice(&bytes[..count]);
        }
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }

    /// Waits until the child is stopped by a signal.
    pub fn wait_until_stopped(&self) {
        let mut status = 0;
        // SAFETY: waits for our own child.
        assert_eq!(unsafe { libc::waitpid(self.pid, &mut status, libc::WUNTRACED) }, self.pid);
        assert!(libc::WIFSTOPPED(status), "it has ended: {status}");
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: our own child, not reaped yet.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0);
    }

    /// Waits until the child has ended and answers its wait status.
    pub fn wait(&mut self) -> i32 {
        let mut status = 0;
        // SAFETY: waits for our own child.
        assert_eq!(unsafe { libc::waitpid(self.pid, &mut status, 0) }, self.pid);
        self.reaped = true;
        status
    }

    /// All lines of a child that must end well.
    pub fn finish(mut self) -> Vec<String> {
        let lines = self.rest();
        assert_eq!(self.wait(), 0, "a child failed (14: it hung); it said {lines:?}");
        lines
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.signal(libc::SIGKILL);
            self.wait();
        }
    }
}

/// In a child that is to outlive its parent: does not keep the output of the test open.
pub fn close_standard_streams() {
    for descriptor in 0..3 {
        // SAFETY: nobody uses the standard streams of such a child.
        unsafe { libc::close(descriptor) };
    }
}

/// Holds children back until all of them may start at the same instant.
pub struct Gate {
    wait: File,
    open: File,
}

impl Gate {
    pub fn new() -> Self {
        let (wait, open) = pipe();
        Self { wait, open }
    }

    /// In a child: waits until the parent opens the gate.
    pub fn wait(&self) {
        assert_eq!((&self.wait).read(&mut [0]).unwrap(), 1);
    }

    /// In the parent: lets so many children go.
    pub fn open(&mut self, children: usize) {
        self.open.write_all(&vec![0; children]).unwrap();
    }
}

/// A small generator of random numbers (splitmix64), to repeat a campaign by its seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// The seed of this run: `COFFER_SEED`, or a new one.
pub fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    match std::env::var("COFFER_SEED") {
        Ok(seed) => seed.parse().expect("COFFER_SEED is a number"),
        Err(_) => now.as_micros() as u64 % 1_000_000_000,
    }
}

/// The time for a campaign in seconds: a slice's, or `COFFER_CAMPAIGN_SECONDS` (a day) for the long one.
pub fn limit_in_seconds(slice: u64) -> u64 {
    let given = std::env::var("COFFER_CAMPAIGN_SECONDS").ok().map(|limit| limit.parse().expect("seconds"));
    size(slice as usize, given.unwrap_or(24 * 3600)) as u64
}

/// The size of a campaign: a slice for each change, or the long one.
pub fn size(slice: usize, full: usize) -> usize {
    if std::env::var_os("COFFER_CAMPAIGN").is_some_and(|name| name == "full") { full } else { slice }
}
