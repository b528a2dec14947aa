//! ML-KEM-768 and ML-DSA-65 in the measurement.

use super::child::supported;
use crate::expect::Check;
use crate::module::Outcome;
use crate::session::{Kind, Session, input, len};
use crate::template::{Mechanism, Template};
use crate::{call, call_3_2};
use cryptoki_sys::*;

/// The data of a signature.
const DATA: [u8; 32] = [7; 32];

/// Key pairs, public and private; a pair that the module does not support is missing.
pub struct Lattice<'h> {
    session: Session<'h>,
    kem: Option<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)>,
    dsa: Option<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)>,
}

impl<'h> Lattice<'h> {
    pub fn new(session: Session<'h>) -> Check<Self> {
        let pair = |mechanism, set, public_use, private_use| {
            let public = Template::new().ulong(CKA_PARAMETER_SET, set).bool(public_use, true);
            let private =
                Template::new().bool(CKA_TOKEN, true).bool(CKA_PRIVATE, true).bool(private_use, true);
            let private = private.bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false);
            supported(session.generate_pair(&Mechanism::plain(mechanism), &public, &private))
        };
        let kem = pair(CKM_ML_KEM_KEY_PAIR_GEN, CKP_ML_KEM_768, CKA_ENCAPSULATE, CKA_DECAPSULATE)?;
        let dsa = pair(CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_65, CKA_VERIFY, CKA_SIGN)?;
        Ok(Lattice { session, kem, dsa })
    }

    /// One operation, to be repeated; `None` where the module does not support it.
    pub fn operation(&self, name: &str) -> Option<Box<dyn FnMut() -> Outcome + '_>> {
        let kem = Mechanism::plain(CKM_ML_KEM);
        let dsa = Mechanism::plain(CKM_ML_DSA);
        Some(match name {
            "ml-kem-768 encapsulate" => {
                let public = self.kem?.0;
                Box::new(move || self.encapsulate(&kem, public).map(|_| ()))
            }
            "ml-kem-768 decapsulate" => {
                let (public, private) = self.kem?;
                let ciphertext = self.encapsulate(&kem, public).ok()?;
                Box::new(move || self.decapsulate(&kem, private, &ciphertext))
            }
            "ml-dsa-65 sign" => {
                let private = self.dsa?.1;
                Box::new(move || self.sign(&dsa, private).map(|_| ()))
            }
            "ml-dsa-65 verify" => {
                let (public, private) = self.dsa?;
                let signature = self.sign(&dsa, private).ok()?;
                Box::new(move || {
                    self.session.init(Kind::Verify, &dsa, public)?;
                    let (place, length) = (input(&signature), len(&signature));
                    call!(
                        self.session.module,
                        C_Verify,
                        self.session.handle,
                        input(&DATA),
                        len(&DATA),
                        place,
                        length
                    )
                })
            }
            _ => return None,
        })
    }

    fn sign(&self, mechanism: &Mechanism, private: CK_OBJECT_HANDLE) -> Outcome<Vec<u8>> {
        let mut signature = vec![0; 3309];
        let mut length = len(&signature);
        self.session.init(Kind::Sign, mechanism, private)?;
        let place = signature.as_mut_ptr();
        self.session.once_raw(Kind::Sign, input(&DATA), len(&DATA), place, &mut length)?;
        Ok(signature)
    }

    /// The ciphertext. The secret becomes a session key, which is destroyed: both are part of what is measured.
    fn encapsulate(&self, mechanism: &Mechanism, public: CK_OBJECT_HANDLE) -> Outcome<Vec<u8>> {
        let (mut ciphertext, mut key) = (vec![0; 1088], 0);
        let mut length = len(&ciphertext);
        let template = secret();
        let mut list = template.attributes();
        call_3_2!(
            self.session.module,
            C_EncapsulateKey,
            self.session.handle,
            mechanism.pointer(),
            public,
            list.pointer(),
            list.count(),
            ciphertext.as_mut_ptr(),
            &mut length,
            &mut key,
        )?;
        self.session.destroy(key)?;
        Ok(ciphertext)
    }

    fn decapsulate(&self, mechanism: &Mechanism, private: CK_OBJECT_HANDLE, ciphertext: &[u8]) -> Outcome {
        let (template, mut key) = (secret(), 0);
        let mut list = template.attributes();
        call_3_2!(
            self.session.module,
            C_DecapsulateKey,
            self.session.handle,
            mechanism.pointer(),
            private,
            list.pointer(),
            list.count(),
            input(ciphertext),
            len(ciphertext),
            &mut key,
        )?;
        self.session.destroy(key)
    }
}

/// A session key of the shared secret.
fn secret() -> Template {
    Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).bool(CKA_TOKEN, false)
}
