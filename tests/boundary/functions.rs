//! The C functions as section 5 of PKCS#11 3.2 has them: their arguments, and the answers that it allows, one row each
//! in the order of the function list. Written apart from the library; the answers have not been compared with the text of
//! section 5 line by line.

use coffer_pkcs11::ck::*;

use super::answers::*;

/// What an argument is. Those marked with * stand for two arguments of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Session,
    Slot,
    Object(Key),
    /// A plain number: the usual one first.
    Number(&'static [u64]),
    /// * Bytes that are read: usually so many.
    Input(Bytes),
    /// * Bytes that are filled whole.
    Fill(usize),
    /// * A buffer and the pointer to its length; so many bytes are put out.
    Output(usize),
    /// * A list of elements of this size, and the pointer to their number.
    List(usize),
    /// * Room for handles, and how many.
    Handles,
    /// A structure of this size that is written.
    Place(usize),
    /// A structure of this size that is read; all zero, or spaces (a label).
    Structure(usize, u8),
    /// A C string.
    Text(&'static str),
    /// * Attributes with values, and their number.
    Template(Make),
    /// * Attributes with room for values, and their number.
    Query,
    Mechanism(Use),
}

/// A key of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Aes,
    Generic,
    RsaPublic,
    RsaPrivate,
    EcPrivate,
}

impl Key {
    pub const ALL: [Key; 5] = [Key::Aes, Key::Generic, Key::RsaPublic, Key::RsaPrivate, Key::EcPrivate];
}

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytes {
    Data(usize),
    UserPin,
    SoPin,
}

/// What a template makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    Data,
    Label,
    Search,
    AesKey,
    EcPublic,
    EcPrivate,
}

/// What a mechanism is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Cipher,
    Aead,
    Digest,
    Mac,
    Recover,
    GenerateKey,
    GeneratePair,
    Wrap,
    Derive,
    Kem,
}

pub struct Function {
    pub name: &'static str,
    pub kinds: &'static [Kind],
    /// The answers of its section, apart from those that every function has.
    pub answers: &'static [&'static [CK_RV]],
}

macro_rules! functions {
    ($($name:ident($($kind:expr),*) $answers:expr;)*) => {
        pub const FUNCTIONS: &[Function] =
            &[$(Function { name: stringify!($name), kinds: &[$($kind),*], answers: &$answers }),*];
    };
}

use Bytes::*;
use Kind::*;

const DATA: Kind = Input(Data(32));
const CIPHERTEXT: Kind = Output(32);
const HANDLE: Kind = Place(8);
/// NULL, or what must be refused.
const RESERVED: Kind = Number(&[0, 1]);
/// A function that the caller would like to have called, and its argument: never looked at.
const IGNORED: Kind = Number(&[0, 1]);
const USER: Kind = Number(&[CKU_USER, CKU_SO, CKU_CONTEXT_SPECIFIC, 3, u64::MAX]);
const SESSION_FLAGS: Kind =
    Number(&[CKF_SERIAL_SESSION | CKF_RW_SESSION, CKF_SERIAL_SESSION, CKF_RW_SESSION, 0, u64::MAX]);
const FLAGS: Kind = Number(&[0, 1, CKF_ENCRYPT, 1 << 31, u64::MAX]);
const TYPE: Kind = Number(&[CKM_AES_CBC, 0, 0x7fff_ffff, u64::MAX]);

functions! {
    C_Initialize(Structure(size_of::<CK_C_INITIALIZE_ARGS>(), 0)) [INITIALIZE];
    C_Finalize(RESERVED) [];
    C_GetInfo(Place(size_of::<CK_INFO>())) [];
    C_GetFunctionList(HANDLE) [];
    C_GetSlotList(Number(&[1, 0, 2]), List(8)) [SHORT];
    C_GetSlotInfo(Slot, Place(size_of::<CK_SLOT_INFO>())) [SLOT];
    C_GetTokenInfo(Slot, Place(size_of::<CK_TOKEN_INFO>())) [TOKEN];
    C_GetMechanismList(Slot, List(8)) [SHORT, TOKEN];
    C_GetMechanismInfo(Slot, TYPE, Place(size_of::<CK_MECHANISM_INFO>())) [TOKEN, &[CKR_MECHANISM_INVALID]];
    C_InitToken(Slot, Input(SoPin), Structure(32, b' ')) [TOKEN, PIN, &[CKR_SESSION_EXISTS]];
    C_InitPIN(Session, Input(UserPin)) [SESSION, WRITE, PIN, &[CKR_USER_NOT_LOGGED_IN]];
    C_SetPIN(Session, Input(UserPin), Input(UserPin)) [SESSION, WRITE, PIN, &[CKR_USER_NOT_LOGGED_IN, CKR_USER_PIN_NOT_INITIALIZED]];
    C_OpenSession(Slot, SESSION_FLAGS, IGNORED, IGNORED, HANDLE) [TOKEN, OPEN];
    C_CloseSession(Session) [SESSION];
    C_CloseAllSessions(Slot) [SLOT];
    C_GetSessionInfo(Session, Place(size_of::<CK_SESSION_INFO>())) [SESSION];
    C_GetOperationState(Session, Output(32))
        [SESSION, SHORT, &[CKR_OPERATION_NOT_INITIALIZED, CKR_STATE_UNSAVEABLE]];
    C_SetOperationState(Session, Input(Data(32)), Object(Key::Aes), Object(Key::Aes))
        [SESSION, &[CKR_KEY_CHANGED, CKR_KEY_NEEDED, CKR_KEY_NOT_NEEDED, CKR_SAVED_STATE_INVALID]];
    C_Login(Session, USER, Input(UserPin)) [SESSION, PIN, LOGIN];
    C_Logout(Session) [SESSION, &[CKR_USER_NOT_LOGGED_IN]];
    C_CreateObject(Session, Template(Make::Data), HANDLE) [SESSION, WRITE, TEMPLATE, CREATE];
    C_CopyObject(Session, Object(Key::Aes), Template(Make::Label), HANDLE)
        [SESSION, WRITE, TEMPLATE, CREATE, OBJECT];
    C_DestroyObject(Session, Object(Key::Aes)) [SESSION, WRITE, OBJECT, CREATE];
    C_GetObjectSize(Session, Object(Key::Aes), Place(8)) [SESSION, OBJECT, &[CKR_INFORMATION_SENSITIVE]];
    C_GetAttributeValue(Session, Object(Key::Aes), Query) [SESSION, SHORT, OBJECT, READ];
    C_SetAttributeValue(Session, Object(Key::Aes), Template(Make::Label))
        [SESSION, WRITE, TEMPLATE, OBJECT, CREATE];
    C_FindObjectsInit(Session, Template(Make::Search))
        [SESSION, TEMPLATE, &[CKR_OPERATION_ACTIVE, CKR_PIN_EXPIRED]];
    C_FindObjects(Session, Handles, Place(8)) [SESSION, OPERATION];
    C_FindObjectsFinal(Session) [SESSION, OPERATION];
    C_EncryptInit(Session, Mechanism(Use::Cipher), Object(Key::Aes)) [SESSION, INIT];
    C_Encrypt(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN];
    C_EncryptUpdate(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN];
    C_EncryptFinal(Session, Output(16)) [SESSION, OPERATION, SHORT, PLAIN];
    C_DecryptInit(Session, Mechanism(Use::Cipher), Object(Key::Aes)) [SESSION, INIT];
    C_Decrypt(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, ENCRYPTED];
    C_DecryptUpdate(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, ENCRYPTED];
    C_DecryptFinal(Session, Output(16)) [SESSION, OPERATION, SHORT, ENCRYPTED];
    C_DigestInit(Session, Mechanism(Use::Digest)) [SESSION, INIT];
    C_Digest(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT];
    C_DigestUpdate(Session, DATA) [SESSION, OPERATION];
    C_DigestKey(Session, Object(Key::Aes))
        [SESSION, OPERATION, &[CKR_KEY_HANDLE_INVALID, CKR_KEY_INDIGESTIBLE, CKR_KEY_SIZE_RANGE]];
    C_DigestFinal(Session, Output(32)) [SESSION, OPERATION, SHORT];
    C_SignInit(Session, Mechanism(Use::Mac), Object(Key::Generic)) [SESSION, INIT];
    C_Sign(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN, SIGN];
    C_SignUpdate(Session, DATA) [SESSION, OPERATION, PLAIN, SIGN];
    C_SignFinal(Session, Output(32)) [SESSION, OPERATION, SHORT, PLAIN, SIGN];
    C_SignRecoverInit(Session, Mechanism(Use::Recover), Object(Key::RsaPrivate)) [SESSION, INIT];
    C_SignRecover(Session, DATA, Output(256)) [SESSION, OPERATION, SHORT, PLAIN, SIGN];
    C_VerifyInit(Session, Mechanism(Use::Mac), Object(Key::Generic)) [SESSION, INIT];
    C_Verify(Session, DATA, Input(Data(32))) [SESSION, OPERATION, PLAIN, VERIFY];
    C_VerifyUpdate(Session, DATA) [SESSION, OPERATION, PLAIN];
    C_VerifyFinal(Session, Input(Data(32))) [SESSION, OPERATION, PLAIN, VERIFY];
    C_VerifyRecoverInit(Session, Mechanism(Use::Recover), Object(Key::RsaPublic)) [SESSION, INIT];
    C_VerifyRecover(Session, Input(Data(256)), CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN, VERIFY];
    C_DigestEncryptUpdate(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN];
    C_DecryptDigestUpdate(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, ENCRYPTED];
    C_SignEncryptUpdate(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN];
    C_DecryptVerifyUpdate(Session, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, ENCRYPTED, PLAIN];
    C_GenerateKey(Session, Mechanism(Use::GenerateKey), Template(Make::AesKey), HANDLE)
        [SESSION, WRITE, TEMPLATE, CREATE, GENERATE];
    C_GenerateKeyPair(Session, Mechanism(Use::GeneratePair), Template(Make::EcPublic),
        Template(Make::EcPrivate), HANDLE, HANDLE) [SESSION, WRITE, TEMPLATE, CREATE, GENERATE];
    C_WrapKey(Session, Mechanism(Use::Wrap), Object(Key::Aes), Object(Key::Generic), Output(40))
        [SESSION, SHORT, WRAP];
    C_UnwrapKey(Session, Mechanism(Use::Wrap), Object(Key::Aes), Input(Data(40)), Template(Make::AesKey), HANDLE)
        [SESSION, WRITE, TEMPLATE, CREATE, UNWRAP];
    C_DeriveKey(Session, Mechanism(Use::Derive), Object(Key::Generic), Template(Make::AesKey), HANDLE)
        [SESSION, WRITE, TEMPLATE, CREATE, INIT];
    C_SeedRandom(Session, DATA)
        [SESSION, &[CKR_OPERATION_ACTIVE, CKR_RANDOM_NO_RNG, CKR_RANDOM_SEED_NOT_SUPPORTED, CKR_USER_NOT_LOGGED_IN]];
    C_GenerateRandom(Session, Fill(32)) [SESSION, &[CKR_OPERATION_ACTIVE, CKR_RANDOM_NO_RNG, CKR_USER_NOT_LOGGED_IN]];
    C_GetFunctionStatus(Session) [SESSION, &[CKR_FUNCTION_NOT_PARALLEL]];
    C_CancelFunction(Session) [SESSION, &[CKR_FUNCTION_NOT_PARALLEL]];
    // Always with CKF_DONT_BLOCK: else it waits, as it should.
    C_WaitForSlotEvent(Number(&[CKF_DONT_BLOCK, u64::MAX]), Place(8), RESERVED) [&[CKR_NO_EVENT]];
    C_GetInterfaceList(List(size_of::<CK_INTERFACE>())) [SHORT];
    C_GetInterface(Text("PKCS 11"), Structure(2, 3), HANDLE, FLAGS) [];
    C_LoginUser(Session, USER, Input(UserPin), Input(Data(8))) [SESSION, PIN, LOGIN];
    C_SessionCancel(Session, FLAGS) [SESSION, &[CKR_OPERATION_CANCEL_FAILED, CKR_TOKEN_NOT_PRESENT]];
    C_MessageEncryptInit(Session, Mechanism(Use::Aead), Object(Key::Aes)) [SESSION, INIT];
    C_EncryptMessage(Session, Fill(56), DATA, DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN, MESSAGE];
    C_EncryptMessageBegin(Session, Fill(56), DATA) [SESSION, OPERATION, MESSAGE];
    C_EncryptMessageNext(Session, Fill(56), DATA, CIPHERTEXT, FLAGS) [SESSION, OPERATION, SHORT, PLAIN, MESSAGE];
    C_MessageEncryptFinal(Session) [SESSION, OPERATION];
    C_MessageDecryptInit(Session, Mechanism(Use::Aead), Object(Key::Aes)) [SESSION, INIT];
    C_DecryptMessage(Session, Fill(56), DATA, DATA, CIPHERTEXT)
        [SESSION, OPERATION, SHORT, ENCRYPTED, MESSAGE];
    C_DecryptMessageBegin(Session, Fill(56), DATA) [SESSION, OPERATION, MESSAGE];
    C_DecryptMessageNext(Session, Fill(56), DATA, CIPHERTEXT, FLAGS)
        [SESSION, OPERATION, SHORT, ENCRYPTED, MESSAGE];
    C_MessageDecryptFinal(Session) [SESSION, OPERATION];
    C_MessageSignInit(Session, Mechanism(Use::Mac), Object(Key::Generic)) [SESSION, INIT];
    C_SignMessage(Session, Fill(0), DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN, SIGN, MESSAGE];
    C_SignMessageBegin(Session, Fill(0)) [SESSION, OPERATION, SIGN, MESSAGE];
    C_SignMessageNext(Session, Fill(0), DATA, CIPHERTEXT) [SESSION, OPERATION, SHORT, PLAIN, SIGN, MESSAGE];
    C_MessageSignFinal(Session) [SESSION, OPERATION, SIGN];
    C_MessageVerifyInit(Session, Mechanism(Use::Mac), Object(Key::Generic)) [SESSION, INIT];
    C_VerifyMessage(Session, Fill(0), DATA, Input(Data(32))) [SESSION, OPERATION, PLAIN, VERIFY, MESSAGE];
    C_VerifyMessageBegin(Session, Fill(0)) [SESSION, OPERATION, MESSAGE];
    C_VerifyMessageNext(Session, Fill(0), DATA, Input(Data(32))) [SESSION, OPERATION, PLAIN, VERIFY, MESSAGE];
    C_MessageVerifyFinal(Session) [SESSION, OPERATION];
    C_EncapsulateKey(Session, Mechanism(Use::Kem), Object(Key::RsaPublic), Template(Make::AesKey), Output(256),
        HANDLE) [SESSION, WRITE, TEMPLATE, CREATE, SHORT, INIT];
    C_DecapsulateKey(Session, Mechanism(Use::Kem), Object(Key::RsaPrivate), Template(Make::AesKey),
        Input(Data(256)), HANDLE) [SESSION, WRITE, TEMPLATE, CREATE, UNWRAP, INIT];
    C_VerifySignatureInit(Session, Mechanism(Use::Mac), Object(Key::Generic), Input(Data(32)))
        [SESSION, INIT, VERIFY];
    C_VerifySignature(Session, DATA) [SESSION, OPERATION, PLAIN, VERIFY];
    C_VerifySignatureUpdate(Session, DATA) [SESSION, OPERATION, PLAIN];
    C_VerifySignatureFinal(Session) [SESSION, OPERATION, PLAIN, VERIFY];
    C_GetSessionValidationFlags(Session, Number(&[1, 0, u64::MAX]), Place(8)) [SESSION];
    C_AsyncComplete(Session, Text("C_Sign"), Place(40)) [SESSION, ASYNC];
    C_AsyncGetID(Session, Text("C_Sign"), Place(8)) [SESSION, ASYNC];
    C_AsyncJoin(Session, Text("C_Sign"), Number(&[1, 0, u64::MAX]), Fill(32)) [SESSION, ASYNC];
    C_WrapKeyAuthenticated(Session, Mechanism(Use::Aead), Object(Key::Aes), Object(Key::Generic), DATA,
        Output(48)) [SESSION, SHORT, WRAP];
    C_UnwrapKeyAuthenticated(Session, Mechanism(Use::Aead), Object(Key::Aes), Input(Data(48)),
        Template(Make::AesKey), DATA, HANDLE) [SESSION, WRITE, TEMPLATE, CREATE, UNWRAP];
}

/// The index of a function in the list.
pub fn index_of(name: &str) -> usize {
    FUNCTIONS.iter().position(|function| function.name == name).unwrap_or_else(|| panic!("{name} has no row"))
}
