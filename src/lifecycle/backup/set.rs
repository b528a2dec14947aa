//! A set of shares: made of a recovery key, and put together again.

use super::error::{Error, Result, damaged};
use super::recipient::Seed;
use super::share::{MAX_SHARES, MIN_THRESHOLD, Opened, SetId, ShareHead, name};
use crate::crypto::sharing;

/// What a new set is made for.
pub struct SetRules<'a> {
    pub threshold: u8,
    /// One share for each, in this order.
    pub custodians: &'a [String],
    pub token: [u8; 16],
    pub serial: [u8; 16],
    /// Seconds since 1970 UTC.
    pub made: u64,
    pub signer_id: [u8; 16],
}

/// Whether a key can be split so. `Refused`: not 2 ≤ threshold ≤ custodians ≤ 16, names that are no names or that occur twice.
pub fn check_rule(threshold: u8, custodians: &[String]) -> Result<()> {
    let refused = |text: String| Err(Error::Refused(text));
    let count = u8::try_from(custodians.len()).unwrap_or(u8::MAX);
    if threshold < MIN_THRESHOLD || threshold > count || count > MAX_SHARES {
        return refused(format!(
            "{threshold} of {} is no rule for shares: at least 2 must be needed, and there are at most 16",
            custodians.len()
        ));
    }
    let mut names: Vec<&String> = custodians.iter().collect();
    names.sort();
    if let Some([name, ..]) = names.windows(2).find(|pair| pair.first() == pair.last()) {
        return refused(format!("`{name}` is named twice: a quorum of one person is none"));
    }
    custodians.iter().try_for_each(|custodian| name(custodian).map(drop))
}

/// Splits a recovery key. `Refused`: as `check_rule`.
pub fn split(seed: &Seed, rules: &SetRules) -> Result<Vec<Opened>> {
    check_rule(rules.threshold, rules.custodians)?;
    let count = u8::try_from(rules.custodians.len()).unwrap_or(u8::MAX);
    let mut head = ShareHead {
        threshold: rules.threshold,
        count,
        token: rules.token,
        serial: rules.serial,
        made: rules.made,
        key_id: seed.public_half()?.key_id()?,
        signer_id: rules.signer_id,
        commitments: Vec::new(),
    };
    let shares = sharing::split(seed.secret().as_bytes(), rules.threshold, count)?;
    let named = shares.iter().zip(rules.custodians);
    head.commitments = named
        .map(|(share, custodian)| head.commitment(share.number, custodian, &share.value))
        .collect::<Result<_>>()?;
    let opened = shares.into_iter().zip(rules.custodians).map(|(share, custodian)| Opened {
        head: head.clone(),
        number: share.number,
        custodian: custodian.clone(),
        value: share.value,
    });
    Ok(opened.collect())
}

/// The recovery key that shares give. `Mismatch`: they are of different sets. `Quorum`: too few of them. Shares that are given
/// twice count once.
pub fn combine(shares: &[Opened]) -> Result<Seed> {
    let Some(first) = shares.first() else {
        return Err(Error::Quorum("no shares were given".into()));
    };
    let set = first.head.set_id()?;
    let mut distinct: Vec<&Opened> = Vec::new();
    for share in shares {
        if share.head != first.head {
            return Err(Error::Mismatch(other_set(share, share.head.set_id()?, set)));
        }
        if distinct.iter().all(|held| held.number != share.number) {
            distinct.push(share);
        }
    }
    let threshold = usize::from(first.head.threshold);
    if distinct.len() < threshold {
        return Err(Error::Quorum(quorum_text(&distinct, &first.head, set)));
    }
    // As many as are needed: a share more would be believed without having been tried.
    let form = |share: &&Opened| sharing::Share { number: share.number, value: share.value.clone() };
    let seed = Seed::new(sharing::combine(&distinct.iter().take(threshold).map(form).collect::<Vec<_>>())?)?;
    if seed.public_half()?.key_id()? != first.head.key_id {
        return Err(damaged(format!("the shares of set {set} do not give its recovery key")));
    }
    Ok(seed)
}

fn other_set(share: &Opened, its: SetId, set: SetId) -> String {
    format!(
        "the share of {} (number {}) is of set {its}, and not of set {set}",
        share.custodian, share.number
    )
}

fn quorum_text(held: &[&Opened], head: &ShareHead, set: SetId) -> String {
    let names: Vec<String> =
        held.iter().map(|share| format!("{} (number {})", share.custodian, share.number)).collect();
    format!(
        "set {set} needs {} shares, and {} given: {}",
        head.threshold,
        if held.len() == 1 { "1 was".into() } else { format!("{} were", held.len()) },
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::super::passphrase;
    use super::super::share::Share;
    use super::*;
    use crate::secret::Secret;

    fn set(threshold: u8, custodians: &[&str]) -> (Seed, Vec<Opened>) {
        let custodians: Vec<String> = custodians.iter().map(|name| name.to_string()).collect();
        let rules = SetRules {
            threshold,
            custodians: &custodians,
            token: [1; 16],
            serial: *b"0123456789abcdef",
            made: 1_900_000_000,
            signer_id: [2; 16],
        };
        let seed = Seed::random().unwrap();
        let shares = split(&seed, &rules).unwrap();
        (seed, shares)
    }

    fn text(share: &Opened) -> String {
        String::from_utf8(share.keep(None).unwrap().to_text().unwrap().as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn any_two_of_three_give_the_key_and_one_does_not() {
        let (seed, shares) = set(2, &["Alice", "Bob", "Carol"]);
        for (one, other) in [(0, 1), (0, 2), (1, 2), (2, 0)] {
            assert_eq!(combine(&[shares[one].clone(), shares[other].clone()]).unwrap(), seed);
        }
        assert_eq!(combine(&shares).unwrap(), seed);
        for share in &shares {
            let twice = combine(&[share.clone(), share.clone()]).unwrap_err();
            assert!(
                matches!(&twice, Error::Quorum(_)) && twice.to_string().contains(&share.custodian),
                "{twice}"
            );
        }
        assert!(matches!(combine(&[]), Err(Error::Quorum(_))));
    }

    #[test]
    fn a_share_of_another_set_is_refused_by_name() {
        let (_, ours) = set(2, &["Alice", "Bob", "Carol"]);
        let (_, theirs) = set(2, &["Mallory", "Niaj"]);
        let error = combine(&[ours[0].clone(), theirs[0].clone()]).unwrap_err();
        assert!(matches!(&error, Error::Mismatch(_)), "{error}");
        assert!(error.to_string().contains("Mallory"), "{error}");
        assert!(error.to_string().contains(&theirs[0].head.set_id().unwrap().to_string()));
    }

    #[test]
    fn rules_and_names_that_protect_nothing_are_refused() {
        let seed = Seed::random().unwrap();
        let long = "x".repeat(65);
        let seventeen: Vec<String> = (0..17).map(|number| format!("Custodian {number}")).collect();
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        for (threshold, custodians) in [
            (1, names(&["Alice", "Bob"])),
            (3, names(&["Alice", "Bob"])),
            (2, seventeen),
            (2, names(&["Alice", "Alice"])),
            (2, names(&["Alice", ""])),
            (2, names(&["Alice", " Bob"])),
            (2, names(&["Alice", "Bob\u{7}"])),
            (2, names(&["Alice", &long])),
        ] {
            let rules = SetRules {
                threshold,
                custodians: &custodians,
                token: [1; 16],
                serial: [b' '; 16],
                made: 0,
                signer_id: [2; 16],
            };
            assert!(matches!(split(&seed, &rules), Err(Error::Refused(_))), "{threshold} {custodians:?}");
        }
    }

    #[test]
    fn the_text_says_whose_share_of_which_set_it_is_and_survives_mail() {
        let (_, shares) = set(3, &["Alice Example", "Bob", "Çağla"]);
        for opened in &shares {
            let text = text(opened);
            for part in [
                format!("Custodian: {}\n", opened.custodian),
                format!("Share: {} of 3, any 3 of which", opened.number),
                format!("Set: {}\n", opened.head.set_id().unwrap()),
                "Token: 0123456789abcdef\nMade: 2030-03-17\nPassphrase: no\n".into(),
            ] {
                assert!(text.contains(&part), "{part}\n{text}");
            }
            let mailed = format!("Hi,\r\n\r\n> {}\r\n-- \r\nAlice", text.trim_end().replace('\n', "\r\n>  "));
            for form in [text.clone(), mailed, text.to_string().replace("\n\n", "\n")] {
                assert_eq!(&Share::from_text(form.as_bytes()).unwrap().open(None).unwrap(), opened);
            }
            let typed: Vec<&str> = text.lines().filter(|line| !line.contains(": ")).collect();
            assert!(Share::from_text(typed.join("\n").as_bytes()).is_ok());
        }
    }

    /// A letter and its small form are one symbol, so a changed bit may be no change.
    #[test]
    fn a_flipped_bit_anywhere_in_a_text_is_refused_or_changes_nothing() {
        let (_, shares) = set(2, &["Alice", "Bob", "Carol"]);
        let share = shares[1].keep(None).unwrap();
        let text = text(&shares[1]);
        let (from, to) = (text.find("Custodian").unwrap(), text.len());
        let mut unchanged = 0;
        for bit in from * 8..to * 8 {
            let mut flipped = text.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match Share::from_text(&flipped) {
                Ok(read) => {
                    assert_eq!(read, share, "bit {bit}");
                    unchanged += 1;
                }
                Err(Error::Damaged(_) | Error::NotOurs(_)) => {}
                Err(error) => panic!("bit {bit}: {error}"),
            }
        }
        assert!(unchanged < text.len(), "{unchanged}");
    }

    #[test]
    fn a_flipped_bit_or_a_cut_anywhere_in_a_body_is_refused() {
        let (_, shares) = set(2, &["Alice", "Bob"]);
        let share = shares[0].keep(None).unwrap();
        let lines = share.lines().unwrap();
        let body =
            super::super::armour::bytes(&lines.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_eq!(Share::decode(&body).unwrap(), share);
        assert_eq!(body.len(), 76 + 2 * 16 + 1 + 5 + 1 + passphrase::LEN + 4);
        for bit in 0..body.len() * 8 {
            let mut flipped = body.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Share::decode(&flipped).is_err(), "bit {bit}");
        }
        for length in 0..body.len() {
            assert!(Share::decode(&body[..length]).is_err());
        }
    }

    /// Somebody who knows the format can mend every checksum; what he cannot do is to fit the set.
    #[test]
    fn a_share_whose_checksums_were_mended_does_not_fit_its_set() {
        let (_, shares) = set(2, &["Alice", "Bob"]);
        let mut forged = shares[0].keep(None).unwrap();
        forged.custodian = "Eve".into();
        let read = Share::from_text(forged.to_text().unwrap().as_bytes()).unwrap();
        assert!(matches!(read.open(None), Err(Error::Damaged(_))));
        let mut forged = shares[0].keep(None).unwrap();
        forged.number = 2;
        assert!(matches!(forged.open(None), Err(Error::Damaged(_))));
    }

    #[test]
    fn a_closed_share_opens_with_its_passphrase_only() {
        let (_, shares) = set(2, &["Alice", "Bob"]);
        let passphrase = Secret::copy_of("pässphrase".as_bytes());
        let kept = shares[0].keep(Some(&passphrase)).unwrap();
        let text = kept.to_text().unwrap();
        assert!(String::from_utf8_lossy(text.as_bytes()).contains("Passphrase: yes"));
        let read = Share::from_text(text.as_bytes()).unwrap();
        assert!(read.is_closed());
        assert_eq!(read.open(Some(&passphrase)).unwrap(), shares[0]);
        for wrong in [Some(&Secret::copy_of(b"other")), None] {
            assert!(matches!(read.open(wrong), Err(Error::Passphrase(_))));
        }
    }
}
