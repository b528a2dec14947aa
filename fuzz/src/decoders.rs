//! Decoders of what callers, files and the token file hold: attributes, templates, keys in ASN.1, the configuration.

use std::path::PathBuf;
use std::sync::OnceLock;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::{Config, Environment};
use coffer_pkcs11::crypto::{ec, lms, pkcs8, rsa, xmss};
use coffer_pkcs11::lifecycle::softhsm2::{self, TokenFile, TokenKey};
use coffer_pkcs11::mechanism::{computed, import, private_key_info};
use coffer_pkcs11::object::rules::{self, Creator, Defaults};
use coffer_pkcs11::object::{
    Attributes, Object, SearchTemplate, Template, Value, attribute, codec, ec_point, matches,
};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::Identity;

use crate::input::{Input, piece};
use crate::targets::Target;

pub fn targets() -> Vec<Target> {
    vec![
        Target { name: "object_codec", run: object_codec, seeds: objects },
        Target { name: "token_identity", run: token_identity, seeds: || vec![[&[1][..], &[0; 56]].concat()] },
        Target { name: "template", run: template, seeds: templates },
        Target { name: "search", run: search, seeds: templates },
        Target { name: "create_rules", run: create_rules, seeds: templates },
        Target { name: "change_rules", run: change_rules, seeds: || vec![vec![0], vec![1], vec![2]] },
        Target { name: "import", run: import, seeds: objects },
        Target { name: "private_key_info", run: private_key_info, seeds: private_keys },
        Target { name: "pkcs8_private", run: pkcs8_private, seeds: private_keys },
        Target { name: "pkcs8_public", run: pkcs8_public, seeds: public_keys },
        Target { name: "rsa_private_key", run: rsa_private_key, seeds: rsa_private_keys },
        Target { name: "ec_private_key", run: ec_private_key, seeds: ec_private_keys },
        Target { name: "certificate", run: certificate, seeds: certificates },
        Target { name: "ec_params", run: ec_params, seeds: curves },
        Target { name: "ec_point", run: point, seeds: points },
        Target { name: "softhsm2_files", run: softhsm2_files, seeds: softhsm2_seeds },
        Target { name: "configuration", run: configuration, seeds: configurations },
        Target {
            name: "hss",
            run: hss,
            seeds: || signed(include_str!("../../tests/vectors/hash_based/hss.txt")),
        },
        Target {
            name: "xmss",
            run: xmss,
            seeds: || signed(include_str!("../../tests/vectors/hash_based/xmss.txt")),
        },
    ]
}

/// Public key, message and signature of HSS, any of which may be anything.
fn hss(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let (public, message) = (input.piece(), input.piece());
    lms::verify(public, message, input.rest()).is_ok()
}

/// The same of both schemes of XMSS.
fn xmss(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let (public, message, signature) = (input.piece(), input.piece(), input.rest());
    let verified = |scheme| xmss::verify(scheme, public, message, signature).is_ok();
    verified(xmss::Scheme::Xmss) | verified(xmss::Scheme::XmssMt)
}

/// The lines of a file of signatures: name, public key, message, signature.
fn signed(file: &str) -> Vec<Vec<u8>> {
    let bytes = |digits: &str| -> Vec<u8> {
        let digits: Vec<u8> =
            digits.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    };
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<Vec<u8>> = line.split(' ').skip(1).map(bytes).collect();
            [piece(&fields[0]), piece(&fields[1]), fields[2].clone()].concat()
        })
        .collect()
}

fn object_codec(data: &[u8]) -> bool {
    let Ok(attributes) = codec::decode(data) else { return false };
    assert_eq!(codec::encode(&attributes).unwrap().as_bytes(), data, "an object has two encodings");
    true
}

fn token_identity(data: &[u8]) -> bool {
    let Ok(identity) = Identity::decode(data) else { return false };
    // A field may say what holds without it; what is encoded does not.
    let encoded = identity.encode().expect("what was decoded is encoded");
    assert_eq!(Identity::decode(&encoded).expect("what was encoded is decoded"), identity);
    encoded == data
}

/// A template in the C layout: pieces behind the number of their attribute in the catalogue.
fn parse(data: &[u8], mut push: impl FnMut(CK_ATTRIBUTE_TYPE, &[u8]) -> bool) -> bool {
    let mut input = Input::new(data);
    let mut good = !input.is_empty();
    while !input.is_empty() {
        let known = attribute::all();
        let id = match input.byte() {
            0xff => input.number(),
            index => known[usize::from(index) % known.len()].id,
        };
        good &= push(id, input.piece());
    }
    good
}

fn template_of(data: &[u8]) -> Option<Template> {
    let mut template = Template::new();
    parse(data, |id, raw| template.push(id, raw).is_ok()).then_some(template)
}

fn template(data: &[u8]) -> bool {
    let Some(template) = template_of(data) else { return false };
    let encoded = codec::encode(template.attributes()).unwrap();
    assert_eq!(codec::decode(encoded.as_bytes()).as_ref(), Ok(template.attributes()));
    true
}

/// A search that was pushed well and that an object answers.
fn search(data: &[u8]) -> bool {
    let mut search = SearchTemplate::new();
    parse(data, |id, raw| search.push(id, raw).is_ok());
    let Some(template) = template_of(data) else { return false };
    matches(&Object::new(template.into_attributes()), &search)
}

fn creator() -> Creator<'static> {
    Creator { security_officer: false, defaults: Defaults::Compatible, computed: &computed::Engine, now: 0 }
}

fn create_rules(data: &[u8]) -> bool {
    let Some(template) = template_of(data) else { return false };
    let Ok(attributes) = rules::create(&template, &creator()) else { return false };
    let object = Object::new(attributes);
    for info in attribute::all() {
        let _ = rules::reveal(&object, info.id);
        if rules::is_sensitive(&object, info.id) {
            assert!(rules::reveal(&object, info.id).is_err());
        }
    }
    true
}

/// Whatever the template: what was sensitive stays so, and what could not be extracted still cannot.
fn change_rules(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let way = input.byte();
    let key = Object::new(rules::create(&aes_key(&[]), &creator()).expect("a good template"));
    let mut template = Template::new();
    parse(input.rest(), |id, raw| template.push(id, raw).is_ok());
    let changed = match way % 2 {
        0 => rules::set(&key, &template, &creator()),
        _ => rules::copy(&key, &template, &creator()),
    };
    let Ok(attributes) = changed else { return false };
    assert!(attributes.is_true(CKA_SENSITIVE) && !attributes.is_true(CKA_EXTRACTABLE));
    true
}

fn import(data: &[u8]) -> bool {
    codec::decode(data).is_ok_and(|attributes| import::check_key(&attributes).is_ok())
}

fn private_key_info(data: &[u8]) -> bool {
    let Ok(attributes) = private_key_info::decode(data) else { return false };
    let encoded =
        private_key_info::encode(&Object::new(attributes.clone())).expect("what was decoded is encoded");
    assert_eq!(private_key_info::decode(encoded.as_bytes()), Ok(attributes));
    true
}

fn pkcs8_private(data: &[u8]) -> bool {
    let Ok(key) = pkcs8::decode_private(data) else { return false };
    if let Ok(encoded) = pkcs8::encode_private(&key) {
        assert!(pkcs8::decode_private(encoded.as_bytes()).is_ok());
    }
    true
}

fn pkcs8_public(data: &[u8]) -> bool {
    let Ok(key) = pkcs8::decode_public(data) else { return false };
    assert!(pkcs8::decode_public(&pkcs8::encode_public(&key)).is_ok_and(|again| again == key));
    true
}

fn rsa_private_key(data: &[u8]) -> bool {
    pkcs8::decode_rsa_private(data).is_ok_and(|numbers| rsa::PrivateKey::new(&numbers).is_ok())
}

fn ec_private_key(data: &[u8]) -> bool {
    pkcs8::decode_ec_private(data).is_ok()
}

fn certificate(data: &[u8]) -> bool {
    pkcs8::of_certificate(data).is_ok_and(|key| pkcs8::decode_public(key).is_ok())
}

/// CKA_EC_PARAMS and CKA_VALUE or CKA_EC_POINT of a key that is imported.
fn ec_params(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let key_type = [CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY][input.below(3)];
    let private = input.below(2) == 0;
    let (class, id) = if private { (CKO_PRIVATE_KEY, CKA_VALUE) } else { (CKO_PUBLIC_KEY, CKA_EC_POINT) };
    let (params, value) = (input.piece(), input.rest());
    let attributes = Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(class)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_EC_PARAMS, Value::Bytes(params.to_vec())),
        (id, Value::Bytes(value.to_vec())),
    ]);
    import::check_key(&attributes).is_ok()
}

fn point(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let key_type = [CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY][input.below(3)];
    let given = input.rest();
    let Ok(wrapped) = ec_point::wrapped(key_type, given) else { return false };
    assert_eq!(ec_point::wrapped(key_type, &wrapped), Ok(wrapped.clone()));
    assert_eq!(ec_point::raw(key_type, &wrapped), ec_point::raw(key_type, given));
    true
}

/// A file of SoftHSM2, as the description of a token and as an object of it.
fn softhsm2_files(data: &[u8]) -> bool {
    let token = TokenFile::decode(data).and_then(|token| token.unlock(&Secret::copy_of(b"1234")));
    let Ok(attributes) = softhsm2::object(data, &TokenKey::from_bytes([7; 32])) else { return token.is_ok() };
    let _ = rules::create(&Template::from(attributes), &creator());
    true
}

fn configuration(data: &[u8]) -> bool {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let path =
        FILE.get_or_init(|| std::env::temp_dir().join(format!("coffer-fuzz-{}.toml", std::process::id())));
    std::fs::write(path, data).expect("a temporary file can be written");
    let environment = Environment { coffer_conf: Some(path.clone()), ..Environment::default() };
    match Config::load(&environment) {
        Ok(config) => config.pin.min_length <= config.pin.max_length,
        Err(error) => error.to_string().is_empty(),
    }
}

// Seeds.

fn number_of(id: CK_ATTRIBUTE_TYPE) -> u8 {
    let index = attribute::all().iter().position(|info| info.id == id).expect("a known attribute");
    u8::try_from(index).expect("the catalogue is small")
}

fn templates() -> Vec<Vec<u8>> {
    let ulong = |id: CK_ATTRIBUTE_TYPE, number: CK_ULONG| {
        [vec![number_of(id)], piece(&number.to_ne_bytes())].concat()
    };
    let bytes = |id: CK_ATTRIBUTE_TYPE, value: &[u8]| [vec![number_of(id)], piece(value)].concat();
    vec![
        [ulong(CKA_CLASS, CKO_DATA), bytes(CKA_LABEL, b"x"), bytes(CKA_TOKEN, &[1])].concat(),
        [ulong(CKA_CLASS, CKO_SECRET_KEY), ulong(CKA_KEY_TYPE, CKK_AES), bytes(CKA_VALUE, &[7; 16])].concat(),
        [
            ulong(CKA_CLASS, CKO_CERTIFICATE),
            ulong(CKA_CERTIFICATE_TYPE, CKC_X_509),
            bytes(CKA_SUBJECT, b"0\0"),
            bytes(CKA_VALUE, b"0\0"),
            bytes(CKA_START_DATE, b"20260101"),
        ]
        .concat(),
    ]
}

fn aes_key(more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Template {
    let attributes = Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
        (CKA_SENSITIVE, Value::Bool(true)),
        (CKA_EXTRACTABLE, Value::Bool(false)),
        (CKA_VALUE, Value::Secret(Secret::copy_of(&[7; 16]))),
    ]);
    let mut template = Template::from(attributes);
    for (id, value) in more {
        template.push_value(*id, value.clone()).expect("a good template");
    }
    template
}

fn objects() -> Vec<Vec<u8>> {
    let nested = Attributes::from_iter([(CKA_EXTRACTABLE, Value::Bool(false))]);
    let more = [
        (CKA_UNWRAP_TEMPLATE, Value::Template(nested)),
        (CKA_ALLOWED_MECHANISMS, Value::Mechanisms(vec![CKM_AES_GCM])),
        (CKA_LABEL, Value::Bytes(b"label".to_vec())),
    ];
    let keys = private_keys().into_iter().filter_map(|der| private_key_info::decode(&der).ok());
    let attributes = [aes_key(&more).into_attributes()].into_iter().chain(keys);
    attributes.map(|attributes| codec::encode(&attributes).unwrap().as_bytes().to_vec()).collect()
}

fn ec_key(curve: ec::Curve) -> pkcs8::Private {
    let key = ec::PrivateKey::generate(curve).unwrap();
    pkcs8::Private::Ec { curve, value: key.value().unwrap(), point: Some(key.public_point().unwrap()) }
}

fn rsa_numbers() -> rsa::Components {
    rsa::generate(1024, &[1, 0, 1]).unwrap().components().unwrap()
}

fn private_keys() -> Vec<Vec<u8>> {
    let keys = [ec_key(ec::Curve::P256), ec_key(ec::Curve::P521), pkcs8::Private::Rsa(rsa_numbers())];
    let mut encoded: Vec<_> =
        keys.iter().map(|key| pkcs8::encode_private(key).unwrap().as_bytes().to_vec()).collect();
    for last in [ED25519, X25519] {
        let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, last, 4, 0x22, 4, 0x20];
        encoded.push([&head[..], &[5; 32]].concat());
    }
    encoded
}

/// The last numbers of the object identifiers of RFC 8410.
const ED25519: u8 = 0x70;
const X25519: u8 = 0x6e;

/// The SubjectPublicKeyInfo of RFC 8410.
fn curve_public_key(last: u8) -> Vec<u8> {
    [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, last, 3, 0x21, 0][..], &[5; 32]].concat()
}

fn rsa_private_keys() -> Vec<Vec<u8>> {
    vec![pkcs8::encode_rsa_private(&rsa_numbers()).unwrap().as_bytes().to_vec()]
}

/// The ECPrivateKey of RFC 5915 with P-256.
fn ec_private_keys() -> Vec<Vec<u8>> {
    let oid = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let value = [&[0x04, 0x20][..], &[5; 32]].concat();
    vec![[&[0x30, 0x31, 2, 1, 1][..], &value, &[0xa0, 0x0a], &oid].concat()]
}

fn public_keys() -> Vec<Vec<u8>> {
    let (curve, key) = (ec::Curve::P256, ec::PrivateKey::generate(ec::Curve::P256).unwrap());
    let keys = [
        pkcs8::Public::Ec { curve, point: key.public_point().unwrap() },
        pkcs8::Public::Rsa { modulus: vec![0xc5; 128], public_exponent: vec![1, 0, 1] },
    ];
    let encoded = keys.iter().map(pkcs8::encode_public);
    encoded.chain([curve_public_key(ED25519), curve_public_key(X25519)]).collect()
}

/// As much of a certificate as is read.
fn certificates() -> Vec<Vec<u8>> {
    let key = curve_public_key(ED25519);
    let fields = [&[2, 1, 1][..], &[0x30, 0], &[0x30, 0], &[0x30, 0], &[0x30, 0], &key].concat();
    let inner = [&[0x30, fields.len() as u8][..], &fields].concat();
    vec![[&[0x30, inner.len() as u8][..], &inner].concat()]
}

fn curves() -> Vec<Vec<u8>> {
    let seed = |key_type: u8, oid: &[u8], length: usize| {
        let params = [&[6, oid.len() as u8][..], oid].concat();
        [vec![key_type, 0], piece(&params), vec![5; length]].concat()
    };
    vec![
        seed(0, ec::Curve::P256.oid(), 32),
        seed(0, ec::Curve::P521.oid(), 66),
        seed(1, &[0x2b, 0x65, 0x70], 32),
        seed(2, &[0x2b, 0x65, 0x6e], 32),
        [vec![1, 0], piece(b"\x13\x0cedwards25519"), vec![5; 32]].concat(),
    ]
}

fn points() -> Vec<Vec<u8>> {
    vec![
        [&[0, 4][..], &[5; 64]].concat(),
        [&[1][..], &[5; 32]].concat(),
        [&[2, 3, 33, 0][..], &[5; 32]].concat(),
    ]
}

fn softhsm2_seeds() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../tests/golden/softhsm2/token.object").to_vec(),
        include_bytes!("../../tests/golden/softhsm2/data-public.object").to_vec(),
        include_bytes!("../../tests/golden/softhsm2/wrapper.object").to_vec(),
    ]
}

fn configurations() -> Vec<Vec<u8>> {
    let texts = [
        "home = '/t'\n",
        "home = '~/t'\nmode = 'group'\n[pin]\nattempts = 3\nkdf-iterations = 10000\n[mechanisms]\ndeny = ['CKM_MD5*']\n",
        "home = '/t'\n[pin]\nmin-lenght = 6\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
