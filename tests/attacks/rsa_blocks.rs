//! RSA blocks that are wrong in one way each, encrypted with the public key as they are.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::token::ObjectHandle;
use sha2::{Digest, Sha256};

use crate::host::Host;
use crate::random::Random;

/// An RSA pair and a source of blocks.
pub struct Blocks {
    pub host: Host,
    pub public: ObjectHandle,
    pub private: ObjectHandle,
    /// Bytes of the modulus.
    pub length: usize,
}

/// What is wrong with a block of PKCS #1 v1.5 (RFC 8017 section 7.2.2).
pub const PKCS1_FAULTS: [&str; 7] = [
    "a first byte that is not zero",
    "block type 1",
    "block type 0",
    "no zero after the padding",
    "a zero in the first eight bytes of the padding",
    "a zero at once",
    "random bytes",
];

/// What is wrong with a block of OAEP (RFC 8017 section 7.1.2, step 3 g).
pub const OAEP_FAULTS: [&str; 5] = [
    "a first byte that is not zero",
    "the hash of another label",
    "no 01 before the message",
    "another byte before the 01",
    "random bytes",
];

impl Blocks {
    pub fn new(bits: u64) -> Self {
        let host = Host::new();
        let (public, private) = host.rsa(bits);
        Self { host, public, private, length: bits as usize / 8 }
    }

    /// The ciphertext of a block.
    pub fn seal(&self, block: &[u8]) -> Vec<u8> {
        self.host.encrypt(CKM_RSA_X_509, &Params::None, self.public, block).unwrap()
    }

    /// A right block of type 2.
    pub fn pkcs1(&self, message: &[u8], random: &mut Random) -> Vec<u8> {
        let mut block = vec![0, 2];
        block.extend((0..self.length - 3 - message.len()).map(|_| random.below(255) as u8 + 1));
        block.push(0);
        block.extend_from_slice(message);
        block
    }

    pub fn wrong_pkcs1(&self, fault: usize, random: &mut Random) -> Vec<u8> {
        let mut block = self.pkcs1(&random.bytes(16), random);
        match PKCS1_FAULTS[fault] {
            "a first byte that is not zero" => block[0] = 1,
            "block type 1" => block[1] = 1,
            "block type 0" => block[1] = 0,
            "no zero after the padding" => {
                for byte in block[2..].iter_mut().filter(|byte| **byte == 0) {
                    *byte = 1;
                }
            }
            "a zero in the first eight bytes of the padding" => block[2 + 1 + random.below(7)] = 0,
            "a zero at once" => block[2] = 0,
            _ => {
                block = random.bytes(self.length);
                block[0] &= 0x3f;
                block[1] |= 0x80;
            }
        }
        block
    }

    /// A block of OAEP with SHA-256 and MGF1 of SHA-256; `label` is the label's hash, `data` follows it up to the end.
    fn oaep_of(&self, first: u8, label: &[u8], data: &[u8], random: &mut Random) -> Vec<u8> {
        let mut seed = random.bytes(32);
        let mut masked = [label, data].concat();
        assert_eq!(masked.len(), self.length - 33);
        mask(&mut masked, &seed);
        mask(&mut seed, &masked);
        [&[first][..], &seed, &masked].concat()
    }

    /// A right block, for the empty label.
    pub fn oaep(&self, message: &[u8], random: &mut Random) -> Vec<u8> {
        self.oaep_of(0, &Sha256::digest(b""), &self.oaep_data(message), random)
    }

    fn oaep_data(&self, message: &[u8]) -> Vec<u8> {
        let mut data = vec![0; self.length - 65 - 1 - message.len()];
        data.push(1);
        data.extend_from_slice(message);
        data
    }

    pub fn wrong_oaep(&self, fault: usize, random: &mut Random) -> Vec<u8> {
        let label = Sha256::digest(b"");
        let mut data = self.oaep_data(&random.bytes(16));
        match OAEP_FAULTS[fault] {
            // Below the modulus, whose first bit is set.
            "a first byte that is not zero" => self.oaep_of(1, &label, &data, random),
            "the hash of another label" => self.oaep_of(0, &Sha256::digest(b"label"), &data, random),
            "no 01 before the message" => {
                data.fill(0);
                self.oaep_of(0, &label, &data, random)
            }
            "another byte before the 01" => {
                data[random.below(8)] = 2;
                self.oaep_of(0, &label, &data, random)
            }
            _ => {
                let mut block = random.bytes(self.length);
                block[0] &= 0x3f;
                block
            }
        }
    }
}

/// XORs `target` with MGF1 of SHA-256 (RFC 8017 appendix B.2.1).
fn mask(target: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0u32..).zip(target.chunks_mut(32)) {
        let stream = Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        chunk.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
    }
}
