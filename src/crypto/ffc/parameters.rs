//! Domain parameters by FIPS 186-4 appendix A: probable primes from a seed (A.1.1.2) and a base (A.2.1). ANSI X9.42
//! makes its parameters in the same way. The engine has this for two pairs of sizes only.

use super::super::digest::Hash;
use super::super::number::{Number, Scratch};
use super::super::{Error, Result, random};

/// The primes that a seed gives.
struct Primes {
    p: Vec<u8>,
    q: Vec<u8>,
}

/// New parameters p, q, g with a prime of `bits` bits (a multiple of 64) and a subprime of `subprime_bits` (a multiple
/// of 8). `KeySize` for other sizes.
pub fn generate(bits: usize, subprime_bits: usize) -> Result<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    if !(super::MIN_BITS..=super::MAX_BITS).contains(&bits) {
        return Err(Error::KeySize);
    }
    let hash = match subprime_bits {
        160 => Hash::Sha1,
        224 => Hash::Sha224,
        256 => Hash::Sha256,
        384 => Hash::Sha384,
        512 => Hash::Sha512,
        _ => return Err(Error::KeySize),
    };
    loop {
        let seed = random::secret(subprime_bits / 8)?;
        if let Some(primes) = primes_from(seed.as_bytes(), bits, hash)? {
            let base = base(&primes.p, &primes.q)?;
            return Ok((primes.p, primes.q, base));
        }
    }
}

/// A new prime p for which (p - 1) / 2 is one as well, of so many bits.
pub fn safe_prime(bits: usize) -> Result<Vec<u8>> {
    if !(super::MIN_BITS..=super::MAX_BITS).contains(&bits) {
        return Err(Error::KeySize);
    }
    Number::random_safe_prime(bits)?.to_public()
}

/// A.1.1.2 with one seed, whose q is as long as the hash. `None`: this seed gives no primes.
fn primes_from(seed: &[u8], bits: usize, hash: Hash) -> Result<Option<Primes>> {
    // Step 6 and 7: q is the digest with its highest and its lowest bit set.
    let mut q = hash.digest(seed)?.as_bytes().to_vec();
    if let Some(first) = q.first_mut() {
        *first |= 0x80;
    }
    if let Some(last) = q.last_mut() {
        *last |= 1;
    }
    let q = Number::from_bytes(&q)?;
    if !q.is_prime()? {
        return Ok(None);
    }
    let (scratch, one) = (&mut Scratch::new()?, Number::one()?);
    let twice_q = q.times(&Number::from_bytes(&[2])?, scratch)?;
    let mut place = seed.to_vec();
    for _ in 0..4 * bits {
        let x = Number::from_bytes(&candidate(&mut place, bits, hash)?)?;
        // Step 11.4: p = x - (x mod 2q - 1), so that q divides p - 1.
        let (_, remainder) = x.divided_by(&twice_q, scratch)?;
        let p = match remainder.is_zero() {
            true => x.plus(&one)?,
            false => x.minus(&remainder.minus(&one)?)?,
        };
        if p.bits() == bits && p.is_prime()? {
            return Ok(Some(Primes { p: p.to_public()?, q: q.to_public()? }));
        }
    }
    Ok(None)
}

/// Steps 11.1 to 11.3: digests of the seed's successors side by side, the first one lowest, cut to `bits` with the
/// highest set.
fn candidate(place: &mut [u8], bits: usize, hash: Hash) -> Result<Vec<u8>> {
    let length = bits / 8;
    let mut x = vec![0; length];
    for chunk in x.rchunks_mut(hash.output_len()) {
        increment(place);
        let digest = hash.digest(place)?;
        for (to, from) in chunk.iter_mut().rev().zip(digest.as_bytes().iter().rev()) {
            *to = *from;
        }
    }
    if let Some(first) = x.first_mut() {
        *first |= 0x80;
    }
    Ok(x)
}

/// Adds one, modulo 2 to the power of the length.
fn increment(number: &mut [u8]) {
    for byte in number.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

/// A.2.1: the first of 2, 3, 4 … whose power (p - 1) / q is not one.
fn base(p: &[u8], q: &[u8]) -> Result<Vec<u8>> {
    let scratch = &mut Scratch::new()?;
    let (p, q) = (Number::from_bytes(p)?, Number::from_bytes(q)?);
    let (exponent, _) = p.minus(&Number::one()?)?.divided_by(&q, scratch)?;
    for h in 2..=u8::MAX {
        let g = Number::from_bytes(&[h])?.power(&exponent, &p, scratch)?;
        if !g.is_one() {
            return g.to_public();
        }
    }
    Err(Error::Engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// Made by `openssl genpkey -genparam -algorithm DSA` of the type fips186_4: hash, bits, seed, p, q, g.
    type Example = (Hash, usize, &'static str, &'static str, &'static str, &'static str);

    const EXAMPLES: &[Example] = &[
        (
            Hash::Sha1,
            1024,
            "a30f488c309c2504ca498af4f1b618db7bc1dd37",
            "9e1fd317d832060e5b1b6b1351f7dab23392b373c21a268db3846618b0c93bd6afa80f058db8eae4f1095300\
             8b14ef62e934920dd6aef58eb6a2cf7c26857d02d5e2ea22a83514b9d7c0b701a55b72ad51341c107108f112\
             968b312841065ba30de081557344c89e528990ae47dd0974884f370946287a3c425077a1b9977d75",
            "e7a73fcea9a144b0c70b9f9253073b2bdf0c38e1",
            "53fd27456ea26009e25b2c5b62ea202b21275a78db1d8c968f40adc745bbdc9945eeef431d37bba2a77927a5\
             f2bfa59094180f0dee734d154439f709253b05e82c04a7697e92c5991ce4559daed72cfb4f742f048c2532cc\
             8937f508f146d17a05a902bbf8466f38cc70f890b933dc484c5fb10f665dea319352d77ab181013e",
        ),
        (
            Hash::Sha224,
            2048,
            "747f2f9d02938ce180dd710941ada87e681aebd458887a6faa5ff502",
            "a0143f3a4a18abadc7056c46d2bcb54158ed7433370476522e70bf34d11dbc1a9639ab579d3ba15747a10d50\
             d55f6c9fcedcd5082cf26ec5931e00df0473f19b1d0c8c7cd3d2124b13c51f47bac9419f862bc9251696900d\
             805564fd841e6fc676749c007ff5bdf15d6c1a356c564a3cd1c857216e89e87f766c8feef14e2bb2abf4d0c8\
             53520c7a8db1f06446f4d7e2ffbd915e64e626bd338f8e99aafdf57853901644580a56fbd5b2a78ec8e89de7\
             0f58cd238d4287d5bd9fcda56c95221a54168ae1a7aceb44c48160df71521fd17eceffd096c6a948d23ea894\
             5009950fef48348ed50e614c30b1b9c9a33f4f29811ba2a276e12049c4748ad88fc53d61",
            "d88051f00b5ea3747c054e68f51f73e8978e077553baa732cc4ee5bb",
            "6adc02bdfa88b412e3d580b3673688233b139f46601a7ac1fae44fd432aa55edb2986ff7162585cd3d6ae4d7\
             dffbcf0905a9ce0d4f9650819de13023e9c673c107ff319247695e9485d2cf34d0a6e6c4489c16fb705d30d9\
             464832a185eae48795d46e94bddd18e7a4a6a9fc93984319df242f28c35d4314f938b222c4c8e855b650385d\
             c803f08220638fd2def2754f038ac683f390e444fb4852499095713ad90b9bb1ee8ccce3d165d9e9186bdb9f\
             89d5532726d4e1083d2b425d8f16b0f6a78144237b6f613490cef4d171fbc192eef8a780b3a3814cef8046a6\
             adf33297cf7e6472c38c6529921025ab5a1d02dbf983d7a080e9a9973ee9e72887d592ea",
        ),
    ];

    #[test]
    fn a_seed_gives_the_primes_and_the_base_that_openssl_has_from_it() {
        for (hash, bits, seed, p, q, g) in EXAMPLES {
            let primes = primes_from(&bytes(seed), *bits, *hash).unwrap().unwrap();
            assert_eq!((&primes.p, &primes.q), (&bytes(p), &bytes(q)));
            assert_eq!(base(&primes.p, &primes.q).unwrap(), bytes(g));
        }
    }

    #[test]
    fn new_parameters_are_a_group_and_other_sizes_are_refused() {
        let (p, q, g) = generate(1024, 160).unwrap();
        assert_eq!((p.len(), q.len()), (128, 20));
        assert!(super::super::Domain::new(&p, Some(&q), &g).is_ok());
        let safe = Number::from_bytes(&safe_prime(512).unwrap()).unwrap();
        let (half, _) = safe.minus(&Number::one().unwrap()).unwrap().odd_part().unwrap();
        assert!(safe.bits() == 512 && half.bits() == 511 && half.is_prime().unwrap());
        assert_eq!(safe_prime(511).err(), Some(Error::KeySize));
        assert_eq!(generate(256, 160).err(), Some(Error::KeySize));
        assert_eq!(generate(1024, 200).err(), Some(Error::KeySize));
    }
}
