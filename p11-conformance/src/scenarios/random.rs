//! Random numbers (PKCS#11 3.2, 5.19).

use crate::call;
use crate::expect::{expect, expect_any, holds};
use crate::scenario::Scenario;
use crate::session::{input, len};
use cryptoki_sys::*;
use std::ptr;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "bytes-come",
        "5.19 C_GenerateRandom",
        "the buffer is filled with bytes that are not all equal",
        |h| {
            let bytes = h.session()?.random(64)?;
            holds("not all bytes are equal", bytes.iter().any(|byte| Some(byte) != bytes.first()))
        },
    ),
    Scenario::new(
        "bytes-differ",
        "5.19 C_GenerateRandom",
        "two calls give different bytes, in any session",
        |h| {
            let (one, two) = (h.session()?, h.read_only()?);
            let first = one.random(32)?;
            holds("the same session gives others", first != one.random(32)?)?;
            holds("another session gives others", first != two.random(32)?)
        },
    ),
    Scenario::new("large-request", "5.19 C_GenerateRandom", "100 kB come in one call", |h| {
        let bytes = h.session()?.random(100_000)?;
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        holds("about half of the bits are set", (390_000..410_000).contains(&ones))
    }),
    Scenario::new(
        "no-bytes",
        "5.19 C_GenerateRandom",
        "a request for no bytes is answered, or CKR_ARGUMENTS_BAD",
        |h| expect_any(h.session()?.random(0), &[CKR_OK, CKR_ARGUMENTS_BAD]),
    ),
    Scenario::new("to-null", "5.19 C_GenerateRandom", "bytes to a NULL pointer: CKR_ARGUMENTS_BAD", |h| {
        expect(call!(h.module, C_GenerateRandom, h.session()?.handle, ptr::null_mut(), 16), CKR_ARGUMENTS_BAD)
    }),
    Scenario::new("seed", "5.19 C_SeedRandom", "a seed is mixed in, or CKR_RANDOM_SEED_NOT_SUPPORTED", |h| {
        let (session, seed) = (h.session()?, b"some seed");
        let outcome = call!(h.module, C_SeedRandom, session.handle, input(seed), len(seed));
        expect_any(outcome, &[CKR_OK, CKR_RANDOM_SEED_NOT_SUPPORTED])
    }),
    Scenario::new(
        "seed-does-not-repeat",
        "5.19 C_SeedRandom",
        "a seed is mixed in, not put in place: the same seed twice gives different bytes",
        |h| {
            let (session, seed) = (h.session()?, [7_u8; 32]);
            let _ = call!(h.module, C_SeedRandom, session.handle, input(&seed), len(&seed));
            let first = session.random(32)?;
            let _ = call!(h.module, C_SeedRandom, session.handle, input(&seed), len(&seed));
            holds("the bytes differ", first != session.random(32)?)
        },
    ),
    Scenario::new(
        "beside-an-operation",
        "5.19 C_GenerateRandom",
        "random bytes come while an operation is active, or CKR_OPERATION_ACTIVE",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.session()?;
            session.init(crate::session::Kind::Digest, &crate::template::Mechanism::plain(CKM_SHA256), 0)?;
            expect_any(session.random(16), &[CKR_OK, CKR_OPERATION_ACTIVE])
        },
    ),
];
