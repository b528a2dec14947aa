//! Somebody who can write the log, and perhaps the token file, but has neither PIN nor first key. Each manipulation is done to a
//! copy of its own; each is found, and the right record named.

use coffer_pkcs11::lifecycle::log::verify::Anchor;

use super::*;

/// A log with events and uses, what the token says, and where its records begin; the last is its end.
struct Victim {
    audited: Audited,
    contents: Vec<u8>,
    side: TokenSide,
    offsets: Vec<usize>,
}

impl Victim {
    fn new() -> Self {
        let audited = Audited::new(AuditMode::Uses);
        let session = audited.fixture.user_session();
        for number in 0..5 {
            let key = secret_key(&session, &format!("key {number}"), true);
            sign(&session, key);
        }
        let contents = audited.contents();
        let side = audited.side();
        let mut offsets: Vec<_> = entries(&contents).iter().map(|entry| entry.offset as usize).collect();
        offsets.push(contents.len());
        Self { audited, contents, side, offsets }
    }

    fn records(&self) -> u64 {
        self.offsets.len() as u64 - 1
    }

    fn record(&self, number: u64) -> std::ops::Range<usize> {
        self.offsets[number as usize - 1]..self.offsets[number as usize]
    }

    /// The first bad record of a copy that `change` was done to, with all that can be known.
    fn first_bad(&self, change: impl FnOnce(&mut Vec<u8>)) -> Option<u64> {
        self.first_bad_without(true, change)
    }

    fn first_bad_without(&self, keyed: bool, change: impl FnOnce(&mut Vec<u8>)) -> Option<u64> {
        let mut copy = self.contents.clone();
        change(&mut copy);
        let first_key = keyed.then_some(&self.audited.first_key);
        let against = Against { first_key, token: Some(&self.side), anchor: None };
        let checked = check(&copy, &against);
        checked.findings.first().map(|finding| finding.record)
    }
}

#[test]
fn an_untouched_log_is_authentic_with_and_without_its_first_key() {
    let victim = Victim::new();
    assert_eq!(victim.first_bad(|_| {}), None);
    assert_eq!(victim.first_bad_without(false, |_| {}), None);
    let wrong = FirstKey::new([1; 32]);
    let against = Against { first_key: Some(&wrong), ..Against::default() };
    let checked = check(&victim.contents, &against);
    assert!(checked.findings[0].record == 0 && !checked.keyed, "{:?}", checked.findings);
    assert!(checked.findings[0].what.contains("not begun with this first key"));
}

#[test]
fn a_record_that_is_taken_out_is_named_wherever_it_stood() {
    let victim = Victim::new();
    for keyed in [true, false] {
        for number in 1..victim.records() {
            let found = victim.first_bad_without(keyed, |copy| drop(copy.drain(victim.record(number))));
            assert_eq!(found, Some(number));
        }
    }
}

#[test]
fn a_record_that_is_put_in_or_repeated_is_named() {
    let victim = Victim::new();
    for number in 1..=victim.records() {
        let again = victim.contents[victim.record(number)].to_vec();
        let at = victim.record(number).end;
        let found = victim.first_bad(|copy| drop(copy.splice(at..at, again)));
        // Behind the last record it is a torn end to a writer, and it is told of here.
        assert_eq!(found, Some(number + 1), "record {number}");
    }
}

#[test]
fn two_records_that_are_swapped_are_named() {
    let victim = Victim::new();
    for number in 1..victim.records() {
        let (first, second) = (victim.record(number), victim.record(number + 1));
        let swapped = [&victim.contents[second.clone()], &victim.contents[first.clone()]].concat();
        let found = victim.first_bad(|copy| drop(copy.splice(first.start..second.end, swapped)));
        assert_eq!(found, Some(number));
    }
}

#[test]
fn any_byte_that_is_changed_is_found_in_its_record() {
    let victim = Victim::new();
    for number in 1..=victim.records() {
        for at in victim.record(number).step_by(7) {
            let found = victim.first_bad(|copy| copy[at] ^= 0x20);
            assert_eq!(found, Some(number), "byte {at}");
        }
    }
    // Everything in the header but its unused bytes and the wiped mark.
    for at in (0..512).step_by(5) {
        assert_eq!(victim.first_bad(|copy| copy[at] ^= 0x20), Some(0), "byte {at}");
    }
    let marks = 512..800;
    let used: Vec<_> = marks.filter(|at| victim.contents[*at] != 0).collect();
    assert!(used.iter().all(|at| victim.first_bad(|copy| copy[*at] ^= 0x20) == Some(0)));
}

#[test]
fn an_end_that_is_cut_off_is_found_by_the_mark_and_with_the_mark_by_the_token() {
    let victim = Victim::new();
    for number in 1..=victim.records() {
        let end = victim.record(number).start;
        let found = victim.first_bad(|copy| copy.truncate(end));
        assert_eq!(found, Some(number));
        let found = victim.first_bad(|copy| copy.truncate(end + 20));
        assert_eq!(found, Some(number));
    }
    // The whole file as it was earlier, with its mark: the token has counted further.
    let session = victim.audited.fixture.open(SlotId(0), true);
    secret_key(&session, "later", true);
    victim.audited.token().flush_log(true);
    let mut side = victim.audited.side();
    side.events.clear();
    let checked = victim.audited.check(&victim.contents, &side);
    assert!(checked.findings[0].what.contains("are missing in the log"), "{:?}", checked.findings);
    // An older token put back, too: only an anchor outside can show that.
    assert_eq!(victim.audited.check(&victim.contents, &victim.side).findings, []);
    let newer = victim.audited.contents();
    let anchor = check(&newer, &Against::default()).anchor;
    let against = Against { anchor, token: Some(&victim.side), first_key: None };
    assert_eq!(check(&newer, &against).findings.len(), 1, "the token is older");
    let checked = check(&victim.contents, &against);
    assert!(checked.findings[0].what.contains("the anchor is of"));
}

/// The attacker writes everything anew from a record on, with chain and codes as they must be under the key that is in the
/// header. (This is the format of docs/audit.md, written a second time.)
fn reseal(copy: &mut [u8], from: usize, number: u64) {
    let place = place_of_mark(copy);
    let key = copy[place + 96..place + 128].try_into().unwrap();
    reseal_with(copy, from, number, &key);
}

fn place_of_mark(copy: &[u8]) -> usize {
    [512, 656].into_iter().find(|place| copy[*place..*place + 144] != [0; 144]).unwrap()
}

/// The same with a key of the attacker's choice.
pub fn reseal_with(copy: &mut [u8], from: usize, number: u64, key: &[u8; 32]) {
    use sha2_again::{hmac, sha256};
    let (place, mut key) = (place_of_mark(copy), *key);
    let mut chain: [u8; 32] = if number == 1 {
        sha256(&[b"coffer audit chain v1", &copy[..512]].concat())
    } else {
        copy[from - 64..from - 32].try_into().unwrap()
    };
    let mut at = from;
    while at < copy.len() {
        let length = u32::from_le_bytes(copy[at..at + 4].try_into().unwrap()) as usize;
        let end = at + 16 + length;
        chain = sha256(&[&chain[..], &copy[at..end]].concat());
        copy[end..end + 32].copy_from_slice(&chain);
        copy[end + 32..end + 64]
            .copy_from_slice(&hmac(&key, &[b"coffer audit code v1", &chain[..]].concat()));
        key = sha256(&[b"coffer audit key v1", &key[..]].concat());
        at = end + 64;
    }
    copy[place + 64..place + 96].copy_from_slice(&chain);
    copy[place + 96..place + 128].copy_from_slice(&key);
    sign_mark(copy, place);
}

/// The digest of a mark, which anybody can make.
fn sign_mark(copy: &mut [u8], place: usize) {
    let id: [u8; 16] = copy[32..48].try_into().unwrap();
    let check = sha2_again::sha256(&[b"coffer audit mark v1", &id[..], &copy[place..place + 128]].concat());
    copy[place + 128..place + 144].copy_from_slice(&check[..16]);
}

#[test]
fn a_log_that_is_written_anew_with_the_newest_key_is_found_with_the_first_one() {
    let victim = Victim::new();
    for number in 1..=victim.records() {
        let range = victim.record(number);
        let edit = |copy: &mut Vec<u8>| {
            // A letter of the program's name, or of the detail, in the middle of the body.
            let at = range.start + 16 + (range.len() - 80) / 2;
            copy[at] ^= 1;
            reseal(copy, range.start, number);
        };
        assert_eq!(victim.first_bad(edit), Some(number), "record {number}");
    }
    // Without the first key the token still shows that a copy of its events was changed.
    let event = entries(&victim.contents).into_iter().find(|entry| entry.event_number == Some(4)).unwrap();
    let range = victim.record(event.number);
    let edit = |copy: &mut Vec<u8>| {
        copy[range.end - 70] ^= 1;
        reseal(copy, range.start, event.number);
    };
    assert_eq!(victim.first_bad_without(false, edit), Some(event.number));
}

#[test]
fn an_end_that_is_cut_off_together_with_its_count_is_found_by_the_key_that_nobody_can_go_back_to() {
    let victim = Victim::new();
    let all = entries(&victim.contents);
    for number in 2..=victim.records() {
        let end = victim.record(number).start;
        let cut = |copy: &mut Vec<u8>| {
            copy.truncate(end);
            let place = place_of_mark(copy);
            copy[place + 8..place + 16].copy_from_slice(&(number - 1).to_le_bytes());
            copy[place + 16..place + 24].copy_from_slice(&(end as u64).to_le_bytes());
            let chain: [u8; 32] = copy[end - 64..end - 32].try_into().unwrap();
            copy[place + 64..place + 96].copy_from_slice(&chain);
            sign_mark(copy, place);
        };
        assert_eq!(victim.first_bad(cut), Some(number - 1));
        // Without the first key, where events of the token were cut off with it.
        let events = all[number as usize - 1..].iter().any(|entry| entry.event_number.is_some());
        assert!(!events || victim.first_bad_without(false, cut) == Some(number - 1), "record {number}");
    }
}

#[test]
fn a_mark_that_makes_writers_leave_out_events_is_found() {
    let victim = Victim::new();
    let more = |copy: &mut Vec<u8>| {
        let place = place_of_mark(copy);
        copy[place + 24] += 1;
        sign_mark(copy, place);
    };
    assert_eq!(victim.first_bad_without(false, more), Some(victim.records()));
}

#[test]
fn what_was_written_anew_since_the_takeover_is_shown_by_an_anchor_alone() {
    let victim = Victim::new();
    let audited = &victim.audited;
    let session = audited.fixture.open(SlotId(0), true);
    let key = secret_key(&session, "mac", true);
    let taken_over = audited.contents();
    // The log goes on, and somebody writes down where it stands.
    for _ in 0..5 {
        sign(&session, key);
    }
    let anchor = check(&audited.contents(), &Against::default()).anchor.unwrap();
    // The attacker goes back to what he has taken, and tells something else with the key of that time.
    std::fs::write(audited.path(), &taken_over).unwrap();
    for _ in 0..7 {
        audited.token().note(&audited.token().event(What::Verify));
    }
    let (forged, side) = (audited.contents(), audited.side());
    assert_eq!(audited.check(&forged, &side).findings, []);
    let against = Against { first_key: Some(&audited.first_key), token: Some(&side), anchor: Some(anchor) };
    let findings = check(&forged, &against).findings;
    assert_eq!((findings.len(), findings[0].record), (1, anchor.records), "{findings:?}");
    assert!(findings[0].what.contains("when the anchor was written down"));
}

#[test]
fn another_log_and_one_of_another_token_are_found_in_the_header() {
    let (victim, other) = (Victim::new(), Victim::new());
    assert_eq!(victim.first_bad(|copy| copy.clone_from(&other.contents)), Some(0));
    let side = TokenSide { log: Some([9; 16]), ..victim.side.clone() };
    assert_eq!(victim.audited.check(&victim.contents, &side).findings[0].record, 0);
}

#[test]
fn what_is_written_behind_the_mark_without_its_key_is_found_and_cut_off_by_the_next_writer() {
    let victim = Victim::new();
    let last = victim.contents[victim.record(victim.records())].to_vec();
    let mut forged = last;
    forged[8..16].copy_from_slice(&(victim.records() + 1).to_le_bytes());
    let found = victim.first_bad(|copy| copy.extend_from_slice(&forged));
    assert_eq!(found, Some(victim.records() + 1));
    let longer = [&victim.contents[..], &forged].concat();
    std::fs::write(victim.audited.path(), &longer).unwrap();
    let session = victim.audited.fixture.open(SlotId(0), true);
    secret_key(&session, "next", true);
    let checked = victim.audited.check(&victim.audited.contents(), &victim.audited.side());
    assert_eq!(checked.findings, []);
}

#[test]
fn a_writer_that_was_killed_before_the_mark_loses_nothing_and_a_torn_record_is_cut_off() {
    let victim = Victim::new();
    let before = victim.contents.clone();
    let session = victim.audited.fixture.open(SlotId(0), true);
    secret_key(&session, "next", true);
    let after = victim.audited.contents();
    let side = victim.audited.side();
    // The records have been written up to some byte, and the mark has not.
    for length in (before.len()..=after.len()).step_by(13).chain([after.len()]) {
        let mut file = after[..length].to_vec();
        file[..1024].copy_from_slice(&before[..1024]);
        std::fs::write(victim.audited.path(), &file).unwrap();
        assert_eq!(victim.audited.check(&file, &side).findings, [], "a reader, length {length}");
        victim.audited.token().note(&victim.audited.token().event(What::LoggedIn));
        let checked = victim.audited.check(&victim.audited.contents(), &side);
        assert_eq!((checked.findings, checked.waiting), (vec![], 0), "a writer, length {length}");
    }
}

#[test]
fn a_writer_that_finds_the_end_missing_says_so_and_goes_on() {
    let victim = Victim::new();
    let cut = victim.record(victim.records() - 2).start;
    std::fs::write(victim.audited.path(), &victim.contents[..cut]).unwrap();
    let session = victim.audited.fixture.open(SlotId(0), true);
    secret_key(&session, "next", true);
    let contents = victim.audited.contents();
    let checked = victim.audited.check(&contents, &victim.audited.side());
    assert_eq!((checked.findings[0].record, checked.gaps), (victim.records() - 2, 1));
    let gap = events(&contents).into_iter().find(|event| event.what == What::LogGap).unwrap();
    assert!(gap.detail.starts_with("3 records"), "{}", gap.detail);
}

#[test]
fn no_bytes_whatever_bring_a_reader_down() {
    let victim = Victim::new();
    for length in (0..victim.contents.len()).step_by(11) {
        let _ = victim.first_bad(|copy| copy.truncate(length));
    }
    let anchor = Some(Anchor { records: u64::MAX, head: [0; 32] });
    for at in (1024..victim.contents.len()).step_by(3) {
        let mut copy = victim.contents.clone();
        copy[at] = 0xff;
        let against = Against { first_key: Some(&victim.audited.first_key), token: None, anchor };
        assert!(!check(&copy, &against).findings.is_empty());
    }
}

/// SHA-256 and HMAC for the attacker.
pub mod sha2_again {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Digest, Sha256};

    pub fn sha256(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    pub fn hmac(key: &[u8], bytes: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}
