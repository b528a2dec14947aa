//! The care of token files: verifying, compacting, and saving what verifies from a damaged one.

use crate::frames::{self, Frame};
use crate::{Home, Run};

const TOKEN: &str = "tokens/token-0.coffer";
const PUT: u8 = 2;

/// A token with two key pairs, one of them exportable, and what its file holds.
struct Sample {
    home: Home,
    file: Vec<u8>,
}

impl Sample {
    fn new() -> Self {
        let home = Home::empty();
        home.ok(&["init", "mine", "--audit=none"]);
        home.ok(&["generate", "ed25519", "one", "--id", "01"]);
        home.ok(&["generate", "ec:P-256", "two", "--id", "02", "--exportable"]);
        let file = std::fs::read(home.path(TOKEN)).unwrap();
        Self { home, file }
    }

    fn frames(&self) -> Vec<Frame> {
        frames::frames(&self.file)
    }

    /// The places (from 0) of the PUTs.
    fn puts(&self) -> Vec<usize> {
        let frames = self.frames();
        (0..frames.len()).filter(|place| frames[*place].kind() == PUT).collect()
    }

    /// Where a record begins.
    fn offset(&self, place: usize) -> usize {
        frames::HEADER + self.frames()[..place].iter().map(|frame| frame.0.len()).sum::<usize>()
    }

    fn write(&self, file: &[u8]) {
        std::fs::write(self.home.path(TOKEN), file).unwrap();
    }

    /// Verifying these contents finds tampering, and names the record with this number, place and kind.
    fn is_caught(&self, what: &str, file: &[u8], named: &str) {
        self.write(file);
        let run = self.home.run(&["verify"]);
        assert_eq!(run.code, 2, "{what}: {}{}", run.out, run.err);
        assert!(run.err.contains(named), "{what}: `{named}` is not in: {}", run.err);
        assert!(run.err.contains("coffer salvage"), "{what}: no way out: {}", run.err);
    }

    /// Saves what it can from the present contents into a token `new`, and leaves the damaged file as it is.
    fn salvage(&self, arguments: &[&str]) -> Run {
        let before = std::fs::read(self.home.path(TOKEN)).unwrap();
        let file = self.home.argument(TOKEN);
        let run = self.home.run(&[&["salvage", &file, "--into", "new"], arguments].concat());
        assert_eq!(std::fs::read(self.home.path(TOKEN)).unwrap(), before, "the source was touched");
        run
    }
}

fn flipped(file: &[u8], at: usize) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at] ^= 1;
    file
}

#[test]
fn a_whole_token_is_authentic() {
    let sample = Sample::new();
    let run = sample.home.run(&["verify", "mine"]);
    assert!(run.code == 0 && run.out.contains("Token `mine` is authentic"), "{} {}", run.out, run.err);
    assert!(run.out.contains("4 objects") && run.err.is_empty(), "{} {}", run.out, run.err);
    let json = sample.home.json(&["verify", "--json", "--so"]);
    let records = sample.frames().len();
    assert_eq!((&json["schema"], &json["records"]), (&"coffer.verify".into(), &records.into()));
    let wrong = sample.home.command(&["verify"]).env("COFFER_PIN", "9999").output().unwrap();
    let wrong = Run::from(wrong);
    assert!(wrong.code == 1 && wrong.err.contains("the PIN is wrong"), "{}", wrong.err);
}

#[test]
fn what_was_done_to_a_file_is_found_and_the_first_bad_record_named() {
    let sample = Sample::new();
    let (frames, puts) = (sample.frames(), sample.puts());
    let named = |place: usize| format!("record {} (PUT, at byte {})", place + 1, sample.offset(place));
    let header = &sample.file;
    for put in &puts {
        let file = flipped(&sample.file, sample.offset(*put) + 100);
        sample.is_caught("a flipped byte", &file, &named(*put));
    }
    let raw = |frames: &[Frame]| frames::raw(header, frames);
    let mended = |frames: &[Frame]| frames::without_pointers(&frames::mended(header, frames));

    let mut deleted = frames.clone();
    deleted.remove(puts[0]);
    let next = format!("record {} (", puts[0] + 1);
    sample.is_caught("a deleted record", &raw(&deleted), &next);
    sample.is_caught("a deleted record, mended", &mended(&deleted), "record ");

    let mut swapped = frames.clone();
    swapped.swap(puts[0], puts[1]);
    sample.is_caught("swapped records", &raw(&swapped), &next);
    sample.is_caught("swapped records, mended", &mended(&swapped), "record ");

    let mut repeated = frames.clone();
    repeated.insert(puts[0], frames[puts[0]].clone());
    sample.is_caught("a repeated record", &raw(&repeated), "record ");

    // A byte of a sealed part, with the chain put right: only the keys tell.
    let sealed = *puts.iter().find(|put| frames[**put].0[5] & 1 != 0).expect("a private record");
    let mut edited = frames.clone();
    let middle = edited[sealed].0.len() / 2;
    edited[sealed].0[middle] ^= 1;
    sample.is_caught("an edited record, mended", &mended(&edited), &named(sealed));
}

#[test]
fn a_file_that_was_cut_is_found_and_so_are_records_of_another_token() {
    let sample = Sample::new();
    let ends = frames::ends(&sample.file);
    let before_last = ends[ends.len() - 2];
    let missing = format!("(missing, at byte {before_last}): its end is missing");
    sample.is_caught("cut at a commit", &sample.file[..before_last], &missing);
    let cut = before_last + 40;
    sample.is_caught("cut in a record", &sample.file[..cut], &format!("at byte {cut}): its end is missing"));
    sample.is_caught("cut in its first transaction", &sample.file[..frames::HEADER + 100], "record 1 ");

    let other = Sample::new();
    let theirs = other.frames();
    let mut spliced = sample.frames();
    let private = |frames: &[Frame], puts: Vec<usize>| {
        puts.into_iter().find(|put| frames[*put].0[5] & 1 != 0).expect("a private record")
    };
    let place = private(&spliced, sample.puts());
    spliced[place] = theirs[private(&theirs, other.puts())].clone();
    let file = frames::without_pointers(&frames::mended(&sample.file, &spliced));
    let named = format!("record {} (PUT, at byte {})", place + 1, sample.offset(place));
    sample.is_caught("another token's record", &file, &named);
    // Nothing of it gets into the new token.
    let run = sample.salvage(&[]);
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert!(run.out.contains(&format!("{named}: its sealed parts do not open")), "{}", run.out);
}

#[test]
fn the_doctor_names_the_record_too_and_tells_of_what_was_left_behind() {
    let sample = Sample::new();
    let place = sample.puts()[0];
    std::fs::write(sample.home.path("tokens/token-0.coffer.new"), b"").unwrap();
    let run = sample.home.run(&["doctor", "--quiet"]);
    assert!(run.code == 3 && run.out.contains("was left by a program"), "{}", run.out);
    sample.write(&flipped(&sample.file, sample.offset(place) + 30));
    let run = sample.home.run(&["doctor", "--quiet"]);
    let named = format!("record {} (PUT, at byte {})", place + 1, sample.offset(place));
    assert!(run.code == 2 && run.out.contains(&named), "{}", run.out);
}

#[test]
fn compacting_makes_the_file_smaller_and_keeps_what_is_in_it() {
    let sample = Sample::new();
    for _ in 0..5 {
        sample.home.ok(&["generate", "aes:256", "gone"]);
        sample.home.ok(&["delete", "gone", "--yes"]);
    }
    let before = std::fs::metadata(sample.home.path(TOKEN)).unwrap().len();
    let out = sample.home.ok(&["compact"]);
    let after = std::fs::metadata(sample.home.path(TOKEN)).unwrap().len();
    assert!(after < before && out.contains(&format!("{after} bytes now")), "{out}");
    assert!(sample.home.ok(&["verify"]).contains("4 objects"));
    sample.home.ok(&["export", "two", "--type", "private", "--out", &sample.home.argument("two.pem")]);
}

#[test]
fn everything_is_saved_from_a_whole_file() {
    let sample = Sample::new();
    let key = sample.home.ok(&["export", "two", "--type", "private"]);
    let run = sample.salvage(&[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("Saved 4 objects") && run.out.contains("4 verified"), "{}", run.out);
    let again = sample.home.ok(&["export", "two", "--type", "private", "--token", "new"]);
    assert_eq!(again, key);
    assert!(sample.home.ok(&["verify", "new"]).contains("is authentic"));
    let taken = sample.salvage(&[]);
    assert!(taken.code == 1 && taken.err.contains("--allow-duplicate"), "{}", taken.err);
}

#[test]
fn of_a_damaged_file_the_sound_records_are_saved_and_the_others_listed() {
    for (compacted, so) in [(false, false), (true, true)] {
        let mut sample = Sample::new();
        if compacted {
            sample.home.ok(&["compact"]);
            sample.file = std::fs::read(sample.home.path(TOKEN)).unwrap();
        }
        let key = sample.home.ok(&["export", "two", "--type", "private"]);
        // The private key `one` is damaged; it stands before the pair `two`.
        let (frames, puts) = (sample.frames(), sample.puts());
        let place = puts.into_iter().find(|put| frames[*put].0[5] & 1 != 0).unwrap();
        let middle = sample.offset(place) + frames[place].0.len() / 2;
        sample.write(&flipped(&sample.file, middle));
        let run = sample.salvage(if so { &["--so"] } else { &[] });
        assert_eq!(run.code, 3, "{}{}", run.out, run.err);
        assert!(run.out.contains("Saved 3 objects"), "{}", run.out);
        let named = format!("record {} (PUT, at byte {}): ", place + 1, sample.offset(place));
        assert!(run.out.contains(&named), "{named}: {}", run.out);
        let again = sample.home.ok(&["export", "two", "--type", "private", "--token", "new"]);
        assert_eq!(again, key);
        assert!(sample.home.ok(&["verify", "new"]).contains("3 objects"));
    }
}

#[test]
fn a_deletion_that_is_proven_is_carried_out_when_saving() {
    let sample = Sample::new();
    sample.home.ok(&["delete", "one", "--yes"]);
    let file = std::fs::read(sample.home.path(TOKEN)).unwrap();
    sample.write(&flipped(&file, frames::HEADER + 30));
    let json = sample.salvage(&["--json"]);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&report["verified"], &report["sealed"]), (&2.into(), &0.into()), "{}", json.out);
    assert_eq!(report["lost"][0]["kind"], "BASE");
}

#[test]
fn what_is_no_token_and_what_no_pin_opens_is_told() {
    let sample = Sample::new();
    let junk = sample.home.write("junk", b"this is no token");
    let run = sample.home.run(&["salvage", &junk, "--into", "new"]);
    assert!(run.code == 2 && run.err.contains("is not a Coffer token"), "{} {}", run.code, run.err);
    let file = sample.home.argument(TOKEN);
    let run = sample.home.command(&["salvage", &file, "--into", "new"]).env("COFFER_PIN", "9999").output();
    let run = Run::from(run.unwrap());
    assert!(run.code == 1 && run.err.contains("add --so"), "{} {}", run.code, run.err);
    assert!(!sample.home.ok(&["info"]).contains("new"));
}
