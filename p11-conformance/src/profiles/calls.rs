//! The functions that test cases call: arguments from the case, the answer in the same form.

use super::constants::*;
use super::datum::{Datum, Kind};
use super::mechanism;
use super::play::{Argument, Arguments, attribute_of};
use super::told::Told;
use crate::call;
use crate::module::{Module, Outcome};
use crate::scenario::{self, LABEL};
use crate::session::{input, len};
use crate::template::attribute as c_attribute;
use cryptoki_sys::*;
use std::ptr;

/// What a call answered.
pub struct Answer {
    pub rv: CK_RV,
    pub told: Vec<Told>,
}

impl Answer {
    fn of(outcome: Outcome, told: Vec<Told>) -> Answer {
        match outcome {
            Ok(()) => Answer { rv: CKR_OK, told },
            Err(error) => Answer { rv: error.rv, told: Vec::new() },
        }
    }
}

/// The argument is a session, a slot or a user.
const HANDLE: Kind = Kind::Number;

/// Makes one call.
pub fn perform(module: &Module, given: &Arguments) -> Argument<Answer> {
    let plain = |outcome| Ok(Answer::of(outcome, Vec::new()));
    let session = || given.number("Session", HANDLE);
    let slot = || given.number("SlotID", HANDLE);
    match given.function() {
        "C_Initialize" => plain(call!(module, C_Initialize, ptr::null_mut())),
        "C_Finalize" => plain(call!(module, C_Finalize, ptr::null_mut())),
        "C_GetInfo" => Ok(info(module)),
        "C_GetSlotList" => slot_list(module, given),
        "C_GetSlotInfo" => Ok(slot_info(module, slot()?)),
        "C_GetTokenInfo" => Ok(token_info(module, slot()?)),
        "C_GetMechanismList" => mechanism_list(module, given, slot()?),
        "C_GetMechanismInfo" => {
            let id = given.number("Type", MECHANISM)?;
            Ok(mechanism_info(module, slot()?, id))
        }
        "C_OpenSession" => open_session(module, given, slot()?),
        "C_CloseSession" => plain(call!(module, C_CloseSession, session()?)),
        "C_CloseAllSessions" => plain(call!(module, C_CloseAllSessions, slot()?)),
        "C_GetSessionInfo" => Ok(session_info(module, session()?)),
        "C_Login" => {
            let user = given.number("UserType", Kind::Name("CKU_", USERS))?;
            let pin = given.bytes("Pin", Kind::Text)?;
            plain(call!(module, C_Login, session()?, user, input(&pin), len(&pin)))
        }
        "C_Logout" => plain(call!(module, C_Logout, session()?)),
        "C_CreateObject" => {
            let (template, mut object) = (given.template("Template")?, 0);
            let mut list = template.attributes();
            let (place, count) = (list.pointer(), list.count());
            let outcome = call!(module, C_CreateObject, session()?, place, count, &mut object);
            Ok(Answer::of(outcome, vec![Told::number("Object", object)]))
        }
        "C_SetAttributeValue" => {
            let (template, object) = (given.template("Template")?, given.number("Object", HANDLE)?);
            let mut list = template.attributes();
            let (place, count) = (list.pointer(), list.count());
            plain(call!(module, C_SetAttributeValue, session()?, object, place, count))
        }
        "C_DestroyObject" => {
            plain(call!(module, C_DestroyObject, session()?, given.number("Object", HANDLE)?))
        }
        "C_GetAttributeValue" => attribute_values(module, given, session()?),
        "C_FindObjectsInit" => {
            let template = given.template("Template")?;
            let mut list = template.attributes();
            plain(call!(module, C_FindObjectsInit, session()?, list.pointer(), list.count()))
        }
        "C_FindObjects" => find(module, given, session()?),
        "C_FindObjectsFinal" => plain(call!(module, C_FindObjectsFinal, session()?)),
        "C_GenerateRandom" => output(given, "RandomData", |place, length| {
            call!(module, C_GenerateRandom, session().unwrap_or_default(), place, *length)
        }),
        _ => crypto(module, given),
    }
}

/// Functions that use or make keys.
fn crypto(module: &Module, given: &Arguments) -> Argument<Answer> {
    let plain = |outcome| Ok(Answer::of(outcome, Vec::new()));
    let session = given.number("Session", HANDLE)?;
    let key = || given.number("Key", HANDLE);
    let bytes = |name| given.bytes(name, Kind::Bytes);
    match given.function() {
        "C_EncryptInit" => {
            plain(call!(module, C_EncryptInit, session, mechanism::read(given)?.pointer(), key()?))
        }
        "C_Encrypt" => {
            let data = bytes("Data")?;
            output(given, "EncryptedData", |place, length| {
                call!(module, C_Encrypt, session, input(&data), len(&data), place, length)
            })
        }
        "C_DecryptInit" => {
            plain(call!(module, C_DecryptInit, session, mechanism::read(given)?.pointer(), key()?))
        }
        "C_Decrypt" => {
            let data = bytes("EncryptedData")?;
            output(given, "Data", |place, length| {
                call!(module, C_Decrypt, session, input(&data), len(&data), place, length)
            })
        }
        "C_DigestInit" => plain(call!(module, C_DigestInit, session, mechanism::read(given)?.pointer())),
        "C_Digest" => {
            let data = bytes("Data")?;
            output(given, "Digest", |place, length| {
                call!(module, C_Digest, session, input(&data), len(&data), place, length)
            })
        }
        "C_SignInit" => plain(call!(module, C_SignInit, session, mechanism::read(given)?.pointer(), key()?)),
        "C_Sign" => {
            let data = bytes("Data")?;
            output(given, "Signature", |place, length| {
                call!(module, C_Sign, session, input(&data), len(&data), place, length)
            })
        }
        "C_SignUpdate" => {
            let part = bytes("Part")?;
            plain(call!(module, C_SignUpdate, session, input(&part), len(&part)))
        }
        "C_SignFinal" => {
            output(given, "Signature", |place, length| call!(module, C_SignFinal, session, place, length))
        }
        "C_VerifyInit" => {
            plain(call!(module, C_VerifyInit, session, mechanism::read(given)?.pointer(), key()?))
        }
        "C_Verify" => {
            let (data, signature) = (bytes("Data")?, bytes("Signature")?);
            let (place, length) = (input(&signature), len(&signature));
            plain(call!(module, C_Verify, session, input(&data), len(&data), place, length))
        }
        "C_GenerateKey" => {
            let (mechanism, template, mut made) = (mechanism::read(given)?, given.template("Template")?, 0);
            let mut list = template.attributes();
            let (place, count) = (list.pointer(), list.count());
            let outcome = call!(module, C_GenerateKey, session, mechanism.pointer(), place, count, &mut made);
            Ok(Answer::of(outcome, vec![Told::number("Key", made)]))
        }
        "C_DeriveKey" => {
            let (mechanism, template, mut made) = (mechanism::read(given)?, given.template("Template")?, 0);
            let (base, mut list) = (given.number("BaseKey", HANDLE)?, template.attributes());
            let (place, count) = (list.pointer(), list.count());
            let outcome =
                call!(module, C_DeriveKey, session, mechanism.pointer(), base, place, count, &mut made);
            Ok(Answer::of(outcome, vec![Told::number("Key", made)]))
        }
        function => Err(format!("this program cannot play {function}")),
    }
}

/// A call with a buffer: only its length is asked for where the case gives no room.
fn output(
    given: &Arguments,
    name: &str,
    call: impl FnOnce(*mut u8, &mut CK_ULONG) -> Outcome,
) -> Argument<Answer> {
    let room = given.room(name)?;
    let (mut buffer, mut length) = (vec![0; room.unwrap_or(0)], room.unwrap_or(0) as CK_ULONG);
    let place = room.map_or(ptr::null_mut(), |_| buffer.as_mut_ptr());
    let outcome = call(place, &mut length);
    let mut told = Told { length: Some(length), ..Told::new(name) };
    if room.is_some() {
        buffer.truncate(length as usize);
        told.value = Some((Kind::Bytes, Datum::Bytes(buffer)));
    }
    Ok(Answer::of(outcome, vec![told]))
}

fn info(module: &Module) -> Answer {
    // SAFETY: a C structure of integers and byte arrays; all zeros is a value of it.
    let mut info: CK_INFO = unsafe { std::mem::zeroed() };
    let outcome = call!(module, C_GetInfo, &mut info);
    let members = vec![
        Told::version("CryptokiVersion", info.cryptokiVersion),
        Told::text("ManufacturerID", &info.manufacturerID),
        Told::number("Flags", info.flags),
        Told::text("LibraryDescription", &info.libraryDescription),
        Told::version("LibraryVersion", info.libraryVersion),
    ];
    Answer::of(outcome, vec![Told::of("Info", members)])
}

/// The slot with the token that this program has made comes first: it is the one that the case is about.
fn slot_list(module: &Module, given: &Arguments) -> Argument<Answer> {
    let present = given.number("TokenPresent", Kind::Bool)? as CK_BBOOL;
    let room = given.room("SlotList")?;
    let (mut slots, mut count) = (vec![0; room.unwrap_or(0)], room.unwrap_or(0) as CK_ULONG);
    let place = room.map_or(ptr::null_mut(), |_| slots.as_mut_ptr());
    let outcome = call!(module, C_GetSlotList, present, place, &mut count);
    slots.truncate(count as usize);
    let own = scenario::find_token(module, LABEL).ok().flatten();
    slots.sort_by_key(|slot| Some(*slot) != own);
    let entries = slots.into_iter().map(|slot| Told::number("SlotID", slot)).collect();
    let list = Told { length: Some(count), unordered: true, ..Told::of("SlotList", entries) };
    Ok(Answer::of(outcome, vec![list]))
}

fn slot_info(module: &Module, slot: CK_SLOT_ID) -> Answer {
    let info = match scenario::slot_info(module, slot) {
        Ok(info) => info,
        Err(error) => return Answer { rv: error.rv, told: Vec::new() },
    };
    let flags = Told::value("Flags", Kind::Flags(SLOT_FLAGS), Datum::Number(info.flags));
    let members = vec![
        Told::text("SlotDescription", &info.slotDescription),
        Told::text("ManufacturerID", &info.manufacturerID),
        flags,
        Told::version("HardwareVersion", info.hardwareVersion),
        Told::version("FirmwareVersion", info.firmwareVersion),
    ];
    Answer { rv: CKR_OK, told: vec![Told::of("SlotInfo", members)] }
}

fn token_info(module: &Module, slot: CK_SLOT_ID) -> Answer {
    let info = match scenario::token_info(module, slot) {
        Ok(info) => info,
        Err(error) => return Answer { rv: error.rv, told: Vec::new() },
    };
    let mut members = vec![
        Told::text("label", &info.label),
        Told::text("ManufacturerID", &info.manufacturerID),
        Told::text("model", &info.model),
        Told::text("serialNumber", &info.serialNumber),
        Told::value("Flags", Kind::Flags(TOKEN_FLAGS), Datum::Number(info.flags)),
        Told::version("HardwareVersion", info.hardwareVersion),
        Told::version("FirmwareVersion", info.firmwareVersion),
        Told::text("utcTime", &info.utcTime),
    ];
    let numbers = [
        ("MaxSessionCount", info.ulMaxSessionCount),
        ("SessionCount", info.ulSessionCount),
        ("MaxRwSessionCount", info.ulMaxRwSessionCount),
        ("RwSessionCount", info.ulRwSessionCount),
        ("MaxPinLen", info.ulMaxPinLen),
        ("MinPinLen", info.ulMinPinLen),
        ("TotalPublicMemory", info.ulTotalPublicMemory),
        ("FreePublicMemory", info.ulFreePublicMemory),
        ("TotalPrivateMemory", info.ulTotalPrivateMemory),
        ("FreePrivateMemory", info.ulFreePrivateMemory),
    ];
    members.extend(numbers.map(|(name, number)| Told::number(name, number)));
    Answer { rv: CKR_OK, told: vec![Told::of("TokenInfo", members)] }
}

fn mechanism_list(module: &Module, given: &Arguments, slot: CK_SLOT_ID) -> Argument<Answer> {
    let room = given.room("MechanismList")?;
    let (mut list, mut count) = (vec![0; room.unwrap_or(0)], room.unwrap_or(0) as CK_ULONG);
    let place = room.map_or(ptr::null_mut(), |_| list.as_mut_ptr());
    let outcome = call!(module, C_GetMechanismList, slot, place, &mut count);
    list.truncate(count as usize);
    let entries = list.into_iter().map(|id| Told::value("Type", MECHANISM, Datum::Number(id))).collect();
    let list = Told { length: Some(count), unordered: true, ..Told::of("MechanismList", entries) };
    Ok(Answer::of(outcome, vec![list]))
}

fn mechanism_info(module: &Module, slot: CK_SLOT_ID, id: CK_MECHANISM_TYPE) -> Answer {
    let info = match scenario::mechanism_info(module, slot, id) {
        Ok(info) => info,
        Err(error) => return Answer { rv: error.rv, told: Vec::new() },
    };
    let members = vec![
        Told::number("MinKeySize", info.ulMinKeySize),
        Told::number("MaxKeySize", info.ulMaxKeySize),
        Told::value("Flags", Kind::Flags(MECHANISM_FLAGS), Datum::Number(info.flags)),
    ];
    Answer { rv: CKR_OK, told: vec![Told::of("MechanismInfo", members)] }
}

fn open_session(module: &Module, given: &Arguments, slot: CK_SLOT_ID) -> Argument<Answer> {
    let flags = given.number("Flags", Kind::Flags(SESSION_FLAGS))?;
    let mut session = 0;
    let outcome = call!(module, C_OpenSession, slot, flags, ptr::null_mut(), None, &mut session);
    Ok(Answer::of(outcome, vec![Told::number("Session", session)]))
}

fn session_info(module: &Module, session: CK_SESSION_HANDLE) -> Answer {
    let mut info = CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 };
    let outcome = call!(module, C_GetSessionInfo, session, &mut info);
    let members = vec![
        Told::number("SlotID", info.slotID),
        Told::value("State", Kind::Name("CKS_", STATES), Datum::Number(info.state)),
        Told::value("Flags", Kind::Flags(SESSION_FLAGS), Datum::Number(info.flags)),
        Told::number("DeviceError", info.ulDeviceError),
    ];
    Answer::of(outcome, vec![Told::of("SessionInfo", members)])
}

fn find(module: &Module, given: &Arguments, session: CK_SESSION_HANDLE) -> Argument<Answer> {
    let most = given.room("Object")?.ok_or("C_FindObjects without a number of objects")?;
    let (mut objects, mut count) = (vec![0; most], 0);
    let outcome = call!(module, C_FindObjects, session, objects.as_mut_ptr(), most as CK_ULONG, &mut count);
    objects.truncate(count as usize);
    let entries = objects.into_iter().map(|object| Told::number("Object", object)).collect();
    Ok(Answer::of(outcome, vec![Told::of("Object", entries)]))
}

fn attribute_values(module: &Module, given: &Arguments, session: CK_SESSION_HANDLE) -> Argument<Answer> {
    let object = given.number("Object", HANDLE)?;
    let elements = &given.element("Template")?.children;
    let asked = elements.iter().map(|element| {
        let (id, kind) = attribute_of(element)?;
        let room = element.length.as_deref().map(|text| given.room_of(text)).transpose()?;
        Ok((id, kind, room.map(|room| vec![0_u8; room])))
    });
    let mut asked = asked.collect::<Argument<Vec<_>>>()?;
    let mut list: Vec<CK_ATTRIBUTE> = asked
        .iter_mut()
        .map(|(id, _, buffer)| {
            let (place, room) =
                buffer.as_mut().map_or((ptr::null_mut(), 0), |buffer| (buffer.as_mut_ptr(), len(buffer)));
            c_attribute(*id, place.cast(), room)
        })
        .collect();
    let count = list.len() as CK_ULONG;
    let outcome = call!(module, C_GetAttributeValue, session, object, list.as_mut_ptr(), count);
    let told = asked.into_iter().zip(&list).zip(elements).map(|(((_, kind, buffer), answer), element)| {
        let mut told = Told { length: Some(answer.ulValueLen), ..Told::new("Attribute") };
        told.kind = element.kind.clone();
        told.value = buffer.map(|mut buffer| {
            buffer.truncate(answer.ulValueLen as usize);
            (kind, Datum::of_attribute(kind, buffer))
        });
        told
    });
    Ok(Answer::of(outcome, vec![Told::of("Template", told.collect())]))
}
