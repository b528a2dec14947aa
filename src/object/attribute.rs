//! The catalogue of attributes: each attribute of PKCS#11 3.2, and of Coffer's own, told once, in ascending order of its
//! type.

use crate::ck::*;

use super::value::Kind;

/// What is known of an attribute wherever it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeInfo {
    pub id: CK_ATTRIBUTE_TYPE,
    /// The standard's name, such as `CKA_LABEL`.
    pub name: &'static str,
    pub kind: Kind,
    /// True where the value is a secret in some objects: it is held as `Value::Secret` until the object's
    /// table has told that it is none.
    pub may_be_secret: bool,
}

/// The attribute of this type; `None` where neither PKCS#11 3.2 nor Coffer knows one.
pub fn lookup(id: CK_ATTRIBUTE_TYPE) -> Option<&'static AttributeInfo> {
    let index = CATALOGUE.binary_search_by_key(&id, |info| info.id).ok()?;
    CATALOGUE.get(index)
}

/// The attribute of this name, such as `CKA_LABEL`.
pub fn by_name(name: &str) -> Option<&'static AttributeInfo> {
    CATALOGUE.iter().find(|info| info.name == name)
}

/// Every attribute, in ascending order of the types.
pub fn all() -> &'static [AttributeInfo] {
    CATALOGUE
}

macro_rules! catalogue {
    ($($id:ident $kind:ident $($secret:ident)?;)*) => {
        const CATALOGUE: &[AttributeInfo] = &[$(AttributeInfo {
            id: $id,
            name: stringify!($id),
            kind: Kind::$kind,
            may_be_secret: flag!($($secret)?),
        }),*];
    };
}

macro_rules! flag {
    () => {
        false
    };
    (secret) => {
        true
    };
}

catalogue! {
    CKA_CLASS Ulong;
    CKA_TOKEN Bool;
    CKA_PRIVATE Bool;
    CKA_LABEL Text;
    CKA_UNIQUE_ID Text;
    CKA_APPLICATION Text;
    CKA_VALUE Bytes secret;
    CKA_OBJECT_ID Bytes;
    CKA_CERTIFICATE_TYPE Ulong;
    CKA_ISSUER Bytes;
    CKA_SERIAL_NUMBER Bytes;
    CKA_AC_ISSUER Bytes;
    CKA_OWNER Bytes;
    CKA_ATTR_TYPES Bytes;
    CKA_TRUSTED Bool;
    CKA_CERTIFICATE_CATEGORY Ulong;
    CKA_JAVA_MIDP_SECURITY_DOMAIN Ulong;
    CKA_URL Text;
    CKA_HASH_OF_SUBJECT_PUBLIC_KEY Bytes;
    CKA_HASH_OF_ISSUER_PUBLIC_KEY Bytes;
    CKA_NAME_HASH_ALGORITHM Ulong;
    CKA_CHECK_VALUE Bytes;
    CKA_KEY_TYPE Ulong;
    CKA_SUBJECT Bytes;
    CKA_ID Bytes;
    CKA_SENSITIVE Bool;
    CKA_ENCRYPT Bool;
    CKA_DECRYPT Bool;
    CKA_WRAP Bool;
    CKA_UNWRAP Bool;
    CKA_SIGN Bool;
    CKA_SIGN_RECOVER Bool;
    CKA_VERIFY Bool;
    CKA_VERIFY_RECOVER Bool;
    CKA_DERIVE Bool;
    CKA_START_DATE Date;
    CKA_END_DATE Date;
    CKA_MODULUS BigInteger;
    CKA_MODULUS_BITS Ulong;
    CKA_PUBLIC_EXPONENT BigInteger;
    CKA_PRIVATE_EXPONENT BigInteger secret;
    CKA_PRIME_1 BigInteger secret;
    CKA_PRIME_2 BigInteger secret;
    CKA_EXPONENT_1 BigInteger secret;
    CKA_EXPONENT_2 BigInteger secret;
    CKA_COEFFICIENT BigInteger secret;
    CKA_PUBLIC_KEY_INFO Bytes;
    CKA_PRIME BigInteger;
    CKA_SUBPRIME BigInteger;
    CKA_BASE BigInteger;
    CKA_PRIME_BITS Ulong;
    CKA_SUBPRIME_BITS Ulong;
    CKA_VALUE_BITS Ulong;
    CKA_VALUE_LEN Ulong;
    CKA_EXTRACTABLE Bool;
    CKA_LOCAL Bool;
    CKA_NEVER_EXTRACTABLE Bool;
    CKA_ALWAYS_SENSITIVE Bool;
    CKA_KEY_GEN_MECHANISM Ulong;
    CKA_MODIFIABLE Bool;
    CKA_COPYABLE Bool;
    CKA_DESTROYABLE Bool;
    CKA_EC_PARAMS Bytes;
    CKA_EC_POINT Bytes;
    CKA_SECONDARY_AUTH Bool;
    CKA_AUTH_PIN_FLAGS Ulong;
    CKA_ALWAYS_AUTHENTICATE Bool;
    CKA_WRAP_WITH_TRUSTED Bool;
    CKA_OTP_FORMAT Ulong;
    CKA_OTP_LENGTH Ulong;
    CKA_OTP_TIME_INTERVAL Ulong;
    CKA_OTP_USER_FRIENDLY_MODE Bool;
    CKA_OTP_CHALLENGE_REQUIREMENT Ulong;
    CKA_OTP_TIME_REQUIREMENT Ulong;
    CKA_OTP_COUNTER_REQUIREMENT Ulong;
    CKA_OTP_PIN_REQUIREMENT Ulong;
    CKA_OTP_USER_IDENTIFIER Text;
    CKA_OTP_SERVICE_IDENTIFIER Text;
    CKA_OTP_SERVICE_LOGO Bytes;
    CKA_OTP_SERVICE_LOGO_TYPE Text;
    CKA_OTP_COUNTER Bytes;
    CKA_OTP_TIME Text;
    CKA_GOSTR3410_PARAMS Bytes;
    CKA_GOSTR3411_PARAMS Bytes;
    CKA_GOST28147_PARAMS Bytes;
    CKA_HW_FEATURE_TYPE Ulong;
    CKA_RESET_ON_INIT Bool;
    CKA_HAS_RESET Bool;
    CKA_PIXEL_X Ulong;
    CKA_PIXEL_Y Ulong;
    CKA_RESOLUTION Ulong;
    CKA_CHAR_ROWS Ulong;
    CKA_CHAR_COLUMNS Ulong;
    CKA_COLOR Bool;
    CKA_BITS_PER_PIXEL Ulong;
    CKA_CHAR_SETS Text;
    CKA_ENCODING_METHODS Text;
    CKA_MIME_TYPES Text;
    CKA_MECHANISM_TYPE Ulong;
    CKA_REQUIRED_CMS_ATTRIBUTES Bytes;
    CKA_DEFAULT_CMS_ATTRIBUTES Bytes;
    CKA_SUPPORTED_CMS_ATTRIBUTES Bytes;
    CKA_PROFILE_ID Ulong;
    CKA_X2RATCHET_BAG Bytes secret;
    CKA_X2RATCHET_BAGSIZE Ulong;
    CKA_X2RATCHET_BOBS1STMSG Bool;
    CKA_X2RATCHET_CKR Bytes secret;
    CKA_X2RATCHET_CKS Bytes secret;
    CKA_X2RATCHET_DHP Bytes secret;
    CKA_X2RATCHET_DHR Bytes secret;
    CKA_X2RATCHET_DHS Bytes secret;
    CKA_X2RATCHET_HKR Bytes secret;
    CKA_X2RATCHET_HKS Bytes secret;
    CKA_X2RATCHET_ISALICE Bool;
    CKA_X2RATCHET_NHKR Bytes secret;
    CKA_X2RATCHET_NHKS Bytes secret;
    CKA_X2RATCHET_NR Ulong;
    CKA_X2RATCHET_NS Ulong;
    CKA_X2RATCHET_PNS Ulong;
    CKA_X2RATCHET_RK Bytes secret;
    CKA_HSS_LEVELS Ulong;
    CKA_HSS_LMS_TYPE Ulong;
    CKA_HSS_LMOTS_TYPE Ulong;
    CKA_HSS_LMS_TYPES Mechanisms;
    CKA_HSS_LMOTS_TYPES Mechanisms;
    CKA_HSS_KEYS_REMAINING Ulong;
    CKA_PARAMETER_SET Ulong;
    CKA_OBJECT_VALIDATION_FLAGS Ulong;
    CKA_VALIDATION_TYPE Ulong;
    CKA_VALIDATION_VERSION Bytes;
    CKA_VALIDATION_LEVEL Ulong;
    CKA_VALIDATION_MODULE_ID Text;
    CKA_VALIDATION_FLAG Ulong;
    CKA_VALIDATION_AUTHORITY_TYPE Ulong;
    CKA_VALIDATION_COUNTRY Text;
    CKA_VALIDATION_CERTIFICATE_IDENTIFIER Text;
    CKA_VALIDATION_CERTIFICATE_URI Text;
    CKA_VALIDATION_VENDOR_URI Text;
    CKA_VALIDATION_PROFILE Text;
    CKA_ENCAPSULATE_TEMPLATE Template;
    CKA_DECAPSULATE_TEMPLATE Template;
    CKA_TRUST_SERVER_AUTH Ulong;
    CKA_TRUST_CLIENT_AUTH Ulong;
    CKA_TRUST_CODE_SIGNING Ulong;
    CKA_TRUST_EMAIL_PROTECTION Ulong;
    CKA_TRUST_IPSEC_IKE Ulong;
    CKA_TRUST_TIME_STAMPING Ulong;
    CKA_TRUST_OCSP_SIGNING Ulong;
    CKA_ENCAPSULATE Bool;
    CKA_DECAPSULATE Bool;
    CKA_HASH_OF_CERTIFICATE Bytes;
    CKA_PUBLIC_CRC64_VALUE Bytes;
    CKA_SEED Bytes secret;
    CKA_WRAP_TEMPLATE Template;
    CKA_UNWRAP_TEMPLATE Template;
    CKA_DERIVE_TEMPLATE Template;
    CKA_ALLOWED_MECHANISMS Mechanisms;
    CKA_COFFER_STATE Ulong;
    CKA_COFFER_ACTIVATION_DATE Ulong;
    CKA_COFFER_PROTECT_STOP_DATE Ulong;
    CKA_COFFER_PROCESS_STOP_DATE Ulong;
    CKA_COFFER_CREATION_DATE Ulong;
    CKA_COFFER_OWNER Text;
    CKA_COFFER_CUSTODIAN Text;
    CKA_COFFER_PURPOSE Text;
    CKA_COFFER_VERSION Ulong;
    CKA_COFFER_PREDECESSOR Text;
    CKA_COFFER_SUCCESSOR Text;
    CKA_COFFER_USE_LIMIT Ulong;
    CKA_COFFER_BYTE_LIMIT Ulong;
    CKA_COFFER_USES Ulong;
    CKA_COFFER_BYTES Ulong;
    CKA_COFFER_LAST_USED Ulong;
    CKA_COFFER_COPIES Ulong;
    CKA_COFFER_STATE_REASON Text;
    CKA_COFFER_EXCEPTION_UNTIL Ulong;
    CKA_COFFER_ONE_TIME_KEYS_USED Ulong;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_in_ascending_order_without_duplicates() {
        assert!(CATALOGUE.windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn attributes_are_found_by_type_and_by_name() {
        let label = lookup(CKA_LABEL).unwrap();
        assert_eq!((label.name, label.kind, label.may_be_secret), ("CKA_LABEL", Kind::Text, false));
        assert_eq!(by_name("CKA_LABEL"), Some(label));
        assert!(lookup(CKA_PRIVATE_EXPONENT).unwrap().may_be_secret);
    }

    #[test]
    fn vendor_and_unknown_attributes_are_not_in_the_catalogue() {
        assert_eq!(lookup(CKA_VENDOR_DEFINED | 1), None);
        assert_eq!(lookup(0x7777), None);
        assert_eq!(by_name("CKA_NSS_TRUST"), None);
    }
}
