//! AES key wrap: KW and KWP of SP 800-38F (RFC 3394, RFC 5649), with any initial value.

use super::aes::{BLOCK, Direction, Key};
use super::{Error, Result, equal};
use crate::secret::Secret;

/// The semiblock of SP 800-38F in bytes.
pub const SEMIBLOCK: usize = 8;

/// The initial value of KW (RFC 3394 section 2.2.3.1).
pub const KW_IV: [u8; 8] = [0xa6; 8];

/// The first half of KWP's initial value (RFC 5649 section 3); the second is the length.
pub const KWP_IV: [u8; 4] = [0xa6, 0x59, 0x59, 0xa6];

/// The most that is wrapped, in bytes: keys are small, and longer input is a mistake.
const MAX: usize = 1 << 24;

/// KW: at least two whole semiblocks, or `Error::Length`. The result is eight bytes longer.
pub fn wrap(key: &Key, iv: &[u8; 8], plaintext: &[u8]) -> Result<Vec<u8>> {
    if plaintext.len() < 2 * SEMIBLOCK || plaintext.len() > MAX || !plaintext.len().is_multiple_of(SEMIBLOCK)
    {
        return Err(Error::Length);
    }
    let mut output = buffer(plaintext.len() + SEMIBLOCK)?;
    let schedule = key.schedule(Direction::Encrypt)?;
    // SAFETY: an expanded key; the IV has 8 bytes, the input the length given and the output 8 bytes more.
    let written = unsafe {
        aws_lc_sys::AES_wrap_key(
            schedule.as_ptr(),
            iv.as_ptr(),
            output.as_mut_ptr(),
            plaintext.as_ptr(),
            plaintext.len(),
        )
    };
    if usize::try_from(written) == Ok(output.len()) { Ok(output) } else { Err(Error::Engine) }
}

/// The reverse of `wrap`: `Error::Length` for a length that `wrap` cannot give, `Error::Decrypt` where the initial
/// value does not come out.
pub fn unwrap(key: &Key, iv: &[u8; 8], ciphertext: &[u8]) -> Result<Secret> {
    if ciphertext.len() < 3 * SEMIBLOCK {
        return Err(Error::Length);
    }
    let (found, plaintext) = invert(key, ciphertext)?;
    if equal(&found, iv) { Ok(plaintext) } else { Err(Error::Decrypt) }
}

/// KWP: one byte or more, or `Error::Length`. The result is `wrapped_padded_len` bytes long.
pub fn wrap_padded(key: &Key, iv: &[u8; 4], plaintext: &[u8]) -> Result<Vec<u8>> {
    if plaintext.is_empty() || plaintext.len() > MAX {
        return Err(Error::Length);
    }
    let mut head = [0; 8];
    head[..4].copy_from_slice(iv);
    head[4..].copy_from_slice(&(plaintext.len() as u32).to_be_bytes());
    let mut padded = Secret::new(buffer(wrapped_padded_len(plaintext.len()) - SEMIBLOCK)?);
    padded.as_mut_bytes().iter_mut().zip(plaintext).for_each(|(place, byte)| *place = *byte);
    match <[u8; 8]>::try_from(padded.as_bytes()) {
        Ok(single) => Ok(key.encrypt_block(&join(head, single))?.to_vec()),
        Err(_) => wrap(key, &head, padded.as_bytes()),
    }
}

/// The length in bytes of `wrap_padded` for so many bytes of plaintext.
pub fn wrapped_padded_len(plaintext: usize) -> usize {
    plaintext.div_ceil(SEMIBLOCK).saturating_add(1).saturating_mul(SEMIBLOCK)
}

/// The reverse of `wrap_padded`: `Error::Length` for a length that cannot be right, `Error::Decrypt` where the
/// initial value, the length or the zeros of the padding do not come out (told apart by nothing).
pub fn unwrap_padded(key: &Key, iv: &[u8; 4], ciphertext: &[u8]) -> Result<Secret> {
    if ciphertext.len() < 2 * SEMIBLOCK {
        return Err(Error::Length);
    }
    let (head, mut plaintext) = invert(key, ciphertext)?;
    let (found, claimed) = head.split_at(4);
    let claimed = claimed.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let spare = plaintext.len().wrapping_sub(claimed);
    // Every byte of the last semiblock is looked at, so that time tells nothing about the length.
    let tail = plaintext.as_bytes().iter().rev().take(SEMIBLOCK - 1).enumerate();
    let padding = tail.fold(0, |sum, (index, byte)| sum | (byte & u8::from(index < spare).wrapping_neg()));
    let right = equal(found, iv) & (spare < SEMIBLOCK) & (claimed > 0) & (padding == 0);
    if !right {
        return Err(Error::Decrypt);
    }
    plaintext.truncate(claimed);
    Ok(plaintext)
}

/// W^-1 of SP 800-38F section 6.1 without its check (for two semiblocks: one plain decryption, section 6.3): the
/// initial value and the plaintext.
fn invert(key: &Key, ciphertext: &[u8]) -> Result<([u8; 8], Secret)> {
    if ciphertext.len() < 2 * SEMIBLOCK
        || ciphertext.len() > MAX
        || !ciphertext.len().is_multiple_of(SEMIBLOCK)
    {
        return Err(Error::Length);
    }
    let schedule = key.schedule(Direction::Decrypt)?;
    let (head, body) = ciphertext.split_at(SEMIBLOCK);
    let mut value = <[u8; 8]>::try_from(head).map_err(|_| Error::Length)?;
    let mut plaintext = Secret::new(buffer(body.len())?);
    plaintext.as_mut_bytes().copy_from_slice(body);
    let count = body.len() / SEMIBLOCK;
    if count == 1 {
        let mut block = join(value, <[u8; 8]>::try_from(body).map_err(|_| Error::Length)?);
        schedule.apply(&mut block);
        value.copy_from_slice(&block[..8]);
        plaintext.as_mut_bytes().copy_from_slice(&block[8..]);
        return Ok((value, plaintext));
    }
    for round in (0..6).rev() {
        for (index, semiblock) in plaintext.as_mut_bytes().chunks_exact_mut(SEMIBLOCK).enumerate().rev() {
            let step = (count * round + index + 1) as u64;
            let mixed = (u64::from_be_bytes(value) ^ step).to_be_bytes();
            let mut block = [0; BLOCK];
            block[..8].copy_from_slice(&mixed);
            block[8..].copy_from_slice(semiblock);
            schedule.apply(&mut block);
            value.copy_from_slice(&block[..8]);
            semiblock.copy_from_slice(&block[8..]);
        }
    }
    Ok((value, plaintext))
}

fn join(left: [u8; 8], right: [u8; 8]) -> [u8; BLOCK] {
    (u128::from(u64::from_be_bytes(left)) << 64 | u128::from(u64::from_be_bytes(right))).to_be_bytes()
}

fn buffer(length: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length)?;
    bytes.resize(length, 0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(hex_value: &str) -> Key {
        Key::new(&hex::decode(hex_value).unwrap()).unwrap()
    }

    /// RFC 3394 sections 4.1 to 4.6: key, plaintext, ciphertext.
    const KW: &[(&str, &str, &str)] = &[
        (
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        ),
        (
            "000102030405060708090a0b0c0d0e0f1011121314151617",
            "00112233445566778899aabbccddeeff",
            "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d",
        ),
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff",
            "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7",
        ),
        (
            "000102030405060708090a0b0c0d0e0f1011121314151617",
            "00112233445566778899aabbccddeeff0001020304050607",
            "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2",
        ),
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff0001020304050607",
            "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1",
        ),
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        ),
    ];

    #[test]
    fn kw_gives_the_vectors_of_rfc_3394() {
        for (kek, plaintext, ciphertext) in KW {
            let wrapped = wrap(&key(kek), &KW_IV, &hex::decode(plaintext).unwrap()).unwrap();
            assert_eq!(hex::encode(&wrapped), *ciphertext);
            assert_eq!(hex::encode(unwrap(&key(kek), &KW_IV, &wrapped).unwrap()), *plaintext);
        }
    }

    /// RFC 5649 section 6.
    #[test]
    fn kwp_gives_the_vectors_of_rfc_5649() {
        let kek = key("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
        for (plaintext, ciphertext) in [
            (
                "c37b7e6492584340bed12207808941155068f738",
                "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
            ),
            ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
        ] {
            let wrapped = wrap_padded(&kek, &KWP_IV, &hex::decode(plaintext).unwrap()).unwrap();
            assert_eq!(hex::encode(&wrapped), ciphertext);
            assert_eq!(hex::encode(unwrap_padded(&kek, &KWP_IV, &wrapped).unwrap()), plaintext);
        }
    }

    #[test]
    fn every_length_comes_back_and_every_flipped_bit_is_found() {
        let kek = key("000102030405060708090a0b0c0d0e0f");
        for length in 1..65 {
            let plaintext: Vec<u8> = (1..=length).collect();
            let wrapped = wrap_padded(&kek, &KWP_IV, &plaintext).unwrap();
            assert_eq!(wrapped.len(), wrapped_padded_len(plaintext.len()));
            assert_eq!(unwrap_padded(&kek, &KWP_IV, &wrapped).unwrap().as_bytes(), plaintext);
            for bit in 0..wrapped.len() * 8 {
                let mut flipped = wrapped.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(unwrap_padded(&kek, &KWP_IV, &flipped).err(), Some(Error::Decrypt));
            }
        }
    }

    #[test]
    fn the_engine_and_our_inverse_agree_on_padding() {
        let kek = key("000102030405060708090a0b0c0d0e0f");
        for length in 1..40u8 {
            let plaintext: Vec<u8> = (1..=length).collect();
            let wrapped = wrap_padded(&kek, &KWP_IV, &plaintext).unwrap();
            let (mut output, mut written) = (vec![0; wrapped.len()], 0);
            let schedule = kek.schedule(Direction::Decrypt).unwrap();
            // SAFETY: an expanded key, and slices with their own lengths.
            let code = unsafe {
                aws_lc_sys::AES_unwrap_key_padded(
                    schedule.as_ptr(),
                    output.as_mut_ptr(),
                    &mut written,
                    output.len(),
                    wrapped.as_ptr(),
                    wrapped.len(),
                )
            };
            assert_eq!((code, &output[..written]), (1, plaintext.as_slice()));
        }
    }

    #[test]
    fn a_wrong_padding_under_a_right_head_is_found() {
        let kek = key("000102030405060708090a0b0c0d0e0f");
        let mut head = [0; 8];
        head[..4].copy_from_slice(&KWP_IV);
        for (claimed, last) in [(16u32, 1u8), (17, 1), (8, 0), (25, 0), (0, 0), (u32::MAX, 0)] {
            head[4..].copy_from_slice(&claimed.to_be_bytes());
            let mut body = [0; 24];
            body[..8].copy_from_slice(&[7; 8]);
            body[23] = last;
            let wrapped = wrap(&kek, &head, &body).unwrap();
            assert_eq!(unwrap_padded(&kek, &KWP_IV, &wrapped).err(), Some(Error::Decrypt), "{claimed}");
        }
    }

    #[test]
    fn another_initial_value_is_obeyed_and_checked() {
        let kek = key("000102030405060708090a0b0c0d0e0f");
        let wrapped = wrap(&kek, &[1; 8], &[5; 24]).unwrap();
        assert_eq!(unwrap(&kek, &[1; 8], &wrapped).unwrap().as_bytes(), [5; 24]);
        assert_eq!(unwrap(&kek, &KW_IV, &wrapped).err(), Some(Error::Decrypt));
        for length in [3, 8, 9, 21] {
            let wrapped = wrap_padded(&kek, &[2; 4], &vec![9; length]).unwrap();
            assert_eq!(unwrap_padded(&kek, &[2; 4], &wrapped).unwrap().as_bytes(), vec![9; length]);
            assert_eq!(unwrap_padded(&kek, &KWP_IV, &wrapped).err(), Some(Error::Decrypt));
        }
    }

    #[test]
    fn lengths_that_cannot_be_right_are_refused() {
        let kek = key("000102030405060708090a0b0c0d0e0f");
        for length in [0, 1, 8, 15, 17, 23] {
            assert_eq!(wrap(&kek, &KW_IV, &vec![0; length]).err(), Some(Error::Length), "{length}");
        }
        for length in [0, 8, 16, 23, 25] {
            assert_eq!(unwrap(&kek, &KW_IV, &vec![0; length]).err(), Some(Error::Length), "{length}");
        }
        assert_eq!(wrap_padded(&kek, &KWP_IV, &[]).err(), Some(Error::Length));
        for length in [0, 8, 15, 17] {
            assert_eq!(unwrap_padded(&kek, &KWP_IV, &vec![0; length]).err(), Some(Error::Length), "{length}");
        }
    }
}
