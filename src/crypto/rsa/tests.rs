//! RSA against published vectors, then against itself.

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// A key of 1024 bits, made once for the tests that need no special one.
fn small_key() -> &'static PrivateKey {
    static KEY: std::sync::LazyLock<PrivateKey> =
        std::sync::LazyLock::new(|| generate(1024, &[1, 0, 1]).unwrap());
    &KEY
}

fn sign(key: &PrivateKey, hash: Hash, message: &[u8]) -> Vec<u8> {
    let info = [digest_info_prefix(hash), hash.digest(message).unwrap().as_bytes()].concat();
    let mut signature = vec![0; key.modulus_len()];
    key.sign_pkcs1(&info, &mut signature).unwrap();
    signature
}

#[test]
fn digest_info_prefixes_have_the_length_they_tell() {
    for hash in Hash::ALL {
        let prefix = digest_info_prefix(*hash);
        assert_eq!(usize::from(prefix[1]) + 2, prefix.len() + hash.output_len(), "{hash:?}");
        assert_eq!(usize::from(prefix[prefix.len() - 1]), hash.output_len(), "{hash:?}");
        assert_eq!(usize::from(prefix[3]) + 6, prefix.len(), "{hash:?}");
    }
}

#[test]
fn keys_come_in_every_even_size_and_no_other() {
    for bits in [1024, 1026, 1536, 1600] {
        let key = generate(bits, &[3]).unwrap();
        assert_eq!((key.bits(), key.modulus_len()), (bits, bits.div_ceil(8)));
        let signature = sign(&key, Hash::Sha256, b"message");
        let info =
            [digest_info_prefix(Hash::Sha256), Hash::Sha256.digest(b"message").unwrap().as_bytes()].concat();
        key.public().unwrap().verify_pkcs1(&info, &signature).unwrap();
    }
    for bits in [0, 511, 1025, 16386, usize::MAX] {
        assert_eq!(generate(bits, &[3]).err(), Some(Error::KeySize), "{bits}");
    }
}

#[test]
fn public_exponents_are_odd_and_may_be_long() {
    let long = [1, 0, 0, 0, 0, 0, 0, 0, 1];
    let key = generate(1024, &long).unwrap();
    assert_eq!(key.components().unwrap().public_exponent, long);
    let mut signature = vec![0; key.modulus_len()];
    key.sign_pkcs1(b"data", &mut signature).unwrap();
    key.public().unwrap().verify_pkcs1(b"data", &signature).unwrap();
    for exponent in [&[0][..], &[1], &[4], &[], &[1; 40]] {
        assert_eq!(generate(1024, exponent).err(), Some(Error::Argument), "{exponent:?}");
    }
}

#[test]
fn the_primes_of_a_key_without_them_are_found() {
    for exponent in [&[3][..], &[1, 0, 1]] {
        let numbers = generate(1024, exponent).unwrap().components().unwrap();
        let found = PrivateKey::new(&Components { crt: None, ..numbers.clone() }).unwrap();
        let (found, crt) = (found.components().unwrap().crt.unwrap(), numbers.crt.unwrap());
        assert_eq!(found.prime_1, crt.prime_1);
        assert_eq!(found.prime_2, crt.prime_2);
        assert_eq!(found.exponent_1, crt.exponent_1);
        assert_eq!(found.exponent_2, crt.exponent_2);
        assert_eq!(found.coefficient, crt.coefficient);
    }
}

#[test]
fn crt_exponents_are_computed_where_only_the_primes_are_given() {
    let numbers = small_key().components().unwrap();
    let crt = numbers.crt.clone().unwrap();
    let bare = Crt {
        exponent_1: Secret::default(),
        exponent_2: Secret::default(),
        coefficient: Secret::default(),
        ..crt.clone()
    };
    let key = PrivateKey::new(&Components { crt: Some(bare), ..numbers }).unwrap();
    assert_eq!(key.components().unwrap().crt.unwrap().coefficient, crt.coefficient);
}

#[test]
fn numbers_that_do_not_belong_together_are_refused() {
    let numbers = small_key().components().unwrap();
    let crt = numbers.crt.clone().unwrap();
    let flipped = |secret: &Secret| {
        let mut bytes = secret.as_bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 4;
        Secret::new(bytes)
    };
    let wrong = [
        Components { private_exponent: flipped(&numbers.private_exponent), ..numbers.clone() },
        Components { private_exponent: flipped(&numbers.private_exponent), crt: None, ..numbers.clone() },
        Components { private_exponent: Secret::default(), crt: None, ..numbers.clone() },
        Components { public_exponent: vec![1], crt: None, ..numbers.clone() },
        Components { public_exponent: vec![], crt: None, ..numbers.clone() },
        Components { crt: Some(Crt { prime_1: flipped(&crt.prime_1), ..crt.clone() }), ..numbers.clone() },
        Components { crt: Some(Crt { prime_2: Secret::new(vec![1]), ..crt.clone() }), ..numbers.clone() },
        Components { crt: Some(Crt { prime_2: crt.prime_1.clone(), ..crt.clone() }), ..numbers.clone() },
        Components {
            crt: Some(Crt { exponent_1: flipped(&crt.exponent_1), ..crt.clone() }),
            ..numbers.clone()
        },
        Components {
            crt: Some(Crt { coefficient: flipped(&crt.coefficient), ..crt.clone() }),
            ..numbers.clone()
        },
    ];
    for (index, components) in wrong.iter().enumerate() {
        assert_eq!(PrivateKey::new(components).err(), Some(Error::Key), "{index}");
    }
    let mut even = numbers.modulus.clone();
    *even.last_mut().unwrap() &= 0xfe;
    assert_eq!(PublicKey::new(&even, &[3]).err(), Some(Error::PublicKey));
    assert_eq!(PublicKey::new(&numbers.modulus, &[2]).err(), Some(Error::PublicKey));
    assert_eq!(PublicKey::new(&[0xff; 32], &[3]).err(), Some(Error::KeySize));
    assert_eq!(PublicKey::new(&vec![0xff; 4096], &[3]).err(), Some(Error::KeySize));
}

#[test]
fn raw_operations_undo_each_other_for_every_number_below_the_modulus() {
    let key = small_key();
    let public = key.public().unwrap();
    let modulus = Number::from_bytes(&key.components().unwrap().modulus).unwrap();
    let one = Number::one().unwrap();
    let largest = modulus.minus(&one).unwrap().to_secret_of(key.modulus_len()).unwrap();
    let mut blocks = vec![vec![0; 128], largest.as_bytes().to_vec(), vec![0x55; 128]];
    blocks.push([vec![0; 127], vec![1]].concat());
    blocks.push([vec![0; 127], vec![2]].concat());
    for block in blocks {
        let made = key.raw(&block).unwrap();
        assert_eq!(public.raw(made.as_bytes()).unwrap(), block);
    }
    let modulus = modulus.to_public().unwrap();
    assert_eq!(key.raw(&modulus).err(), Some(Error::Data));
    assert_eq!(public.raw(&modulus).err(), Some(Error::Data));
    assert_eq!(key.raw(&[1; 127]).err(), Some(Error::Length));
    assert_eq!(public.raw(&[1; 129]).err(), Some(Error::Length));
}

#[test]
fn pss_takes_every_hash_mask_and_salt_length_that_fit() {
    let key = small_key();
    let public = key.public().unwrap();
    let mut signature = vec![0; key.modulus_len()];
    for (hash, mgf) in [(Hash::Sha1, Hash::Sha512), (Hash::Sha256, Hash::Sha1), (Hash::Sha384, Hash::Sha384)]
    {
        let digest = hash.digest(b"message").unwrap();
        let most = max_salt_len(1024, hash).unwrap();
        for salt in [0, 1, most] {
            key.sign_pss(hash, mgf, salt, digest.as_bytes(), &mut signature).unwrap();
            public.verify_pss(hash, mgf, salt, digest.as_bytes(), &signature).unwrap();
            let other = if salt == 0 { 1 } else { salt - 1 };
            assert_eq!(
                public.verify_pss(hash, mgf, other, digest.as_bytes(), &signature),
                Err(Error::Signature)
            );
        }
        assert_eq!(
            key.sign_pss(hash, mgf, most + 1, digest.as_bytes(), &mut signature),
            Err(Error::Argument)
        );
        assert_eq!(key.sign_pss(hash, mgf, 0, b"short", &mut signature), Err(Error::Length));
    }
}

#[test]
fn oaep_decrypts_what_it_encrypts_and_tells_one_error_only() {
    let key = small_key();
    let public = key.public().unwrap();
    for (hash, mgf, label) in [
        (Hash::Sha1, Hash::Sha1, &b""[..]),
        (Hash::Sha256, Hash::Sha1, b"label"),
        (Hash::Sha384, Hash::Sha512, b""),
    ] {
        let most = max_oaep_len(key.modulus_len(), hash).unwrap();
        for length in [0, 1, most] {
            let message = vec![7; length];
            let ciphertext = public.encrypt_oaep(hash, mgf, label, &message).unwrap();
            assert_eq!(key.decrypt_oaep(hash, mgf, label, &ciphertext).unwrap().as_bytes(), message);
            assert_eq!(key.decrypt_oaep(hash, mgf, b"other", &ciphertext).err(), Some(Error::Decrypt));
            assert_eq!(key.decrypt_oaep(hash, Hash::Sha224, label, &ciphertext).err(), Some(Error::Decrypt));
        }
        assert_eq!(public.encrypt_oaep(hash, mgf, label, &vec![7; most + 1]).err(), Some(Error::Length));
    }
    assert_eq!(public.encrypt_oaep(Hash::Sha512, Hash::Sha512, b"", b"").err(), Some(Error::Length));
    assert_eq!(key.decrypt_oaep(Hash::Sha512, Hash::Sha512, b"", &[1; 128]).err(), Some(Error::Length));
    assert_eq!(key.decrypt_oaep(Hash::Sha1, Hash::Sha1, b"", &[0; 128]).err(), Some(Error::Decrypt));
}

#[test]
fn a_wrongly_padded_ciphertext_decrypts_to_the_same_random_message_each_time() {
    let key = small_key();
    let public = key.public().unwrap();
    let again = PrivateKey::new(&Components { crt: None, ..key.components().unwrap() }).unwrap();
    let other = generate(1024, &[1, 0, 1]).unwrap();
    let mut lengths = std::collections::HashSet::new();
    for number in 1..60u8 {
        let ciphertext = [vec![0; 127], vec![number]].concat();
        let message = key.decrypt_pkcs1(&ciphertext).unwrap();
        assert!(message.len() <= key.modulus_len() - 11);
        assert_eq!(again.decrypt_pkcs1(&ciphertext).unwrap(), message);
        assert_ne!(other.decrypt_pkcs1(&ciphertext).unwrap(), message);
        lengths.insert(message.len());
    }
    assert!(lengths.len() > 25, "the lengths are spread over all that are possible");
    for length in [0, 1, 117] {
        let message = vec![0; length];
        let ciphertext = public.encrypt_pkcs1(&message).unwrap();
        assert_eq!(key.decrypt_pkcs1(&ciphertext).unwrap().as_bytes(), message);
    }
    assert_eq!(public.encrypt_pkcs1(&[0; 118]).err(), Some(Error::Length));
}

#[test]
fn a_wrongly_padded_ciphertext_decrypts_to_what_openssl_makes_of_it() {
    let file = bytes(crate::crypto::pkcs8::tests::RSA.private);
    let Ok(crate::crypto::pkcs8::Private::Rsa(numbers)) = crate::crypto::pkcs8::decode_private(&file) else {
        panic!("no RSA key")
    };
    let key = PrivateKey::new(&numbers).unwrap();
    // Made with OpenSSL: the last byte of a ciphertext of zeros, the message.
    for (last, message) in [
        (
            1,
            "4cd730fda3e075927dea032ba224b97ae40ca84d7f08793f29e830d856bd02155f6a3430fdd445d5fb37bc242e7326cb771adc3a4aa68f39",
        ),
        (
            5,
            "d759412fda543d19245e1498ff35aceb842ca248297131ab90ec7ecb5b73679a88f33e7a6c5570d5c29945f857920e98c52b621b2c382847\
             44fe7d1a4513e6af0622cde76e945773aeeb6432a4db148bc0218ff07dbfaf9e59e01a0946e728029a1c62c8b6864006d66afda9f1e18f99\
             105b71fba2",
        ),
        (10, "84d839ba8ff0e6"),
        (13, "e8c38ca2ccb4a177c7"),
    ] {
        let ciphertext = [vec![0; 127], vec![last]].concat();
        assert_eq!(hex::encode(key.decrypt_pkcs1(&ciphertext).unwrap().as_bytes()), message);
    }
}

#[test]
fn blocks_that_are_nearly_right_are_rejected_without_a_sign() {
    let key = small_key();
    let public = key.public().unwrap();
    let block = |second: u8, padding: usize, separator: u8| {
        let mut block = vec![0, second];
        block.resize(2 + padding, 0xaa);
        block.push(separator);
        block.resize(128, b'm');
        block
    };
    let decrypt = |block: &[u8]| key.decrypt_pkcs1(&public.raw(block).unwrap()).unwrap();
    assert_eq!(decrypt(&block(2, 8, 0)).as_bytes(), [b'm'; 117]);
    let no_separator = [vec![0, 2], vec![0xaa; 126]].concat();
    for wrong in [block(1, 8, 0), block(2, 7, 0), block(0, 8, 0), no_separator] {
        let message = decrypt(&wrong);
        assert!(message.len() <= 117 && !message.as_bytes().ends_with(b"mmm") || message.len() < 3);
    }
}

#[test]
fn threads_share_a_key() {
    let key = small_key();
    let expected = sign(key, Hash::Sha256, b"message");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(sign(key, Hash::Sha256, b"message"), expected);
                }
            });
        }
    });
}

#[test]
fn a_signed_block_is_what_rfc_8017_section_9_2_says_byte_by_byte() {
    let key = small_key();
    let signature = sign(key, Hash::Sha1, b"abc");
    let block = key.public().unwrap().raw(&signature).unwrap();
    let digest = bytes("a9993e364706816aba3e25717850c26c9cd0d89d");
    let info = [bytes("3021300906052b0e03021a05000414"), digest].concat();
    let expected = [vec![0, 1], vec![0xff; 128 - 3 - info.len()], vec![0], info].concat();
    assert_eq!(block, expected);
}

/// CVE-2017-15361: the primes were powers of 65537 modulo a product of many small primes, and so was the modulus.
#[test]
fn generated_moduli_have_no_fingerprint_of_roca() {
    let small = [11u32, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    let is_power = |rest: u32, prime: u32| {
        let powers = std::iter::successors(Some(1), |power| Some(power * 65537 % prime));
        powers.take(prime as usize).any(|power| power == rest)
    };
    let marked = |modulus: &[u8]| {
        let rest = |prime| modulus.iter().fold(0u32, |rest, byte| (rest << 8 | u32::from(*byte)) % prime);
        small.iter().all(|prime| is_power(rest(*prime), *prime))
    };
    let power = 65537u128.pow(7).to_be_bytes();
    assert!(marked(&power), "the fingerprint is not seen");
    for _ in 0..10 {
        assert!(!marked(&generate(1024, &[1, 0, 1]).unwrap().components().unwrap().modulus));
    }
}
