//! kill -9 at random moments of processes that create, change, destroy, log in and compact.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;

use crate::child::*;
use crate::client::*;
use crate::shim::*;

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
    /// Takes over the lines of a dead child; answers whether it lived to look at the token. An error tells a loss.
    fn read(&mut self, lines: &[String]) -> Result<bool, String> {
        let mut looked = false;
        for line in lines {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "sees" => {
                    let pairs = rest.split(' ').filter_map(|word| word.split_once('='));
                    let seen: Contents = pairs.map(|(name, label)| (name.into(), label.into())).collect();
                    self.compare(seen)?;
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
        Ok(looked)
    }

    fn compare(&mut self, seen: Contents) -> Result<(), String> {
        let mut with = self.acknowledged.clone();
        if let Some(step) = self.in_doubt.take() {
            apply(&mut with, &step);
        }
        let acknowledged = std::mem::replace(&mut self.acknowledged, seen);
        let seen = &self.acknowledged;
        if *seen == acknowledged || *seen == with {
            return Ok(());
        }
        Err(format!(
            "lost or halved: seen {seen:?}, acknowledged {acknowledged:?}, with the step in doubt {with:?}"
        ))
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

/// What a campaign came to.
#[derive(Default)]
struct Counts {
    kills: usize,
    /// Kills by the step of a change, at random moments and aimed at the step.
    random: [usize; STEPS.len()],
    aimed: [usize; STEPS.len()],
    acknowledged: usize,
    inside: usize,
    looks: usize,
    losses: Vec<String>,
}

/// Lets a child live until it dies by the shim, or so many steps at most and then dies by us. Answers its lines.
fn live_and_die(child: &mut Child, random: &mut Random, aimed: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if aimed {
        lines.extend((0..24).map_while(|_| child.next_line()));
    } else if random.below(8) > 0 {
        lines.extend((0..2 + random.below(8)).map_while(|_| child.next_line()));
        std::thread::sleep(Duration::from_micros(random.below(3_000)));
    } else {
        // On its way in.
        std::thread::sleep(Duration::from_micros(random.below(20_000)));
    }
    child.signal(libc::SIGKILL);
    lines.extend(child.rest());
    lines
}

/// Kills processes until `wanted` of them are dead or the time is up, or something was lost.
fn campaign(functions: Functions, wanted: usize, limit: Duration, seed: u64, lie: i32) -> Counts {
    let (start, mut random, mut counts) = (Instant::now(), Random::new(seed), Counts::default());
    let mut models: [Model; LANES] = Default::default();
    let pages: [&'static Page; LANES] = std::array::from_fn(|_| Page::new());
    while counts.kills < wanted && start.elapsed() < limit && counts.losses.is_empty() {
        // Every other process dies exactly at the beginning of a step, so that the short ones have their share.
        let aims: [bool; LANES] = std::array::from_fn(|_| random.below(2) == 0);
        let mut children: Vec<_> = (0..LANES)
            .map(|lane| {
                let (seed, page) = (random.below(u64::MAX >> 16), pages[lane]);
                page.clear();
                page.lie(lie);
                if aims[lane] {
                    let step = 1 + random.below(STEPS.len() as u64 - 1);
                    page.plan(step as i32, random.below(3) as i32, Action::Kill);
                }
                fork(move |report| {
                    page.attach();
                    work(functions, report, lane, seed);
                })
            })
            .collect();
        for (lane, child) in children.iter_mut().enumerate() {
            let lines = live_and_die(child, &mut random, aims[lane]);
            let (status, step) = (child.wait(), pages[lane].step());
            if status != libc::SIGKILL {
                counts.losses.push(format!("a process ended with {status} after {lines:?}"));
                continue;
            }
            counts.kills += 1;
            if aims[lane] {
                counts.aimed[step] += 1
            } else {
                counts.random[step] += 1
            }
            counts.acknowledged += lines.iter().filter(|line| line.starts_with("did")).count();
            match models[lane].read(&lines) {
                Ok(looked) => counts.looks += usize::from(looked),
                Err(loss) => counts.losses.push(loss),
            }
            counts.inside += usize::from(models[lane].in_doubt.is_some());
        }
    }
    counts
}

#[test]
fn kills_at_random_moments_lose_nothing_that_was_acknowledged() {
    in_shimmed_process("kills::kills_at_random_moments_lose_nothing_that_was_acknowledged", || {
        // Kills during logins use tries up; a login that lives gives them back.
        configure("[pin]\nkdf-iterations = 10000\nattempts = 255\n[limits]\nlock-timeout-ms = 100000\n");
        let functions = functions();
        prepare(functions);
        let (seed, wanted, start) = (seed(), size(2_000, 100_000), Instant::now());
        let limit = Duration::from_secs(limit_in_seconds(30));
        let counts = campaign(functions, wanted, limit, seed, 0);
        println!(
            "kills: seed {seed}, {} kills of {wanted} in {:.0} s, {} acknowledged changes, {} kills inside a change, token \
             opened and compared {} times: {} lost or halved",
            counts.kills,
            start.elapsed().as_secs_f64(),
            counts.acknowledged,
            counts.inside,
            counts.looks,
            counts.losses.len()
        );
        println!("kills by step (at random + aimed):");
        for (step, name) in STEPS.iter().enumerate() {
            println!("  {name}: {} + {}", counts.random[step], counts.aimed[step]);
        }
        assert!(counts.losses.is_empty(), "{:#?}", counts.losses);
        assert!(counts.looks > 0 && counts.inside > 0 && counts.acknowledged > 0, "nothing was hit");
        if wanted == counts.kills && wanted > 2_000 {
            let each = (1..STEPS.len()).filter(|step| STEPS[*step] != "cutting off a torn end");
            for step in each {
                assert!(counts.random[step] + counts.aimed[step] >= 50, "too few kills: {}", STEPS[step]);
            }
        }
    });
}

#[test]
fn the_campaign_notices_transactions_that_are_not_written() {
    in_shimmed_process("kills::the_campaign_notices_transactions_that_are_not_written", || {
        let functions = functions();
        prepare(functions);
        let lie = TRANSACTIONS_THAT_ARE_NOT_WRITTEN;
        let counts = campaign(functions, 200, Duration::from_secs(60), seed(), lie);
        println!("kills, with transactions that are not written: {} losses, as it must", counts.losses.len());
        assert!(!counts.losses.is_empty(), "the campaign did not notice");
    });
}
