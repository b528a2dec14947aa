//! Outside the machine: boots it, cuts its power, compares.
//!
//! The power is cut by killing QEMU. The machine's disk is an overlay whose tables QEMU writes when the guest flushes, so
//! that what was not flushed is lost as in the cache of a disk, besides what was still in the guest's memory. In every
//! third cut dm-flakey has made all writes fail some time before.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::Random;
use crate::model::{Model, News};

const BOOT_ATTEMPTS: usize = 3;

pub struct Machine<'a> {
    pub kernel: &'a str,
    pub initramfs: &'a str,
    /// Holds `empty.img`, a disk with an empty file system, and gets `disk.img` and its overlay.
    pub folder: &'a Path,
}

struct Running {
    qemu: Child,
    console: BufReader<ChildStdout>,
    control: UnixStream,
}

#[derive(Default)]
struct Counts {
    cuts: u64,
    in_a_change: u64,
    with_failing_writes: u64,
    failed_changes: u64,
    acknowledged: u64,
    losses: usize,
}

pub fn run(machine: &Machine<'_>, cuts: u64, without_sync: bool) -> ExitCode {
    let seed = std::env::var("COFFER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20261);
    let (mut random, mut model, mut counts) = (Random::new(seed), Model::default(), Counts::default());
    let start = Instant::now();
    machine.format();
    // One more boot than cuts: the last one only looks.
    for boot in 0..=cuts {
        let mut power_on = || machine.boot(random.below(1 << 30), without_sync && boot > 0);
        let (mut running, usable) = counts.boot_and_look(&mut power_on, &mut model);
        if !usable {
            machine.format();
            model = Model::default();
        } else if boot < cuts {
            counts.work_and_cut(&mut running, &mut model, &mut random);
        }
        running.cut();
        machine.keep_what_was_written();
        if boot % 10 == 9 {
            eprintln!(
                "{} cuts, {} acknowledged changes, {} lost",
                counts.cuts, counts.acknowledged, counts.losses
            );
        }
    }
    println!(
        "seed {seed}: {} power cuts in {:.0} s, {} of them inside a change, {} after writes had begun to fail ({} \
         changes failed), {} acknowledged changes: {} lost or halved",
        counts.cuts,
        start.elapsed().as_secs_f64(),
        counts.in_a_change,
        counts.with_failing_writes,
        counts.failed_changes,
        counts.acknowledged,
        counts.losses
    );
    if (counts.losses > 0) == without_sync { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Counts {
    /// Boots until the guest has told the whole token; false if the token cannot be used. On a busy host a kernel may
    /// not come up, which says nothing about the disk.
    fn boot_and_look(
        &mut self,
        power_on: &mut impl FnMut() -> Running,
        model: &mut Model,
    ) -> (Running, bool) {
        for _ in 0..BOOT_ATTEMPTS {
            let mut running = power_on();
            model.started();
            match self.look(&mut running, model) {
                Some(usable) => return (running, usable),
                None => running.cut(),
            }
        }
        panic!("the machine stops before it has looked at the token; see its console above");
    }

    fn look(&mut self, running: &mut Running, model: &mut Model) -> Option<bool> {
        while let Some(line) = running.line() {
            match model.read(&line) {
                News::Looked { wrong } => {
                    if wrong > 0 {
                        println!("after cut {}: {wrong} objects lost or halved", self.cuts);
                    }
                    self.losses += wrong;
                    return Some(true);
                }
                News::Unusable => {
                    println!("after cut {}: the token is {line}", self.cuts);
                    self.losses += 1;
                    return Some(false);
                }
                _ => {}
            }
        }
        None
    }

    fn work_and_cut(&mut self, running: &mut Running, model: &mut Model, random: &mut Random) {
        let failing = self.cuts % 3 == 2;
        let mut left = 1 + random.below(30);
        while left > 0 {
            let line = running.line().expect("the machine runs until its power is cut");
            match model.read(&line) {
                News::Acknowledged => left -= 1,
                News::Failed | News::Unusable => panic!("a change failed on a sound disk: {line}"),
                _ => {}
            }
            self.acknowledged += u64::from(line.starts_with("did"));
        }
        if failing {
            running.let_writes_fail();
        }
        std::thread::sleep(Duration::from_micros(random.below(if failing { 3_000_000 } else { 30_000 })));
        let _ = running.qemu.kill();
        while let Some(line) = running.line() {
            self.failed_changes += u64::from(model.read(&line) == News::Failed);
            self.acknowledged += u64::from(line.starts_with("did"));
        }
        self.cuts += 1;
        self.in_a_change += u64::from(model.in_doubt.is_some());
        self.with_failing_writes += u64::from(failing);
    }
}

impl Machine<'_> {
    fn format(&self) {
        std::fs::copy(self.folder.join("empty.img"), self.folder.join("disk.img")).expect("the disk is made");
    }

    fn boot(&self, seed: u64, without_sync: bool) -> Running {
        let overlay = self.folder.join("disk.qcow2");
        let _ = std::fs::remove_file(&overlay);
        self.image(&[
            "create",
            "-q",
            "-f",
            "qcow2",
            "-o",
            "cluster_size=4096",
            "-F",
            "raw",
            "-b",
            "disk.img",
        ])
        .arg("disk.qcow2")
        .status()
        .expect("qemu-img runs");
        let socket = self.folder.join("control");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("the control socket is made");
        let variables = if without_sync { "WITHOUT_SYNC=1" } else { "" };
        let append =
            format!("console=ttyS0 quiet loglevel=2 no_timer_check panic=-1 SEED={seed} {variables}");
        let drive = format!("file={},if=virtio,format=qcow2,cache=writeback", overlay.display());
        let control = format!("socket,id=control,path={}", socket.display());
        let mut qemu = Command::new("qemu-system-x86_64")
            .args([
                "-accel",
                "tcg",
                "-cpu",
                "max",
                "-m",
                "256",
                "-nodefaults",
                "-display",
                "none",
                "-no-reboot",
            ])
            .args(["-kernel", self.kernel, "-initrd", self.initramfs, "-append", &append, "-drive", &drive])
            .args(["-serial", "stdio", "-chardev", &control, "-serial", "chardev:control"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-system-x86_64 runs");
        let console = BufReader::new(qemu.stdout.take().expect("a pipe"));
        let (control, _) = listener.accept().expect("the machine connects");
        Running { qemu, console, control }
    }

    /// Takes over into the disk what reached the overlay.
    fn keep_what_was_written(&self) {
        let done = self.image(&["commit", "-q", "disk.qcow2"]).status().expect("qemu-img runs");
        assert!(done.success(), "the overlay cannot be read");
    }

    fn image(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("qemu-img");
        command.args(arguments).current_dir(self.folder);
        command
    }
}

impl Running {
    /// The next whole line of the guest; `None` when the machine is off.
    fn line(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        while self.console.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            match text.strip_prefix("coffer: ").and_then(|line| line.strip_suffix(" .")) {
                Some(line) => return Some(line.to_owned()),
                None if text.is_empty() || text.starts_with("coffer: ") => {}
                None => eprintln!("console: {text}"),
            }
            bytes.clear();
        }
        None
    }

    fn let_writes_fail(&mut self) {
        self.control.write_all(b"fail\n").expect("the machine listens");
    }

    fn cut(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
