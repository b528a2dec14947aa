//! The targets over the C functions: the function that gives its name to the target, after the calls that it needs, and
//! random sequences.

use coffer_pkcs11::ck::*;

use super::arguments::Arguments;
use super::rows::{ROWS, Row};
use super::templates::PRESETS;
use super::world::world;
use crate::targets::Target;

/// So many calls in a random sequence.
const LONGEST: usize = 40;

/// The flag of the mechanisms, and the calls; a success is one of the last call.
type Sequence = (CK_FLAGS, &'static [&'static str]);

/// Makes a target for each sequence: its name, the flag of the mechanisms that it is about (0: none), its calls.
macro_rules! sequences {
    ($($name:ident: $flag:expr, $($call:ident),+;)*) => {
        pub fn targets() -> Vec<Target> {
            vec![$(Target {
                name: stringify!($name),
                run: |data| run(data, ($flag, &[$(stringify!($call)),+])),
                seeds: || seeds(($flag, &[$(stringify!($call)),+])),
            },)*
            Target { name: "sequence", run: sequence, seeds: sequence_seeds }]
        }
    };
}

sequences! {
    C_GetInfo: 0, C_GetInfo;
    C_GetSlotList: 0, C_GetSlotList;
    C_GetTokenInfo: 0, C_GetSlotInfo, C_GetTokenInfo;
    C_GetMechanismList: 0, C_GetMechanismList;
    C_GetMechanismInfo: 0, C_GetMechanismInfo;
    C_GetInterfaceList: 0, C_GetInterfaceList;
    C_OpenSession: 0, C_OpenSession, C_GetSessionInfo;
    C_SetPIN: 0, C_SetPIN;
    C_Login: 0, C_Logout, C_Login;
    C_LoginUser: 0, C_Logout, C_LoginUser;
    C_InitToken: 0, C_CloseAllSessions, C_InitToken;
    C_CreateObject: 0, C_CreateObject;
    C_CopyObject: 0, C_CreateObject, C_CopyObject;
    C_DestroyObject: 0, C_CreateObject, C_DestroyObject;
    C_GetObjectSize: 0, C_CreateObject, C_GetObjectSize;
    C_GetAttributeValue: 0, C_GetAttributeValue;
    C_SetAttributeValue: 0, C_CreateObject, C_SetAttributeValue;
    C_FindObjectsInit: 0, C_FindObjectsInit;
    C_FindObjects: 0, C_FindObjectsInit, C_FindObjects;
    C_Encrypt: CKF_ENCRYPT, C_EncryptInit, C_Encrypt;
    C_EncryptUpdate: CKF_ENCRYPT, C_EncryptInit, C_EncryptUpdate;
    C_EncryptFinal: CKF_ENCRYPT, C_EncryptInit, C_EncryptUpdate, C_EncryptUpdate, C_EncryptFinal;
    C_Decrypt: CKF_DECRYPT, C_EncryptInit, C_Encrypt, C_DecryptInit, C_Decrypt;
    C_DecryptUpdate: CKF_DECRYPT, C_EncryptInit, C_Encrypt, C_DecryptInit, C_DecryptUpdate;
    C_DecryptFinal: CKF_DECRYPT, C_DecryptInit, C_DecryptUpdate, C_DecryptUpdate, C_DecryptFinal;
    C_Digest: CKF_DIGEST, C_DigestInit, C_Digest;
    C_DigestUpdate: CKF_DIGEST, C_DigestInit, C_DigestUpdate;
    C_DigestKey: CKF_DIGEST, C_DigestInit, C_DigestKey;
    C_DigestFinal: CKF_DIGEST, C_DigestInit, C_DigestUpdate, C_DigestUpdate, C_DigestFinal;
    C_Sign: CKF_SIGN, C_SignInit, C_Sign;
    C_SignUpdate: CKF_SIGN, C_SignInit, C_SignUpdate;
    C_SignFinal: CKF_SIGN, C_SignInit, C_SignUpdate, C_SignUpdate, C_SignFinal;
    C_Verify: CKF_VERIFY, C_SignInit, C_Sign, C_VerifyInit, C_Verify;
    C_VerifyUpdate: CKF_VERIFY, C_VerifyInit, C_VerifyUpdate;
    C_VerifyFinal: CKF_VERIFY, C_SignInit, C_Sign, C_VerifyInit, C_VerifyUpdate, C_VerifyFinal;
    C_GenerateKey: CKF_GENERATE, C_GenerateKey;
    C_GenerateKeyPair: CKF_GENERATE_KEY_PAIR, C_GenerateKeyPair;
    C_WrapKey: CKF_WRAP, C_WrapKey;
    C_UnwrapKey: CKF_UNWRAP, C_WrapKey, C_UnwrapKey;
    C_DeriveKey: CKF_DERIVE, C_DeriveKey;
    C_SeedRandom: 0, C_SeedRandom, C_GenerateRandom;
    C_GenerateRandom: 0, C_GenerateRandom;
    C_SetOperationState: CKF_DIGEST, C_DigestInit, C_GetOperationState, C_SetOperationState;
    C_SignRecover: CKF_SIGN_RECOVER, C_SignRecoverInit, C_SignRecover;
    C_VerifyRecover: CKF_VERIFY_RECOVER, C_SignRecoverInit, C_SignRecover, C_VerifyRecoverInit, C_VerifyRecover;
    C_VerifySignature: CKF_VERIFY, C_SignInit, C_Sign, C_VerifySignatureInit, C_VerifySignature;
    C_VerifySignatureFinal: CKF_VERIFY, C_SignInit, C_Sign, C_VerifySignatureInit, C_VerifySignatureUpdate,
        C_VerifySignatureFinal;
    C_DigestEncryptUpdate: CKF_ENCRYPT, C_DigestInit, C_EncryptInit, C_DigestEncryptUpdate;
    C_DecryptDigestUpdate: CKF_DECRYPT, C_DigestInit, C_DecryptInit, C_DecryptDigestUpdate;
    C_EncryptMessage: CKF_MESSAGE_ENCRYPT, C_MessageEncryptInit, C_EncryptMessage;
    C_EncryptMessageNext: CKF_MESSAGE_ENCRYPT, C_MessageEncryptInit, C_EncryptMessageBegin, C_EncryptMessageNext;
    C_DecryptMessage: CKF_MESSAGE_DECRYPT, C_MessageEncryptInit, C_EncryptMessage, C_MessageDecryptInit, C_DecryptMessage;
    C_DecryptMessageNext: CKF_MESSAGE_DECRYPT, C_MessageEncryptInit, C_EncryptMessage, C_MessageDecryptInit,
        C_DecryptMessageBegin, C_DecryptMessageNext;
    C_SignMessage: CKF_MESSAGE_SIGN, C_MessageSignInit, C_SignMessage;
    C_SignMessageNext: CKF_MESSAGE_SIGN, C_MessageSignInit, C_SignMessageBegin, C_SignMessageNext;
    C_VerifyMessage: CKF_MESSAGE_VERIFY, C_MessageSignInit, C_SignMessage, C_MessageVerifyInit, C_VerifyMessage;
    C_EncapsulateKey: CKF_ENCAPSULATE, C_EncapsulateKey;
    C_DecapsulateKey: CKF_DECAPSULATE, C_EncapsulateKey, C_DecapsulateKey;
    C_WrapKeyAuthenticated: CKF_WRAP, C_WrapKeyAuthenticated;
    C_UnwrapKeyAuthenticated: CKF_UNWRAP, C_WrapKeyAuthenticated, C_UnwrapKeyAuthenticated;
    C_SessionCancel: CKF_SIGN, C_SignInit, C_SessionCancel;
}

fn run(data: &[u8], (flag, calls): Sequence) -> bool {
    let mut world = world();
    let mut arguments = Arguments::new(&world, data, flag);
    let mut last = CKR_OK;
    for call in calls {
        last = Row::named(call).run(&mut arguments);
    }
    let sessions = std::mem::take(&mut arguments.sessions);
    world.mend(&sessions);
    last == CKR_OK
}

/// Inputs of three bytes, which name a mechanism, a template and a variant, as far as they reach a success.
fn seeds(sequence: Sequence) -> Vec<Vec<u8>> {
    let mechanisms = match sequence.0 {
        0 => 1,
        flag => world().mechanisms.iter().filter(|(_, flags)| flags & flag != 0).count().clamp(1, 255),
    };
    let templates = sequence.1.iter().map(|call| Row::named(call).templates()).sum::<usize>();
    let variants = if templates > 1 { PRESETS.len() } else { 3 };
    let templates = if templates > 0 { PRESETS.len() } else { 1 };
    let mut seeds = Vec::new();
    for mechanism in 0..mechanisms {
        let good: Vec<Vec<u8>> = (0..templates * variants)
            .map(|choice| vec![mechanism as u8, (choice / variants) as u8, (choice % variants) as u8])
            .filter(|seed| run(seed, sequence))
            .collect();
        seeds.extend(good.into_iter().take(4));
    }
    // A target without a success is to be seen at once, and is not to be without any input.
    seeds.push(vec![0; 8]);
    seeds
}

/// Functions in any order, with whatever they left behind.
fn sequence(data: &[u8]) -> bool {
    let mut world = world();
    let mut arguments = Arguments::new(&world, data, 0);
    let mut successes = 0;
    for _ in 0..LONGEST {
        if arguments.input.is_empty() {
            break;
        }
        let row = &ROWS[usize::from(arguments.input.byte()) % ROWS.len()];
        // These end the world, which takes long to make anew; they have targets of their own, or are for rare inputs.
        let ends_all = ["C_Finalize", "C_InitToken", "C_CloseAllSessions"].contains(&row.name);
        if ends_all && !arguments.input.rarely(64) {
            continue;
        }
        successes += usize::from(row.run(&mut arguments) == CKR_OK);
    }
    let sessions = std::mem::take(&mut arguments.sessions);
    world.mend(&sessions);
    successes > 0
}

/// Each function once, and each with the one after it.
fn sequence_seeds() -> Vec<Vec<u8>> {
    let numbers = 0..ROWS.len() as u8;
    numbers.map(|row| [&[0, 0, 0][..], &[row], &[0; 12], &[row.wrapping_add(1)], &[0; 12]].concat()).collect()
}
