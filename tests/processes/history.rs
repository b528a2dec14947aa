//! What several processes say they did with one token, and whether that can be true of one token.

use std::collections::{BTreeMap, HashMap, HashSet};

use coffer_pkcs11::ck::*;

/// So long after its destruction a key may still be used elsewhere, in nanoseconds.
const KEY_CHECK_INTERVAL: u64 = 1_000_000;

/// One call of a thread: what, with which object, when it began and ended (nanoseconds of one clock), its answer, and a
/// value: a label, or the objects that a search has found.
#[derive(Debug)]
pub struct Event {
    pub call: Call,
    pub object: String,
    pub begin: u64,
    pub end: u64,
    pub rv: CK_RV,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Create,
    Destroy,
    SetLabel,
    ReadLabel,
    List,
    Find,
    Sign,
    Wrap,
    Unwrap,
}

const CALLS: [(Call, &str); 9] = [
    (Call::Create, "create"),
    (Call::Destroy, "destroy"),
    (Call::SetLabel, "label"),
    (Call::ReadLabel, "read"),
    (Call::List, "list"),
    (Call::Find, "find"),
    (Call::Sign, "sign"),
    (Call::Wrap, "wrap"),
    (Call::Unwrap, "unwrap"),
];

impl Event {
    pub fn line(&self) -> String {
        let name = CALLS.iter().find(|(call, _)| *call == self.call).unwrap().1;
        format!("{name} {} {} {} {} {}", self.object, self.begin, self.end, self.rv, self.value)
    }

    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let [name, object, begin, end, rv, ref value @ ..] = words[..] else { return None };
        let call = CALLS.iter().find(|(_, known)| *known == name)?.0;
        let number = |word: &str| word.parse().ok();
        let (begin, end, rv) = (number(begin)?, number(end)?, number(rv)?);
        Some(Self { call, object: object.into(), begin, end, rv, value: value.concat() })
    }
}

/// The code for a handle whose object is gone.
fn gone(call: Call) -> CK_RV {
    match call {
        Call::Sign => CKR_KEY_HANDLE_INVALID,
        Call::Wrap => CKR_WRAPPING_KEY_HANDLE_INVALID,
        Call::Unwrap => CKR_UNWRAPPING_KEY_HANDLE_INVALID,
        _ => CKR_OBJECT_HANDLE_INVALID,
    }
}

/// An object from its creation to its destruction, each with its begin and end.
struct Life {
    made: (u64, u64),
    ended: Option<(u64, u64)>,
    /// Labels with the begin and end of the call that set them; the first is that of the creation.
    labels: Vec<(u64, u64, String)>,
}

impl Life {
    /// Certainly there from `begin` to `end`.
    fn spans(&self, begin: u64, end: u64) -> bool {
        self.made.1 < begin && self.ended.is_none_or(|ended| ended.0 > end)
    }

    /// Possibly there at some time between `begin` and `end`.
    fn touches(&self, begin: u64, end: u64) -> bool {
        self.made.0 < end && self.ended.is_none_or(|ended| ended.1 > begin)
    }

    /// Whether a reader from `begin` to `end` may see this label: it was set by then, and no other one was set wholly
    /// between its being set and the reading.
    fn may_show(&self, label: &str, begin: u64, end: u64) -> bool {
        self.labels.iter().any(|(set_begin, set_end, value)| {
            value == label
                && *set_begin < end
                && !self
                    .labels
                    .iter()
                    .any(|(other_begin, other_end, _)| *set_end < *other_begin && *other_end < begin)
        })
    }
}

/// Everything that contradicts a single token on which each call happens at one moment between its begin and end.
pub fn contradictions(events: &[Event]) -> Vec<String> {
    let mut losses = Vec::new();
    let lives = lives(events, &mut losses);
    for event in events {
        if let Err(what) = check(event, &lives) {
            losses.push(format!("{what}: {event:?}"));
        }
    }
    losses
}

fn lives(events: &[Event], losses: &mut Vec<String>) -> BTreeMap<String, Life> {
    let mut lives = BTreeMap::new();
    let done = |call: Call| events.iter().filter(move |event| event.call == call && event.rv == CKR_OK);
    for event in done(Call::Create) {
        let made = (event.begin, event.end);
        let labels = vec![(event.begin, event.end, event.value.clone())];
        lives.insert(event.object.clone(), Life { made, ended: None, labels });
    }
    for event in done(Call::SetLabel) {
        match lives.get_mut(&event.object) {
            Some(life) => life.labels.push((event.begin, event.end, event.value.clone())),
            None => losses.push(format!("an object that nobody created: {event:?}")),
        }
    }
    for event in done(Call::Destroy) {
        match lives.get_mut(&event.object) {
            Some(life) if life.ended.is_none() => life.ended = Some((event.begin, event.end)),
            _ => losses.push(format!("destroyed twice, or never created: {event:?}")),
        }
    }
    lives
}

fn check(event: &Event, lives: &BTreeMap<String, Life>) -> Result<(), &'static str> {
    match event.call {
        Call::List | Call::Find if event.rv != CKR_OK => return Err("a search failed"),
        Call::List => return check_list(event, lives),
        Call::Create if event.rv != CKR_OK => return Err("a creation failed"),
        Call::Create => return Ok(()),
        _ => {}
    }
    let life = lives.get(&event.object).ok_or("an object that nobody created")?;
    if event.call == Call::Find {
        return match event.value.as_str() {
            "0" if life.spans(event.begin, event.end) => Err("a search missed an object"),
            "1" if !life.touches(event.begin, event.end) => Err("a search found a ghost"),
            "0" | "1" => Ok(()),
            _ => Err("a search found an object twice"),
        };
    }
    if event.rv == gone(event.call) {
        let excused = life.ended.is_some_and(|ended| ended.0 < event.end);
        return if excused { Ok(()) } else { Err("an object is said to be gone") };
    }
    if event.rv != CKR_OK {
        return Err("an error that no caller has caused");
    }
    let grace =
        if matches!(event.call, Call::Sign | Call::Wrap | Call::Unwrap) { KEY_CHECK_INTERVAL } else { 0 };
    if !life.touches(event.begin.saturating_sub(grace), event.end) {
        return Err("an object was used after its end");
    }
    if event.call == Call::ReadLabel && !life.may_show(&event.value, event.begin, event.end) {
        return Err("a label that was not set, or was replaced before");
    }
    Ok(())
}

fn check_list(event: &Event, lives: &BTreeMap<String, Life>) -> Result<(), &'static str> {
    let found: Vec<&str> = event.value.split(',').filter(|id| !id.is_empty()).collect();
    let once: HashSet<&str> = found.iter().copied().collect();
    if once.len() != found.len() {
        return Err("a search found an object twice");
    }
    if found.iter().any(|id| !lives.get(*id).is_some_and(|life| life.touches(event.begin, event.end))) {
        return Err("a search found a ghost");
    }
    let missed =
        |(id, life): (&String, &Life)| life.spans(event.begin, event.end) && !once.contains(id.as_str());
    if lives.iter().any(missed) { Err("a search missed an object") } else { Ok(()) }
}

/// What must be left at the end, and which labels each may have.
pub fn remains(events: &[Event], found: &HashMap<String, String>) -> Vec<String> {
    let lives = lives(events, &mut Vec::new());
    let mut losses = Vec::new();
    for (id, life) in &lives {
        match (life.ended, found.get(id)) {
            (None, None) => losses.push(format!("{id} is lost")),
            (Some(_), Some(_)) => losses.push(format!("{id} was destroyed and is there")),
            (None, Some(label)) if !life.may_show(label, u64::MAX - 1, u64::MAX) => {
                losses.push(format!("{id} has the label {label}"));
            }
            _ => {}
        }
    }
    losses.extend(found.keys().filter(|id| !lives.contains_key(*id)).map(|id| format!("{id} is a ghost")));
    losses
}
