//! The C functions with what their arguments are, one row each.

use coffer_pkcs11::ck::*;

use super::arguments::{Arguments, Kind};
use super::world::Functions;

pub struct Row {
    pub name: &'static str,
    kinds: &'static [Kind],
    call: fn(Functions, &[usize]) -> CK_RV,
}

/// An argument as the function wants it.
macro_rules! argument {
    (Notify, $word:expr) => {{
        let _ = $word;
        None
    }};
    ($kind:ident, $word:expr) => {
        $word as _
    };
}

macro_rules! rows {
    ($($name:ident($($kind:ident),*);)*) => {
        pub static ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            kinds: &[$(Kind::$kind),*],
            call: |functions, words| {
                let mut words = words.iter().copied();
                let mut next = || words.next().expect("a word for each argument");
                let _ = &mut next;
                let function = functions.$name.expect("the list has no hole");
                // SAFETY: the words are what their kinds say: numbers, or pointers to memory of the length that
                // stands beside them.
                unsafe { function($(argument!($kind, next())),*) }
            },
        }),*];
    };
}

rows! {
    C_Initialize(Null);
    C_Finalize(Null);
    C_GetInfo(Structure);
    C_GetFunctionList(Place);
    C_GetSlotList(True, List, ListCount);
    C_GetSlotInfo(Slot, Structure);
    C_GetTokenInfo(Slot, Structure);
    C_GetMechanismList(Slot, List, ListCount);
    C_GetMechanismInfo(Slot, Number, Structure);
    C_InitToken(Slot, SoPin, Length, Label);
    C_InitPIN(Session, Pin, Length);
    C_SetPIN(Session, Pin, Length, Pin, Length);
    C_OpenSession(Slot, Flags, Null, Notify, Place);
    C_CloseSession(Session);
    C_CloseAllSessions(Slot);
    C_GetSessionInfo(Session, Structure);
    C_GetOperationState(Session, Output, OutputLength);
    C_SetOperationState(Session, Result, Length, NoObject, NoObject);
    C_Login(Session, Number, Pin, Length);
    C_Logout(Session);
    C_CreateObject(Session, Template, Count, Place);
    C_CopyObject(Session, Object, Template, Count, Place);
    C_DestroyObject(Session, Object);
    C_GetObjectSize(Session, Object, Place);
    C_GetAttributeValue(Session, Object, Query, Count);
    C_SetAttributeValue(Session, Object, Template, Count);
    C_FindObjectsInit(Session, Template, Count);
    C_FindObjects(Session, List, Capacity, Place);
    C_FindObjectsFinal(Session);
    C_EncryptInit(Session, Mechanism, PublicKey);
    C_Encrypt(Session, Data, Length, Output, OutputLength);
    C_EncryptUpdate(Session, Data, Length, Output, OutputLength);
    C_EncryptFinal(Session, Output, OutputLength);
    C_DecryptInit(Session, Mechanism, PrivateKey);
    C_Decrypt(Session, Result, Length, Output, OutputLength);
    C_DecryptUpdate(Session, Result, Length, Output, OutputLength);
    C_DecryptFinal(Session, Output, OutputLength);
    C_DigestInit(Session, Digesting);
    C_Digest(Session, Data, Length, Output, OutputLength);
    C_DigestUpdate(Session, Data, Length);
    C_DigestKey(Session, Object);
    C_DigestFinal(Session, Output, OutputLength);
    C_SignInit(Session, Mechanism, PrivateKey);
    C_Sign(Session, Data, Length, Output, OutputLength);
    C_SignUpdate(Session, Data, Length);
    C_SignFinal(Session, Output, OutputLength);
    C_SignRecoverInit(Session, Mechanism, PrivateKey);
    C_SignRecover(Session, Data, Length, Output, OutputLength);
    C_VerifyInit(Session, Mechanism, PublicKey);
    C_Verify(Session, Data, Length, Result, Length);
    C_VerifyUpdate(Session, Data, Length);
    C_VerifyFinal(Session, Result, Length);
    C_VerifyRecoverInit(Session, Mechanism, PublicKey);
    C_VerifyRecover(Session, Result, Length, Output, OutputLength);
    C_DigestEncryptUpdate(Session, Data, Length, Output, OutputLength);
    C_DecryptDigestUpdate(Session, Result, Length, Output, OutputLength);
    C_SignEncryptUpdate(Session, Data, Length, Output, OutputLength);
    C_DecryptVerifyUpdate(Session, Result, Length, Output, OutputLength);
    C_GenerateKey(Session, Mechanism, Template, Count, Place);
    C_GenerateKeyPair(Session, Mechanism, Template, Count, Template, Count, Place, Place);
    C_WrapKey(Session, Mechanism, PublicKey, Object, Output, OutputLength);
    C_UnwrapKey(Session, Mechanism, PrivateKey, Result, Length, Template, Count, Place);
    C_DeriveKey(Session, Mechanism, PrivateKey, Template, Count, Place);
    C_SeedRandom(Session, Data, Length);
    C_GenerateRandom(Session, Data, Length);
    C_GetFunctionStatus(Session);
    C_CancelFunction(Session);
    C_WaitForSlotEvent(DontBlock, Place, Null);
    C_GetInterfaceList(Interfaces, ListCount);
    C_LoginUser(Session, Number, Pin, Length, Name, Length);
    C_SessionCancel(Session, Flags);
    C_MessageEncryptInit(Session, Mechanism, PublicKey);
    C_EncryptMessage(Session, Message, Length, Data, Length, Data, Length, Output, OutputLength);
    C_EncryptMessageBegin(Session, Message, Length, Data, Length);
    C_EncryptMessageNext(Session, Message, Length, Data, Length, Output, OutputLength, MessageFlags);
    C_MessageEncryptFinal(Session);
    C_MessageDecryptInit(Session, Mechanism, PrivateKey);
    C_DecryptMessage(Session, Message, Length, Data, Length, Result, Length, Output, OutputLength);
    C_DecryptMessageBegin(Session, Message, Length, Data, Length);
    C_DecryptMessageNext(Session, Message, Length, Result, Length, Output, OutputLength, MessageFlags);
    C_MessageDecryptFinal(Session);
    C_MessageSignInit(Session, Mechanism, PrivateKey);
    C_SignMessage(Session, Null, Null, Data, Length, Output, OutputLength);
    C_SignMessageBegin(Session, Null, Null);
    C_SignMessageNext(Session, Null, Null, Data, Length, Output, OutputLength);
    C_MessageSignFinal(Session);
    C_MessageVerifyInit(Session, Mechanism, PublicKey);
    C_VerifyMessage(Session, Null, Null, Data, Length, Result, Length);
    C_VerifyMessageBegin(Session, Null, Null);
    C_VerifyMessageNext(Session, Null, Null, Data, Length, Result, Length);
    C_MessageVerifyFinal(Session);
    C_EncapsulateKey(Session, Mechanism, PublicKey, Template, Count, Output, OutputLength, Place);
    C_DecapsulateKey(Session, Mechanism, PrivateKey, Template, Count, Result, Length, Place);
    C_VerifySignatureInit(Session, Mechanism, PublicKey, Result, Length);
    C_VerifySignature(Session, Data, Length);
    C_VerifySignatureUpdate(Session, Data, Length);
    C_VerifySignatureFinal(Session);
    C_GetSessionValidationFlags(Session, Number, Place);
    C_AsyncGetID(Session, FunctionName, Place);
    C_WrapKeyAuthenticated(Session, Sealing, PublicKey, Object, Data, Length, Output, OutputLength);
    C_UnwrapKeyAuthenticated(Session, Sealing, PrivateKey, Result, Length, Template, Count, Data, Length, Place);
}

impl Row {
    pub fn named(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{name} has no row"))
    }

    /// How many templates the function takes.
    pub fn templates(&self) -> usize {
        self.kinds.iter().filter(|kind| **kind == Kind::Template).count()
    }

    /// Calls the function and takes what it puts out.
    pub fn run(&self, arguments: &mut Arguments) -> CK_RV {
        let words = arguments.words(self.kinds);
        let rv = (self.call)(arguments.world.functions, &words);
        // Answers that would be mistakes of ours: the storage is sound, and nothing goes wrong inside.
        assert!(
            ![CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR].contains(&rv),
            "{} answers {rv:#x}",
            self.name
        );
        if rv == CKR_OK {
            arguments.take_results(self.kinds);
        }
        rv
    }
}
