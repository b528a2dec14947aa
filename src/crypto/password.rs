//! Keys from passwords: PBKDF2 (RFC 8018 section 5.2) and the method of PKCS #12 (RFC 7292 appendix B.2).

use super::digest::{Hash, Hasher, Value};
use super::{Error, Result, succeed};
use crate::secret::Secret;

/// PBKDF2 with HMAC. `Error::Argument` for no iterations.
pub fn pbkdf2(hash: Hash, password: &[u8], salt: &[u8], iterations: u32, length: usize) -> Result<Secret> {
    if iterations == 0 {
        return Err(Error::Argument);
    }
    let mut output = Secret::zeroed(length);
    let bytes = output.as_mut_bytes();
    // SAFETY: each pointer has the length of its slice, the hash is static.
    let code = unsafe {
        aws_lc_sys::PKCS5_PBKDF2_HMAC(
            password.as_ptr().cast(),
            password.len(),
            salt.as_ptr(),
            salt.len(),
            iterations,
            hash.engine(),
            bytes.len(),
            bytes.as_mut_ptr(),
        )
    };
    succeed(code, Error::Engine)?;
    Ok(output)
}

/// What the bytes of the PKCS #12 method are for (RFC 7292 appendix B.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// The PKCS #12 method. The password is taken as it is: PKCS #12 files want it in UTF-16, big-endian, with two zero
/// bytes behind it. `Error::Argument` for no iterations.
pub fn pkcs12(
    hash: Hash,
    purpose: Purpose,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    length: usize,
) -> Result<Secret> {
    if iterations == 0 {
        return Err(Error::Argument);
    }
    let block = hash.block_len();
    let diversifier = [purpose as u8].repeat(block);
    let mut input =
        Secret::new([filled(salt, block).as_bytes(), filled(password, block).as_bytes()].concat());
    let mut output = Secret::zeroed(length);
    for chunk in output.as_mut_bytes().chunks_mut(hash.output_len()) {
        let digest = hashed(hash, &diversifier, input.as_bytes(), iterations)?;
        for (to, from) in chunk.iter_mut().zip(digest.as_bytes()) {
            *to = *from;
        }
        let addend = Secret::new(digest.as_bytes().iter().copied().cycle().take(block).collect());
        for block in input.as_mut_bytes().chunks_mut(block) {
            add_and_one(block, addend.as_bytes());
        }
    }
    Ok(output)
}

/// Copies of the bytes up to the next full block; nothing stays nothing.
fn filled(bytes: &[u8], block: usize) -> Secret {
    Secret::new(bytes.iter().copied().cycle().take(bytes.len().next_multiple_of(block)).collect())
}

fn hashed(hash: Hash, diversifier: &[u8], input: &[u8], iterations: u32) -> Result<Value> {
    let mut hasher = Hasher::new(hash)?;
    hasher.update(diversifier)?;
    hasher.update(input)?;
    let mut digest = hasher.finish()?;
    for _ in 1..iterations {
        digest = hash.digest(digest.as_bytes())?;
    }
    Ok(digest)
}

/// `number + addend + 1`, big-endian, without the carry.
fn add_and_one(number: &mut [u8], addend: &[u8]) {
    let mut carry = 1;
    for (digit, more) in number.iter_mut().zip(addend).rev() {
        let sum = u16::from(*digit) + u16::from(*more) + carry;
        *digit = sum as u8;
        carry = sum >> 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6070_keys_come_out() {
        for (iterations, key) in [
            (1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
            (2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
            (4096, "4b007901b765489abead49d926f721d065a429c1"),
        ] {
            let made = pbkdf2(Hash::Sha1, b"password", b"salt", iterations, 20).unwrap();
            assert_eq!(hex::encode(made.as_bytes()), key);
        }
        assert_eq!(pbkdf2(Hash::Sha1, b"password", b"salt", 0, 20), Err(Error::Argument));
    }

    /// Published values of the PKCS #12 method, as other libraries test them: passwords with their two zero bytes.
    #[test]
    fn published_keys_of_pkcs_12_come_out() {
        let bmp =
            |text: &str| [text, "\0"].concat().encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        for (purpose, password, salt, iterations, key) in [
            (Purpose::Key, "smeg", "0a58cf64530d823f", 1, "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"),
            (Purpose::Iv, "smeg", "0a58cf64530d823f", 1, "79993dfe048d3b76"),
            (Purpose::Key, "smeg", "642b99ab44fb4b1f", 1, "f3a95fec48d7711e985cfe67908c5ab79fa3d7c5caa5d966"),
            (Purpose::Mac, "smeg", "3d83c0e4546ac140", 1, "8d967d88f6caa9d714800ab3d48051d63f73a312"),
            (
                Purpose::Key,
                "queeg",
                "05dec959acff72f7",
                1000,
                "ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4",
            ),
            (Purpose::Iv, "queeg", "05dec959acff72f7", 1000, "11dedad7758d4860"),
        ] {
            let salt = hex::decode(salt).unwrap();
            let made = pkcs12(Hash::Sha1, purpose, &bmp(password), &salt, iterations, key.len() / 2).unwrap();
            assert_eq!(hex::encode(made.as_bytes()), key);
        }
    }
}
