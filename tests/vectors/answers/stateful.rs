//! Stateful hash-based signatures: the files of `tests/vectors/hash_based` say where each comes from. What is wrong is made from
//! the first of each file.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::public_keys::key;
use super::super::report::Outcome;
use super::super::token::{Answer, Token, ulong};
use super::{Does, Known, hex};

const HSS: &str = include_str!("../hash_based/hss.txt");
const XMSS: &str = include_str!("../hash_based/xmss.txt");

/// A mechanism, its key type and a public key with a signed message.
struct Signed {
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    name: &'static str,
    public: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

fn signed(id: CK_MECHANISM_TYPE) -> Vec<Signed> {
    let (text, key_type) = match id {
        CKM_HSS => (HSS, CKK_HSS),
        CKM_XMSS => (XMSS, CKK_XMSS),
        _ => (XMSS, CKK_XMSSMT),
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let all = lines.map(|line| {
        let fields: Vec<&'static str> = line.split(' ').collect();
        let [public, message, signature] = [1, 2, 3].map(|field| hex(fields[field]));
        Signed { id, key_type, name: fields[0], public, message, signature }
    });
    all.filter(|signed| signed.name.contains("XmssMt") == (id == CKM_XMSSMT)).collect()
}

impl Signed {
    fn create(&self, token: &Token) -> Answer<CK_OBJECT_HANDLE> {
        let set = ulong(CK_ULONG::from(u32::from_be_bytes(self.public[..4].try_into().unwrap())));
        let mut values = vec![(CKA_VALUE, &self.public[..])];
        if self.key_type != CKK_HSS {
            values.push((CKA_PARAMETER_SET, &set));
        }
        token.create(&key(CKO_PUBLIC_KEY, self.key_type, &values))
    }

    fn verify(&self, token: &Token, public: CK_OBJECT_HANDLE, signature: &[u8]) -> Answer<()> {
        token.verify(&Mechanism::plain(self.id), public, &self.message, signature)
    }
}

fn right(token: &Token, id: CK_MECHANISM_TYPE) -> Answer<Outcome> {
    for signed in signed(id) {
        let public = signed.create(token)?;
        signed.verify(token, public, &signed.signature)?;
        let mut flipped = signed.signature.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let cut = &signed.signature[..signed.signature.len() - 1];
        let refused = [signed.verify(token, public, &flipped), signed.verify(token, public, cut)];
        if refused != [Err(CKR_SIGNATURE_INVALID), Err(CKR_SIGNATURE_LEN_RANGE)] {
            return Ok(Outcome::Wrong(format!("{}: {refused:?}", signed.name)));
        }
        if id == CKM_HSS {
            let first = token.attribute(public, CKA_HSS_LEVELS)?;
            if first[..4] != [signed.public[3], 0, 0, 0] {
                return Ok(Outcome::Wrong(format!("{}: another number of levels", signed.name)));
            }
        }
        token.destroy(public);
    }
    Ok(Outcome::Accepted)
}

/// Public keys that are none, and one with another parameter set than its value's.
fn wrong(token: &Token, id: CK_MECHANISM_TYPE) -> Answer<()> {
    let mut first = signed(id).remove(0);
    first.public.pop();
    let created = first.create(token);
    assert_eq!(created, Err(CKR_ATTRIBUTE_VALUE_INVALID));
    let whole = signed(id).remove(0);
    if id != CKM_HSS {
        let set = ulong(2);
        let values: [(_, &[u8]); 2] = [(CKA_VALUE, &whole.public), (CKA_PARAMETER_SET, &set)];
        let created = token.create(&key(CKO_PUBLIC_KEY, whole.key_type, &values));
        let own = whole.public[3] == 2;
        assert_eq!(created.map(drop), if own { Ok(()) } else { Err(CKR_TEMPLATE_INCONSISTENT) });
    }
    let public = whole.create(token)?;
    let signature = vec![0; whole.signature.len()];
    let verified = whole.verify(token, public, &signature);
    token.destroy(public);
    verified
}

/// A pair of two levels, whose signatures verify. The seeds of published keys cannot be given to a token:
/// `src/crypto/lms/private/tests.rs` has their signatures.
fn generated(token: &Token) -> Answer<Outcome> {
    let types = |types: [CK_ULONG; 2]| types.map(CK_ULONG::to_ne_bytes).concat();
    let private = vec![
        (CKA_HSS_LEVELS, ulong(2)),
        (CKA_HSS_LMS_TYPES, types([5, 5])),
        (CKA_HSS_LMOTS_TYPES, types([4, 3])),
    ];
    let generation = Mechanism::plain(CKM_HSS_KEY_PAIR_GEN);
    let (public, private) = token.generate_pair(&generation, &vec![], &private)?;
    let value = token.attribute(public, CKA_VALUE)?;
    if value[..12] != hex("000000020000000500000004")[..] || value.len() != 60 {
        return Ok(Outcome::Wrong(format!("the public key begins with {:02x?}", &value[..12])));
    }
    let hss = Mechanism::plain(CKM_HSS);
    let parts = token.sign_in_parts(&hss, private, MESSAGE);
    if parts != Err(CKR_FUNCTION_NOT_SUPPORTED) {
        return Ok(Outcome::Wrong(format!("in parts: {parts:?}")));
    }
    for number in 0..3 {
        let signature = token.sign(&hss, private, MESSAGE)?;
        token.verify(&hss, public, MESSAGE, &signature)?;
        let remaining = token.attribute(private, CKA_HSS_KEYS_REMAINING)?;
        if remaining != ulong(1024 - 1 - number) {
            return Ok(Outcome::Wrong(format!("after {number}: {remaining:?} remain")));
        }
    }
    token.destroy(public);
    token.destroy(private);
    Ok(Outcome::Accepted)
}

const MESSAGE: &[u8] = b"a message";

/// A template without the types of the trees.
fn incomplete(token: &Token) -> Answer<()> {
    let private = vec![(CKA_HSS_LEVELS, ulong(1))];
    token.generate_pair(&Mechanism::plain(CKM_HSS_KEY_PAIR_GEN), &vec![], &private).map(drop)
}

pub fn answers() -> Vec<Known> {
    macro_rules! calls {
        ($id:ident) => {
            Known {
                mechanism: Mechanism::plain($id),
                does: Does::Calls { right: |token| right(token, $id), wrong: |token| wrong(token, $id) },
            }
        };
    }
    let generates = Known {
        mechanism: Mechanism::plain(CKM_HSS_KEY_PAIR_GEN),
        does: Does::Calls { right: generated, wrong: incomplete },
    };
    vec![generates, calls!(CKM_HSS), calls!(CKM_XMSS), calls!(CKM_XMSSMT)]
}
