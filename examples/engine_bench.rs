//! The raw engine's speed, as JSON, for `p11-conformance bench --raw-command`: what a signature or an encryption costs
//! without a token around it. The engine is optimised in every profile, so `cargo run --example engine_bench` will do.
//!
//! Prints nanoseconds an operation, the median of several runs: an RSA-2048 PKCS#1 v1.5 and a P-256 ECDSA signature
//! of a 32-byte digest, an Ed25519 signature of 32 bytes, AES-256-GCM over 1 KiB with a prepared key, ML-KEM-768 both ways, and
//! ML-DSA-65 of 32 bytes both ways.

use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use aws_lc_sys::*;

const DIGEST: [u8; 32] = [0x5a; 32];

fn main() {
    let (encapsulate, decapsulate) = ml_kem_768();
    let (sign, verify) = ml_dsa_65();
    let measured = [
        ("rsa2048_sign_ns", rsa2048_sign()),
        ("p256_sign_ns", p256_sign()),
        ("ed25519_sign_ns", ed25519_sign()),
        ("aes256gcm_1k_ns", aes256gcm_1k()),
        ("mlkem768_encapsulate_ns", encapsulate),
        ("mlkem768_decapsulate_ns", decapsulate),
        ("mldsa65_sign_ns", sign),
        ("mldsa65_verify_ns", verify),
    ];
    let members: Vec<String> =
        measured.iter().map(|(name, nanoseconds)| format!("\"{name}\":{nanoseconds:.0}")).collect();
    println!("{{{}}}", members.join(","));
}

/// Nanoseconds an operation: the median of nine runs of at least 50 ms, after one to warm up.
fn measure(mut operation: impl FnMut()) -> f64 {
    let mut run = || {
        let (start, mut count) = (Instant::now(), 0u32);
        while start.elapsed() < Duration::from_millis(50) {
            (0..16).for_each(|_| operation());
            count += 16;
        }
        start.elapsed().as_nanos() as f64 / f64::from(count)
    };
    run();
    let mut runs: Vec<f64> = (0..9).map(|_| run()).collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

fn rsa2048_sign() -> f64 {
    // SAFETY: the engine's objects are new and live to the end of the process; the buffers have the lengths told.
    unsafe {
        let (key, exponent) = (RSA_new(), BN_new());
        assert_eq!(BN_set_word(exponent, RSA_F4 as _), 1);
        assert_eq!(RSA_generate_key_ex(key, 2048, exponent, null_mut()), 1);
        let mut signature = [0; 256];
        measure(|| {
            let mut length = 0;
            let digest = DIGEST.as_ptr();
            let code =
                RSA_sign(NID_sha256, digest, DIGEST.len() as _, signature.as_mut_ptr(), &mut length, key);
            assert_eq!((code, length), (1, 256));
        })
    }
}

fn p256_sign() -> f64 {
    // SAFETY: the key is new and lives to the end of the process; each signature is freed once.
    unsafe {
        let key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
        assert_eq!(EC_KEY_generate_key(key), 1);
        measure(|| {
            let signature = ECDSA_do_sign(DIGEST.as_ptr(), DIGEST.len(), key);
            assert!(!signature.is_null());
            ECDSA_SIG_free(signature);
        })
    }
}

fn ed25519_sign() -> f64 {
    let (mut public, mut private, mut signature) = ([0; 32], [0; 64], [0; 64]);
    // SAFETY: the buffers have the lengths that the engine's functions are declared with.
    unsafe {
        ED25519_keypair(public.as_mut_ptr(), private.as_mut_ptr());
        measure(|| {
            let code = ED25519_sign(signature.as_mut_ptr(), DIGEST.as_ptr(), DIGEST.len(), private.as_ptr());
            assert_eq!(code, 1);
        })
    }
}

fn aes256gcm_1k() -> f64 {
    let (key, iv, plaintext, mut sealed) = ([7u8; 32], [1u8; 12], [0x33u8; 1024], [0u8; 1040]);
    // SAFETY: the context is new and lives to the end of the process; the buffers have the lengths told.
    unsafe {
        let context = EVP_AEAD_CTX_new(EVP_aead_aes_256_gcm(), key.as_ptr(), key.len(), 16);
        assert!(!context.is_null());
        measure(|| {
            let mut length = 0;
            let code = EVP_AEAD_CTX_seal(
                context,
                sealed.as_mut_ptr(),
                &mut length,
                sealed.len(),
                iv.as_ptr(),
                iv.len(),
                plaintext.as_ptr(),
                plaintext.len(),
                null(),
                0,
            );
            assert_eq!((code, length), (1, 1040));
        })
    }
}

/// A new key of this kind with this parameter set.
fn new_key(
    kind: i32,
    set: unsafe extern "C" fn(*mut EVP_PKEY_CTX, i32) -> i32,
    parameters: i32,
) -> *mut EVP_PKEY {
    let mut key = null_mut();
    // SAFETY: the context is new and lives to the end of the process, as the key does.
    unsafe {
        let context = EVP_PKEY_CTX_new_id(kind, null_mut());
        assert!(!context.is_null());
        assert_eq!(set(context, parameters), 1);
        assert_eq!(EVP_PKEY_keygen_init(context), 1);
        assert_eq!(EVP_PKEY_keygen(context, &mut key), 1);
    }
    key
}

/// Encapsulation, decapsulation.
fn ml_kem_768() -> (f64, f64) {
    let key = new_key(EVP_PKEY_KEM, EVP_PKEY_CTX_kem_set_params, NID_MLKEM768);
    let (mut ciphertext, mut secret) = ([0; 1088], [0; 32]);
    // SAFETY: the context is new and lives to the end of the process; the buffers have the lengths told.
    unsafe {
        let context = EVP_PKEY_CTX_new(key, null_mut());
        let encapsulate = measure(|| {
            let (mut length, mut secret_length) = (ciphertext.len(), secret.len());
            let (out, secret) = (ciphertext.as_mut_ptr(), secret.as_mut_ptr());
            assert_eq!(EVP_PKEY_encapsulate(context, out, &mut length, secret, &mut secret_length), 1);
        });
        let decapsulate = measure(|| {
            let mut length = secret.len();
            let (out, input) = (secret.as_mut_ptr(), ciphertext.as_ptr());
            assert_eq!(EVP_PKEY_decapsulate(context, out, &mut length, input, ciphertext.len()), 1);
        });
        (encapsulate, decapsulate)
    }
}

/// Signature, verification.
fn ml_dsa_65() -> (f64, f64) {
    let key = new_key(EVP_PKEY_PQDSA, EVP_PKEY_CTX_pqdsa_set_params, NID_MLDSA65);
    let mut signature = [0; 3309];
    // SAFETY: each context is freed once; the buffers have the lengths told.
    unsafe {
        let sign = measure(|| {
            let (context, mut length) = (EVP_MD_CTX_new(), signature.len());
            assert_eq!(EVP_DigestSignInit(context, null_mut(), null(), null_mut(), key), 1);
            let out = signature.as_mut_ptr();
            assert_eq!(EVP_DigestSign(context, out, &mut length, DIGEST.as_ptr(), DIGEST.len()), 1);
            EVP_MD_CTX_free(context);
        });
        let verify = measure(|| {
            let context = EVP_MD_CTX_new();
            assert_eq!(EVP_DigestVerifyInit(context, null_mut(), null(), null_mut(), key), 1);
            let given = signature.as_ptr();
            assert_eq!(EVP_DigestVerify(context, given, signature.len(), DIGEST.as_ptr(), DIGEST.len()), 1);
            EVP_MD_CTX_free(context);
        });
        (sign, verify)
    }
}
