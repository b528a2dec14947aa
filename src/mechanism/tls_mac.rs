//! The "finished" messages of TLS 1.0 to 1.2 (PKCS#11 section 6.40, RFC 5246 section 7.4.9).

use crate::ck::*;
use crate::crypto;
use crate::crypto::tls_prf::Prf;
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{Sign, Verify};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::signing::append;
use super::{secret_value, tls_keys};

/// The most data, in bytes: it is the hash of a handshake.
const MAX_DATA: usize = 1 << 16;

/// The longest MAC in bytes.
const MAX_MAC: u64 = 1024;

pub(super) static ROWS: &[Mechanism] =
    &[row(CKM_TLS_MAC, "CKM_TLS_MAC"), row(CKM_TLS12_MAC, "CKM_TLS12_MAC")];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::TlsMac,
        key: KeyNeed::secret(&[CKK_GENERIC_SECRET]),
        sizes: (0, 0),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops {
            sign: Some(|key, params| Ok(Box::new(Finished::new(&key, params)?))),
            verify: Some(|key, params| Ok(Box::new(Finished::new(&key, params)?))),
            ..Ops::NONE
        },
    }
}

/// A MAC that is made at the end of its data.
struct Finished {
    prf: Prf,
    secret: Secret,
    label: &'static [u8],
    length: usize,
    data: Vec<u8>,
}

impl Finished {
    /// CKR_MECHANISM_PARAM_INVALID for another side than 1 (server) or 2 (client), and for a length that the version does
    /// not have: 12 bytes before TLS 1.2, 12 or more since.
    fn new(key: &UsableKey, params: &Params) -> Result<Self> {
        let Params::TlsMac { prf, length, side } = params else { return Err(Error::MechanismParamInvalid) };
        let prf = tls_keys::prf_of(Some(*prf))?;
        let label: &[u8] = match side {
            1 => b"server finished",
            2 => b"client finished",
            _ => return Err(Error::MechanismParamInvalid),
        };
        let most = if prf == Prf::Tls10 { 12 } else { MAX_MAC };
        if !(12..=most).contains(length) {
            return Err(Error::MechanismParamInvalid);
        }
        let secret = Secret::copy_of(secret_value(key)?);
        Ok(Self { prf, secret, label, length: usize::try_from(*length)?, data: Vec::new() })
    }

    fn add(&mut self, data: &[u8]) -> Result<()> {
        append(&mut self.data, data, MAX_DATA, Error::DataLenRange)
    }

    fn mac(&self) -> Result<Secret> {
        Ok(self.prf.bytes(self.secret.as_bytes(), self.label, &self.data, self.length)?)
    }
}

impl Sign for Finished {
    fn output_len(&self) -> usize {
        self.length
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.add(data)
    }

    fn finish(self: Box<Self>, signature: &mut [u8]) -> Result<usize> {
        super::put(self.mac()?.as_bytes(), signature)
    }
}

impl Verify for Finished {
    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.add(data)
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<()> {
        if signature.len() != self.length {
            return Err(Error::SignatureLenRange);
        }
        match crypto::equal(self.mac()?.as_bytes(), signature) {
            true => Ok(()),
            false => Err(Error::SignatureInvalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::lookup;
    use crate::mechanism::testing::{secret_key, unhex};

    /// A master secret of NIST CAVP.
    fn key() -> UsableKey {
        let master = "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf";
        secret_key(CKK_GENERIC_SECRET, &unhex(master))
    }

    fn handshake() -> crate::crypto::digest::Value {
        crate::crypto::digest::Hash::Sha256.digest(b"handshake").unwrap()
    }

    fn signing(id: CK_MECHANISM_TYPE, prf: u64, length: u64, side: u64) -> Result<Box<dyn Sign>> {
        lookup(id).unwrap().ops.sign.unwrap()(key(), &Params::TlsMac { prf, length, side })
    }

    /// The values were computed with the HMAC of Python.
    const MACS: [(u64, u64, u64, &str); 3] = [
        (CKM_SHA256, 12, 2, "79b01b6911a3a7a2a471423d"),
        (CKM_SHA256, 16, 1, "2538016410d06e2543816a9a7f5c3e22"),
        (CKM_TLS_PRF, 12, 2, "ea6dd93a590cfe353574dbd6"),
    ];

    #[test]
    fn finished_messages_come_out_and_are_verified() {
        for id in [CKM_TLS_MAC, CKM_TLS12_MAC] {
            for (prf, length, side, wanted) in MACS {
                let mut sign = signing(id, prf, length, side).unwrap();
                let mut mac = vec![0; sign.output_len()];
                let data = handshake();
                let (first, second) = data.as_bytes().split_at(7);
                sign.update(first).unwrap();
                sign.update(second).unwrap();
                assert_eq!(sign.finish(&mut mac), Ok(wanted.len() / 2));
                assert_eq!(hex::encode(&mac), wanted);
                let verify = |mac: &[u8]| {
                    let params = Params::TlsMac { prf, length, side };
                    let mut verify = lookup(id).unwrap().ops.verify.unwrap()(key(), &params).unwrap();
                    verify.update(handshake().as_bytes()).unwrap();
                    verify.finish(mac)
                };
                assert_eq!(verify(&mac), Ok(()));
                mac[0] ^= 1;
                assert_eq!(verify(&mac), Err(Error::SignatureInvalid));
                assert_eq!(verify(&mac[1..]), Err(Error::SignatureLenRange));
            }
        }
    }

    #[test]
    fn other_sides_lengths_and_hashes_are_refused() {
        for id in [CKM_TLS_MAC, CKM_TLS12_MAC] {
            for (prf, length, side) in [
                (CKM_SHA256, 12, 0),
                (CKM_SHA256, 12, 3),
                (CKM_SHA256, 11, 1),
                (CKM_SHA256, MAX_MAC + 1, 1),
                (CKM_TLS_PRF, 13, 1),
                (CKM_SHA256_HMAC, 12, 1),
            ] {
                let refused = signing(id, prf, length, side).err();
                assert_eq!(refused, Some(Error::MechanismParamInvalid), "{prf:#x} {length} {side}");
            }
            let mut long = signing(id, CKM_SHA256, 12, 1).unwrap();
            assert_eq!(long.update(&[0; MAX_DATA + 1]), Err(Error::DataLenRange));
        }
    }
}
