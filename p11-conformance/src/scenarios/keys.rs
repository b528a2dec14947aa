//! Keys that the scenarios need: made or imported as session objects with just the usage that is asked for.

use crate::expect::{Check, Verdict, unhex};
use crate::module::Outcome;
use crate::scenario::Host;
use crate::session::Session;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// DER of the named curves' object identifiers.
pub const P256: &str = "06082a8648ce3d030107";
pub const P384: &str = "06052b81040022";
pub const P521: &str = "06052b81040023";
/// id-Ed25519 and id-X25519 of RFC 8410.
pub const ED25519: &str = "06032b6570";
pub const X25519: &str = "06032b656e";

/// Key and data of RFC 4231 test case 6: a key that is long enough for every token.
pub const MAC_KEY: [u8; 131] = [0xaa; 131];
pub const MAC_DATA: &[u8] = b"Test Using Larger Than Block-Size Key - Hash Key First";

/// A secret key of the given type and value.
pub fn secret(kind: CK_KEY_TYPE, value: &[u8]) -> Template {
    Template::new()
        .class(CKO_SECRET_KEY)
        .ulong(CKA_KEY_TYPE, kind)
        .bool(CKA_TOKEN, false)
        .bool(CKA_PRIVATE, true)
        .bool(CKA_SENSITIVE, false)
        .bool(CKA_EXTRACTABLE, true)
        .bytes(CKA_VALUE, value)
}

/// An imported AES key that may do all that AES keys do.
pub fn aes(session: &Session, value: &[u8]) -> Outcome<CK_OBJECT_HANDLE> {
    let template = secret(CKK_AES, value).bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true);
    session.create(
        &template.bool(CKA_WRAP, true).bool(CKA_UNWRAP, true).bool(CKA_SIGN, true).bool(CKA_VERIFY, true),
    )
}

/// An imported generic secret that signs and verifies (for HMAC).
pub fn generic(session: &Session, value: &[u8]) -> Outcome<CK_OBJECT_HANDLE> {
    session.create(&secret(CKK_GENERIC_SECRET, value).bool(CKA_SIGN, true).bool(CKA_VERIFY, true))
}

/// A generated AES key of so many bytes.
pub fn generate_aes(
    h: &Host,
    session: &Session,
    length: CK_ULONG,
    more: Template,
) -> Check<CK_OBJECT_HANDLE> {
    h.needs(&[CKM_AES_KEY_GEN])?;
    let template = Template::new().bool(CKA_TOKEN, false).ulong(CKA_VALUE_LEN, length).and(more);
    Ok(session.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template)?)
}

/// A generated RSA key pair (65537) with all usages that the templates add.
pub fn rsa(
    h: &Host,
    session: &Session,
    bits: CK_ULONG,
    public: Template,
    private: Template,
) -> Check<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    let info = h.mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN)?;
    if bits < info.ulMinKeySize || bits > info.ulMaxKeySize {
        return Err(Verdict::NotSupported(format!("RSA keys of {bits} bits are out of the listed range")));
    }
    let public = Template::new().bool(CKA_TOKEN, false).ulong(CKA_MODULUS_BITS, bits).and(public);
    let public = public.bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
    let private = Template::new().bool(CKA_TOKEN, false).bool(CKA_PRIVATE, true).and(private);
    Ok(session.generate_pair(&Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &public, &private)?)
}

/// An RSA-2048 pair that signs and decrypts.
pub fn rsa_2048(h: &Host, session: &Session) -> Check<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    let public = Template::new().bool(CKA_VERIFY, true).bool(CKA_ENCRYPT, true);
    rsa(h, session, 2048, public, Template::new().bool(CKA_SIGN, true).bool(CKA_DECRYPT, true))
}

/// A generated pair on a curve given by its DER; a curve that the token refuses by name is 'not supported'.
pub fn curve(
    h: &Host,
    session: &Session,
    mechanism: CK_MECHANISM_TYPE,
    parameters: &str,
    public: Template,
    private: Template,
) -> Check<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    h.needs(&[mechanism])?;
    let public = Template::new().bool(CKA_TOKEN, false).bytes(CKA_EC_PARAMS, &unhex(parameters)).and(public);
    let private = Template::new().bool(CKA_TOKEN, false).bool(CKA_PRIVATE, true).and(private);
    match session.generate_pair(&Mechanism::plain(mechanism), &public, &private) {
        Err(error) if error.rv == CKR_CURVE_NOT_SUPPORTED => Err(Verdict::NotSupported(error.to_string())),
        pair => Ok(pair?),
    }
}

/// A pair on a short Weierstrass curve that signs and verifies.
pub fn ec(h: &Host, session: &Session, parameters: &str) -> Check<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    let (public, private) = (Template::new().bool(CKA_VERIFY, true), Template::new().bool(CKA_SIGN, true));
    curve(h, session, CKM_EC_KEY_PAIR_GEN, parameters, public, private)
}

/// A data object.
pub fn data(label: &str, value: &[u8]) -> Template {
    Template::new().class(CKO_DATA).bool(CKA_PRIVATE, false).label(label).bytes(CKA_VALUE, value)
}

/// The content of a DER OCTET STRING with a short or one-byte long length, or the bytes as they are.
pub fn point(value: &[u8]) -> &[u8] {
    match value {
        [0x04, length, rest @ ..] if rest.len() == usize::from(*length) && *length < 0x80 => rest,
        [0x04, 0x81, length, rest @ ..] if rest.len() == usize::from(*length) => rest,
        _ => value,
    }
}
