//! The errors of the C boundary: one variant for each CK_RV that Coffer returns (PKCS#11 section 5.1), and more than one
//! where the code alone does not tell people what to do.
//!
//! Lower layers have errors of their own; the only conversions stand at the end of this file.

use std::fmt;

use crate::ck::*;

macro_rules! errors {
    ($($variant:ident = $rv:ident, $sentence:literal;)*) => {
        /// Why a call was refused. `Display` gives a sentence for people, `rv` the code for the C boundary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Error { $(#[doc = $sentence] $variant,)* }

        impl Error {
            /// Every error, in alphabetical order.
            pub const ALL: &'static [Error] = &[$(Error::$variant,)*];

            /// The return value of the C function.
            pub fn rv(self) -> CK_RV {
                match self { $(Error::$variant => $rv,)* }
            }

            /// The standard's name of the return value, such as `CKR_PIN_INCORRECT`.
            pub fn name(self) -> &'static str {
                match self { $(Error::$variant => stringify!($rv),)* }
            }

            fn sentence(self) -> &'static str {
                match self { $(Error::$variant => $sentence,)* }
            }
        }
    };
}

errors! {
    ArgumentsBad = CKR_ARGUMENTS_BAD, "an argument of the call is not usable: a NULL pointer, a length or a flag";
    AttributeReadOnly = CKR_ATTRIBUTE_READ_ONLY, "the attribute cannot be set or changed by applications";
    AttributeSensitive = CKR_ATTRIBUTE_SENSITIVE, "the attribute is sensitive and is not shown";
    AttributeTypeInvalid = CKR_ATTRIBUTE_TYPE_INVALID, "the object cannot have such an attribute";
    AttributeValueInvalid = CKR_ATTRIBUTE_VALUE_INVALID, "the attribute cannot have such a value";
    ActionProhibited = CKR_ACTION_PROHIBITED, "the object may not be copied or destroyed (CKA_COPYABLE, CKA_DESTROYABLE)";
    AeadDecryptFailed = CKR_AEAD_DECRYPT_FAILED, "the authentication tag does not match: wrong key, data or additional data";
    BufferTooSmall = CKR_BUFFER_TOO_SMALL, "the output buffer is too small";
    CantLock = CKR_CANT_LOCK, "the library locks with the operating system's primitives only";
    CryptokiAlreadyInitialized = CKR_CRYPTOKI_ALREADY_INITIALIZED, "C_Initialize was called before";
    CryptokiNotInitialized = CKR_CRYPTOKI_NOT_INITIALIZED, "C_Initialize was not called in this process";
    CurveNotSupported = CKR_CURVE_NOT_SUPPORTED, "the elliptic curve is not one of those supported";
    DataInvalid = CKR_DATA_INVALID, "the input data is not valid for the mechanism";
    DataLenRange = CKR_DATA_LEN_RANGE, "the input data has a length that the mechanism cannot take";
    DeviceError = CKR_DEVICE_ERROR, "the token file cannot be read or written, or is damaged";
    DeviceMemory = CKR_DEVICE_MEMORY, "there is no space left for the token file";
    DeviceRemoved = CKR_DEVICE_REMOVED, "the token file was removed or replaced";
    DomainParamsInvalid = CKR_DOMAIN_PARAMS_INVALID, "the domain parameters are not valid";
    EncryptedDataInvalid = CKR_ENCRYPTED_DATA_INVALID, "the ciphertext does not decrypt to valid data";
    EncryptedDataLenRange = CKR_ENCRYPTED_DATA_LEN_RANGE, "the ciphertext has a length that cannot be right";
    FunctionCanceled = CKR_FUNCTION_CANCELED, "the function was cancelled";
    FunctionFailed = CKR_FUNCTION_FAILED, "the function could not be carried out";
    FunctionNotParallel = CKR_FUNCTION_NOT_PARALLEL, "no function runs in parallel";
    FunctionNotSupported = CKR_FUNCTION_NOT_SUPPORTED, "the function is not supported";
    FunctionRejected = CKR_FUNCTION_REJECTED, "the request was rejected";
    GeneralError = CKR_GENERAL_ERROR, "an internal error";
    HostMemory = CKR_HOST_MEMORY, "the host has no memory left";
    InformationSensitive = CKR_INFORMATION_SENSITIVE, "the information is sensitive";
    KeyExhausted = CKR_KEY_EXHAUSTED, "the key has no uses left";
    KeyFunctionNotPermitted = CKR_KEY_FUNCTION_NOT_PERMITTED, "the key's attributes, state or dates do not permit this use";
    KeyHandleInvalid = CKR_KEY_HANDLE_INVALID, "there is no such key";
    KeyIndigestible = CKR_KEY_INDIGESTIBLE, "the key's value cannot be digested";
    KeyNeeded = CKR_KEY_NEEDED, "the operation needs a key";
    KeyNotNeeded = CKR_KEY_NOT_NEEDED, "the operation takes no key";
    KeyNotWrappable = CKR_KEY_NOT_WRAPPABLE, "the key cannot be wrapped by this mechanism or key";
    KeySizeRange = CKR_KEY_SIZE_RANGE, "the key's size is outside what the mechanism supports";
    KeyTypeInconsistent = CKR_KEY_TYPE_INCONSISTENT, "the key's class or type does not fit the mechanism";
    KeyUnextractable = CKR_KEY_UNEXTRACTABLE, "the key is not extractable";
    MechanismInvalid = CKR_MECHANISM_INVALID, "the mechanism is not offered for this function";
    MechanismParamInvalid = CKR_MECHANISM_PARAM_INVALID, "the mechanism's parameter is not valid";
    NeedToCreateThreads = CKR_NEED_TO_CREATE_THREADS, "the library needs to create threads";
    NoEvent = CKR_NO_EVENT, "no slot event occurred";
    ObjectHandleInvalid = CKR_OBJECT_HANDLE_INVALID, "there is no such object";
    OperationActive = CKR_OPERATION_ACTIVE, "another operation is active in the session";
    OperationCancelFailed = CKR_OPERATION_CANCEL_FAILED, "the operation cannot be cancelled";
    OperationNotInitialized = CKR_OPERATION_NOT_INITIALIZED, "no operation of this kind is active in the session";
    OperationNotValidated = CKR_OPERATION_NOT_VALIDATED, "the operation is not validated";
    ParameterSetNotSupported = CKR_PARAMETER_SET_NOT_SUPPORTED, "the parameter set is not supported";
    Pending = CKR_PENDING, "the operation is still being worked on";
    PinExpired = CKR_PIN_EXPIRED, "the PIN has expired";
    PinIncorrect = CKR_PIN_INCORRECT, "the PIN is not right";
    PinInvalid = CKR_PIN_INVALID, "the PIN has characters that are not allowed";
    PinLenRange = CKR_PIN_LEN_RANGE, "the PIN is too short or too long";
    PinLocked = CKR_PIN_LOCKED, "the PIN is locked after too many wrong tries";
    PinTooWeak = CKR_PIN_TOO_WEAK, "the PIN is too weak";
    PublicKeyInvalid = CKR_PUBLIC_KEY_INVALID, "the public key is not valid";
    RandomNoRng = CKR_RANDOM_NO_RNG, "there is no random number generator";
    RandomSeedNotSupported = CKR_RANDOM_SEED_NOT_SUPPORTED, "the random number generator takes no seed";
    SavedStateInvalid = CKR_SAVED_STATE_INVALID, "the saved state is not valid";
    SessionAsyncNotSupported = CKR_SESSION_ASYNC_NOT_SUPPORTED, "asynchronous sessions are not supported";
    SessionClosed = CKR_SESSION_CLOSED, "the session was closed during the call";
    SessionCount = CKR_SESSION_COUNT, "too many sessions are open";
    SessionExists = CKR_SESSION_EXISTS, "sessions with the token are open, in this process or another one";
    SessionHandleInvalid = CKR_SESSION_HANDLE_INVALID, "there is no such session";
    SessionParallelNotSupported = CKR_SESSION_PARALLEL_NOT_SUPPORTED, "CKF_SERIAL_SESSION must be set";
    SessionReadOnly = CKR_SESSION_READ_ONLY, "the session is read-only";
    SessionReadOnlyExists = CKR_SESSION_READ_ONLY_EXISTS, "a read-only session is open: the SO cannot log in";
    SessionReadWriteSoExists = CKR_SESSION_READ_WRITE_SO_EXISTS, "the SO is logged in: no read-only session can be opened";
    SignatureInvalid = CKR_SIGNATURE_INVALID, "the signature is not valid";
    SignatureLenRange = CKR_SIGNATURE_LEN_RANGE, "the signature has a length that cannot be right";
    SlotTaken = CKR_FUNCTION_FAILED, "another process has just made a token in this slot";
    SlotIdInvalid = CKR_SLOT_ID_INVALID, "there is no such slot";
    StateUnsaveable = CKR_STATE_UNSAVEABLE, "the operation's state cannot be saved";
    TemplateIncomplete = CKR_TEMPLATE_INCOMPLETE, "the template lacks an attribute that is needed";
    TemplateInconsistent = CKR_TEMPLATE_INCONSISTENT, "attributes of the template contradict each other";
    TokenBusy = CKR_FUNCTION_FAILED, "another process holds the lock of the token and has not released it in time";
    TokenNotInitialized = CKR_TOKEN_NOT_INITIALIZED, "the token is not initialised";
    TokenNotPresent = CKR_TOKEN_NOT_PRESENT, "there is no token in the slot";
    TokenNotRecognized = CKR_TOKEN_NOT_RECOGNIZED, "the token is not initialised or not readable";
    TokenResourceExceeded = CKR_TOKEN_RESOURCE_EXCEEDED, "a limit of the token is exceeded";
    TokenWriteProtected = CKR_TOKEN_WRITE_PROTECTED, "the token is write-protected";
    UnwrappingKeyHandleInvalid = CKR_UNWRAPPING_KEY_HANDLE_INVALID, "there is no such unwrapping key";
    UnwrappingKeySizeRange = CKR_UNWRAPPING_KEY_SIZE_RANGE, "the unwrapping key has a size that the mechanism cannot take";
    UnwrappingKeyTypeInconsistent = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, "the unwrapping key's type does not fit the mechanism";
    UserAlreadyLoggedIn = CKR_USER_ALREADY_LOGGED_IN, "this user is already logged in";
    UserAnotherAlreadyLoggedIn = CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "another user is already logged in";
    UserNotLoggedIn = CKR_USER_NOT_LOGGED_IN, "a login is needed, of somebody who may do it";
    UserPinNotInitialized = CKR_USER_PIN_NOT_INITIALIZED, "the user PIN has not been set: the SO does that with C_InitPIN";
    UserTooManyTypes = CKR_USER_TOO_MANY_TYPES, "more users are logged in than the token allows";
    UserTypeInvalid = CKR_USER_TYPE_INVALID, "there is no such user type";
    WrappedKeyInvalid = CKR_WRAPPED_KEY_INVALID, "the wrapped key is not valid";
    WrappedKeyLenRange = CKR_WRAPPED_KEY_LEN_RANGE, "the wrapped key has a length that cannot be right";
    WrappingKeyHandleInvalid = CKR_WRAPPING_KEY_HANDLE_INVALID, "there is no such wrapping key";
    WrappingKeySizeRange = CKR_WRAPPING_KEY_SIZE_RANGE, "the wrapping key has a size that the mechanism cannot take";
    WrappingKeyTypeInconsistent = CKR_WRAPPING_KEY_TYPE_INCONSISTENT, "the wrapping key's type does not fit the mechanism";
}

pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.sentence(), self.name())
    }
}

impl std::error::Error for Error {}

impl From<std::collections::TryReserveError> for Error {
    fn from(_: std::collections::TryReserveError) -> Self {
        Error::HostMemory
    }
}

impl From<crate::reserve::OutOfMemory> for Error {
    fn from(_: crate::reserve::OutOfMemory) -> Self {
        Error::HostMemory
    }
}

impl From<std::num::TryFromIntError> for Error {
    fn from(_: std::num::TryFromIntError) -> Self {
        Error::ArgumentsBad
    }
}

/// What a failed primitive means in general. Mechanisms that know the direction of the work (a wrong length of a
/// ciphertext, an IV of a parameter) answer more exactly before it comes to this.
impl From<crate::crypto::Error> for Error {
    fn from(error: crate::crypto::Error) -> Self {
        use crate::crypto::Error as Crypto;
        match error {
            Crypto::Random => Error::RandomNoRng,
            Crypto::Memory => Error::HostMemory,
            Crypto::KeySize => Error::KeySizeRange,
            Crypto::Key => Error::AttributeValueInvalid,
            Crypto::PublicKey => Error::PublicKeyInvalid,
            Crypto::Parameters => Error::DomainParamsInvalid,
            Crypto::Curve => Error::CurveNotSupported,
            Crypto::Argument => Error::MechanismParamInvalid,
            Crypto::Length => Error::DataLenRange,
            Crypto::Data => Error::DataInvalid,
            Crypto::Decrypt => Error::EncryptedDataInvalid,
            Crypto::Signature => Error::SignatureInvalid,
            Crypto::Unsupported => Error::FunctionNotSupported,
            Crypto::Buffer => Error::GeneralError,
            Crypto::Engine => Error::FunctionFailed,
        }
    }
}

/// What a failure of the token file means at the C boundary.
impl From<crate::vault::Error> for Error {
    fn from(error: crate::vault::Error) -> Self {
        use crate::vault::Error as Vault;
        match error {
            Vault::Store(error) => error.into(),
            Vault::Empty | Vault::NotOurs | Vault::Version(_) => Error::TokenNotRecognized,
            Vault::Damaged { .. } | Vault::Tampered { .. } | Vault::Failed | Vault::KdfRefused => {
                Error::DeviceError
            }
            Vault::PinIncorrect => Error::PinIncorrect,
            Vault::PinLocked => Error::PinLocked,
            Vault::NotInitialised => Error::UserPinNotInitialized,
            Vault::ReadOnly => Error::TokenWriteProtected,
            Vault::NoSuchRecord => Error::ObjectHandleInvalid,
            Vault::RecordExists | Vault::Conflict => Error::FunctionFailed,
            Vault::NotAllowed | Vault::KeysChanged => Error::UserNotLoggedIn,
            Vault::TooLarge => Error::TokenResourceExceeded,
            Vault::NoRandom => Error::RandomNoRng,
        }
    }
}

impl From<crate::store::Error> for Error {
    fn from(error: crate::store::Error) -> Self {
        use crate::store::Error as Store;
        match error {
            Store::Busy => Error::TokenBusy,
            Store::InUse => Error::SessionExists,
            Store::Exists => Error::SlotTaken,
            Store::Full => Error::DeviceMemory,
            Store::NotFound => Error::DeviceRemoved,
            Store::ReadOnly => Error::TokenWriteProtected,
            Store::TooLarge => Error::HostMemory,
            _ => Error::DeviceError,
        }
    }
}
