//! The known answers of further public-key algorithms, one row an algorithm. DSA has the key of RFC 6979, appendix A.2.1,
//! X9.42 the parties of RFC 5114, appendix A.1, Diffie-Hellman the group of RFC 3526 of 1536 bits; the others were made with
//! OpenSSL.

use crate::ck::*;
use crate::error::Result;
use crate::object::Value;

use super::super::Params;
use super::SelfTest;
use super::answers::{SEED, Values, agreement, rsa_private, rsa_public};
use super::check::{bytes, derives, hex, opens, pair_agrees, secret, signs, verifies};

#[rustfmt::skip]
pub(super) static TESTS: [SelfTest; 9] = [
    SelfTest::new("RSA-PSS", &["PSS"], || Ok(verifies(CKM_SHA256_RSA_PKCS_PSS, CKK_RSA, &rsa_public()?, &pss(), PSS_SIGNATURE)? && pair_agrees(CKM_SHA256_RSA_PKCS_PSS, CKK_RSA, &rsa_private()?, &rsa_public()?, &pss())?)),
    SelfTest::new("RSA decryption of PKCS #1 v1.5", &["CKM_RSA_PKCS", "CKM_RSA_X_509"], || opens(CKM_RSA_PKCS, CKK_RSA, &rsa_private()?, &Params::None, PKCS_CIPHERTEXT, b"abc")),
    SelfTest::new("ECDSA on P-384 and P-521", &["ECDSA", "EC_KEY_PAIR_GEN"], || Ok(verifies(CKM_ECDSA_SHA256, CKK_EC, &ec_public(P384, P384_POINT)?, &Params::None, P384_SIGNATURE)? && verifies(CKM_ECDSA_SHA256, CKK_EC, &ec_public(P521, P521_POINT)?, &Params::None, P521_SIGNATURE)?)),
    SelfTest::new("ECDSA on secp256k1", &["ECDSA", "EC_KEY_PAIR_GEN"], || verifies(CKM_ECDSA_SHA256, CKK_EC, &ec_public(SECP256K1, SECP256K1_POINT)?, &Params::None, SECP256K1_SIGNATURE)),
    SelfTest::new("Ed448", &["EDDSA", "EDWARDS"], || Ok(signs(CKM_EDDSA, CKK_EC_EDWARDS, &ed448_private()?, &Params::None, ED448_SIGNATURE)? && verifies(CKM_EDDSA, CKK_EC_EDWARDS, &ed448_public()?, &Params::None, ED448_SIGNATURE)?)),
    SelfTest::new("X448", &["MONTGOMERY", "ECDH1_DERIVE", "ECDH_X_"], || derives(CKM_ECDH1_DERIVE, CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY, &x448_private()?, &agreement(X448_PUBLIC)?, X448_SECRET)),
    SelfTest::new("DSA", &["CKM_DSA"], || Ok(verifies(CKM_DSA_SHA256, CKK_DSA, &dsa(bytes(DSA_PUBLIC)?)?, &Params::None, DSA_SIGNATURE)? && pair_agrees(CKM_DSA_SHA256, CKK_DSA, &dsa(secret(DSA_PRIVATE)?)?, &dsa(bytes(DSA_PUBLIC)?)?, &Params::None)?)),
    SelfTest::new("Diffie-Hellman", &["CKM_DH_PKCS"], || derives(CKM_DH_PKCS_DERIVE, CKO_PRIVATE_KEY, CKK_DH, &dh()?, &Params::Bytes(hex(DH_PUBLIC)?), DH_SECRET)),
    SelfTest::new("X9.42 Diffie-Hellman", &["X9_42_DH"], || derives(CKM_X9_42_DH_DERIVE, CKO_PRIVATE_KEY, CKK_X9_42_DH, &x9_42()?, &x9_42_other()?, X9_42_SECRET)),
];

const PSS_SIGNATURE: &str = "8fa3976753188d393fee5e8980ab3ec13190e579fdac7e242a5cbe231e7d5cb2d7176511ca133bdb2ae2b1e5606a1f711e6cdc09e34e17d2cd7b4984a80b5330bf73b9567db47eacdb961632b382c94b0c992c635f3ddf09082b26da077d385e6328a2c15a6b59a1a121d99c4e80c56762dc3b1637370da427fc377f232834ad";
const PKCS_CIPHERTEXT: &str = "4cdceba3f6540f8e63d3673cb8c3965f4383a37f17fc87db289013e6c224b31119b33eb659104f3f60ce56cbefc3fb8c8c2e894712b725707d484dfef817cda32ee564918670d151b72c030262344fd22c80f0964d870b68061fb01f9640a0acf9652bc2276e2544aa8e35df6b6617929c7af7b32f2b21f122299ccf7e5d862f";

const P384: &str = "06052b81040022";
const P384_POINT: &str = "046104296c3d1d24dccb590cc088dd0ceac0ea300e7f9f374cfee3e0a4a5f63914639d443cfd0807c93cf68c8a391a9fc6c7c29b7cce76a601ae669a34c8d81a83b0b6b06818db9aaa457dce1f5b201a9319e63373e50c46a6b2f98ada239344148357";
const P384_SIGNATURE: &str = "0979a72ffdff20ba3d2323fbee174a15e309f02b5dd696c9482c0f701076f46dea1311fc64d19cda7d2264280e41ff235087962db6938a76294fed817e1811cb29e99c1be39535761d6f3204e3ab4aee37b4376747efe29e40e62dc25f6423de";
const P521: &str = "06052b81040023";
const P521_POINT: &str = "0481850400e0cc20a810bd546bef70c86a146a580bedebc7c26a89674de52eb8c6b95ab25e149f3c99a437f91dfaf13d3d82b3aae1f0a2c08d9112c0ef4defb099b87562b61001fb28728578fbf97491819b8b6b25da2826a352605ed26eb0abfb84116560177f7887b327dd4d7d8df6f98d50e86e355db3e81ace9ebfba8a3417ee13f94c608f67";
const P521_SIGNATURE: &str = "00ddeeee1ec8eab1f558fb3b799d8bc6a534dcab9f047ee45bb5a51c7504aa5bd1edf867add2807ce1de29818a2f98d6e0c87f3c64424f124f410bea987600213d4a00e7ff17730d62c8bc0a0a399fbf2ca67839364b73dc7fbeebd8eedc99dd8c1bd8616d263a5f12f432aa3338f4eb71b4f8f5f655c7627fc5f99911d937867bdbb39d";
const SECP256K1: &str = "06052b8104000a";
const SECP256K1_POINT: &str = "04410484bf7562262bbd6940085748f3be6afa52ae317155181ece31b66351ccffa4b08cc43d63b2859d469fee15f31c9edb5324266e6fd0407e87382d60fc4511acd8";
const SECP256K1_SIGNATURE: &str = "b39a4fb757feab3cae870cc7a72993980ec897ce88c68efe14722b969033bc69f8398e0e95c1820c661d3a08afa954044d80de7624d90c383ce54f8582861671";

const ED448: &str = "06032b6571";
const ED448_SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738";
const ED448_POINT: &str = "043918d0a70e42a742dfb561279893385061d7b4dad8f6feed4791eaab66b2f4a4f02fc09462a8bfb1842d0bac60e8a1b3e55ba2407f33226f3800";
const ED448_SIGNATURE: &str = "824d0bd89164ff94dc74449cdf96347d22291de67166901ddc348505e37e7185b59580d906b70a9a2dd7c9b7a96c3539faa4d357903ca1a40023c3683b761d292a5854a09f6dd6466f1c1b881e1a621dc04ce89cc156b8fac7d197f9cb66fbc85d8d8a049b71df4e16e12e9171e66af02b00";
const X448: &str = "06032b656f";
const X448_VALUE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637";
const X448_PUBLIC: &str = "bda7365ba1bd9a66f2ef38db6ec5ac5fad5452e990d8b2f88f721fd53363237e775f65205d1d4667d473f0e1f4c57694d2d802e8dff06026";
const X448_SECRET: &str = "418b6ce93fc7d0292f05c303074d4721f0aaf8f1221ddc0eb787365522b7877bc5ed0143a75b00f2d5778690b8e6150b4da1d6dd2e0e58fa";

const DSA_PRIME: &str = "86f5ca03dcfeb225063ff830a0c769b9dd9d6153ad91d7ce27f787c43278b447e6533b86b18bed6e8a48b784a14c252c5be0dbf60b86d6385bd2f12fb763ed8873abfd3f5ba2e0a8c0a59082eac056935e529daf7c610467899c77adedfc846c881870b7b19b2b58f9be0521a17002e3bdd6b86685ee90b3d9a1b02b782b1779";
const DSA_SUBPRIME: &str = "996f967f6c8e388d9e28d01e205fba957a5698b1";
const DSA_BASE: &str = "07b0f92546150b62514bb771e2a0c0ce387f03bda6c56b505209ff25fd3c133d89bbcd97e904e09114d9a7defdeadfc9078ea544d2e401aeecc40bb9fbbf78fd87995a10a1c27cb7789b594ba7efb5c4326a9fe59a070e136db77175464adca417be5dce2f40d10a46a3a3943f26ab7fd9c0398ff8c76ee0a56826a8a88f1dbd";
const DSA_PRIVATE: &str = "411602cb19a6ccc34494d79d98ef1e7ed5af25f7";
const DSA_PUBLIC: &str = "5df5e01ded31d0297e274e1691c192fe5868fef9e19a84776454b100cf16f65392195a38b90523e2542ee61871c0440cb87c322fc4b4d2ec5e1e7ec766e1be8d4ce935437dc11c3c8fd426338933ebfe739cb3465f4d3668c5e473508253b1e682f65cbdc4fae93c2ea212390e54905a86e2223170b44eaa7da5dd9ffcfb7f3b";
const DSA_SIGNATURE: &str =
    "1a1290d3ddbc02d6f9d4716411a84d0f94755b7b87a12588bbca24d93935277b08746320d71ac0fb";

const DH_PRIME: &str = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff";
/// Of the private value of the P-256 key, whose digits serve here too; the other party's is `SEED`.
const DH_PUBLIC: &str = "56fb314f852469bb3bedbc15efd3c3bed88c26b3fafa268c80a11db1f222a41d6c2bc9cad8c0f4be3cc60dbf47e21d27ee24d623ec9651a3cbbdfdd230de2ed66e0445cf64a603c8012100bb532c52cf24f53eef04281ff2e1b69956301dc2838536f6798b70a8fe9e1c8d57c3892717f17601352a9d4382bd273be7d5cbdfbd20260abb9a8f9c41cbc0d730c0990bb7d0261f3ea50a9e8ee614f22576b6650a00c2286a5d4971121d3c926dc11eb0e01624bbfb22fdd0da366b4f7772bc6b47";
/// The last 32 bytes.
const DH_SECRET: &str = "fa692ba91d5bd1ee2c9e42a64d8b2eedd96738dc77a359508b70884ae76e2a08";

const X9_42_PRIME: &str = "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c013ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371";
const X9_42_SUBPRIME: &str = "f518aa8781a8df278aba4e7d64b7cb9d49462353";
const X9_42_BASE: &str = "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f5504f213160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f531dbf0a0169b6a28ad662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5";
const X9_42_X_A: &str = "b9a3b3ae8fefc1a2930496507086f8455d48943e";
const X9_42_Y_B: &str = "717a6cb053371ff4a3b932941c1e5663f861a1d6ad34ae66576dfb98f6c6cbf9ddd5a56c7833f6bcfdff095582ad868e440e8d09fd769e3ceccdc3d3b1e4cfa057776caaf9739b6a9fee8e7411f8d6dac09d6a4edb46cc2b5d5203090eae6126311e53fd2c14b574e6a3109a3da1be41bdceaa186f5ce06716a2b6a07b3c33fe";
/// The last 32 bytes.
const X9_42_SECRET: &str = "5bd83a19fb0b5e96bf8fa4d09e345525167ecd9155416f46f408ed31b63c6e6d";

fn pss() -> Params {
    Params::Pss { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, salt_len: 32 }
}

fn ec_public(params: &str, point: &str) -> Result<Values> {
    Ok(vec![(CKA_EC_PARAMS, bytes(params)?), (CKA_EC_POINT, bytes(point)?)])
}

fn ed448_public() -> Result<Values> {
    ec_public(ED448, ED448_POINT)
}

fn ed448_private() -> Result<Values> {
    Ok(vec![(CKA_EC_PARAMS, bytes(ED448)?), (CKA_VALUE, secret(ED448_SEED)?)])
}

fn x448_private() -> Result<Values> {
    Ok(vec![(CKA_EC_PARAMS, bytes(X448)?), (CKA_VALUE, secret(X448_VALUE)?)])
}

/// The public or the private value, with its group.
fn dsa(value: Value) -> Result<Values> {
    let group = [(CKA_PRIME, DSA_PRIME), (CKA_SUBPRIME, DSA_SUBPRIME), (CKA_BASE, DSA_BASE)];
    with_group(&group, value)
}

fn dh() -> Result<Values> {
    with_group(&[(CKA_PRIME, DH_PRIME), (CKA_BASE, "02")], secret(SEED)?)
}

fn x9_42() -> Result<Values> {
    let group = [(CKA_PRIME, X9_42_PRIME), (CKA_SUBPRIME, X9_42_SUBPRIME), (CKA_BASE, X9_42_BASE)];
    with_group(&group, secret(X9_42_X_A)?)
}

fn x9_42_other() -> Result<Params> {
    Ok(Params::X942Dh1 { kdf: CKD_NULL, other_info: Vec::new(), public_data: hex(X9_42_Y_B)? })
}

fn with_group(group: &[(CK_ATTRIBUTE_TYPE, &str)], value: Value) -> Result<Values> {
    let mut values = vec![(CKA_VALUE, value)];
    for (id, number) in group {
        values.push((*id, bytes(number)?));
    }
    Ok(values)
}
