//! Key files of another implementation (OpenSSL), read and written back byte by byte; and hostile ones.

use super::*;
use crate::crypto::ffc::Domain;

/// PrivateKeyInfo and SubjectPublicKeyInfo of one key.
pub(crate) struct Files {
    pub private: &'static str,
    pub public: &'static str,
}

/// An RSA key of 1024 bits.
pub(crate) const RSA: Files = Files {
    private: "30820277020100300d06092a864886f70d0101010500048202613082025d02010002818100a85b7f3fb133019e6173a1bc2c\
              bbfc6ce289de7f2e7794b42f768000485215f84e6804f5dd4072ab341728f51fe74b29ca985357056d1c8cbc852a817a4105\
              e8b201656b516ea88f62458e9281db8b19160edeac62348db376f6abc7bac14b8183db63c864e4ad59ac1f35672e779fff9f\
              d682ec59813458154e6732078b7b450203010001028181008c39b961197c7c6aa88ca13794a2f6fad22d372f034b028699c9\
              bf8f7cad3233614aee66c263fd9e6f82a2d0984413acb95bea7e5ebca4bcec009688c585071f91d0b398ba8974886c39c562\
              1dc5a1d2f27ac001ade0b662d8ab87b4fe1a169a4234f6c5623ccb824d8b01bc52a9fe122ea260d389f819daf62067e08f49\
              3bb9024100d34c39a3dd61d5fdc10faa14fd23fa01e8b826e033271dd19f2f84ca0a757486967cea8be115ceadfec2efcfdf\
              ee62ab24aa42abf745b2d5d9f271f6805f7c3b024100cbf9a5421a0110941f04fab14c5d72d43464c9044660c170d26e03ea\
              f7ba1842e004187bb37e5d75cdfee1b0e9564b854a2e19ef92ec939b4696f4c9832aee7f02402749f325cf125411fd0606a0\
              2479be1100cecd1bbf2734da3779447db4f82614a882cdb1f8c66f49d72734243905407f862fca79e35ea8642f446f80605a\
              60e5024100876680bd1066048b4ecc0f5e0243462677612fcf16a8c3c010efd6c9f3082572bf21f8dea4980d9255dc0c1553\
              cf64f265fb945be43c06ffdc2bf8f28b8fc4210240490bad39a6a599ac36c34f18ce04c5516fafd4d4e23c4c782174a5a375\
              cd9e70f9b5d529bba4f2bec0266b70e2622ab27a6c2c017ab48e7944c8847fddb501f4",
    public: "30819f300d06092a864886f70d010101050003818d0030818902818100a85b7f3fb133019e6173a1bc2cbbfc6ce289de7f2e\
             7794b42f768000485215f84e6804f5dd4072ab341728f51fe74b29ca985357056d1c8cbc852a817a4105e8b201656b516ea8\
             8f62458e9281db8b19160edeac62348db376f6abc7bac14b8183db63c864e4ad59ac1f35672e779fff9fd682ec5981345815\
             4e6732078b7b450203010001",
};

/// A key on P-256.
pub(crate) const P256: Files = Files {
    private: "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104201a762d86d572c62f833aec03e919\
              48ac83d6a41e0014dc8cd44ea10fbaf2348da14403420004455f422e7dd072fd748f4e04058fffc70b25a54334d17a8fb641\
              d81b03577bf2ce7677e3c04d2d49bcb120dc79bbfe9c8bc7df31ae01100c0c613da26998b1bb",
    public: "3059301306072a8648ce3d020106082a8648ce3d03010703420004455f422e7dd072fd748f4e04058fffc70b25a54334d17a\
             8fb641d81b03577bf2ce7677e3c04d2d49bcb120dc79bbfe9c8bc7df31ae01100c0c613da26998b1bb",
};

/// A key on P-521.
pub(crate) const P521: Files = Files {
    private: "3081ee020100301006072a8648ce3d020106052b810400230481d63081d30201010442015e4f0ec9aecc66e063bd9934b53b\
              ea705666aac05cbc06d12b3736a19fcdf131757c77353c42a68384a12670b0f08e372f2fd0af06ceaeb588ace9b2f9c65bf6\
              47a18189038186000400b7f86a03823fe9984d565b96dce8a5ca5182d330280973f4865895e07cd0b648519e60eed7473f84\
              d64754a5cb9327ba05c0a79603b9cea2de5be81e38e031750d008908c7c48afe567dc8853573d15c874643f7f658ec824ee3\
              2f6fb6c3ab7ebc81147fd8189c735c83b25eabdbf6d01aa7a697a6a89a88af185db26e50bbd4a2c698",
    public: "30819b301006072a8648ce3d020106052b81040023038186000400b7f86a03823fe9984d565b96dce8a5ca5182d330280973\
             f4865895e07cd0b648519e60eed7473f84d64754a5cb9327ba05c0a79603b9cea2de5be81e38e031750d008908c7c48afe56\
             7dc8853573d15c874643f7f658ec824ee32f6fb6c3ab7ebc81147fd8189c735c83b25eabdbf6d01aa7a697a6a89a88af185d\
             b26e50bbd4a2c698",
};

/// A key on brainpoolP256r1.
pub(crate) const BRAINPOOL: Files = Files {
    private: "308188020100301406072a8648ce3d020106092b2403030208010107046d306b02010104202229a6773a52d7f06d1381ccd7\
              086a7c5efc0ab8ed50f98f5c22d4523665acc5a1440342000404e0b08811e1d4d5fb9dcac179b01da8954e1943b3decdbc14\
              ab016b612e4d60a3ed35a0de0d19a1964f47d88163ad5d7b7d5f5bb1bbd157c8f6bcb4ebfa8272",
    public: "305a301406072a8648ce3d020106092b24030302080101070342000404e0b08811e1d4d5fb9dcac179b01da8954e1943b3de\
             cdbc14ab016b612e4d60a3ed35a0de0d19a1964f47d88163ad5d7b7d5f5bb1bbd157c8f6bcb4ebfa8272",
};

/// An Ed25519 key.
pub(crate) const EDWARDS: Files = Files {
    private: "302e020100300506032b657004220420f11b43e570d657c747006a3480d28a1ef86e7d9d249222e0cce46ec9098d7627",
    public: "302a300506032b657003210035d3a973edf1f7c09fc8ce9d461ffc8240d84c452f055dbc3a52326ccf81d74e",
};

/// An X25519 key.
pub(crate) const MONTGOMERY: Files = Files {
    private: "302e020100300506032b656e04220420a0b74c8044ed9d735e9f7ff5addb2422406b79ba23865c319b6f9f203d8caa64",
    public: "302a300506032b656e0321002acdc10078779a5ed70d9a9a04df254a61da3da08777fe0c43056fe598c9480a",
};

/// An Ed448 key.
pub(crate) const EDWARDS448: Files = Files {
    private: "3047020100300506032b6571043b043948cba694e53de35f1afc3dfb23bd9bb286c3aa6a030a487779a0d7de5702e5851a83\
              656421ca30a61f4c103cb6e2cfc9333b4dd2115cb93da4",
    public: "3043300506032b6571033a008792b1d1032e521f2e69862cc2235af6955aae66833e4cde679200379c48070d7bb11a739e47\
              dddce9df409922aef235ce423fa73115c7e880",
};

/// An X448 key.
pub(crate) const MONTGOMERY448: Files = Files {
    private: "3046020100300506032b656f043a0438a8c5d61a311298e0e72ac9c55352d70b74ddb3554754bb5af143928cbf3cac24f590\
              b5b53809e7bbad4e13a4f5e7702c8306b8a418cc9982",
    public: "3042300506032b656f033900479a33129abc2db672cf4deaeeca9919439ad8ef3346f7a25e5a7b4e952b34df821a4616f574\
              b3d3e4c699d353c1e6dad06141d9b9a9cc9f",
};

/// The DSA key of RFC 6979 appendix A.2.1, written by Python's cryptography.
pub(crate) const DSA: Files = Files {
    private: "3082014a0201003082012b06072a8648ce3804013082011e0281810086f5ca03dcfeb225063ff830a0c769b9dd9d6153\
              ad91d7ce27f787c43278b447e6533b86b18bed6e8a48b784a14c252c5be0dbf60b86d6385bd2f12fb763ed8873abfd3f\
              5ba2e0a8c0a59082eac056935e529daf7c610467899c77adedfc846c881870b7b19b2b58f9be0521a17002e3bdd6b866\
              85ee90b3d9a1b02b782b1779021500996f967f6c8e388d9e28d01e205fba957a5698b102818007b0f92546150b62514b\
              b771e2a0c0ce387f03bda6c56b505209ff25fd3c133d89bbcd97e904e09114d9a7defdeadfc9078ea544d2e401aeecc4\
              0bb9fbbf78fd87995a10a1c27cb7789b594ba7efb5c4326a9fe59a070e136db77175464adca417be5dce2f40d10a46a3\
              a3943f26ab7fd9c0398ff8c76ee0a56826a8a88f1dbd04160214411602cb19a6ccc34494d79d98ef1e7ed5af25f7",
    public: "308201b63082012b06072a8648ce3804013082011e0281810086f5ca03dcfeb225063ff830a0c769b9dd9d6153ad91d7\
              ce27f787c43278b447e6533b86b18bed6e8a48b784a14c252c5be0dbf60b86d6385bd2f12fb763ed8873abfd3f5ba2e0\
              a8c0a59082eac056935e529daf7c610467899c77adedfc846c881870b7b19b2b58f9be0521a17002e3bdd6b86685ee90\
              b3d9a1b02b782b1779021500996f967f6c8e388d9e28d01e205fba957a5698b102818007b0f92546150b62514bb771e2\
              a0c0ce387f03bda6c56b505209ff25fd3c133d89bbcd97e904e09114d9a7defdeadfc9078ea544d2e401aeecc40bb9fb\
              bf78fd87995a10a1c27cb7789b594ba7efb5c4326a9fe59a070e136db77175464adca417be5dce2f40d10a46a3a3943f\
              26ab7fd9c0398ff8c76ee0a56826a8a88f1dbd038184000281805df5e01ded31d0297e274e1691c192fe5868fef9e19a\
              84776454b100cf16f65392195a38b90523e2542ee61871c0440cb87c322fc4b4d2ec5e1e7ec766e1be8d4ce935437dc1\
              1c3c8fd426338933ebfe739cb3465f4d3668c5e473508253b1e682f65cbdc4fae93c2ea212390e54905a86e2223170b4\
              4eaa7da5dd9ffcfb7f3b",
};

/// A Diffie-Hellman key of PKCS #3.
pub(crate) const DH: Files = Files {
    private: "30819c020100305306092a864886f70d0103013046024100fd469d255c6691dcb6a15c97734993fac8406f1798630bed\
              529576d66ae49e2f4ccded3fdd34be3a721a9b398ce20635e9cf006336177c84e53518fcc933a0e70201020442024031\
              6c7914c920bc1034e40ae5b8872cd525141137296b0dd0d3eca7d3b146d12a30648383954daa422a21b888ed784d5948\
              bb80b7e1c3ac98bd3c67a758174e1d",
    public: "30819b305306092a864886f70d0103013046024100fd469d255c6691dcb6a15c97734993fac8406f1798630bed529576\
              d66ae49e2f4ccded3fdd34be3a721a9b398ce20635e9cf006336177c84e53518fcc933a0e7020102034400024100f31c\
              755c40ebb81970f617bdde7ba6ea0d2054a3aa8283ede7f6ae257844b239ca0e2941c6e02ad72e15750f71b6cfe90338\
              1dc5c726a5752454d5e8c23d2fcd",
};

/// A key of ANSI X9.42 in the group of RFC 5114 section 2.1.
pub(crate) const X9_42_DH: Files = Files {
    private: "3082014c0201003082012c06072a8648ce3e02013082011f02818100b10b8f96a080e01dde92de5eae5d54ec52c99fbc\
              fb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c013ecb4aea906112324975c3cd49b83bfaccbdd7d\
              90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0a151af5f0dc8b4bd45bf37df365c1a65e68cfda7\
              6d4da708df1fb2bc2e4a437102818100a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31\
              266fea1e5c41564b777e690f5504f213160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76\
              a6a24c087a091f531dbf0a0169b6a28ad662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5\
              021500f518aa8781a8df278aba4e7d64b7cb9d494623530417021500b3b54f69b96766c9e1d5caf8fdd73219ddc9a79e",
    public: "308201b83082012c06072a8648ce3e02013082011f02818100b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3\
              c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c013ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd\
              7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da7\
              08df1fb2bc2e4a437102818100a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea\
              1e5c41564b777e690f5504f213160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c\
              087a091f531dbf0a0169b6a28ad662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5021500\
              f518aa8781a8df278aba4e7d64b7cb9d494623530381850002818100a3df9ad7cf7f48a364a40529847d675344ee89d7\
              3e6278ab77b4a0e1c3abada7620aad530e99fbf3e27514411f1deca89438820ac50c3ec5547948332879d5e51140e489\
              927b2b99f82375ec07b6305f0d555663780fba9a7b1aee0e86c3b7eddd2162e27855d6f229353804a83c0dc05f204cc4\
              aed39f6bffea7088c03b3f3b",
};

/// SLH-DSA-SHA2-128s, written by the crate `slh-dsa`.
pub(crate) const SLH_DSA: Files = Files {
    private: "3052020100300b060960864801650304031404407c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd73993673\
              7f2db505d7cfad1b497499323c8686325e476d2e5993d919b7f288cc823133046cf9",
    public: "3030300b0609608648016503040314032100b505d7cfad1b497499323c8686325e476d2e5993d919b7f288cc823133046cf9",
};

const ALL: &[&Files] = &[
    &RSA,
    &P256,
    &P521,
    &BRAINPOOL,
    &EDWARDS,
    &MONTGOMERY,
    &EDWARDS448,
    &MONTGOMERY448,
    &DSA,
    &DH,
    &X9_42_DH,
    &SLH_DSA,
];

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

#[test]
fn key_files_are_read_and_written_back_byte_by_byte() {
    for files in ALL {
        let (private, public) = (bytes(files.private), bytes(files.public));
        let key = decode_private(&private).unwrap();
        assert_eq!(encode_private(&key).unwrap().as_bytes(), private);
        assert_eq!(encode_public(&decode_public(&public).unwrap()), public);
    }
}

#[test]
fn the_public_key_is_the_one_of_the_private_key() {
    for files in ALL {
        let public = match decode_private(&bytes(files.private)).unwrap() {
            Private::Rsa(numbers) => {
                let complete = rsa::PrivateKey::new(&numbers).unwrap().components().unwrap();
                assert_eq!(complete.private_exponent, numbers.private_exponent);
                Public::Rsa { modulus: numbers.modulus, public_exponent: numbers.public_exponent }
            }
            Private::Ec { curve, value, point } => {
                let made = super::super::ec::PrivateKey::new(curve, value.as_bytes()).unwrap();
                let made = made.public_point().unwrap();
                assert_eq!(Some(&made), point.as_ref());
                Public::Ec { curve, point: made }
            }
            Private::Edwards { curve, seed } => {
                let key = edwards::PrivateKey::new(curve, seed.as_bytes()).unwrap();
                Public::Edwards { curve, point: key.public_point().to_vec() }
            }
            Private::Montgomery { curve, value } => {
                let key = montgomery::PrivateKey::new(curve, value.as_bytes()).unwrap();
                Public::Montgomery { curve, value: key.public_value().unwrap() }
            }
            Private::Field { group, value } => {
                let domain = Domain::new(&group.prime, group.subprime.as_deref(), &group.base).unwrap();
                domain.check_private(value.as_bytes()).unwrap();
                let value = domain.public_of(value.as_bytes()).unwrap();
                domain.check_public(&value).unwrap();
                Public::Field { group, value }
            }
            Private::Lattice { .. } => panic!("such keys have a file of their own"),
            Private::SlhDsa { set, value } => {
                slh_dsa::check_private(set, value.as_bytes()).unwrap();
                Public::SlhDsa { set, value: slh_dsa::public_of(set, &value).unwrap().to_vec() }
            }
        };
        assert_eq!(decode_public(&bytes(files.public)).unwrap(), public);
    }
}

#[test]
fn no_damaged_file_panics_and_no_cut_one_is_read() {
    for files in ALL {
        let (private, public) = (bytes(files.private), bytes(files.public));
        for end in 0..private.len() {
            assert!(decode_private(&private[..end]).is_err());
        }
        for end in 0..public.len() {
            assert!(decode_public(&public[..end]).is_err());
        }
        for position in 0..private.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = private.clone();
                damaged[position] = value;
                let _ = decode_private(&damaged);
                let _ = decode_rsa_private(&damaged);
                let _ = decode_ec_private(&damaged);
                let _ = of_certificate(&damaged);
            }
        }
        assert!(decode_private(&[&private[..], &[0]].concat()).is_err());
    }
}

#[test]
fn the_older_structures_are_those_inside() {
    let rsa = bytes(RSA.private);
    let inner = &rsa[26..];
    let numbers = decode_rsa_private(inner).unwrap();
    assert_eq!(encode_rsa_private(&numbers).unwrap().as_bytes(), inner);
    let without = rsa::Components { crt: None, ..numbers };
    assert_eq!(encode_rsa_private(&without).err(), Some(Error::Key));

    // RFC 5915 with the curve inside.
    let Private::Ec { curve, value, .. } = decode_private(&bytes(P256.private)).unwrap() else { panic!() };
    let oid = element(OBJECT_IDENTIFIER, &[curve.oid()]);
    let parameters = element(explicit(0), &[oid.as_bytes()]);
    let octets = element(OCTET_STRING, &[value.as_bytes()]);
    let der = |parameters: &[u8]| {
        element(SEQUENCE, &[asn1::unsigned(&[1]).as_bytes(), octets.as_bytes(), parameters])
    };
    match decode_ec_private(der(parameters.as_bytes()).as_bytes()).unwrap() {
        Private::Ec { curve: read, value: same, point: None } => assert_eq!((read, same), (curve, value)),
        _ => panic!("another key"),
    }
    assert_eq!(decode_ec_private(der(&[]).as_bytes()).err(), Some(Error::Parameters));
}

#[test]
fn what_cannot_be_used_is_told_apart() {
    let changed = |from: &[u8], to: &[u8]| {
        let mut der = bytes(P256.private);
        let place = der.windows(from.len()).position(|window| window == from).unwrap();
        der.splice(place..place + from.len(), to.iter().copied());
        decode_private(&der).err()
    };
    let p256 = Curve::P256.oid();
    let prime239v1 = [&p256[..7], &[4]].concat();
    assert_eq!(changed(p256, &prime239v1), Some(Error::Curve));
    assert_eq!(
        changed(&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3], &[48, 8, 2, 6, 1, 1, 1, 1]),
        Some(Error::Parameters)
    );
    let other = [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x02];
    assert_eq!(changed(EC_PUBLIC_KEY, &other), Some(Error::Unsupported));
    // DSA with parameters that are not there.
    let dsa = [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
    assert_eq!(changed(EC_PUBLIC_KEY, &dsa), Some(Error::Parameters));
}

#[test]
fn a_version_2_file_with_its_public_key_is_read() {
    // RFC 8410 section 10.3: version 1, an attribute, and the public key.
    let der = bytes(
        "3072020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842a01f\
         301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273812100\
         19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
    );
    let Private::Edwards { curve, seed } = decode_private(&der).unwrap() else { panic!("another key") };
    let key = edwards::PrivateKey::new(curve, seed.as_bytes()).unwrap();
    assert_eq!(key.public_point(), bytes("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"));
}
