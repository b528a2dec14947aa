//! The example of RFC 5114 appendix A.1, a secret that begins with zeros, and what is refused.

use super::*;

/// RFC 5114 section 2.1: 1024 bits with a subgroup of 160 bits.
pub(crate) const PRIME: &str = "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c0\
     13ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0\
     a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371";
pub(crate) const SUBPRIME: &str = "f518aa8781a8df278aba4e7d64b7cb9d49462353";
pub(crate) const BASE: &str = "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f5504f213\
     160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f531dbf0a0169b6a28a\
     d662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5";
/// RFC 5114 appendix A.1: x and y of both parties, and the secret.
pub(crate) const X_A: &str = "b9a3b3ae8fefc1a2930496507086f8455d48943e";
pub(crate) const Y_A: &str = "2a853b3d92197501b9015b2deb3ed84f5e021dcc3e52f109d3273d2b7521281cbabe0e76ff5727fa8acce26956ba9a1f\
     ca26f20228d8693feb10841d84a7360054ece5a7f5b7a61ad3dfb3c60d2e43106d8727da37df9cce95b478755d06bcea\
     8f9d45965f75a5f3d1df3701165fc9e50c4279ceb07f989540ae96d5d88ed776";
pub(crate) const X_B: &str = "9392c9f9eb6a7a6a9022f7d83e7223c6835bbdda";
pub(crate) const Y_B: &str = "717a6cb053371ff4a3b932941c1e5663f861a1d6ad34ae66576dfb98f6c6cbf9ddd5a56c7833f6bcfdff095582ad868e\
     440e8d09fd769e3ceccdc3d3b1e4cfa057776caaf9739b6a9fee8e7411f8d6dac09d6a4edb46cc2b5d5203090eae6126\
     311e53fd2c14b574e6a3109a3da1be41bdceaa186f5ce06716a2b6a07b3c33fe";
pub(crate) const SECRET: &str = "5c804f454d30d9c4df85271f93528c91df6b48ab5f80b3b59caac1b28f8acba9cd3e39f3cb614525d9521d2e644c53b8\
     07b810f340062f257d7d6fbfe8d5e8f072e9b6e9afda9413eafb2e8b0699b1fb5a0caceddeaead7e9cfbb36ae2b42083\
     5bd83a19fb0b5e96bf8fa4d09e345525167ecd9155416f46f408ed31b63c6e6d";

/// In the group of RFC 3526 with 2048 bits: a private value, another party's public value, and their secret, which
/// begins with a zero; computed with Python.
pub(crate) const ZERO_X: &str = "27281b13c9cb05322a60da73a213d1c4eca4c732d8d6ab3041613b95";
pub(crate) const ZERO_Y: &str = "e661c415b3b7b635529341aacbb72ea122e7e1ed112ff4086491fa8891f2a9397cf8aa486b772f0f0f93571f25bf2070\
     0295c6f1b321967f2e0eb17eeecbbbcdfb205a7bd1a4807e1946eff3e6d33380804288509ea16a67ba15c4f9e9c34253\
     a04b15b629988eb67ab3f1d62e3d0fa830c52eb19c8ab6621b8b50fd6e500f75728a181186e63fdfec1ef57ef1ac7bfa\
     36d75220397ea5384ec32812baf198fcd9753de67ab6fb3992927f2d403840a8108fb5929d7de781698dd9ecdcfffcae\
     bcf57916368a60e4f7fb87c5fa844ec5977bc8f9d3432b2b71132b91c56216c4885b0e1718b27c22d2822838df3cdab9\
     32faf2048efcae5ced9fb69a1c6169bb";
pub(crate) const ZERO_SECRET: &str = "00140b41c912babdac837818ba7f91d5bd467425d7c33fa85ee165c23a0edfedec6ac4930ccda13b520f1a9512251527\
     6f8f53e8f841e741e1958d38f3ee4ba6f6dc19b59983db9a8323389d26ba26c880936667d7e21e035b509d1227593c2d\
     ad13ed5f7ceff2b4b2112a4c1fe8e3595aa6f7919cc5fdf57b2a563bcd3f04c9a0f4d986432ffe7b1bf3f86ce525c955\
     53d757ac24c7359002aa33e9350c981d6e61916f22f258fccb1b302667aab6b047ed56f6a33bbe2a4adba235f0802374\
     b84650fd0307770f44b032a6a9c66ce2579cacc66117e8d571e75803dbf574b93c41957da31fb042aed839cb6cad3f5d\
     7804618f51036918e5d1fc368da03f0b";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn rfc_5114() -> Domain {
    Domain::new(&bytes(PRIME), Some(&bytes(SUBPRIME)), &bytes(BASE)).unwrap()
}

fn modp(bits: usize) -> Domain {
    let (prime, base) = group(bits).unwrap().unwrap();
    Domain::new(&prime, None, &base).unwrap()
}

#[test]
fn both_parties_of_rfc_5114_agree() {
    let domain = rfc_5114();
    assert_eq!((domain.bits(), domain.prime_len()), (1024, 128));
    for (x, y, other) in [(X_A, Y_A, Y_B), (X_B, Y_B, Y_A)] {
        assert_eq!(domain.public_of(&bytes(x)).unwrap(), bytes(y));
        assert_eq!(domain.agree(&bytes(x), &bytes(other)).unwrap().as_bytes(), bytes(SECRET));
    }
}

#[test]
fn a_secret_keeps_its_leading_zeros() {
    let secret = modp(2048).agree(&bytes(ZERO_X), &bytes(ZERO_Y)).unwrap();
    assert_eq!((secret.len(), secret.as_bytes()[0]), (256, 0));
    assert_eq!(secret.as_bytes(), bytes(ZERO_SECRET));
}

#[test]
fn public_values_outside_the_range_or_the_subgroup_are_refused() {
    let own = rfc_5114();
    let mut less = bytes(PRIME);
    less[127] -= 1;
    for wrong in [vec![], vec![0], vec![1], less, bytes(PRIME), vec![0xff; 200], vec![2]] {
        assert_eq!(own.check_public(&wrong), Err(Error::PublicKey));
        assert_eq!(own.agree(&bytes(X_A), &wrong).err(), Some(Error::PublicKey));
    }
    // 2 generates the subgroup of the named groups; its negative is not in it.
    let named = modp(1536);
    named.check_public(&[2]).unwrap();
    let (prime, _) = group(1536).unwrap().unwrap();
    let mut negative = prime.clone();
    *negative.last_mut().unwrap() -= 2;
    assert_eq!(named.check_public(&negative), Err(Error::PublicKey));
    // With another base nobody knows the order.
    Domain::new(&prime, None, &[5]).unwrap().check_public(&negative).unwrap();
}

#[test]
fn new_private_values_have_the_length_that_is_asked_for() {
    let bits = |value: &Secret| Number::from_bytes(value.as_bytes()).unwrap().bits();
    let named = modp(2048);
    assert_eq!(bits(&named.random_private(None).unwrap()), 224);
    assert_eq!(bits(&named.random_private(Some(400)).unwrap()), 400);
    for wrong in [0, 159, 2048, 1 << 20] {
        assert_eq!(named.random_private(Some(wrong)).err(), Some(Error::Argument));
    }
    let own = rfc_5114();
    own.check_private(own.random_private(None).unwrap().as_bytes()).unwrap();
    assert_eq!(own.check_private(&bytes(SUBPRIME)), Err(Error::Key));
    assert_eq!(own.check_private(&[]), Err(Error::Key));
}
