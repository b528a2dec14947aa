//! What a scenario is, and the surroundings in which one runs.

use crate::call;
use crate::expect::{Check, Verdict, failed};
use crate::module::{Module, Outcome};
use crate::session::{Session, input, len};
use cryptoki_sys::*;
use std::{ptr, sync::OnceLock};

/// PINs and label of the throw-away token.
pub const SO_PIN: &[u8] = b"security-officer";
pub const USER_PIN: &[u8] = b"user-1234";
pub const LABEL: &str = "p11-conformance";

/// One behaviour that the standard (or, where it says so, a client) demands.
pub struct Scenario {
    /// Unique in its area.
    pub name: &'static str,
    /// Section of PKCS#11 3.2 and function or table: "5.12 C_Digest".
    pub section: &'static str,
    /// The sentence of the standard in our own words.
    pub rule: &'static str,
    /// Whether it wants an empty folder instead of one with the prepared token.
    pub blank: bool,
    pub run: fn(&Host) -> Check,
}

impl Scenario {
    /// A scenario on the prepared token.
    pub const fn new(
        name: &'static str,
        section: &'static str,
        rule: &'static str,
        run: fn(&Host) -> Check,
    ) -> Scenario {
        Scenario { name, section, rule, blank: false, run }
    }

    /// The same scenario in a folder without any token.
    pub const fn blank(mut self) -> Scenario {
        self.blank = true;
        self
    }
}

/// The surroundings of one scenario: a loaded module that is initialised, and given a token, when asked for.
pub struct Host {
    pub module: Module,
    initialized: OnceLock<()>,
    slot: OnceLock<CK_SLOT_ID>,
}

impl Host {
    pub fn new(module: Module) -> Host {
        Host { module, initialized: OnceLock::new(), slot: OnceLock::new() }
    }

    /// `C_Initialize` with OS locking, once.
    pub fn initialize(&self) -> Check<&Module> {
        if self.initialized.get().is_none() {
            initialize(&self.module)?;
            let _ = self.initialized.set(());
        }
        Ok(&self.module)
    }

    /// The slot of the throw-away token; it is made where the folder did not bring one.
    pub fn token(&self) -> Check<CK_SLOT_ID> {
        if let Some(slot) = self.slot.get() {
            return Ok(*slot);
        }
        let module = self.initialize()?;
        let slot = match find_token(module, LABEL)? {
            Some(slot) => slot,
            None => make_token(module, LABEL)?,
        };
        Ok(*self.slot.get_or_init(|| slot))
    }

    /// A new read/write session with the token.
    pub fn session(&self) -> Check<Session<'_>> {
        let slot = self.token()?;
        Ok(Session::open(&self.module, slot, CKF_RW_SESSION)?)
    }

    /// A new read-only session with the token.
    pub fn read_only(&self) -> Check<Session<'_>> {
        let slot = self.token()?;
        Ok(Session::open(&self.module, slot, 0)?)
    }

    /// A new read/write session in which the user is logged in.
    pub fn user(&self) -> Check<Session<'_>> {
        let session = self.session()?;
        session.login(CKU_USER, USER_PIN)?;
        Ok(session)
    }

    /// A new read/write session in which the security officer is logged in.
    pub fn so(&self) -> Check<Session<'_>> {
        let session = self.session()?;
        session.login(CKU_SO, SO_PIN)?;
        Ok(session)
    }

    /// What the token says about a mechanism; 'not supported' where it is not in its list.
    pub fn mechanism(&self, id: CK_MECHANISM_TYPE) -> Check<CK_MECHANISM_INFO> {
        let slot = self.token()?;
        if !mechanisms(&self.module, slot)?.contains(&id) {
            return Err(Verdict::NotSupported(format!("{} is not listed", crate::names::mechanism(id))));
        }
        Ok(mechanism_info(&self.module, slot, id)?)
    }

    /// The scenario needs all these mechanisms.
    pub fn needs(&self, ids: &[CK_MECHANISM_TYPE]) -> Check {
        ids.iter().try_for_each(|id| self.mechanism(*id).map(|_| ()))
    }

    /// The scenario needs a mechanism with all these flags.
    pub fn needs_flags(&self, id: CK_MECHANISM_TYPE, flags: CK_FLAGS) -> Check {
        if self.mechanism(id)?.flags & flags == flags {
            return Ok(());
        }
        let flags = crate::names::mechanism_flags(flags);
        Err(Verdict::NotSupported(format!("{} is not listed for {flags}", crate::names::mechanism(id))))
    }
}

/// `C_Initialize` with OS locking.
pub fn initialize(module: &Module) -> Outcome {
    let mut arguments = CK_C_INITIALIZE_ARGS {
        CreateMutex: None,
        DestroyMutex: None,
        LockMutex: None,
        UnlockMutex: None,
        flags: CKF_OS_LOCKING_OK,
        pReserved: ptr::null_mut(),
    };
    call!(module, C_Initialize, ptr::from_mut(&mut arguments).cast())
}

pub fn finalize(module: &Module) -> Outcome {
    call!(module, C_Finalize, ptr::null_mut())
}

/// All slots, or those with a token.
pub fn slots(module: &Module, with_token: bool) -> Outcome<Vec<CK_SLOT_ID>> {
    let present = if with_token { CK_TRUE } else { CK_FALSE };
    let mut count = 0;
    call!(module, C_GetSlotList, present, ptr::null_mut(), &mut count)?;
    let mut slots = vec![0; count as usize + 4];
    count += 4;
    call!(module, C_GetSlotList, present, slots.as_mut_ptr(), &mut count)?;
    slots.truncate(count as usize);
    Ok(slots)
}

pub fn slot_info(module: &Module, slot: CK_SLOT_ID) -> Outcome<CK_SLOT_INFO> {
    // SAFETY: a C structure of integers and byte arrays; all zeros is a value of it.
    let mut info: CK_SLOT_INFO = unsafe { std::mem::zeroed() };
    call!(module, C_GetSlotInfo, slot, &mut info)?;
    Ok(info)
}

pub fn token_info(module: &Module, slot: CK_SLOT_ID) -> Outcome<CK_TOKEN_INFO> {
    // SAFETY: a C structure of integers and byte arrays; all zeros is a value of it.
    let mut info: CK_TOKEN_INFO = unsafe { std::mem::zeroed() };
    call!(module, C_GetTokenInfo, slot, &mut info)?;
    Ok(info)
}

pub fn mechanisms(module: &Module, slot: CK_SLOT_ID) -> Outcome<Vec<CK_MECHANISM_TYPE>> {
    let mut count = 0;
    call!(module, C_GetMechanismList, slot, ptr::null_mut(), &mut count)?;
    let mut list = vec![0; count as usize];
    call!(module, C_GetMechanismList, slot, list.as_mut_ptr(), &mut count)?;
    list.truncate(count as usize);
    Ok(list)
}

pub fn mechanism_info(
    module: &Module,
    slot: CK_SLOT_ID,
    id: CK_MECHANISM_TYPE,
) -> Outcome<CK_MECHANISM_INFO> {
    let mut info = CK_MECHANISM_INFO { ulMinKeySize: 0, ulMaxKeySize: 0, flags: 0 };
    call!(module, C_GetMechanismInfo, slot, id, &mut info)?;
    Ok(info)
}

/// A label as `C_InitToken` wants it: 32 bytes, filled with blanks.
pub fn padded_label(label: &str) -> Vec<u8> {
    let mut padded = label.as_bytes().to_vec();
    padded.resize(32, b' ');
    padded
}

pub fn init_token(module: &Module, slot: CK_SLOT_ID, pin: &[u8], label: &str) -> Outcome {
    let label = padded_label(label);
    call!(module, C_InitToken, slot, input(pin), len(pin), input(&label))
}

/// The slot in which an initialised token of this label is.
pub fn find_token(module: &Module, label: &str) -> Check<Option<CK_SLOT_ID>> {
    let label = padded_label(label);
    for slot in slots(module, true)? {
        let info = token_info(module, slot);
        if info.is_ok_and(|info| info.flags & CKF_TOKEN_INITIALIZED != 0 && info.label.as_slice() == label) {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// The first slot with a token that is not initialised.
pub fn empty_slot(module: &Module) -> Check<CK_SLOT_ID> {
    for slot in slots(module, true)? {
        if token_info(module, slot)?.flags & CKF_TOKEN_INITIALIZED == 0 {
            return Ok(slot);
        }
    }
    Err(failed("no slot has a token without CKF_TOKEN_INITIALIZED", "a token for C_InitToken"))
}

/// Initialises a token in the first empty slot and sets the user's PIN.
pub fn make_token(module: &Module, label: &str) -> Check<CK_SLOT_ID> {
    init_token(module, empty_slot(module)?, SO_PIN, label)?;
    let slot = find_token(module, label)?.ok_or_else(|| failed("the new token is in no slot", "its slot"))?;
    let session = Session::open(module, slot, CKF_RW_SESSION)?;
    session.login(CKU_SO, SO_PIN)?;
    session.init_pin(USER_PIN)?;
    session.logout()?;
    session.close()?;
    Ok(slot)
}
