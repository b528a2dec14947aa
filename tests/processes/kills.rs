//! kill -9 at random moments of processes that create, change, destroy, log in and compact.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;

use crate::child::*;
use crate::client::*;
use crate::interface::*;

/// Two processes work and die side by side; each has names of its own.
const LANES: usize = 2;
/// So many objects in a lane at most, so that the token stays small.
const CROWD: usize = 10;

/// Classes of a pair: CKO_PUBLIC_KEY and CKO_PRIVATE_KEY.
const HALVES: [CK_OBJECT_CLASS; 2] = [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY];

/// Names (CKA_ID, / and class) and labels.
type Contents = BTreeMap<String, String>;

/// What one lane must contain.
#[derive(Default)]
struct Model {
    acknowledged: Contents,
    /// The step whose answer nobody has seen: it is there wholly or not at all.
    in_doubt: Option<String>,
}

/// `put NAME LABEL`, `pair NAME LABEL`, `del NAME` or `pin`. The halves of a pair are NAME/2 and NAME/3, which come
/// together and are destroyed one by one.
fn apply(contents: &mut Contents, step: &str) {
    match step.split(' ').collect::<Vec<_>>()[..] {
        ["put", name, label] => drop(contents.insert(name.into(), label.into())),
        ["pair", name, label] => {
            contents.extend(HALVES.map(|class| (format!("{name}/{class}"), label.to_owned())));
        }
        ["del", name] => drop(contents.remove(name)),
        _ => {}
    }
}

impl Model {
    /// Takes over the lines of a dead child; answers whether it lived to look at the token.
    fn read(&mut self, lines: &[String]) -> bool {
        let mut looked = false;
        for line in lines {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "sees" => {
                    let pairs = rest.split(' ').filter_map(|word| word.split_once('='));
                    let seen: Contents = pairs.map(|(name, label)| (name.into(), label.into())).collect();
                    self.compare(seen);
                    looked = true;
                }
                "tries" => self.in_doubt = Some(rest.into()),
                "did" => {
                    apply(&mut self.acknowledged, rest);
                    self.in_doubt = None;
                }
                _ => panic!("a child says {line}"),
            }
        }
        looked
    }

    fn compare(&mut self, seen: Contents) {
        let mut with = self.acknowledged.clone();
        if let Some(step) = self.in_doubt.take() {
            apply(&mut with, &step);
        }
        assert!(
            seen == self.acknowledged || seen == with,
            "lost or halved: seen {seen:?}, acknowledged {:?}, with the step in doubt {with:?}",
            self.acknowledged
        );
        self.acknowledged = seen;
    }
}

/// The objects of this lane.
fn look(functions: Functions, session: CK_SESSION_HANDLE, lane: usize) -> Contents {
    let prefix = format!("{lane}-");
    let mut contents = Contents::new();
    for object in find(functions, session, None).unwrap() {
        match name(functions, session, object) {
            Ok((id, class, label)) if id.starts_with(&prefix) => {
                let twice = contents.insert(format!("{id}/{class}"), label);
                assert_eq!(twice, None, "{id} is there twice");
            }
            Ok(_) => {}
            // The other lane has just destroyed it.
            Err(rv) => assert_eq!(rv, CKR_OBJECT_HANDLE_INVALID),
        }
    }
    contents
}

/// Works until it is killed.
fn work(functions: Functions, report: &Report, lane: usize, seed: u64) {
    let mut random = Random::new(seed);
    let session = join(functions);
    let mut mine = look(functions, session, lane);
    let words: Vec<_> = mine.iter().map(|(id, label)| format!("{id}={label}")).collect();
    report.line(&format!("sees {}", words.join(" ")));
    for round in 0.. {
        let label = format!("{seed}.{round}");
        let any = mine.keys().nth(random.below(CROWD as u64) as usize).cloned();
        let step = match (random.below(12), any) {
            (0, _) => "pin".to_owned(),
            (1..4, Some(name)) => format!("put {name} {label}"),
            (4..7, Some(name)) => format!("del {name}"),
            (_, Some(name)) if mine.len() >= CROWD => format!("del {name}"),
            (7..9, _) => format!("pair {lane}-{label} {label}"),
            _ => format!("put {lane}-{label}/{CKO_SECRET_KEY} {label}"),
        };
        report.line(&format!("tries {step}"));
        carry_out(functions, session, &step);
        report.line(&format!("did {step}"));
        apply(&mut mine, &step);
    }
}

fn carry_out(functions: Functions, session: CK_SESSION_HANDLE, step: &str) {
    let object = |name: &str| {
        let (id, class) = name.split_once('/').unwrap();
        let found = find(functions, session, Some(id)).unwrap();
        found.into_iter().find(|object| self::name(functions, session, *object).unwrap().1 == class)
    };
    let rv = match step.split(' ').collect::<Vec<_>>()[..] {
        ["put", name, label] => match object(name) {
            Some(object) => set_label(functions, session, object, label),
            None => {
                create(functions, session, name.split_once('/').unwrap().0, label).err().unwrap_or(CKR_OK)
            }
        },
        ["pair", id, label] => create_pair(functions, session, id, label),
        ["del", name] => destroy(functions, session, object(name).unwrap()),
        _ => set_user_pin(functions, session),
    };
    assert_eq!(rv, CKR_OK, "{step}");
}

#[test]
fn kills_at_random_moments_lose_nothing_that_was_acknowledged() {
    in_own_process("kills::kills_at_random_moments_lose_nothing_that_was_acknowledged", || {
        // Kills during logins use tries up; a login that lives gives them back.
        configure("[pin]\nkdf-iterations = 10000\nattempts = 255\n");
        let functions = functions();
        prepare(functions);
        let (seed, wanted) = (seed(), size(2_000, 100_000));
        let (start, limit) = (Instant::now(), Duration::from_secs(size(40, 24 * 3600) as u64));
        let mut random = Random::new(seed);
        let mut models: [Model; LANES] = Default::default();
        let (mut kills, mut looks, mut acknowledged, mut doubts) = (0, 0, 0, 0);
        while kills < wanted && start.elapsed() < limit {
            let mut children: Vec<_> = (0..LANES)
                .map(|lane| {
                    let seed = random.below(u64::MAX >> 16);
                    fork(move |report| work(functions, report, lane, seed))
                })
                .collect();
            for (child, model) in children.iter_mut().zip(&mut models) {
                let mut lines = Vec::new();
                // One in eight dies on its way in; the others after some steps, at a moment of the next one.
                if random.below(8) > 0 {
                    for _ in 0..2 + random.below(8) {
                        lines.extend(child.next_line());
                    }
                    std::thread::sleep(Duration::from_micros(random.below(3_000)));
                } else {
                    std::thread::sleep(Duration::from_micros(random.below(20_000)));
                }
                child.signal(libc::SIGKILL);
                lines.extend(child.rest());
                assert_eq!(child.wait(), libc::SIGKILL, "a child ended on its own after {lines:?}");
                kills += 1;
                acknowledged += lines.iter().filter(|line| line.starts_with("did")).count();
                looks += usize::from(model.read(&lines));
                doubts += usize::from(model.in_doubt.is_some());
            }
        }
        println!(
            "seed {seed}: {kills} kills of {wanted} in {:.0} s, {acknowledged} acknowledged changes, {doubts} kills \
             inside a change, token opened and compared {looks} times: 0 lost, 0 half",
            start.elapsed().as_secs_f64()
        );
        assert!(looks > 0 && doubts > 0 && acknowledged > 0, "the campaign did not hit anything");
    });
}
