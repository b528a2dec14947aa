//! Random numbers after a process was copied (Everspaugh and others, "Not-So-Random Numbers in Virtualized Linux and the
//! Whirlwind RNG", IEEE S&P 2014): two copies must not draw the same numbers, above all no keys.
//!
//! A copy of a virtual machine is imitated by a bare `clone` of the process, with the marks taken away by which a fork is
//! noticed: no handler runs, and no page is wiped. Forks that are noticed are in `tests/processes`.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;

use crate::common::{bytes, template};
use crate::host::*;
use crate::interface::in_own_process;

const P_256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Lets a clone inherit the pages that are otherwise wiped in it; how many ranges there were.
fn hide_the_clone() -> usize {
    let mut ranges = 0;
    let mut range = (0, 0);
    for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        let first = line.split(' ').next().unwrap();
        if let Some((start, end)) = first.split_once('-') {
            let number = |digits| usize::from_str_radix(digits, 16).unwrap();
            range = (number(start), number(end));
        } else if line.starts_with("VmFlags:") && line.split(' ').any(|flag| flag == "wf") {
            let start = range.0 as *mut libc::c_void;
            // SAFETY: a range of ours; only what a fork does with it changes.
            let kept = unsafe { libc::madvise(start, range.1 - range.0, libc::MADV_KEEPONFORK) };
            assert_eq!(kept, 0);
            ranges += 1;
        }
    }
    ranges
}

/// What `draw` gives in a copy of this process that cannot tell that it is one.
fn in_a_clone(draw: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors; a clone without new memory or handlers, as fork makes it; each process owns
    // its ends of the pipe.
    let (child, mut reader, mut writer) = unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let child = libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0);
        (child, fs::File::from_raw_fd(ends[0]), fs::File::from_raw_fd(ends[1]))
    };
    assert!(child >= 0);
    if child == 0 {
        let drawn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(draw)).unwrap_or_default();
        let written = writer.write_all(&drawn);
        // SAFETY: ends the copy without the handlers and buffers that it has from its parent.
        unsafe { libc::_exit(i32::from(written.is_err())) };
    }
    drop(writer);
    let mut drawn = Vec::new();
    reader.read_to_end(&mut drawn).unwrap();
    let mut status = 0;
    // SAFETY: our child.
    assert_eq!(unsafe { libc::waitpid(child as libc::pid_t, &mut status, 0) }, child as libc::pid_t);
    assert_eq!(status, 0);
    drawn
}

#[test]
fn two_copies_of_a_virtual_machine_draw_different_numbers_and_keys() {
    in_own_process("clones::two_copies_of_a_virtual_machine_draw_different_numbers_and_keys", || {
        let host = Host::new();
        let numbers = || {
            let mut drawn = vec![0; 32];
            host.session.generate_random(&mut drawn).unwrap();
            drawn
        };
        let secret = || {
            let key = host.new_aes(&[no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)]);
            host.value(key).unwrap()
        };
        let pair = |id, public: &[Attribute], part| {
            let made = host.session.generate_key_pair(id, &Params::None, &template(public), &template(&[]));
            host.read(made.unwrap().0, part).unwrap().as_bytes().unwrap().to_vec()
        };
        let ec = || pair(CKM_EC_KEY_PAIR_GEN, &[(CKA_EC_PARAMS, bytes(P_256))], CKA_EC_POINT);
        let rsa = || {
            let size = (CKA_MODULUS_BITS, Value::Ulong(RSA_BITS));
            pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &[size], CKA_MODULUS)
        };
        // Each generator is at work already when the copies are made.
        let drawn: Vec<Vec<u8>> = vec![numbers(), secret(), ec(), rsa()];
        assert!(drawn.iter().all(|drawn| drawn.len() >= 32));
        assert!(hide_the_clone() > 0, "the engine does not notice forks by a page");
        let engine = || {
            let mut drawn = vec![0; 32];
            // SAFETY: pointer and length of one live vector.
            assert_eq!(unsafe { aws_lc_sys::RAND_bytes(drawn.as_mut_ptr(), drawn.len()) }, 1);
            drawn
        };
        assert_eq!(in_a_clone(engine), in_a_clone(engine), "the copies know that they are copies");
        assert_ne!(in_a_clone(numbers), in_a_clone(numbers), "C_GenerateRandom");
        assert_ne!(in_a_clone(secret), in_a_clone(secret), "C_GenerateKey");
        assert_ne!(in_a_clone(ec), in_a_clone(ec), "C_GenerateKeyPair of EC keys");
        assert_ne!(in_a_clone(rsa), in_a_clone(rsa), "C_GenerateKeyPair of RSA keys");
    });
}
