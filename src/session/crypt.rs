//! Operations with a key: C_Encrypt…, C_Decrypt…, C_Sign…, C_SignRecover…, C_Verify… and C_VerifyRecover… (PKCS#11
//! sections 5.8, 5.10, 5.13 and 5.15), one row each.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{Ops, Params};
use crate::policy::{UsableKey, Use};
use crate::token::ObjectHandle;

use super::asynchronous::Function;
use super::operation::{Active, Keyed, Operation, Step};
use super::output::Output;
use super::{Session, State};

/// One kind of operation: what its key is used for, where the session keeps it, and which function of a mechanism's row
/// starts it.
struct Kind<T> {
    purpose: Use,
    place: fn(&mut State) -> &mut Operation<T>,
    start: fn(&Ops) -> Option<Start<T>>,
}

type Start<T> = fn(UsableKey, &Params) -> Result<T>;

impl Session {
    /// Errors besides those of the mechanism: CKR_OPERATION_ACTIVE, CKR_MECHANISM_INVALID, and those of
    /// `policy::permit`.
    fn start<T>(
        &self,
        kind: &Kind<T>,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        key: ObjectHandle,
    ) -> Result<()> {
        let mut state = self.state();
        let place = (kind.place)(&mut state);
        place.check_idle()?;
        if kind.purpose == Use::Sign && self.signs_apart() {
            return Err(Error::OperationActive);
        }
        let row = self.mechanism(mechanism)?;
        let start = (kind.start)(&row.ops).ok_or(Error::MechanismInvalid)?;
        let key = self.usable_key(key, row, params, kind.purpose)?;
        let run = start(key.clone(), params)?;
        key.count_use()?;
        // CKA_ALWAYS_AUTHENTICATE speaks of private keys and of the use of a secret, which a MAC's check is as well.
        let active = Active::new(run, key.needs_auth(), key.object().is_true(CKA_PRIVATE)).metered(&key);
        place.start(active.telling(self.told(key.object(), kind.purpose, row)));
        Ok(())
    }
}

/// The Init function of each kind, and the one that ends it: an Init with a NULL mechanism (section 5.2).
macro_rules! kinds {
    ($($field:ident $purpose:ident: $init:ident $cancel:ident;)*) => {
        impl Session {
            $(
                pub fn $init(
                    &self,
                    mechanism: CK_MECHANISM_TYPE,
                    params: &Params,
                    key: ObjectHandle,
                ) -> Result<()> {
                    let kind = Kind {
                        purpose: Use::$purpose,
                        place: |state| &mut state.$field,
                        start: |ops| ops.$field,
                    };
                    self.start(&kind, mechanism, params, key)
                }

                pub fn $cancel(&self) {
                    self.state().$field.cancel();
                }
            )*
        }
    };
}

kinds! {
    encrypt Encrypt: encrypt_init encrypt_cancel;
    decrypt Decrypt: decrypt_init decrypt_cancel;
    sign Sign: sign_init sign_cancel;
    sign_recover SignRecover: sign_recover_init sign_recover_cancel;
    verify Verify: verify_init verify_cancel;
    verify_recover VerifyRecover: verify_recover_init verify_recover_cancel;
}

/// The further steps: in one part, in parts with output, in parts that are only taken in, and the last.
macro_rules! steps {
    (once $field:ident $name:ident) => {
        impl Session {
            pub fn $name(&self, input: &[u8], output: &mut Output) -> Result<()> {
                self.step(|state| &mut state.$field, |operation| operation.once(input, output))
            }
        }
    };
    (update $field:ident $name:ident) => {
        impl Session {
            pub fn $name(&self, part: &[u8], output: &mut Output) -> Result<()> {
                self.step(|state| &mut state.$field, |operation| operation.update(part, output))
            }
        }
    };
    (take_in $field:ident $name:ident) => {
        impl Session {
            pub fn $name(&self, part: &[u8]) -> Result<()> {
                self.step(|state| &mut state.$field, |operation| operation.take_in(part))
            }
        }
    };
    (finish $field:ident $name:ident) => {
        impl Session {
            pub fn $name(&self, output: &mut Output) -> Result<()> {
                self.step(|state| &mut state.$field, |operation| operation.finish(output))
            }
        }
    };
}

steps!(once encrypt encrypt);
steps!(update encrypt encrypt_update);
steps!(finish encrypt encrypt_final);
steps!(once decrypt decrypt);
steps!(update decrypt decrypt_update);
steps!(finish decrypt decrypt_final);
steps!(take_in sign sign_update);
steps!(once sign_recover sign_recover);
steps!(once verify_recover verify_recover);
steps!(once digest digest);
steps!(take_in digest digest_update);
steps!(finish digest digest_final);

impl Session {
    /// C_Sign. CKR_PENDING where a thread works on it (section 5.21).
    pub fn sign(&self, data: &[u8], signature: &mut Output) -> Result<()> {
        if self.signs_slowly() {
            let detached = self.state().sign.detach(Step::Once, data, signature)?;
            return self.sign_apart(Function::Sign, detached, signature);
        }
        self.step(|state| &mut state.sign, |operation| operation.once(data, signature))
    }

    /// C_SignFinal, as C_Sign.
    pub fn sign_final(&self, signature: &mut Output) -> Result<()> {
        if self.signs_slowly() {
            let detached = self.state().sign.detach(Step::Finish, &[], signature)?;
            return self.sign_apart(Function::SignFinal, detached, signature);
        }
        self.step(|state| &mut state.sign, |operation| operation.finish(signature))
    }

    /// Whether a thread gives the signature that was begun.
    fn signs_slowly(&self) -> bool {
        self.is_asynchronous() && self.state().sign.is_slow()
    }

    pub fn verify(&self, data: &[u8], signature: &[u8]) -> Result<()> {
        self.step(|state| &mut state.verify, |operation| operation.verify(data, signature))
    }

    pub fn verify_update(&self, data: &[u8]) -> Result<()> {
        self.step(|state| &mut state.verify, |operation| operation.verify_update(data))
    }

    pub fn verify_final(&self, signature: &[u8]) -> Result<()> {
        self.step(|state| &mut state.verify, |operation| operation.verify_final(signature))
    }
}
