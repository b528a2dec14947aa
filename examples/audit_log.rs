//! What an audit log costs: makes a token with a log of uses in a folder, signs until the log has so many records, and tells what
//! one told use takes longer than one untold. `scripts/campaign.sh audit` builds it optimised and verifies the log with `coffer`.
//!
//! usage: audit_log FOLDER [RECORDS]     the folder must not be there; the first key is written into it

use std::error::Error;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::lifecycle::log::{self, Begin};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::{Template, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{AuditMode, ObjectHandle, SlotId, padded};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measurements of each, told and untold in turn.
const ROUNDS: usize = 100;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: audit_log FOLDER [RECORDS]")?;
    let records: u64 = arguments.next().map_or(Ok(1_000_000), |records| records.parse())?;
    let folder = Path::new(&folder);
    std::fs::create_dir(folder)?;
    let mut config = Config::with_home(folder);
    config.pin.kdf_iterations = 10_000;
    let module = Module::new(config);
    let session = token_with_log(&module, folder)?;
    let keys = [mac_key(&session)?, curve_key(&session)?];
    // So many that a round takes some milliseconds, and fills the blocks that are written.
    price(&session, "AES-CMAC of 32 bytes", CKM_AES_CMAC, keys[0], 3000)?;
    price(&session, "ECDSA P-256 of 32 bytes", CKM_ECDSA, keys[1], 300)?;
    let begun = Instant::now();
    let mut signed = 0;
    let path = log::path_beside(&module.slot_info(SlotId(0))?.path);
    while count(&path)? < records {
        // A block holds a few hundred records.
        for _ in 0..(records - count(&path)?).min(10_000) {
            sign(&session, CKM_AES_CMAC, keys[0])?;
            signed += 1;
        }
        session.token().flush_log(false);
        if std::io::stderr().is_terminal() {
            eprint!("\r{} of {records} records", count(&path)?);
        }
    }
    session.token().flush_log(true);
    let (seconds, length) = (begun.elapsed().as_secs_f64(), std::fs::metadata(&path)?.len());
    println!(
        "{}: {} records, {} MiB; {signed} signatures with their records in {seconds:.1} s",
        path.display(),
        count(&path)?,
        length >> 20
    );
    Ok(())
}

/// A token with a log of uses, whose first key is in the file `first-key`; its user is logged in.
fn token_with_log(module: &Module, folder: &Path) -> Result<Arc<Session>> {
    let (so_pin, pin) = (Secret::copy_of(b"56789"), Secret::copy_of(b"1234"));
    module.init_token_with(SlotId(0), &so_pin, padded("audit"), Profile::Compatible)?;
    let session = module.session(module.open_session(SlotId(0), CKF_SERIAL_SESSION | CKF_RW_SESSION)?)?;
    session.login(CKU_SO, &so_pin)?;
    session.init_pin(&pin)?;
    session.logout()?;
    session.login(CKU_USER, &pin)?;
    let token = module.token(SlotId(0))?;
    let backend = module.audit_backend(&module.slot_info(SlotId(0))?.path);
    let begin = Begin { mode: AuditMode::Uses, ..Begin::default() };
    let first_key = log::enable(&token, backend, &begin)?.ok_or("the first key was not shown")?;
    let digits: String = first_key.iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(folder.join("first-key"), digits)?;
    Ok(session)
}

fn template(attributes: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Result<Template> {
    let mut template = Template::new();
    for (attribute, value) in attributes {
        template.push_value(*attribute, value.clone())?;
    }
    Ok(template)
}

fn mac_key(session: &Session) -> Result<ObjectHandle> {
    let wanted = template(&[
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_LABEL, Value::Bytes(b"mac".to_vec())),
        (CKA_VALUE_LEN, Value::Ulong(32)),
        (CKA_SIGN, Value::Bool(true)),
    ])?;
    Ok(session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted)?)
}

fn curve_key(session: &Session) -> Result<ObjectHandle> {
    const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let public = template(&[(CKA_EC_PARAMS, Value::Bytes(P256.to_vec()))])?;
    let private = template(&[(CKA_TOKEN, Value::Bool(true)), (CKA_LABEL, Value::Bytes(b"curve".to_vec()))])?;
    Ok(session.generate_key_pair(CKM_EC_KEY_PAIR_GEN, &Params::None, &public, &private)?.1)
}

fn sign(session: &Session, mechanism: CK_MECHANISM_TYPE, key: ObjectHandle) -> Result<()> {
    session.sign_init(mechanism, &Params::None, key)?;
    Ok(session.sign(&[7; 32], &mut Output::buffer(&mut [0; 64]))?)
}

/// What telling adds to one use: told and untold rounds in turn, the quickest of each, because other work only ever adds.
fn price(
    session: &Session,
    name: &str,
    mechanism: CK_MECHANISM_TYPE,
    key: ObjectHandle,
    round: u32,
) -> Result<()> {
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (mode, best) in [AuditMode::Events, AuditMode::Uses].into_iter().zip(&mut best) {
            session.token().audit_as(mode);
            let begun = Instant::now();
            for _ in 0..round {
                sign(session, mechanism, key)?;
            }
            session.token().flush_log(false);
            *best = begun.elapsed().min(*best);
        }
    }
    let [untold, told] = best.map(|time| time.as_secs_f64() * 1e6 / f64::from(round));
    println!("{name}: {untold:.2} us untold, {told:.2} us told and written: {:+.2} us", told - untold);
    Ok(())
}

/// How many records the log's header counts (docs/audit.md): the mark that is not current is zeros.
fn count(log: &Path) -> Result<u64> {
    let mut header = [0; 1024];
    std::fs::File::open(log)?.read_exact(&mut header)?;
    let counts = [512 + 8, 656 + 8].map(|place| header.get(place..).and_then(|rest| rest.first_chunk()));
    Ok(counts.into_iter().flatten().map(|count| u64::from_le_bytes(*count)).max().unwrap_or(0))
}
