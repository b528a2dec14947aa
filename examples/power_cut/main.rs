//! A campaign of power cuts in a virtual machine; `scripts/power-cut.sh` prepares the machine and runs it.
//!
//! - `power_cut host KERNEL INITRAMFS FOLDER CUTS [--without-sync]` boots the machine, cuts its power at random moments
//!   and compares what its token holds after the next boot with what was acknowledged.
//! - `power_cut guest HOME SEED` is what runs inside: it tells on the serial console what the token holds, and then what
//!   it tries and what it did.

mod guest;
mod host;
mod model;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["guest", home, seed] => guest::run(home, seed.parse().unwrap_or(1)),
        ["host", kernel, initramfs, folder, cuts, ref options @ ..] => {
            let machine = host::Machine { kernel, initramfs, folder: folder.as_ref() };
            return host::run(&machine, cuts.parse().unwrap_or(1), options.contains(&"--without-sync"));
        }
        _ => eprintln!("usage: see the head of examples/power_cut/main.rs"),
    }
    ExitCode::from(2)
}

/// Random numbers that a seed repeats (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}
