//! Keys derived by digesting "abc", of which FIPS 180-4, FIPS 202, RFC 1321 and RFC 7693 give the digests; SHAKE of it
//! comes from OpenSSL.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::symmetric::secret_key;
use super::derivations::of;
use super::{Known, derives};

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let plain = Mechanism::plain;
    let abc = || secret_key(CKK_GENERIC_SECRET, b"abc");
    vec![
        derives(plain(CKM_MD5_KEY_DERIVATION), abc(), of(16), "900150983cd24fb0d6963f7d28e17f72"),
        derives(plain(CKM_SHA1_KEY_DERIVATION), abc(), of(20), "a9993e364706816aba3e25717850c26c9cd0d89d"),
        derives(plain(CKM_SHA224_KEY_DERIVATION), abc(), of(28), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        derives(plain(CKM_SHA256_KEY_DERIVATION), abc(), of(32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        derives(plain(CKM_SHA384_KEY_DERIVATION), abc(), of(48), "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
        derives(plain(CKM_SHA512_KEY_DERIVATION), abc(), of(64), "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"),
        derives(plain(CKM_SHA512_224_KEY_DERIVATION), abc(), of(28), "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
        derives(plain(CKM_SHA512_256_KEY_DERIVATION), abc(), of(32), "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        derives(plain(CKM_SHA3_224_KEY_DERIVATION), abc(), of(28), "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
        derives(plain(CKM_SHA3_256_KEY_DERIVATION), abc(), of(32), "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        derives(plain(CKM_SHA3_384_KEY_DERIVATION), abc(), of(48), "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"),
        derives(plain(CKM_SHA3_512_KEY_DERIVATION), abc(), of(64), "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"),
        derives(plain(CKM_BLAKE2B_160_KEY_DERIVE), abc(), of(20), "384264f676f39536840523f284921cdc68b6846b"),
        derives(plain(CKM_BLAKE2B_256_KEY_DERIVE), abc(), of(32), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
        derives(plain(CKM_BLAKE2B_384_KEY_DERIVE), abc(), of(48), "6f56a82c8e7ef526dfe182eb5212f7db9df1317e57815dbda46083fc30f54ee6c66ba83be64b302d7cba6ce15bb556f4"),
        derives(plain(CKM_BLAKE2B_512_KEY_DERIVE), abc(), of(64), "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"),
        derives(Mechanism::number(CKM_SHA512_T_KEY_DERIVATION, 224), abc(), of(28), "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
        derives(plain(CKM_SHAKE_128_KEY_DERIVATION), abc(), of(32), "5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8"),
        derives(plain(CKM_SHAKE_256_KEY_DERIVATION), abc(), of(64), "483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739d5a15bef186a5386c75744c0527e1faa9f8726e462a12a4feb06bd8801e751e4"),
    ]
}
