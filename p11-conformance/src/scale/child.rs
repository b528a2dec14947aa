//! The child's side: fills the token, or starts cold and measures.

use crate::bench::{MARK, curve, pair, searched};
use crate::expect::{Verdict, failed};
use crate::module::{Module, Outcome};
use crate::scenario::Host;
use crate::session::Session;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::path::Path;
use std::time::{Duration, Instant};

/// The line that ends the cold start.
pub const SIGNED: &str = "signed";
/// CKA_LABEL of the key that signs.
const SIGNER: &str = "signer";
/// DER of the object identifier of P-256.
const P256: &str = "06082a8648ce3d030107";
/// Samples of one operation that reads, and of one that writes.
const READS: usize = 101;
const WRITES: usize = 31;

fn told(verdict: Verdict) -> String {
    format!("{verdict:?}")
}

fn say(name: &str, value: f64) {
    println!("{MARK}{name}\t{value}");
}

/// Makes the objects with these numbers, and before the first one the key that signs.
pub fn fill(module: &Path, from: usize, to: usize) -> Result<(), String> {
    let host = Host::new(Module::open(module)?);
    let session = host.user().map_err(told)?;
    if from == 0 {
        let key =
            pair(&session, CKM_EC_KEY_PAIR_GEN, curve(P256), true).map_err(|error| error.to_string())?;
        session.set(key, &Template::new().label(SIGNER)).map_err(|error| error.to_string())?;
    }
    let start = Instant::now();
    for number in from..to {
        session.create(&searched(number)).map_err(|error| error.to_string())?;
    }
    say("create each of them", start.elapsed().as_nanos() as f64 / to.saturating_sub(from).max(1) as f64);
    Ok(())
}

/// The cold start, and then single operations among `objects` objects.
pub fn measure(module: &Path, objects: usize) -> Result<(), String> {
    let host = Host::new(Module::open(module)?);
    let mut steps = Steps(Instant::now());
    let session = host.session().map_err(told)?;
    steps.end("  C_Initialize and slots");
    session.login(CKU_USER, crate::scenario::USER_PIN).map_err(|error| error.to_string())?;
    steps.end("  C_Login");
    let key = signer(&session)?;
    steps.end("  find the key");
    let ecdsa = Mechanism::plain(CKM_ECDSA);
    session.sign(&ecdsa, key, &[7; 32]).map_err(|error| error.to_string())?;
    steps.end("  sign once");
    println!("{MARK}{SIGNED}");

    say("  processor time of it", processor_time()?);
    say("memory in bytes", memory("VmRSS:")?);
    say("peak memory in bytes", memory("VmHWM:")?);
    let number = objects / 2;
    let by_id = Template::new().class(CKO_SECRET_KEY).bytes(CKA_ID, &number.to_be_bytes());
    let by_label = Template::new().label(&format!("object {number}"));
    let absent = Template::new().label("no such object");
    sampled("find by id", READS, || session.find(&by_id).map(|_| ()))?;
    sampled("find by label", READS, || session.find(&by_label).map(|_| ()))?;
    sampled("find what is not there", READS, || session.find(&absent).map(|_| ()))?;
    sampled("use a key", READS, || session.sign(&ecdsa, key, &[7; 32]).map(|_| ()))?;
    let mut made = Vec::new();
    sampled("create one", WRITES, || session.create(&searched(usize::MAX)).map(|object| made.push(object)))?;
    sampled("destroy one", WRITES, || made.pop().map_or(Ok(()), |object| session.destroy(object)))
}

/// The private key of that label; there must be one.
fn signer(session: &Session) -> Result<CK_OBJECT_HANDLE, String> {
    let template = Template::new().class(CKO_PRIVATE_KEY).label(SIGNER);
    let found = session.find(&template).map_err(|error| error.to_string())?;
    found.first().copied().ok_or_else(|| told(failed("no key", "the key that signs")))
}

/// Times of steps that follow each other.
struct Steps(Instant);

impl Steps {
    fn end(&mut self, name: &str) {
        say(name, self.0.elapsed().as_nanos() as f64);
        self.0 = Instant::now();
    }
}

/// The median of so many single operations.
fn sampled(name: &str, count: usize, mut work: impl FnMut() -> Outcome) -> Result<(), String> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        work().map_err(|error| format!("{name}: {error}"))?;
        times.push(start.elapsed());
    }
    times.sort();
    say(name, times.get(count / 2).map_or(0.0, |time| time.as_nanos() as f64));
    Ok(())
}

/// The processor time that this process has used, in nanoseconds: what other load on the machine does not change much.
fn processor_time() -> Result<f64, String> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place for the answer is live.
    if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) } != 0 {
        return Err(std::io::Error::last_os_error().to_string());
    }
    Ok(time.tv_sec as f64 * 1e9 + time.tv_nsec as f64)
}

/// A line of /proc/self/status, in bytes.
fn memory(name: &str) -> Result<f64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.map(|kibibytes| kibibytes * 1024.0).ok_or_else(|| format!("no {name} in /proc/self/status"))
}
