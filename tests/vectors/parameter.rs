//! Mechanisms with their parameters, as an application lays them out.

use coffer_pkcs11::ck::*;

/// A mechanism and the memory that its parameter points to.
pub struct Mechanism {
    pub id: CK_MECHANISM_TYPE,
    parameter: Vec<u8>,
    /// What the parameter's pointers lead to.
    _held: Vec<Vec<u8>>,
}

/// A structure's bytes, for a structure without padding between what it holds.
fn bytes_of<T>(structure: &T) -> Vec<u8> {
    // SAFETY: the structure is as long as its type; the structures of PKCS#11 are packed or made of words.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(structure).cast::<u8>(), size_of::<T>()).to_vec() }
}

impl Mechanism {
    /// Without a parameter.
    pub fn plain(id: CK_MECHANISM_TYPE) -> Self {
        Self::bytes(id, &[])
    }

    /// An IV or other plain bytes.
    pub fn bytes(id: CK_MECHANISM_TYPE, parameter: &[u8]) -> Self {
        Self { id, parameter: parameter.to_vec(), _held: vec![] }
    }

    /// A number, such as the length of a MAC in bytes.
    pub fn number(id: CK_MECHANISM_TYPE, number: usize) -> Self {
        Self::bytes(id, &(number as CK_ULONG).to_ne_bytes())
    }

    /// A structure whose pointers lead into `held`: `with(id, [iv, aad], |[iv, aad]| CK_GCM_PARAMS { … })`.
    pub fn with<T, const N: usize>(
        id: CK_MECHANISM_TYPE,
        fields: [&[u8]; N],
        make: impl FnOnce([(CK_BYTE_PTR, CK_ULONG); N]) -> T,
    ) -> Self {
        let mut held = fields.map(<[u8]>::to_vec);
        let places = held.each_mut().map(|field| {
            let place = if field.is_empty() { std::ptr::null_mut() } else { field.as_mut_ptr() };
            (place, field.len() as CK_ULONG)
        });
        let structure = make(places);
        Self { id, parameter: bytes_of(&structure), _held: held.into() }
    }

    pub fn gcm(id: CK_MECHANISM_TYPE, iv: &[u8], aad: &[u8], tag_len: usize) -> Self {
        Self::with(id, [iv, aad], |[iv, aad]| CK_GCM_PARAMS {
            pIv: iv.0,
            ulIvLen: iv.1,
            ulIvBits: iv.1 * 8,
            pAAD: aad.0,
            ulAADLen: aad.1,
            ulTagBits: tag_len as CK_ULONG * 8,
        })
    }

    pub fn ccm(id: CK_MECHANISM_TYPE, data_len: usize, nonce: &[u8], aad: &[u8], mac_len: usize) -> Self {
        Self::with(id, [nonce, aad], |[nonce, aad]| CK_CCM_PARAMS {
            ulDataLen: data_len as CK_ULONG,
            pNonce: nonce.0,
            ulNonceLen: nonce.1,
            pAAD: aad.0,
            ulAADLen: aad.1,
            ulMACLen: mac_len as CK_ULONG,
        })
    }

    pub fn chacha20_poly1305(nonce: &[u8], aad: &[u8]) -> Self {
        Self::with(CKM_CHACHA20_POLY1305, [nonce, aad], |[nonce, aad]| CK_SALSA20_CHACHA20_POLY1305_PARAMS {
            pNonce: nonce.0,
            ulNonceLen: nonce.1,
            pAAD: aad.0,
            ulAADLen: aad.1,
        })
    }

    /// `counter`: the first block, told in 32 bits.
    pub fn chacha20(counter: u32, nonce: &[u8]) -> Self {
        Self::with(CKM_CHACHA20, [&counter.to_le_bytes(), nonce], |[counter, nonce]| CK_CHACHA20_PARAMS {
            pBlockCounter: counter.0,
            blockCounterBits: counter.1 * 8,
            pNonce: nonce.0,
            ulNonceBits: nonce.1 * 8,
        })
    }

    /// `counter`: the first block.
    pub fn salsa20(counter: u64, nonce: &[u8]) -> Self {
        Self::with(CKM_SALSA20, [&counter.to_le_bytes(), nonce], |[counter, nonce]| CK_SALSA20_PARAMS {
            pBlockCounter: counter.0,
            pNonce: nonce.0,
            ulNonceBits: nonce.1 * 8,
        })
    }

    pub fn ctr(id: CK_MECHANISM_TYPE, counter_bits: CK_ULONG, block: [u8; 16]) -> Self {
        Self::with(id, [], |[]| CK_AES_CTR_PARAMS { ulCounterBits: counter_bits, cb: block })
    }

    pub fn pss(id: CK_MECHANISM_TYPE, hash: CK_MECHANISM_TYPE, mgf: CK_ULONG, salt_len: usize) -> Self {
        Self::with(id, [], |[]| CK_RSA_PKCS_PSS_PARAMS { hashAlg: hash, mgf, sLen: salt_len as CK_ULONG })
    }

    pub fn oaep(hash: CK_MECHANISM_TYPE, mgf: CK_ULONG, label: &[u8]) -> Self {
        Self::with(CKM_RSA_PKCS_OAEP, [label], |[label]| CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: hash,
            mgf,
            source: CKZ_DATA_SPECIFIED,
            pSourceData: label.0.cast(),
            ulSourceDataLen: label.1,
        })
    }

    pub fn ecdh(id: CK_MECHANISM_TYPE, kdf: CK_ULONG, shared_data: &[u8], point: &[u8]) -> Self {
        Self::with(id, [shared_data, point], |[shared, point]| CK_ECDH1_DERIVE_PARAMS {
            kdf,
            ulSharedDataLen: shared.1,
            pSharedData: shared.0,
            ulPublicDataLen: point.1,
            pPublicData: point.0,
        })
    }

    pub fn eddsa(prehash: bool, context: &[u8]) -> Self {
        Self::with(CKM_EDDSA, [context], |[context]| {
            // A flag of one byte stands before the length: every byte of the gap is zero.
            let mut words = [0; 3];
            words[0] = CK_ULONG::from(prehash).to_le();
            (words[1], words[2]) = (context.1, context.0 as CK_ULONG);
            words
        })
    }

    pub fn sign_context(id: CK_MECHANISM_TYPE, hedge: CK_ULONG, context: &[u8]) -> Self {
        Self::with(id, [context], |[context]| CK_SIGN_ADDITIONAL_CONTEXT {
            hedgeVariant: hedge,
            pContext: context.0,
            ulContextLen: context.1,
        })
    }

    pub fn hash_sign_context(
        id: CK_MECHANISM_TYPE,
        hedge: CK_ULONG,
        context: &[u8],
        hash: CK_MECHANISM_TYPE,
    ) -> Self {
        Self::with(id, [context], |[context]| CK_HASH_SIGN_ADDITIONAL_CONTEXT {
            hedgeVariant: hedge,
            pContext: context.0,
            ulContextLen: context.1,
            hash,
        })
    }

    pub fn hkdf(id: CK_MECHANISM_TYPE, hash: CK_MECHANISM_TYPE, salt: &[u8], info: &[u8]) -> Self {
        Self::with(id, [salt, info], |[salt, info]| {
            let salt_type = if salt.1 == 0 { CKF_HKDF_SALT_NULL } else { CKF_HKDF_SALT_DATA };
            // CK_HKDF_PARAMS as words: two flags of one byte, hash, salt type, salt, salt key, info.
            let flags = CK_ULONG::from_ne_bytes([1, 1, 0, 0, 0, 0, 0, 0]);
            [flags, hash, salt_type, salt.0 as CK_ULONG, salt.1, 0, info.0 as CK_ULONG, info.1]
        })
    }

    pub fn pbkdf2(prf: CK_ULONG, password: &[u8], salt: &[u8], iterations: u64) -> Self {
        Self::with(CKM_PKCS5_PBKD2, [password, salt], |[password, salt]| CK_PKCS5_PBKD2_PARAMS2 {
            saltSource: CKZ_SALT_SPECIFIED,
            pSaltSourceData: salt.0.cast(),
            ulSaltSourceDataLen: salt.1,
            iterations,
            prf,
            pPrfData: std::ptr::null_mut(),
            ulPrfDataLen: 0,
            pPassword: password.0,
            ulPasswordLen: password.1,
        })
    }

    /// The structure that C functions take; valid as long as `self`.
    pub fn structure(&self) -> CK_MECHANISM {
        let empty = self.parameter.is_empty();
        let place = if empty { std::ptr::null_mut() } else { self.parameter.as_ptr().cast_mut().cast() };
        CK_MECHANISM {
            mechanism: self.id,
            pParameter: place,
            ulParameterLen: self.parameter.len() as CK_ULONG,
        }
    }

    /// The bytes of the parameter, for a structure that leads to another one without pointers.
    pub fn structure_bytes(&self) -> Vec<u8> {
        self.parameter.clone()
    }

    /// The same mechanism with a parameter of one byte more.
    pub fn longer(&self) -> Self {
        Self::bytes(self.id, &[self.parameter.as_slice(), &[0]].concat())
    }
}
