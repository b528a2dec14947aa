//! Reads the memory of another process and finds keys and PINs in it, whole halves of them, in either order of bytes and
//! as HMAC masks them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::host::USED_OF;
use super::{KEYS, PIN_LEN, SO_PIN_SEED, USER_PIN_SEED, fill, fill_pin};

/// Bytes that are compared.
const NEEDLE: usize = 16;

/// What is searched for: needles by their first eight bytes, with the number of their secret.
pub struct Scanner {
    needles: HashMap<u64, Vec<([u8; NEEDLE], usize)>>,
    /// Whether any needle begins so, by its first bytes.
    beginnings: Vec<bool>,
}

/// What was found.
#[derive(Default)]
pub struct Found {
    pub keys: usize,
    pub pins: usize,
    /// Those of the keys that were never used.
    pub unused: usize,
    /// Keys that also lie in pages that a core dump would have.
    pub keys_in_dumps: Vec<usize>,
    /// Which pages, and how many secrets lie in each.
    pub places: BTreeMap<String, usize>,
    pub bytes: u64,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, pins, unused, keys_in_dumps, bytes, .. } = self;
        let dumped = keys_in_dumps.len();
        write!(
            formatter,
            "{keys} of {KEYS} keys ({unused} unused ones, {dumped} in pages that are dumped), {pins} of 2 PINs in {} MiB",
            bytes >> 20
        )
    }
}

impl Scanner {
    pub fn new() -> Self {
        let mut scanner = Self { needles: HashMap::new(), beginnings: vec![false; 1 << 24] };
        for index in 0..KEYS {
            let mut value = [0; 32];
            fill(index as u64, &mut value);
            scanner.search_for(&value, index);
        }
        for (number, seed) in [USER_PIN_SEED, SO_PIN_SEED].into_iter().enumerate() {
            let mut pin = [0; PIN_LEN];
            fill_pin(seed, &mut pin);
            scanner.search_for(&pin, KEYS + number);
        }
        scanner
    }

    fn search_for(&mut self, secret: &[u8], number: usize) {
        let reversed: Vec<u8> = secret.iter().rev().copied().collect();
        let masked = |mask: u8| secret.iter().map(|byte| byte ^ mask).collect::<Vec<u8>>();
        let words: Vec<u8> = secret.chunks(4).flat_map(|word| word.iter().rev()).copied().collect();
        for form in [secret.to_vec(), reversed, masked(0x36), masked(0x5c), words] {
            for part in [&form[..NEEDLE], &form[form.len() - NEEDLE..]] {
                let needle: [u8; NEEDLE] = part.try_into().unwrap();
                self.needles.entry(first(&needle)).or_default().push((needle, number));
                self.beginnings[beginning(&needle)] = true;
            }
        }
    }

    /// All memory of a process that can be read.
    pub fn scan(&self, pid: i32) -> Found {
        let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
        let mut found = Found::default();
        let (mut all, mut in_dumps) = (BTreeSet::new(), BTreeSet::new());
        for region in regions(pid) {
            let mut bytes = vec![0; (region.end - region.start) as usize];
            // What cannot be read, such as the pages of the kernel, is in no dump either.
            if memory.read_exact_at(&mut bytes, region.start).is_err() {
                continue;
            }
            found.bytes += bytes.len() as u64;
            let here = self.secrets_in(&bytes);
            if !here.is_empty() {
                *found.places.entry(region.name.clone()).or_default() += here.len();
            }
            if region.is_dumped {
                in_dumps.extend(here.iter().copied());
            }
            all.extend(here);
        }
        found.keys = all.range(..KEYS).count();
        found.pins = all.range(KEYS..).count();
        found.unused = all.range(..KEYS).filter(|key| !key.is_multiple_of(USED_OF)).count();
        found.keys_in_dumps = in_dumps.range(..KEYS).copied().collect();
        found
    }

    fn secrets_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (page, part) in bytes.chunks(4096).enumerate() {
            if part.iter().all(|byte| *byte == 0) {
                continue;
            }
            let end = (page * 4096 + part.len() + NEEDLE - 1).min(bytes.len());
            for window in bytes[page * 4096..end].windows(NEEDLE) {
                if self.beginnings[beginning(window)] {
                    let needles = self.needles.get(&first(window)).into_iter().flatten();
                    found.extend(needles.filter(|(needle, _)| needle == window).map(|(_, number)| *number));
                }
            }
        }
        found
    }
}

fn first(window: &[u8]) -> u64 {
    u64::from_le_bytes(window[..8].try_into().unwrap())
}

fn beginning(window: &[u8]) -> usize {
    usize::from(window[0]) | usize::from(window[1]) << 8 | usize::from(window[2]) << 16
}

struct Region {
    start: u64,
    end: u64,
    name: String,
    /// Not marked with MADV_DONTDUMP.
    is_dumped: bool,
}

fn regions(pid: i32) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for line in fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "VmFlags:" {
            if let Some(region) = regions.last_mut() {
                region.is_dumped = !words.contains(&"dd");
            }
        } else if let Some((start, end)) = words[0].split_once('-') {
            if words[1].starts_with("rw") {
                let number = |text| u64::from_str_radix(text, 16).unwrap();
                let name = words.get(5).copied().unwrap_or("anonymous").to_owned();
                regions.push(Region { start: number(start), end: number(end), name, is_dumped: true });
            } else {
                // The flags of a region that is not looked at must not be taken for those of the one before.
                regions.push(Region { start: 0, end: 0, name: String::new(), is_dumped: true });
            }
        }
    }
    regions.retain(|region| region.end > 0);
    regions
}
