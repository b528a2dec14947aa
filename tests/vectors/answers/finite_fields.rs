//! DSA with the key of RFC 6979, appendix A.2.1: its signatures of "sample", and those of OpenSSL. Diffie-Hellman with the
//! example of RFC 5114, appendix A.1, and with a secret in the group of RFC 3526 that Python computed and that begins
//! with zero.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::public_keys::key;
use super::super::symmetric::readable;
use super::super::token::{Attributes, ulong, yes};
use super::{Key, Known, derives, generates_pair, generates_parameters, hex, verifies};

/// "sample".
const SAMPLE: &str = "73616d706c65";

const DSA_PRIME: &str = "86f5ca03dcfeb225063ff830a0c769b9dd9d6153ad91d7ce27f787c43278b447e6533b86b18bed6e8a48b784a14c252c5be0\
     dbf60b86d6385bd2f12fb763ed8873abfd3f5ba2e0a8c0a59082eac056935e529daf7c610467899c77adedfc846c881870b7\
     b19b2b58f9be0521a17002e3bdd6b86685ee90b3d9a1b02b782b1779";
const DSA_SUBPRIME: &str = "996f967f6c8e388d9e28d01e205fba957a5698b1";
const DSA_BASE: &str = "07b0f92546150b62514bb771e2a0c0ce387f03bda6c56b505209ff25fd3c133d89bbcd97e904e09114d9a7defdeadfc9078e\
     a544d2e401aeecc40bb9fbbf78fd87995a10a1c27cb7789b594ba7efb5c4326a9fe59a070e136db77175464adca417be5dce\
     2f40d10a46a3a3943f26ab7fd9c0398ff8c76ee0a56826a8a88f1dbd";
const DSA_PRIVATE: &str = "411602cb19a6ccc34494d79d98ef1e7ed5af25f7";
const DSA_PUBLIC: &str = "5df5e01ded31d0297e274e1691c192fe5868fef9e19a84776454b100cf16f65392195a38b90523e2542ee61871c0440cb87c\
     322fc4b4d2ec5e1e7ec766e1be8d4ce935437dc11c3c8fd426338933ebfe739cb3465f4d3668c5e473508253b1e682f65cbd\
     c4fae93c2ea212390e54905a86e2223170b44eaa7da5dd9ffcfb7f3b";
const X9_42_PRIME: &str = "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c013ec\
     b4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0a151af5f\
     0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371";
const X9_42_SUBPRIME: &str = "f518aa8781a8df278aba4e7d64b7cb9d49462353";
const X9_42_BASE: &str = "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f5504f2131602\
     17b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f531dbf0a0169b6a28ad662a4d1\
     8e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5";
const X9_42_X_A: &str = "b9a3b3ae8fefc1a2930496507086f8455d48943e";
const X9_42_Y_B: &str = "717a6cb053371ff4a3b932941c1e5663f861a1d6ad34ae66576dfb98f6c6cbf9ddd5a56c7833f6bcfdff095582ad868e440e\
     8d09fd769e3ceccdc3d3b1e4cfa057776caaf9739b6a9fee8e7411f8d6dac09d6a4edb46cc2b5d5203090eae6126311e53fd\
     2c14b574e6a3109a3da1be41bdceaa186f5ce06716a2b6a07b3c33fe";
const X9_42_SECRET: &str = "5c804f454d30d9c4df85271f93528c91df6b48ab5f80b3b59caac1b28f8acba9cd3e39f3cb614525d9521d2e644c53b807b8\
     10f340062f257d7d6fbfe8d5e8f072e9b6e9afda9413eafb2e8b0699b1fb5a0caceddeaead7e9cfbb36ae2b420835bd83a19\
     fb0b5e96bf8fa4d09e345525167ecd9155416f46f408ed31b63c6e6d";
const DH_PRIME: &str = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95\
     19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb\
     5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3\
     ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603\
     9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aacaa68ffff\
     ffffffffffff";
const DH_X: &str = "27281b13c9cb05322a60da73a213d1c4eca4c732d8d6ab3041613b95";
const DH_Y: &str = "e661c415b3b7b635529341aacbb72ea122e7e1ed112ff4086491fa8891f2a9397cf8aa486b772f0f0f93571f25bf20700295\
     c6f1b321967f2e0eb17eeecbbbcdfb205a7bd1a4807e1946eff3e6d33380804288509ea16a67ba15c4f9e9c34253a04b15b6\
     29988eb67ab3f1d62e3d0fa830c52eb19c8ab6621b8b50fd6e500f75728a181186e63fdfec1ef57ef1ac7bfa36d75220397e\
     a5384ec32812baf198fcd9753de67ab6fb3992927f2d403840a8108fb5929d7de781698dd9ecdcfffcaebcf57916368a60e4\
     f7fb87c5fa844ec5977bc8f9d3432b2b71132b91c56216c4885b0e1718b27c22d2822838df3cdab932faf2048efcae5ced9f\
     b69a1c6169bb";
const DH_SECRET: &str = "00140b41c912babdac837818ba7f91d5bd467425d7c33fa85ee165c23a0edfedec6ac4930ccda13b520f1a95122515276f8f\
     53e8f841e741e1958d38f3ee4ba6f6dc19b59983db9a8323389d26ba26c880936667d7e21e035b509d1227593c2dad13ed5f\
     7ceff2b4b2112a4c1fe8e3595aa6f7919cc5fdf57b2a563bcd3f04c9a0f4d986432ffe7b1bf3f86ce525c95553d757ac24c7\
     359002aa33e9350c981d6e61916f22f258fccb1b302667aab6b047ed56f6a33bbe2a4adba235f0802374b84650fd0307770f\
     44b032a6a9c66ce2579cacc66117e8d571e75803dbf574b93c41957da31fb042aed839cb6cad3f5d7804618f51036918e5d1\
     fc368da03f0b";

fn group(prime: &str, subprime: Option<&str>, base: &str) -> Attributes {
    let mut group = vec![(CKA_PRIME, hex(prime)), (CKA_BASE, hex(base))];
    group.extend(subprime.map(|subprime| (CKA_SUBPRIME, hex(subprime))));
    group
}

fn dsa_group(base: &str) -> Attributes {
    group(DSA_PRIME, Some(DSA_SUBPRIME), base)
}

fn with(class: CK_OBJECT_CLASS, key_type: CK_KEY_TYPE, group: Attributes, value: &str) -> Attributes {
    let mut attributes = key(class, key_type, &[(CKA_VALUE, &hex(value))]);
    attributes.extend(group);
    if class == CKO_PRIVATE_KEY {
        attributes.push((CKA_DERIVE, yes()));
    }
    attributes
}

fn dsa() -> Key {
    Key {
        public: with(CKO_PUBLIC_KEY, CKK_DSA, dsa_group(DSA_BASE), DSA_PUBLIC),
        private: with(CKO_PRIVATE_KEY, CKK_DSA, dsa_group(DSA_BASE), DSA_PRIVATE),
    }
}

fn x9_42() -> Mechanism {
    let public = hex(X9_42_Y_B);
    Mechanism::with(CKM_X9_42_DH_DERIVE, [&public], |[public]| CK_X9_42_DH1_DERIVE_PARAMS {
        kdf: CKD_NULL,
        ulOtherInfoLen: 0,
        pOtherInfo: std::ptr::null_mut(),
        ulPublicDataLen: public.1,
        pPublicData: public.0,
    })
}

fn sizes(prime: CK_ULONG, subprime: Option<CK_ULONG>) -> Attributes {
    let mut sizes = vec![(CKA_PRIME_BITS, ulong(prime))];
    sizes.extend(subprime.map(|subprime| (CKA_SUBPRIME_BITS, ulong(subprime))));
    sizes
}

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let x9_42_group = |base| group(X9_42_PRIME, Some(X9_42_SUBPRIME), base);
    let x9_42_private = with(CKO_PRIVATE_KEY, CKK_X9_42_DH, x9_42_group(X9_42_BASE), X9_42_X_A);
    let dh_private = with(CKO_PRIVATE_KEY, CKK_DH, group(DH_PRIME, None, "02"), DH_X);
    vec![
        verifies(Mechanism::plain(CKM_DSA), dsa(), "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf", "81f2f5850be5bc123c43f71a3033e9384611c5454cdd914b65eb6c66a8aaad27299bee6b035f5e89"),
        verifies(Mechanism::plain(CKM_DSA_SHA1), dsa(), SAMPLE, "2e1a0c2562b2912caaf89186fb0f42001585da5529efb6b0aff2d7a68eb70ca313022253b9a88df5"),
        verifies(Mechanism::plain(CKM_DSA_SHA224), dsa(), SAMPLE, "4bc3b686aea70145856814a6f1bb53346f02101e410697b92295d994d21edd2f4ada85566f6f94c1"),
        verifies(Mechanism::plain(CKM_DSA_SHA256), dsa(), SAMPLE, "81f2f5850be5bc123c43f71a3033e9384611c5454cdd914b65eb6c66a8aaad27299bee6b035f5e89"),
        verifies(Mechanism::plain(CKM_DSA_SHA384), dsa(), SAMPLE, "07f2108557ee0e3921bc1774f1ca9b410b4ce65a54df70456c86fac10fab47c1949ab83f2c6f7595"),
        verifies(Mechanism::plain(CKM_DSA_SHA512), dsa(), SAMPLE, "979661df170b8e7db968f0b63e0629c0288792f909d858afe590826b44876c02ac26c026268c811c"),
        verifies(Mechanism::plain(CKM_DSA_SHA3_224), dsa(), SAMPLE, "51c28849833536afea5c7fc90bc02c371cdd037a71b60c85f8265b6eb3fd98fac620a19f483fe0d1"),
        verifies(Mechanism::plain(CKM_DSA_SHA3_256), dsa(), SAMPLE, "93279ace0415ff63d70f0a8e7cabd482dc97351c26ac018deb17d497fc07b0b248bdf498363478d5"),
        verifies(Mechanism::plain(CKM_DSA_SHA3_384), dsa(), SAMPLE, "2f05e6f3ec577fd692e41d3014c1306f54fa160c470e3c84ec0fe9901b313b4746d1d3146744df1b"),
        verifies(Mechanism::plain(CKM_DSA_SHA3_512), dsa(), SAMPLE, "8e4b81af5a4017e76e0e0b6229faf7ae8ac7572c1300eef146045d9377db7a70600643ed34aaa0ea"),
        derives(Mechanism::plain(CKM_PUB_KEY_FROM_PRIV_KEY), dsa().private, vec![], DSA_PUBLIC),
        derives(Mechanism::bytes(CKM_DH_PKCS_DERIVE, &hex(DH_Y)), dh_private, readable(CKK_GENERIC_SECRET), DH_SECRET),
        derives(x9_42(), x9_42_private, readable(CKK_GENERIC_SECRET), X9_42_SECRET),
        generates_pair(CKM_DSA_KEY_PAIR_GEN, dsa_group(DSA_BASE), dsa_group("02")),
        generates_pair(CKM_DH_PKCS_KEY_PAIR_GEN, group(DH_PRIME, None, "02"), group(DH_PRIME, None, "01")),
        generates_pair(CKM_X9_42_DH_KEY_PAIR_GEN, x9_42_group(X9_42_BASE), x9_42_group("02")),
        generates_parameters(CKM_DSA_PARAMETER_GEN, sizes(1024, Some(160)), sizes(1024, Some(256))),
        generates_parameters(CKM_DH_PKCS_PARAMETER_GEN, sizes(2048, None), sizes(2560, None)),
        generates_parameters(CKM_X9_42_DH_PARAMETER_GEN, sizes(1024, Some(160)), sizes(1024, None)),
    ]
}
