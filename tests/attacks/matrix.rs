//! Every combination of usage bits and of protection, made by each call that makes keys: what the bits say is what the
//! key does.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::token::ObjectHandle;

use crate::common::{bytes, template};
use crate::host::*;

const USES: [CK_ATTRIBUTE_TYPE; 7] =
    [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE];

const PROTECTION: [CK_ATTRIBUTE_TYPE; 4] =
    [CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED, CKA_COPYABLE];

const VALUE: [u8; 16] = *b"0123456789abcdef";

/// The calls that make a key.
#[derive(Clone, Copy, Debug)]
enum Call {
    Create,
    Generate,
    Derive,
    Unwrap,
    Copy,
}

const CALLS: [Call; 5] = [Call::Create, Call::Generate, Call::Derive, Call::Unwrap, Call::Copy];

/// What the calls need, and what the keys are tried on.
struct Bench {
    host: Host,
    /// As little protection as the profile allows.
    open: [Attribute; 2],
    base: ObjectHandle,
    by: ObjectHandle,
    wrapped: Vec<u8>,
    other: ObjectHandle,
}

impl Bench {
    fn new() -> Self {
        Self::on(Host::new(), [no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)])
    }

    fn strict() -> Self {
        Self::on(Host::strict(), [yes(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)])
    }

    fn on(host: Host, open: [Attribute; 2]) -> Self {
        let base = host.aes(&VALUE, &[&[yes(CKA_DERIVE)], &open[..]].concat());
        let by = host.new_aes(&[yes(CKA_WRAP), yes(CKA_UNWRAP)]);
        let other = host.aes(&VALUE, &[yes(CKA_EXTRACTABLE)]);
        let wrapped = host.wrap(CKM_AES_KEY_WRAP, &Params::None, by, other).unwrap();
        Self { host, open, base, by, wrapped, other }
    }

    /// A key of 16 bytes with these attributes.
    fn make(&self, call: Call, attributes: &[Attribute]) -> Result<ObjectHandle> {
        let session = &self.host.session;
        let wanted = secret_key(CKK_AES, attributes);
        match call {
            Call::Create => {
                let value = (CKA_VALUE, bytes(&VALUE));
                session.create_object(&secret_key(CKK_AES, &[&[value], attributes].concat()))
            }
            Call::Generate => {
                let length = (CKA_VALUE_LEN, Value::Ulong(16));
                let wanted = template(&[&[length], attributes].concat());
                session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted)
            }
            Call::Derive => {
                let params = Params::Bytes(vec![1; 16]);
                self.host.derive(CKM_XOR_BASE_AND_DATA, &params, self.base, &wanted)
            }
            Call::Unwrap => {
                session.unwrap_key(CKM_AES_KEY_WRAP, &Params::None, self.by, &self.wrapped, &wanted)
            }
            Call::Copy => {
                let original = self.host.aes(&VALUE, &self.open);
                let copy = session.copy_object(original, &template(attributes));
                session.destroy_object(original)?;
                copy
            }
        }
    }

    /// Uses the key in one way.
    fn apply(&self, use_of: CK_ATTRIBUTE_TYPE, key: ObjectHandle) -> Result<()> {
        let (host, none) = (&self.host, &Params::None);
        match use_of {
            CKA_ENCRYPT => host.encrypt(CKM_AES_ECB, none, key, &[1; 16]).map(drop),
            CKA_DECRYPT => host.decrypt(CKM_AES_ECB, none, key, &[1; 16]).map(drop),
            CKA_SIGN => host.sign(CKM_AES_CMAC, none, key, b"data").map(drop),
            CKA_VERIFY => {
                host.session.verify_init(CKM_AES_CMAC, none, key).map(|()| host.session.verify_cancel())
            }
            CKA_WRAP => host.wrap(CKM_AES_KEY_WRAP, none, key, self.other).map(drop),
            // Bytes that are no wrapped key: they are looked at only where the key may be used.
            CKA_UNWRAP => {
                let wanted = secret_key(CKK_AES, &[]);
                match host.session.unwrap_key(CKM_AES_KEY_WRAP, none, key, &[1; 24], &wanted) {
                    Err(Error::WrappedKeyInvalid) => Ok(()),
                    other => other.map(drop),
                }
            }
            _ => {
                let wanted = secret_key(CKK_GENERIC_SECRET, &[]);
                host.derive(CKM_XOR_BASE_AND_DATA, &Params::Bytes(vec![1; 16]), key, &wanted).map(drop)
            }
        }
    }
}

/// The attributes with the bits of `number`.
fn bits(attributes: &[CK_ATTRIBUTE_TYPE], number: usize) -> Vec<Attribute> {
    attributes.iter().enumerate().map(|(bit, id)| (*id, Value::Bool(number >> bit & 1 == 1))).collect()
}

/// Uses the key in every way; panics where a use is not what the attributes say. How many uses there were.
fn use_in_every_way(bench: &Bench, key: ObjectHandle, wanted: &[Attribute], told: &str) -> usize {
    for (use_of, allowed) in wanted {
        let used = bench.apply(*use_of, key);
        let right = if *allowed == Value::Bool(true) {
            used == Ok(())
        } else {
            used == Err(Error::KeyFunctionNotPermitted)
        };
        assert!(right, "{told}: {use_of:#x} is {used:?}");
    }
    wanted.len()
}

#[test]
fn a_key_is_used_for_what_its_bits_say_and_for_nothing_else_whichever_call_made_it() {
    let bench = Bench::new();
    let mut uses = 0;
    for call in CALLS {
        for number in 0..1 << USES.len() {
            let wanted = bits(&USES, number);
            let key = bench.make(call, &wanted).unwrap();
            uses += use_in_every_way(&bench, key, &wanted, &format!("{call:?} with {number:#b}"));
            bench.host.session.destroy_object(key).unwrap();
        }
    }
    println!("{uses} uses of keys");
}

/// Which roles a strict token does not give a new key (docs/policy.md), and that it gives it all others.
#[test]
fn a_key_of_a_strict_token_has_no_roles_that_conflict_whichever_call_made_it() {
    let bench = Bench::strict();
    let (mut uses, mut refused) = (0, 0);
    for call in CALLS {
        for number in 0..1 << USES.len() {
            let wanted = bits(&USES, number);
            let has = |id| wanted.contains(&yes(id));
            // Whatever wraps or unwraps does nothing else.
            let wraps = has(CKA_WRAP) || has(CKA_UNWRAP);
            let other = [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_DERIVE].into_iter().any(has);
            let conflict = wraps && other;
            // A wrapping key of which somebody may know the value; a copy that may more than its original.
            let foreign = has(CKA_WRAP) && !matches!(call, Call::Generate);
            let gains = matches!(call, Call::Copy) && number != 0;
            let hidden = [yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)];
            let made = bench.make(call, &[&wanted[..], &hidden].concat());
            let told = format!("{call:?} with {number:#b}");
            assert_eq!(made.is_err(), conflict || foreign || gains, "{told}: {made:?}");
            match made {
                Ok(key) => {
                    uses += use_in_every_way(&bench, key, &wanted, &told);
                    bench.host.session.destroy_object(key).unwrap();
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!("{uses} uses of keys, {refused} keys refused");
}

#[test]
fn a_key_is_as_hidden_as_its_attributes_say_whichever_call_made_it() {
    let bench = Bench::new();
    let host = &bench.host;
    let mut keys = 0;
    for call in CALLS {
        for number in 0..1 << PROTECTION.len() {
            let wanted = bits(&PROTECTION, number);
            let [sensitive, extractable, trusting, copyable] = [0, 1, 2, 3].map(|bit| number >> bit & 1 == 1);
            let key = bench.make(call, &wanted).unwrap();
            let told = format!("{call:?} with {number:#b}");
            for (attribute, value) in &wanted {
                assert_eq!(host.read(key, *attribute).as_ref(), Ok(value), "{told}");
            }
            let readable = !sensitive && extractable;
            assert_eq!(host.value(key).is_ok(), readable, "{told}");
            let wrapped = host.wrap(CKM_AES_KEY_WRAP, &Params::None, bench.by, key).err();
            let refusal = match (extractable, trusting) {
                (false, _) => Some(Error::KeyUnextractable),
                (true, true) => Some(Error::KeyNotWrappable),
                (true, false) => None,
            };
            assert_eq!(wrapped, refusal, "{told}");
            let copied = host.session.copy_object(key, &template(&[]));
            assert_eq!(copied.is_ok(), copyable, "{told}");
            // A new key has the history that it deserves: only what was generated here was always protected.
            let born_here = matches!(call, Call::Generate);
            assert_eq!(host.is(key, CKA_ALWAYS_SENSITIVE), born_here && sensitive, "{told}");
            assert_eq!(host.is(key, CKA_NEVER_EXTRACTABLE), born_here && !extractable, "{told}");
            assert_eq!(host.is(key, CKA_LOCAL), born_here, "{told}");
            keys += 1;
        }
    }
    println!("{keys} keys");
}

/// From every protection to every other: a change or a copy is made if it takes nothing away.
#[test]
fn protection_changes_in_one_direction_alone() {
    let bench = Bench::new();
    let session = &bench.host.session;
    let mut changes = 0;
    for from in 0..1 << PROTECTION.len() {
        for to in 0..1 << PROTECTION.len() {
            let (before, after) = (bits(&PROTECTION, from), bits(&PROTECTION, to));
            // Sensitive and trusting may become true, extractable and copyable false.
            let loosens = |bit: usize, good: usize| from >> bit & 1 == good && to >> bit & 1 != good;
            let allowed = !(loosens(0, 1) || loosens(1, 0) || loosens(2, 1) || loosens(3, 0));
            let key = bench.make(Call::Create, &before).unwrap();
            if from >> 3 & 1 == 1 {
                let copied = session.copy_object(key, &template(&after));
                assert_eq!(copied.is_ok(), allowed, "copy of {from:#b} as {to:#b}");
            }
            for ((attribute, old), (_, new)) in before.iter().zip(&after).filter(|(old, new)| old != new) {
                let bit = PROTECTION.iter().position(|id| id == attribute).unwrap();
                let changed = session.set_attribute_values(key, &template(&[(*attribute, new.clone())]));
                let loosens = loosens(
                    bit,
                    if matches!(*attribute, CKA_SENSITIVE | CKA_WRAP_WITH_TRUSTED) { 1 } else { 0 },
                );
                assert_eq!(changed.is_ok(), !loosens, "{attribute:#x} from {old:?} to {new:?}");
            }
            session.destroy_object(key).unwrap();
            changes += 1;
        }
    }
    println!("{changes} changes");
}
