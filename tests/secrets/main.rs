//! Secrets in the memory of a host: a scanner reads all of it from outside, as a core dump would hold it. It finds 1,000
//! keys while their user is logged in, each of them in pages that are left out of core dumps, and none after logout and
//! C_Finalize.

#[path = "../interface/mod.rs"]
mod interface;

mod host;
mod scanner;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use interface::*;
use scanner::Scanner;

/// How many keys the host has.
pub const KEYS: usize = 1000;

/// The value of a key: made when it is needed, so that it lies nowhere else.
pub fn fill(seed: u64, value: &mut [u8]) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for byte in value.iter_mut() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = (state >> 24) as u8;
    }
    // Below the order of P-256.
    if let Some(first) = value.first_mut() {
        *first &= 0x7f;
    }
}

/// A PIN in letters.
pub fn fill_pin(seed: u64, pin: &mut [u8]) {
    fill(seed, pin);
    for byte in pin.iter_mut() {
        *byte = b'a' + *byte % 26;
    }
}

pub const USER_PIN_SEED: u64 = 1 << 40;
pub const SO_PIN_SEED: u64 = 1 << 41;
pub const PIN_LEN: usize = 20;

/// The host in a process of its own, which goes on when it is told to.
struct Host {
    pid: i32,
    lines: BufReader<UnixStream>,
}

impl Host {
    fn start() -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        // SAFETY: the child works with the library, which this process has not initialised, and ends by `_exit`.
        match unsafe { libc::fork() } {
            0 => {
                drop(ours);
                let run = std::panic::AssertUnwindSafe(|| host::run(theirs));
                let code = i32::from(std::panic::catch_unwind(run).is_err());
                // SAFETY: ends this process.
                unsafe { libc::_exit(code) }
            }
            pid => {
                assert!(pid > 0, "fork failed");
                Self { pid, lines: BufReader::new(ours) }
            }
        }
    }

    /// What the host says next: the stage, or the process id of its child.
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn go_on(&mut self) {
        self.lines.get_mut().write_all(b"\n").unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: our own child.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}

/// What a host says and waits for, at its end of the connection.
pub fn pause(connection: &mut UnixStream, stage: &str) {
    connection.write_all(format!("{stage}\n").as_bytes()).unwrap();
    connection.read_exact(&mut [0]).unwrap();
}

#[test]
fn no_key_and_no_pin_is_left_after_logout_and_finalize() {
    in_own_process("no_key_and_no_pin_is_left_after_logout_and_finalize", || {
        let mut host = Host::start();
        assert_eq!(host.next(), "logged in");
        let scanner = Scanner::new();
        let found = scanner.scan(host.pid);
        println!("secrets: logged in: {found}");
        assert_eq!((found.keys, found.pins), (KEYS, 2), "the scanner does not see what is there");
        assert_eq!(found.keys_in_dumps, Vec::<usize>::new(), "keys in pages that are dumped");
        host.go_on();

        let child = host.next().parse().unwrap();
        let found = scanner.scan(child);
        println!("secrets: forked child: {found}");
        assert_eq!(found.unused, 0, "keys that only the library held");
        host.go_on();

        for stage in ["logged out", "finalized"] {
            assert_eq!(host.next(), stage);
            let found = scanner.scan(host.pid);
            println!("secrets: {stage}: {found}");
            if stage == "finalized" {
                assert_eq!((found.keys, found.pins), (0, 0), "{:?}", found.places);
            }
            host.go_on();
        }
    });
}
