//! The child's side of the measurement: token keys, objects to search among, and a loop that obeys.

use super::MARK;
use super::lattice::Lattice;
use crate::expect::{Check, Verdict, unhex};
use crate::module::{Module, Outcome};
use crate::scenario::Host;
use crate::session::{Kind, Session, input, len};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

/// DER of the object identifiers of P-256 and Ed25519.
const P256: &str = "06082a8648ce3d030107";
const ED25519: &str = "06032b6570";

/// Prepares, says so, and then answers each line with the nanoseconds of the operation that it names.
pub fn serve(module: &Path, objects: usize, seconds: f64) -> Result<(), String> {
    let host = Host::new(Module::open(module)?);
    let bench = Bench::new(&host, objects).map_err(|verdict| format!("{verdict:?}"))?;
    println!("{MARK}ready");
    for line in std::io::stdin().lock().lines() {
        let operation = line.map_err(|error| error.to_string())?;
        match bench.measure(&operation, Duration::from_secs_f64(seconds)) {
            Ok(nanoseconds) => println!("{MARK}{nanoseconds}"),
            Err(reason) => println!("{MARK}{reason}"),
        }
    }
    Ok(())
}

/// A session with token keys; a key that the module does not support is missing.
struct Bench<'h> {
    session: Session<'h>,
    objects: usize,
    rsa: Option<CK_OBJECT_HANDLE>,
    p256: Option<CK_OBJECT_HANDLE>,
    ed25519: Option<CK_OBJECT_HANDLE>,
    aes: Option<CK_OBJECT_HANDLE>,
    lattice: Lattice<'h>,
}

impl<'h> Bench<'h> {
    fn new(host: &'h Host, objects: usize) -> Check<Bench<'h>> {
        let session = host.user()?;
        for number in 0..objects {
            session.create(&searched(number))?;
        }
        let rsa = Template::new().ulong(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
        Ok(Bench {
            session,
            objects,
            rsa: supported(pair(&session, CKM_RSA_PKCS_KEY_PAIR_GEN, rsa, true))?,
            p256: supported(pair(&session, CKM_EC_KEY_PAIR_GEN, curve(P256), true))?,
            ed25519: supported(pair(&session, CKM_EC_EDWARDS_KEY_PAIR_GEN, curve(ED25519), true))?,
            aes: supported(aes(&session, true))?,
            lattice: Lattice::new(session)?,
        })
    }

    /// Nanoseconds of one operation, over so much time.
    fn measure(&self, operation: &str, time: Duration) -> Result<f64, String> {
        let session = &self.session;
        let sign = |mechanism, key: Option<CK_OBJECT_HANDLE>, data: &[u8]| {
            let (mechanism, key) = (Mechanism::plain(mechanism), key.ok_or("not supported")?);
            timed(time, || operate(session, Kind::Sign, &mechanism, key, data))
        };
        match operation {
            "rsa-2048 sign" => {
                let mut info = unhex("3031300d060960864801650304020105000420");
                info.extend([7; 32]);
                sign(CKM_RSA_PKCS, self.rsa, &info)
            }
            "p-256 sign" => sign(CKM_ECDSA, self.p256, &[7; 32]),
            "ed25519 sign" => sign(CKM_EDDSA, self.ed25519, &[7; 32]),
            "aes-256-gcm 1 KiB" => {
                let (mechanism, key) = (Mechanism::gcm(&[1; 12], b"", 128), self.aes.ok_or("not supported")?);
                timed(time, || operate(session, Kind::Encrypt, &mechanism, key, &[7; 1024]))
            }
            operation if operation.starts_with("ml-") => {
                let measured = self.lattice.operation(operation).ok_or("not supported")?;
                timed(time, measured)
            }
            "generate aes-256 key" => timed(time, || session.destroy(aes(session, false)?)),
            "generate p-256 pair" => {
                timed(time, || session.destroy(pair(session, CKM_EC_KEY_PAIR_GEN, curve(P256), false)?))
            }
            "find one by label" => {
                let template = Template::new().label(&format!("object {}", self.objects / 2));
                timed(time, || session.find(&template).map(|_| ()))
            }
            "find one by id" => {
                let id = (self.objects / 2).to_be_bytes();
                let template = Template::new().class(CKO_SECRET_KEY).bytes(CKA_ID, &id);
                timed(time, || session.find(&template).map(|_| ()))
            }
            "find all" => timed(time, || session.find(&Template::new()).map(|_| ())),
            _ => Err(format!("no such operation: {operation}")),
        }
    }
}

/// Init and the one-part function into a buffer on the stack, so that little but the module is measured.
fn operate(
    session: &Session,
    kind: Kind,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    data: &[u8],
) -> Outcome {
    let mut buffer = [0_u8; 1040];
    let mut length = len(&buffer);
    session.init(kind, mechanism, key)?;
    session.once_raw(kind, input(data), len(data), buffer.as_mut_ptr(), &mut length)
}

/// Repeats an operation for a while; nanoseconds of one.
fn timed(time: Duration, mut work: impl FnMut() -> Outcome) -> Result<f64, String> {
    work().map_err(|error| error.to_string())?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        work().map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(count.max(1)))
}

/// A missing mechanism or curve is no error here.
pub fn supported<T>(outcome: Outcome<T>) -> Check<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if [CKR_MECHANISM_INVALID, CKR_CURVE_NOT_SUPPORTED].contains(&error.rv) => Ok(None),
        Err(error) => Err(Verdict::from(error)),
    }
}

pub fn curve(parameters: &str) -> Template {
    Template::new().bytes(CKA_EC_PARAMS, &unhex(parameters))
}

/// The private key of a new pair; the public key is destroyed.
pub fn pair(
    session: &Session,
    mechanism: CK_MECHANISM_TYPE,
    public: Template,
    token: bool,
) -> Outcome<CK_OBJECT_HANDLE> {
    let private = Template::new().bool(CKA_TOKEN, token).bool(CKA_PRIVATE, true).bool(CKA_SIGN, true);
    let private = private.bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false);
    let public = public.bool(CKA_TOKEN, false).bool(CKA_VERIFY, true);
    let (public, private) = session.generate_pair(&Mechanism::plain(mechanism), &public, &private)?;
    session.destroy(public)?;
    Ok(private)
}

fn aes(session: &Session, token: bool) -> Outcome<CK_OBJECT_HANDLE> {
    let template = Template::new().bool(CKA_TOKEN, token).bool(CKA_PRIVATE, true).ulong(CKA_VALUE_LEN, 32);
    let template = template.bool(CKA_ENCRYPT, true).bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false);
    session.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template)
}

/// One of the many objects: a private token key with a label and an id.
pub fn searched(number: usize) -> Template {
    Template::new()
        .class(CKO_SECRET_KEY)
        .ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .bool(CKA_TOKEN, true)
        .bool(CKA_PRIVATE, true)
        .label(&format!("object {number}"))
        .bytes(CKA_ID, &number.to_be_bytes())
        .bytes(CKA_VALUE, &[7; 32])
}
