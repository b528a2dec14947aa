//! kill -9 at random moments of processes that create, change, destroy, log in and compact.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;

use crate::child::*;
use crate::client::*;
use crate::shim::*;

/// So many processes work and die side by side; each has names of its own.
const LANES: usize = 4;
/// So many objects in a lane at most, so that the token stays small.
const CROWD: usize = 6;
/// So many kills does the slice want in each step of a change; the whole campaign wants 50.
const SHARE: usize = 10;

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

/// Works until it is killed. The first change is one of the PIN, or any.
fn work(functions: Functions, report: &Report, lane: usize, seed: u64, changes_pin: bool) {
    let mut random = Random::new(seed);
    let session = join(functions);
    let mut mine = look(functions, session, lane);
    let words: Vec<_> = mine.iter().map(|(id, label)| format!("{id}={label}")).collect();
    report.line(&format!("sees {}", words.join(" ")));
    for round in 0.. {
        let label = format!("{seed}.{round}");
        let any = mine.keys().nth(random.below(CROWD as u64) as usize).cloned();
        let step = match (random.below(12), any) {
            _ if changes_pin && round == 0 => "pin".to_owned(),
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

impl Counts {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.acknowledged += other.acknowledged;
        self.inside += other.inside;
        self.looks += other.looks;
        self.losses.extend(other.losses);
        for step in 0..STEPS.len() {
            self.random[step] += other.random[step];
            self.aimed[step] += other.aimed[step];
        }
    }

    fn at(&self, step: usize) -> usize {
        self.random[step] + self.aimed[step]
    }
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

/// Where a process is to die: half of them exactly at the beginning of a step, so that the short ones have their share. Some
/// leave half a transaction behind, which a kill seldom does by itself, and some wait for the cutting off of one.
fn aim(random: &mut Random) -> Option<(i32, Action)> {
    match random.below(12) {
        0 => Some((WRITE, Action::Tear)),
        1 | 2 => Some((CUT, Action::Kill)),
        3..8 => Some((1 + random.below(STEPS.len() as u64 - 1) as i32, Action::Kill)),
        _ => None,
    }
}

/// What the lanes of a campaign share.
struct Campaign {
    functions: Functions,
    wanted: usize,
    end: Instant,
    seed: u64,
    lie: i32,
    kills: AtomicUsize,
    lost: AtomicBool,
    /// One fork at a time, so that no child keeps the pipe of another open.
    forks: Mutex<()>,
}

impl Campaign {
    /// Lets the processes of a lane live and die, one after the other.
    fn lane(&self, lane: usize) -> Counts {
        let (mut random, page) = (Random::new(self.seed + lane as u64), Page::new());
        let (mut model, mut counts) = (Model::default(), Counts::default());
        while self.kills.load(Ordering::Relaxed) < self.wanted
            && Instant::now() < self.end
            && !self.lost.load(Ordering::Relaxed)
        {
            if let Err(loss) = self.life(lane, &mut random, page, &mut model, &mut counts) {
                counts.losses.push(loss);
                self.lost.store(true, Ordering::Relaxed);
            }
        }
        counts
    }

    fn life(
        &self,
        lane: usize,
        random: &mut Random,
        page: &'static Page,
        model: &mut Model,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let aim = aim(random);
        let changes_pin = aim.is_some_and(|(step, _)| is_of_a_new_file(step));
        let seed = random.below(u64::MAX >> 16);
        page.clear();
        page.lie(self.lie);
        if let Some((step, action)) = aim {
            let at_once = changes_pin || step == CUT;
            page.plan(step, if at_once { 0 } else { random.below(3) as i32 }, action);
        }
        let mut child = {
            let _alone = self.forks.lock().unwrap();
            fork(|report| {
                page.attach();
                work(self.functions, report, lane, seed, changes_pin);
            })
        };
        let lines = live_and_die(&mut child, random, aim.is_some());
        let (status, step) = (child.wait(), page.step());
        if status != libc::SIGKILL {
            return Err(format!("a process ended with {status} after {lines:?}"));
        }
        self.kills.fetch_add(1, Ordering::Relaxed);
        counts.kills += 1;
        let steps = if aim.is_some() { &mut counts.aimed } else { &mut counts.random };
        steps[step] += 1;
        counts.acknowledged += lines.iter().filter(|line| line.starts_with("did")).count();
        counts.looks += usize::from(model.read(&lines)?);
        counts.inside += usize::from(model.in_doubt.is_some());
        Ok(())
    }
}

/// Kills processes until `wanted` of them are dead or the time is up, or something was lost.
fn campaign(functions: Functions, wanted: usize, limit: Duration, seed: u64, lie: i32) -> Counts {
    let campaign = Campaign {
        functions,
        wanted,
        end: Instant::now() + limit,
        seed,
        lie,
        kills: AtomicUsize::new(0),
        lost: AtomicBool::new(false),
        forks: Mutex::new(()),
    };
    let mut counts = Counts::default();
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let campaign = &campaign;
                scope.spawn(move || campaign.lane(lane))
            })
            .collect();
        lanes.into_iter().for_each(|lane| counts.add(lane.join().unwrap()));
    });
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
        let limit = Duration::from_secs(limit_in_seconds(150));
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
        if counts.kills >= wanted {
            let share = size(SHARE, 50);
            for (step, name) in STEPS.iter().enumerate().skip(1) {
                assert!(counts.at(step) >= share, "too few kills: {name}");
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
