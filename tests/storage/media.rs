//! What a simulated disk holds, and what a power cut leaves of it.
//!
//! Writes go to a cache and stand in a queue until a sync makes them durable; the same holds for the names of a folder.
//! A power cut keeps what is durable and, of each queue, nothing, everything, the beginning, or any selection; a write is
//! kept or lost by sectors of 512 bytes. Files and names are independent of each other, so that a rename may survive
//! the loss of everything that came before it, and the other way round.

use std::collections::BTreeMap;

use super::random::Random;

pub const SECTOR: usize = 512;

/// A change of a file that is not durable yet.
#[derive(Clone)]
pub enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

#[derive(Clone, Default)]
pub struct Inode {
    /// What processes see.
    pub cache: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

/// Names that change together: each stands for a file from then on, or for none.
type NameChange = Vec<(String, Option<u64>)>;

#[derive(Clone, Default)]
pub struct Media {
    pub inodes: BTreeMap<u64, Inode>,
    pub names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending_names: Vec<NameChange>,
}

fn apply(contents: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { offset, bytes } => {
            let end = offset + bytes.len();
            if contents.len() < end {
                contents.resize(end, 0);
            }
            contents[*offset..end].copy_from_slice(bytes);
        }
        Change::Truncate(length) => contents.truncate(*length),
    }
}

/// The parts of a change that a disk may write one without the other.
fn sectors(change: &Change) -> Vec<Change> {
    let Change::Write { offset, bytes } = change else { return vec![change.clone()] };
    let mut parts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = bytes.len().min(at + SECTOR - (offset + at) % SECTOR);
        parts.push(Change::Write { offset: offset + at, bytes: bytes[at..end].to_vec() });
        at = end;
    }
    parts
}

/// Which of so many pending things a power cut keeps.
fn selection(count: usize, random: &mut Random) -> Vec<bool> {
    let how = random.below(4);
    let prefix = random.below(count + 1);
    (0..count)
        .map(|number| match how {
            0 => false,
            1 => true,
            2 => number < prefix,
            _ => random.chance(2),
        })
        .collect()
}

impl Inode {
    pub fn change(&mut self, change: Change) {
        apply(&mut self.cache, &change);
        self.pending.push(change);
    }

    pub fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            apply(&mut self.durable, &change);
        }
    }

    /// The disk failed while it wrote: some of the changes are durable, the others are forgotten, although the cache
    /// still shows them and no later sync will try them again. (That is how Linux behaves.)
    pub fn sync_failed(&mut self, random: &mut Random) {
        self.durable = self.after_power_cut(random);
        self.pending.clear();
    }

    fn after_power_cut(&self, random: &mut Random) -> Vec<u8> {
        let parts: Vec<Change> = self.pending.iter().flat_map(sectors).collect();
        let mut contents = self.durable.clone();
        for (part, kept) in parts.iter().zip(selection(parts.len(), random)) {
            if kept {
                apply(&mut contents, part);
            }
        }
        contents
    }
}

impl Media {
    pub fn change_names(&mut self, change: NameChange) {
        set_names(&mut self.names, &change);
        self.pending_names.push(change);
    }

    pub fn sync_names(&mut self) {
        for change in std::mem::take(&mut self.pending_names) {
            set_names(&mut self.durable_names, &change);
        }
    }

    /// The folder could not be synced: its changes stay in the queue, and a power cut decides.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.inodes.get(self.names.get(name)?).map(|inode| &inode.cache[..])
    }

    /// What is there when the power comes back.
    pub fn after_power_cut(&self, random: &mut Random) -> Self {
        let mut names = self.durable_names.clone();
        let kept = selection(self.pending_names.len(), random);
        for (change, kept) in self.pending_names.iter().zip(kept) {
            if kept {
                set_names(&mut names, change);
            }
        }
        let mut inodes = BTreeMap::new();
        for number in names.values() {
            let contents = self.inodes[number].after_power_cut(random);
            let inode = Inode { cache: contents.clone(), durable: contents, pending: Vec::new() };
            inodes.insert(*number, inode);
        }
        Self { inodes, durable_names: names.clone(), names, pending_names: Vec::new() }
    }
}

fn set_names(names: &mut BTreeMap<String, u64>, change: &NameChange) {
    for (name, inode) in change {
        match inode {
            Some(inode) => names.insert(name.clone(), *inode),
            None => names.remove(name),
        };
    }
}
