//! The C functions as section 5 of PKCS#11 3.2 has them, with their arguments, one row each in the order of the function
//! list. Written apart from the library.

use coffer_pkcs11::ck::*;

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
    /// * The parameter of one message under AES-GCM (CK_GCM_MESSAGE_PARAMS).
    Message,
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
    /// With the parameter of a message.
    AeadWrap,
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
}

macro_rules! functions {
    ($($name:ident($($kind:expr),*);)*) => {
        pub const FUNCTIONS: &[Function] =
            &[$(Function { name: stringify!($name), kinds: &[$($kind),*] }),*];
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
    C_Initialize(Structure(size_of::<CK_C_INITIALIZE_ARGS>(), 0));
    C_Finalize(RESERVED);
    C_GetInfo(Place(size_of::<CK_INFO>()));
    C_GetFunctionList(HANDLE);
    C_GetSlotList(Number(&[1, 0, 2]), List(8));
    C_GetSlotInfo(Slot, Place(size_of::<CK_SLOT_INFO>()));
    C_GetTokenInfo(Slot, Place(size_of::<CK_TOKEN_INFO>()));
    C_GetMechanismList(Slot, List(8));
    C_GetMechanismInfo(Slot, TYPE, Place(size_of::<CK_MECHANISM_INFO>()));
    C_InitToken(Slot, Input(SoPin), Structure(32, b' '));
    C_InitPIN(Session, Input(UserPin));
    C_SetPIN(Session, Input(UserPin), Input(UserPin));
    C_OpenSession(Slot, SESSION_FLAGS, IGNORED, IGNORED, HANDLE);
    C_CloseSession(Session);
    C_CloseAllSessions(Slot);
    C_GetSessionInfo(Session, Place(size_of::<CK_SESSION_INFO>()));
    C_GetOperationState(Session, Output(32));
    C_SetOperationState(Session, Input(Data(32)), Object(Key::Aes), Object(Key::Aes));
    C_Login(Session, USER, Input(UserPin));
    C_Logout(Session);
    C_CreateObject(Session, Template(Make::Data), HANDLE);
    C_CopyObject(Session, Object(Key::Aes), Template(Make::Label), HANDLE);
    C_DestroyObject(Session, Object(Key::Aes));
    C_GetObjectSize(Session, Object(Key::Aes), Place(8));
    C_GetAttributeValue(Session, Object(Key::Aes), Query);
    C_SetAttributeValue(Session, Object(Key::Aes), Template(Make::Label));
    C_FindObjectsInit(Session, Template(Make::Search));
    C_FindObjects(Session, Handles, Place(8));
    C_FindObjectsFinal(Session);
    C_EncryptInit(Session, Mechanism(Use::Cipher), Object(Key::Aes));
    C_Encrypt(Session, DATA, CIPHERTEXT);
    C_EncryptUpdate(Session, DATA, CIPHERTEXT);
    C_EncryptFinal(Session, Output(16));
    C_DecryptInit(Session, Mechanism(Use::Cipher), Object(Key::Aes));
    C_Decrypt(Session, DATA, CIPHERTEXT);
    C_DecryptUpdate(Session, DATA, CIPHERTEXT);
    C_DecryptFinal(Session, Output(16));
    C_DigestInit(Session, Mechanism(Use::Digest));
    C_Digest(Session, DATA, CIPHERTEXT);
    C_DigestUpdate(Session, DATA);
    C_DigestKey(Session, Object(Key::Aes));
    C_DigestFinal(Session, Output(32));
    C_SignInit(Session, Mechanism(Use::Mac), Object(Key::Generic));
    C_Sign(Session, DATA, CIPHERTEXT);
    C_SignUpdate(Session, DATA);
    C_SignFinal(Session, Output(32));
    C_SignRecoverInit(Session, Mechanism(Use::Recover), Object(Key::RsaPrivate));
    C_SignRecover(Session, DATA, Output(256));
    C_VerifyInit(Session, Mechanism(Use::Mac), Object(Key::Generic));
    C_Verify(Session, DATA, Input(Data(32)));
    C_VerifyUpdate(Session, DATA);
    C_VerifyFinal(Session, Input(Data(32)));
    C_VerifyRecoverInit(Session, Mechanism(Use::Recover), Object(Key::RsaPublic));
    C_VerifyRecover(Session, Input(Data(256)), CIPHERTEXT);
    C_DigestEncryptUpdate(Session, DATA, CIPHERTEXT);
    C_DecryptDigestUpdate(Session, DATA, CIPHERTEXT);
    C_SignEncryptUpdate(Session, DATA, CIPHERTEXT);
    C_DecryptVerifyUpdate(Session, DATA, CIPHERTEXT);
    C_GenerateKey(Session, Mechanism(Use::GenerateKey), Template(Make::AesKey), HANDLE);
    C_GenerateKeyPair(Session, Mechanism(Use::GeneratePair), Template(Make::EcPublic),
        Template(Make::EcPrivate), HANDLE, HANDLE);
    C_WrapKey(Session, Mechanism(Use::Wrap), Object(Key::Aes), Object(Key::Generic), Output(40));
    C_UnwrapKey(Session, Mechanism(Use::Cipher), Object(Key::Aes), Input(Data(16)), Template(Make::AesKey), HANDLE);
    C_DeriveKey(Session, Mechanism(Use::Derive), Object(Key::Generic), Template(Make::AesKey), HANDLE);
    C_SeedRandom(Session, DATA);
    C_GenerateRandom(Session, Fill(32));
    C_GetFunctionStatus(Session);
    C_CancelFunction(Session);
    // Always with CKF_DONT_BLOCK: else it waits, as it should.
    C_WaitForSlotEvent(Number(&[CKF_DONT_BLOCK, u64::MAX]), Place(8), RESERVED);
    C_GetInterfaceList(List(size_of::<CK_INTERFACE>()));
    C_GetInterface(Text("PKCS 11"), Structure(2, 3), HANDLE, FLAGS);
    C_LoginUser(Session, USER, Input(UserPin), Input(Data(8)));
    C_SessionCancel(Session, FLAGS);
    C_MessageEncryptInit(Session, Mechanism(Use::Aead), Object(Key::Aes));
    C_EncryptMessage(Session, Message, DATA, DATA, CIPHERTEXT);
    C_EncryptMessageBegin(Session, Message, DATA);
    C_EncryptMessageNext(Session, Message, DATA, CIPHERTEXT, FLAGS);
    C_MessageEncryptFinal(Session);
    C_MessageDecryptInit(Session, Mechanism(Use::Aead), Object(Key::Aes));
    C_DecryptMessage(Session, Message, DATA, DATA, CIPHERTEXT);
    C_DecryptMessageBegin(Session, Message, DATA);
    C_DecryptMessageNext(Session, Message, DATA, CIPHERTEXT, FLAGS);
    C_MessageDecryptFinal(Session);
    C_MessageSignInit(Session, Mechanism(Use::Mac), Object(Key::Generic));
    C_SignMessage(Session, Fill(0), DATA, CIPHERTEXT);
    C_SignMessageBegin(Session, Fill(0));
    C_SignMessageNext(Session, Fill(0), DATA, CIPHERTEXT);
    C_MessageSignFinal(Session);
    C_MessageVerifyInit(Session, Mechanism(Use::Mac), Object(Key::Generic));
    C_VerifyMessage(Session, Fill(0), DATA, Input(Data(32)));
    C_VerifyMessageBegin(Session, Fill(0));
    C_VerifyMessageNext(Session, Fill(0), DATA, Input(Data(32)));
    C_MessageVerifyFinal(Session);
    C_EncapsulateKey(Session, Mechanism(Use::Kem), Object(Key::RsaPublic), Template(Make::AesKey), Output(256),
        HANDLE);
    C_DecapsulateKey(Session, Mechanism(Use::Kem), Object(Key::RsaPrivate), Template(Make::AesKey),
        Input(Data(256)), HANDLE);
    C_VerifySignatureInit(Session, Mechanism(Use::Mac), Object(Key::Generic), Input(Data(32)));
    C_VerifySignature(Session, DATA);
    C_VerifySignatureUpdate(Session, DATA);
    C_VerifySignatureFinal(Session);
    C_GetSessionValidationFlags(Session, Number(&[1, 0, u64::MAX]), Place(8));
    C_AsyncComplete(Session, Text("C_Sign"), Place(40));
    C_AsyncGetID(Session, Text("C_Sign"), Place(8));
    C_AsyncJoin(Session, Text("C_Sign"), Number(&[1, 0, u64::MAX]), Fill(32));
    C_WrapKeyAuthenticated(Session, Mechanism(Use::AeadWrap), Object(Key::Aes), Object(Key::Generic), DATA,
        Output(48));
    C_UnwrapKeyAuthenticated(Session, Mechanism(Use::AeadWrap), Object(Key::Aes), Input(Data(48)),
        Template(Make::AesKey), DATA, HANDLE);
}

/// The index of a function in the list.
pub fn index_of(name: &str) -> usize {
    FUNCTIONS.iter().position(|function| function.name == name).unwrap_or_else(|| panic!("{name} has no row"))
}
