//! What the profiles of a token forbid (docs/policy.md), through the sessions of applications.

mod common;

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{Template, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{ObjectHandle, SlotId, padded};
use common::{Fixture, SO_PIN, bytes, secret, template, user_session};

const P_256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

type Attribute = (CK_ATTRIBUTE_TYPE, Value);

fn strict() -> (Fixture, Arc<Session>) {
    let fixture = Fixture::with_profile(Profile::Strict);
    let session = fixture.user_session();
    (fixture, session)
}

fn yes(attributes: &[CK_ATTRIBUTE_TYPE]) -> Vec<Attribute> {
    attributes.iter().map(|attribute| (*attribute, Value::Bool(true))).collect()
}

fn no(attribute: CK_ATTRIBUTE_TYPE) -> Attribute {
    (attribute, Value::Bool(false))
}

fn generate_aes(session: &Session, length: u64, more: &[Attribute]) -> Result<ObjectHandle> {
    let wanted = [&[(CKA_VALUE_LEN, Value::Ulong(length))], more].concat();
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&wanted))
}

fn generate_rsa(
    session: &Session,
    bits: u64,
    public: &[Attribute],
    private: &[Attribute],
) -> Result<(ObjectHandle, ObjectHandle)> {
    let bits = [(CKA_MODULUS_BITS, Value::Ulong(bits)), (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1]))];
    let public = template(&[&bits[..], public].concat());
    session.generate_key_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &Params::None, &public, &template(private))
}

fn import_aes(session: &Session, more: &[Attribute]) -> Result<ObjectHandle> {
    let own = [
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
        (CKA_VALUE, bytes(&[7; 16])),
    ];
    session.create_object(&template(&[&own[..], more].concat()))
}

fn value(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<Value> {
    session.attribute_values(key, &[attribute]).unwrap().remove(0)
}

fn set(session: &Session, key: ObjectHandle, attributes: &[Attribute]) -> Result<()> {
    session.set_attribute_values(key, &template(attributes))
}

fn wrap(
    session: &Session,
    id: CK_MECHANISM_TYPE,
    params: &Params,
    by: ObjectHandle,
    key: ObjectHandle,
) -> Result<Vec<u8>> {
    let mut wrapped = vec![0; 4096];
    let mut output = Output::buffer(&mut wrapped);
    session.wrap_key(id, params, by, key, &mut output)?;
    let length = output.length();
    wrapped.truncate(length);
    Ok(wrapped)
}

fn aes_template(more: &[Attribute]) -> Template {
    let own = [(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_KEY_TYPE, Value::Ulong(CKK_AES))];
    template(&[&own[..], more].concat())
}

const ROLES: [[CK_ATTRIBUTE_TYPE; 2]; 6] = [
    [CKA_WRAP, CKA_DECRYPT],
    [CKA_UNWRAP, CKA_ENCRYPT],
    [CKA_WRAP, CKA_ENCRYPT],
    [CKA_UNWRAP, CKA_DECRYPT],
    [CKA_WRAP, CKA_SIGN],
    [CKA_UNWRAP, CKA_DERIVE],
];

#[test]
fn a_compatible_token_allows_what_a_strict_one_forbids() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let key = generate_aes(&session, 16, &yes(&[CKA_WRAP, CKA_DECRYPT, CKA_UNWRAP, CKA_ENCRYPT])).unwrap();
    let other = generate_aes(&session, 32, &yes(&[CKA_EXTRACTABLE])).unwrap();
    assert!(wrap(&session, CKM_AES_ECB, &Params::None, key, other).is_ok());
    set(&session, key, &[no(CKA_WRAP)]).unwrap();
    set(&session, key, &yes(&[CKA_WRAP])).unwrap();
    assert!(session.encrypt_init(CKM_AES_CBC, &Params::Bytes(vec![0; 16]), key).is_ok());
}

#[test]
fn a_key_that_wraps_or_unwraps_does_nothing_else_however_it_is_made() {
    let (_fixture, session) = strict();
    let refused = Some(Error::TemplateInconsistent);
    for roles in ROLES {
        assert_eq!(generate_aes(&session, 16, &yes(&roles)).err(), refused);
        assert_eq!(import_aes(&session, &yes(&roles)).err(), refused);
    }
    for (public, private) in [(CKA_WRAP, CKA_DECRYPT), (CKA_ENCRYPT, CKA_UNWRAP), (CKA_WRAP, CKA_SIGN)] {
        assert_eq!(generate_rsa(&session, 2048, &yes(&[public]), &yes(&[private])).err(), refused);
    }
    let by = generate_aes(&session, 16, &yes(&[CKA_WRAP])).unwrap();
    let unwraps = generate_aes(&session, 16, &yes(&[CKA_UNWRAP, CKA_WRAP])).unwrap();
    let key = generate_aes(&session, 16, &yes(&[CKA_EXTRACTABLE])).unwrap();
    assert!(wrap(&session, CKM_AES_KEY_WRAP, &Params::None, by, key).is_ok());
    let wrapped = wrap(&session, CKM_AES_KEY_WRAP, &Params::None, unwraps, key).unwrap();
    let unwrap = |more: &[Attribute]| {
        session.unwrap_key(CKM_AES_KEY_WRAP, &Params::None, unwraps, &wrapped, &aes_template(more)).err()
    };
    for roles in ROLES {
        assert_eq!(unwrap(&[&yes(&roles)[..], &[no(CKA_EXTRACTABLE)]].concat()), refused);
    }
    assert_eq!(unwrap(&yes(&[CKA_ENCRYPT, CKA_DECRYPT])), None);
}

#[test]
fn usages_that_a_template_leaves_out_are_false() {
    let (_fixture, session) = strict();
    let key = generate_aes(&session, 16, &[]).unwrap();
    for usage in [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE] {
        assert_eq!(value(&session, key, usage), Ok(Value::Bool(false)));
    }
    let refused = session.encrypt_init(CKM_AES_ECB, &Params::None, key);
    assert_eq!(refused, Err(Error::KeyFunctionNotPermitted));
}

#[test]
fn a_role_that_a_key_has_not_is_never_gained_by_a_change_or_a_copy() {
    let (_fixture, session) = strict();
    let key = generate_aes(&session, 16, &yes(&[CKA_ENCRYPT, CKA_DECRYPT])).unwrap();
    for role in [CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE] {
        assert_eq!(set(&session, key, &yes(&[role])), Err(Error::AttributeReadOnly));
        let copy = session.copy_object(key, &template(&yes(&[role])));
        assert_eq!(copy.err(), Some(Error::AttributeReadOnly));
    }
    set(&session, key, &[no(CKA_ENCRYPT)]).unwrap();
    assert_eq!(set(&session, key, &yes(&[CKA_ENCRYPT])), Err(Error::AttributeReadOnly));
    let swap = [no(CKA_DECRYPT), (CKA_WRAP, Value::Bool(true))];
    assert_eq!(set(&session, key, &swap), Err(Error::AttributeReadOnly));
}

#[test]
fn protections_of_a_copy_only_tighten() {
    let (_fixture, session) = strict();
    let held = [no(CKA_MODIFIABLE), no(CKA_DESTROYABLE)];
    let key = generate_aes(&session, 16, &held).unwrap();
    for protection in [CKA_MODIFIABLE, CKA_DESTROYABLE] {
        let copy = session.copy_object(key, &template(&yes(&[protection])));
        assert_eq!(copy.err(), Some(Error::AttributeReadOnly));
    }
    let key = generate_aes(&session, 16, &[]).unwrap();
    assert!(session.copy_object(key, &template(&held)).is_ok());
    let (_, private) = generate_rsa(&session, 2048, &[], &yes(&[CKA_ALWAYS_AUTHENTICATE, CKA_SIGN])).unwrap();
    let copy = session.copy_object(private, &template(&[no(CKA_ALWAYS_AUTHENTICATE)]));
    assert_eq!(copy.err(), Some(Error::AttributeReadOnly));
}

#[test]
fn only_wrapping_that_notices_changes_is_offered() {
    let (_fixture, session) = strict();
    let by = generate_aes(&session, 32, &yes(&[CKA_WRAP, CKA_UNWRAP])).unwrap();
    let key = generate_aes(&session, 16, &yes(&[CKA_EXTRACTABLE])).unwrap();
    let iv = Params::Bytes(vec![3; 16]);
    let counter = Params::AesCtr { counter_bits: 64, counter_block: [3; 16] };
    for (id, params) in [
        (CKM_AES_ECB, &Params::None),
        (CKM_AES_CBC, &iv),
        (CKM_AES_CBC_PAD, &iv),
        (CKM_AES_CTR, &counter),
        (CKM_AES_OFB, &iv),
    ] {
        assert_eq!(wrap(&session, id, params, by, key).err(), Some(Error::MechanismInvalid), "{id:#x}");
        let unwrapped = session.unwrap_key(id, params, by, &[0; 32], &aes_template(&[]));
        assert_eq!(unwrapped.err(), Some(Error::MechanismInvalid), "{id:#x}");
    }
    // Two keys under one nonce would tell the one from the other.
    let gcm = Params::Gcm { iv: vec![1; 12], aad: Vec::new(), tag_bits: 128 };
    assert_eq!(wrap(&session, CKM_AES_GCM, &gcm, by, key).err(), Some(Error::MechanismParamInvalid));
    for (id, params) in [(CKM_AES_KEY_WRAP, &Params::None), (CKM_AES_KEY_WRAP_KWP, &Params::None)] {
        let wrapped = wrap(&session, id, params, by, key).unwrap();
        assert!(session.unwrap_key(id, params, by, &wrapped, &aes_template(&[])).is_ok(), "{id:#x}");
    }
    let (public, _) = generate_rsa(&session, 3072, &yes(&[CKA_WRAP]), &yes(&[CKA_UNWRAP])).unwrap();
    let oaep = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: Vec::new() };
    assert!(wrap(&session, CKM_RSA_PKCS_OAEP, &oaep, public, key).is_ok());
    for id in [CKM_RSA_PKCS, CKM_RSA_X_509] {
        let refused = wrap(&session, id, &Params::None, public, key);
        assert_eq!(refused.err(), Some(Error::MechanismInvalid));
    }
}

#[test]
fn a_weaker_key_wraps_no_stronger_one() {
    let (_fixture, session) = strict();
    let weak = generate_aes(&session, 16, &yes(&[CKA_WRAP])).unwrap();
    let (rsa, _) = generate_rsa(&session, 2048, &yes(&[CKA_WRAP]), &[]).unwrap();
    let oaep = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: Vec::new() };
    for (length, under_aes, under_rsa) in [(16, true, false), (24, false, false), (32, false, false)] {
        let key = generate_aes(&session, length, &yes(&[CKA_EXTRACTABLE])).unwrap();
        let refused = |permitted: bool| (!permitted).then_some(Error::KeyNotWrappable);
        let wrapped = wrap(&session, CKM_AES_KEY_WRAP, &Params::None, weak, key);
        assert_eq!(wrapped.err(), refused(under_aes), "{length}");
        assert_eq!(wrap(&session, CKM_RSA_PKCS_OAEP, &oaep, rsa, key).err(), refused(under_rsa), "{length}");
    }
}

#[test]
fn imported_and_unwrapped_keys_are_sensitive() {
    let (_fixture, session) = strict();
    let key = import_aes(&session, &[]).unwrap();
    assert_eq!(value(&session, key, CKA_SENSITIVE), Ok(Value::Bool(true)));
    assert_eq!(import_aes(&session, &[no(CKA_SENSITIVE)]).err(), Some(Error::TemplateInconsistent));
    let by = generate_aes(&session, 16, &yes(&[CKA_WRAP, CKA_UNWRAP])).unwrap();
    let key = generate_aes(&session, 16, &yes(&[CKA_EXTRACTABLE])).unwrap();
    let wrapped = wrap(&session, CKM_AES_KEY_WRAP, &Params::None, by, key).unwrap();
    let unwrap = |more: &[Attribute]| {
        session.unwrap_key(CKM_AES_KEY_WRAP, &Params::None, by, &wrapped, &aes_template(more))
    };
    assert_eq!(unwrap(&[no(CKA_SENSITIVE)]).err(), Some(Error::TemplateInconsistent));
    let back = unwrap(&[]).unwrap();
    assert_eq!(value(&session, back, CKA_SENSITIVE), Ok(Value::Bool(true)));
    assert_eq!(value(&session, back, CKA_VALUE), Err(Error::AttributeSensitive));
}

#[test]
fn keys_that_wrap_never_leave_and_come_from_nowhere_else() {
    let (fixture, session) = strict();
    let refused = Some(Error::TemplateInconsistent);
    for role in [CKA_WRAP, CKA_UNWRAP] {
        assert_eq!(generate_aes(&session, 16, &yes(&[role, CKA_EXTRACTABLE])).err(), refused);
    }
    assert_eq!(import_aes(&session, &yes(&[CKA_WRAP])).err(), refused);
    let password = template(&[
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
        (CKA_VALUE_LEN, Value::Ulong(16)),
        (CKA_WRAP, Value::Bool(true)),
    ]);
    let pbkdf2 = coffer_pkcs11::mechanism::password::Pbkdf2Params {
        salt: vec![1; 16],
        iterations: 1000,
        prf: CKP_PKCS5_PBKD2_HMAC_SHA256,
        password: secret("known to the caller"),
    };
    let made = session.generate_key(CKM_PKCS5_PBKD2, &Params::Pbkdf2(pbkdf2), &password);
    assert_eq!(made.err(), refused);
    // The SO can vouch for a public key.
    let (public, _) = generate_rsa(&session, 2048, &[], &[]).unwrap();
    let modulus = value(&session, public, CKA_MODULUS).unwrap();
    let public = |trusted| {
        template(&[
            (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_RSA)),
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_MODULUS, modulus.clone()),
            (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
            (CKA_WRAP, Value::Bool(true)),
            (CKA_TRUSTED, Value::Bool(trusted)),
        ])
    };
    assert_eq!(session.create_object(&public(false)).err(), refused);
    session.logout().unwrap();
    let officer = fixture.open(SlotId(0), true);
    officer.login(CKU_SO, &secret(SO_PIN)).unwrap();
    assert_eq!(officer.create_object(&public(false)).err(), refused);
    assert!(officer.create_object(&public(true)).is_ok());
}

#[test]
fn weak_keys_and_des_keys_are_not_made() {
    let (_fixture, session) = strict();
    let weak = generate_rsa(&session, 1024, &yes(&[CKA_VERIFY]), &yes(&[CKA_SIGN]));
    assert_eq!(weak.err(), Some(Error::AttributeValueInvalid));
    let public = template(&[
        (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_RSA)),
        (CKA_MODULUS, bytes(&[0xab; 128])),
        (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
    ]);
    assert_eq!(session.create_object(&public).err(), Some(Error::AttributeValueInvalid));
    let des3 = session.generate_key(CKM_DES3_KEY_GEN, &Params::None, &Template::new());
    assert_eq!(des3.err(), Some(Error::TemplateInconsistent));
}

#[test]
fn signatures_over_sha_1_are_neither_made_nor_checked() {
    let (_fixture, session) = strict();
    let (public, private) = generate_rsa(&session, 2048, &yes(&[CKA_VERIFY]), &yes(&[CKA_SIGN])).unwrap();
    let pss = |hash, mgf| Params::Pss { hash, mgf, salt_len: 20 };
    for (id, params) in [
        (CKM_SHA1_RSA_PKCS, Params::None),
        (CKM_MD5_RSA_PKCS, Params::None),
        (CKM_RSA_PKCS_PSS, pss(CKM_SHA_1, CKG_MGF1_SHA1)),
        (CKM_SHA1_RSA_PKCS_PSS, pss(CKM_SHA_1, CKG_MGF1_SHA1)),
    ] {
        assert_eq!(session.sign_init(id, &params, private), Err(Error::MechanismInvalid), "{id:#x}");
        assert_eq!(session.verify_init(id, &params, public), Err(Error::MechanismInvalid), "{id:#x}");
    }
    let params = [(CKA_EC_PARAMS, bytes(P_256))];
    let (_, ec) = session
        .generate_key_pair(
            CKM_EC_KEY_PAIR_GEN,
            &Params::None,
            &template(&params),
            &template(&yes(&[CKA_SIGN])),
        )
        .unwrap();
    assert_eq!(session.sign_init(CKM_ECDSA_SHA1, &Params::None, ec), Err(Error::MechanismInvalid));
    assert!(session.sign_init(CKM_ECDSA_SHA256, &Params::None, ec).is_ok());
    session.sign_cancel();
    assert!(session.sign_init(CKM_SHA256_RSA_PKCS, &Params::None, private).is_ok());
    assert!(session.verify_init(CKM_RSA_PKCS_PSS, &pss(CKM_SHA256, CKG_MGF1_SHA256), public).is_ok());
}

#[test]
fn rsa_decrypts_with_oaep_only() {
    let (_fixture, session) = strict();
    let (_, private) = generate_rsa(&session, 2048, &yes(&[CKA_ENCRYPT]), &yes(&[CKA_DECRYPT])).unwrap();
    for id in [CKM_RSA_PKCS, CKM_RSA_X_509] {
        assert_eq!(session.decrypt_init(id, &Params::None, private), Err(Error::MechanismInvalid));
    }
    let oaep = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: Vec::new() };
    assert!(session.decrypt_init(CKM_RSA_PKCS_OAEP, &oaep, private).is_ok());
}

#[test]
fn short_tags_and_ivs_of_zeros_are_refused() {
    let (_fixture, session) = strict();
    let key = generate_aes(&session, 16, &yes(&[CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN])).unwrap();
    let refused = Err(Error::MechanismParamInvalid);
    let gcm = |byte, tag_bits| Params::Gcm { iv: vec![byte; 12], aad: Vec::new(), tag_bits };
    for tag_bits in [32, 64] {
        assert_eq!(session.encrypt_init(CKM_AES_GCM, &gcm(1, tag_bits), key), refused);
        assert_eq!(session.decrypt_init(CKM_AES_GCM, &gcm(1, tag_bits), key), refused);
        assert_eq!(session.sign_init(CKM_AES_GMAC, &gcm(1, tag_bits), key), refused);
    }
    let ccm = Params::Ccm { data_len: 16, nonce: vec![1; 12], aad: Vec::new(), tag_len: 8 };
    assert_eq!(session.encrypt_init(CKM_AES_CCM, &ccm, key), refused);
    let counter = Params::AesCtr { counter_bits: 64, counter_block: [0; 16] };
    for (id, params) in
        [(CKM_AES_GCM, gcm(0, 128)), (CKM_AES_CBC, Params::Bytes(vec![0; 16])), (CKM_AES_CTR, counter)]
    {
        assert_eq!(session.encrypt_init(id, &params, key), refused, "{id:#x}");
    }
    assert!(session.encrypt_init(CKM_AES_GCM, &gcm(1, 96), key).is_ok());
    // What others have encrypted can be read.
    assert!(session.decrypt_init(CKM_AES_CBC, &Params::Bytes(vec![0; 16]), key).is_ok());
}

#[test]
fn a_key_that_cannot_be_read_is_not_digested() {
    let (_fixture, session) = strict();
    let base = generate_aes(&session, 32, &yes(&[CKA_DERIVE])).unwrap();
    session.digest_init(CKM_SHA256, &Params::None).unwrap();
    assert_eq!(session.digest_key(base), Err(Error::KeyIndigestible));
    let readable =
        generate_aes(&session, 32, &[no(CKA_SENSITIVE), yes(&[CKA_EXTRACTABLE])[0].clone()]).unwrap();
    assert_eq!(session.digest_key(readable), Ok(()));
}

#[test]
fn the_profile_survives_and_ends_with_the_token() {
    let (fixture, session) = strict();
    let second = fixture.second_module();
    let other = user_session(&second);
    assert_eq!(generate_aes(&other, 16, &yes(&ROLES[0])).err(), Some(Error::TemplateInconsistent));
    for (module, session) in [(&second, other), (&fixture.module, session)] {
        module.close_session(session.handle()).unwrap();
    }
    // C_InitToken knows no profiles.
    fixture.make_token(SlotId(0), "anew");
    assert!(generate_aes(&fixture.user_session(), 16, &yes(&ROLES[0])).is_ok());
    let session = user_session(&second);
    assert!(generate_aes(&session, 16, &yes(&ROLES[0])).is_ok());
    let init = |profile| {
        let label = padded("strict");
        fixture.module.init_token_with(SlotId(0), &secret(SO_PIN), label, profile)
    };
    assert_eq!(init(Profile::Strict), Err(Error::SessionExists));
}

/// Whoever edits the file can also repair its keyless chain: that a login then finds other token information is
/// `vault::forgery`'s to show.
#[test]
fn a_file_whose_profile_was_edited_is_no_token() {
    let fixture = Fixture::with_profile(Profile::Strict);
    let path = fixture.module.slot_info(SlotId(0)).unwrap().path;
    let mut edited = std::fs::read(&path).unwrap();
    let label = edited.windows(4).position(|window| window == b"test").unwrap();
    // The version stands nine bytes before the label, the profile behind label and serial number.
    assert_eq!((edited[label - 9], edited[label + 48]), (2, 1));
    edited[label + 48] = 0;
    std::fs::write(&path, &edited).unwrap();
    let module = fixture.second_module();
    assert!(module.open_session(SlotId(0), CKF_SERIAL_SESSION).is_err());
}

#[test]
fn a_strict_token_offers_no_mechanism_and_no_use_that_it_refuses_to_every_key() {
    let (strict, _session) = strict();
    let compatible = Fixture::with_profile(Profile::Compatible);
    let list = |fixture: &Fixture| fixture.module.mechanism_list(SlotId(0)).unwrap();
    let (all, offered) = (list(&compatible), list(&strict));
    let missing: Vec<_> = all.iter().filter(|id| !offered.contains(id)).copied().collect();
    for id in [CKM_DES3_KEY_GEN, CKM_DES3_CBC, CKM_SHA1_RSA_PKCS, CKM_ECDSA_SHA1, CKM_MD5_RSA_PKCS] {
        assert!(missing.contains(&id), "{id:#x} is refused to every key");
        assert_eq!(strict.module.mechanism_info(SlotId(0), id).err(), Some(Error::MechanismInvalid));
    }
    for id in [CKM_SHA_1, CKM_RSA_PKCS, CKM_AES_CBC, CKM_AES_GCM, CKM_SHA256_RSA_PKCS, CKM_ECDSA] {
        assert!(offered.contains(&id), "{id:#x} is good for something");
    }
    let flags = |fixture: &Fixture, id| fixture.module.mechanism_info(SlotId(0), id).unwrap().flags;
    assert_eq!(flags(&strict, CKM_AES_CBC) & (CKF_WRAP | CKF_ENCRYPT), CKF_ENCRYPT);
    assert_eq!(flags(&strict, CKM_RSA_PKCS) & (CKF_SIGN | CKF_DECRYPT | CKF_UNWRAP), CKF_SIGN);
    assert_eq!(flags(&strict, CKM_AES_KEY_WRAP_KWP), flags(&compatible, CKM_AES_KEY_WRAP_KWP));
    println!("{} of {} mechanisms are not offered", missing.len(), all.len());
}
