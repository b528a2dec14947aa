//! Growth, side by side: what things cost among few objects and among many, in fresh processes.
//!
//! One token a module grows from size to size. At each size several processes are started one after the other; each
//! logs in, finds a key and signs once (the cold start), and then repeats single operations. Nothing here judges
//! times; `--must-not-grow` compares times of the same module in the same run.

use crate::bench::{MARK, median, ratio};
use crate::report::table;
use crate::runner::{Options, Prepared};
use crate::setup::ModuleSpec;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

mod child;

pub use child::{fill, measure};

/// What is measured, in the order of the table.
const FIGURES: &[&str] = &[
    CREATE,
    "create one",
    "destroy one",
    "find by id",
    "find by label",
    "find what is not there",
    "use a key",
    COLD_START,
    "  C_Initialize and slots",
    "  C_Login",
    "  find the key",
    "  sign once",
    "  processor time of it",
    MEMORY,
    PEAK,
];
const CREATE: &str = "create each of them";
const COLD_START: &str = "start to signature";
const MEMORY: &str = "memory in bytes";
const PEAK: &str = "peak memory in bytes";
/// What must not depend on the number of objects.
const CONSTANT: &[&str] =
    &["create one", "destroy one", "find by id", "find by label", "find what is not there", "use a key"];

/// How a measurement is made.
pub struct Settings {
    /// Objects on the token, growing.
    pub sizes: Vec<usize>,
    /// Processes at each size; their median counts.
    pub rounds: usize,
    /// So many objects at most for a module that would take too long with more.
    pub at_most: BTreeMap<String, usize>,
    /// The cost of an operation at the last size, as a multiple of that at the first, which a module must not exceed.
    pub must_not_grow: BTreeMap<String, f64>,
}

/// Samples by name.
type Samples = BTreeMap<String, Vec<f64>>;

/// The samples of one module at one size.
struct Column {
    module: String,
    size: usize,
    samples: Samples,
}

impl Column {
    fn median(&self, figure: &str) -> Option<f64> {
        median(self.samples.get(figure)?.clone())
    }

    /// The best sample: what a busy machine disturbs least.
    fn best(&self, figure: &str) -> Option<f64> {
        self.samples.get(figure)?.iter().copied().min_by(f64::total_cmp)
    }
}

/// Measures all modules and prints the tables; false where one grew more than it may.
pub fn run(modules: &[ModuleSpec], settings: &Settings, options: Options) -> Result<bool, String> {
    let mut columns = Vec::new();
    for spec in modules {
        let spec = spec.clone().with_cheap_login();
        let prepared = Prepared::new(&spec, options)?;
        let limit = settings.at_most.get(&spec.name).copied().unwrap_or(usize::MAX);
        let mut present = 0;
        for size in settings.sizes.iter().copied().filter(|size| *size <= limit) {
            eprintln!("{}: {size} objects", spec.name);
            let mut samples = Samples::new();
            let (from, to) = (present.to_string(), size.to_string());
            collect(&prepared, &["scale-fill", &from, &to], &mut samples)?;
            present = size;
            for _ in 0..settings.rounds {
                collect(&prepared, &["scale", &to], &mut samples)?;
            }
            columns.push(Column { module: spec.name.clone(), size, samples });
        }
    }
    print(modules, settings, &columns);
    Ok(grown(settings, &columns))
}

/// Runs a child and takes in the figures that it prints. `COLD_START` is taken from outside: from the start of the process
/// to the line that says that it has signed.
fn collect(module: &Prepared, arguments: &[&str], samples: &mut Samples) -> Result<(), String> {
    let failed = |what: &str| format!("{}: {what}", module.name());
    let start = Instant::now();
    let mut child = module
        .spawn(module.folder(), arguments, Stdio::piped())
        .map_err(|error| failed(&error.to_string()))?;
    let output = child.stdout.take().ok_or_else(|| failed("no child process"))?;
    for line in BufReader::new(output).lines() {
        let line = line.map_err(|error| failed(&error.to_string()))?;
        let Some(answer) = line.strip_prefix(MARK) else { continue };
        if answer == child::SIGNED {
            samples.entry(COLD_START.to_owned()).or_default().push(start.elapsed().as_nanos() as f64);
        } else if let Some((name, value)) = answer.rsplit_once('\t') {
            let value = value.parse().map_err(|_| failed("a figure that is no number"))?;
            samples.entry(name.to_owned()).or_default().push(value);
        }
    }
    let status = child.wait().map_err(|error| failed(&error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed("the process ended early (--verbose shows why)")) }
}

fn of<'a>(columns: &'a [Column], module: &str) -> Vec<&'a Column> {
    columns.iter().filter(|column| column.module == module).collect()
}

fn print(modules: &[ModuleSpec], settings: &Settings, columns: &[Column]) {
    for spec in modules {
        let own = of(columns, &spec.name);
        let (Some(first), Some(last)) = (own.first(), own.last()) else { continue };
        let mut header = vec![spec.name.clone()];
        header.extend(own.iter().map(|column| format!("{} objects", column.size)));
        header.push(format!("{} : {}", last.size, first.size));
        let mut table = table(header);
        for figure in FIGURES {
            let mut row = vec![(*figure).to_owned()];
            row.extend(own.iter().map(|column| shown(figure, column.median(figure))));
            row.push(ratio(last.median(figure), first.median(figure)));
            table.add_row(row);
        }
        println!("{table}");
        for (figure, what) in [(MEMORY, "memory"), (PEAK, "peak memory")] {
            if let (Some(few), Some(many)) = (first.median(figure), last.median(figure))
                && last.size > first.size
            {
                let each = (many - few) / (last.size - first.size) as f64;
                println!("{}: {each:.0} bytes of {what} for each object", spec.name);
            }
        }
        if let Some(limit) = settings.at_most.get(&spec.name) {
            println!("{}: measured with {limit} objects at most (--at-most)", spec.name);
        }
        println!();
    }
    side_by_side(modules, columns);
}

/// The first module against each other one, at the largest size that both have.
fn side_by_side(modules: &[ModuleSpec], columns: &[Column]) {
    let Some((ours, others)) = modules.split_first() else { return };
    for other in others {
        let pair = of(columns, &other.name).into_iter().rev().find_map(|theirs| {
            let ours = of(columns, &ours.name).into_iter().find(|ours| ours.size == theirs.size)?;
            Some((ours, theirs))
        });
        let Some((one, two)) = pair else { continue };
        let mut table = table([format!("{} objects", one.size), format!("{} : {}", one.module, two.module)]);
        for figure in FIGURES {
            table.add_row([(*figure).to_owned(), ratio(one.median(figure), two.median(figure))]);
        }
        println!("{table}");
    }
    println!("A ratio below 1 means less time or memory.");
}

fn shown(figure: &str, value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(bytes) if [MEMORY, PEAK].contains(&figure) => format!("{:.1} MiB", bytes / f64::from(1 << 20)),
        Some(time) if time >= 1e6 => format!("{:.1} ms", time / 1e6),
        Some(time) => format!("{:.2} us", time / 1e3),
    }
}

/// Whether every module stayed below its limit; says which figures did not.
fn grown(settings: &Settings, columns: &[Column]) -> bool {
    let mut good = true;
    for (module, limit) in &settings.must_not_grow {
        let own = of(columns, module);
        let (Some(first), Some(last)) = (own.first(), own.last()) else { continue };
        for figure in CONSTANT {
            let growth = first.best(figure).zip(last.best(figure)).map(|(few, many)| many / few.max(1.0));
            if growth.is_none_or(|growth| growth > *limit) {
                let growth =
                    growth.map_or_else(|| "was not measured".into(), |growth| format!("x {growth:.1}"));
                eprintln!("{module}: `{figure}` {growth} from {} to {} objects", first.size, last.size);
                good = false;
            }
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(size: usize, time: f64) -> Column {
        let samples = CONSTANT.iter().map(|figure| ((*figure).to_owned(), vec![time * 9.0, time])).collect();
        Column { module: "m".into(), size, samples }
    }

    #[test]
    fn growth_is_judged_by_the_best_samples_of_one_run() {
        let must_not_grow = BTreeMap::from([("m".to_owned(), 4.0)]);
        let settings = Settings { sizes: vec![1, 2], rounds: 1, at_most: BTreeMap::new(), must_not_grow };
        assert!(grown(&settings, &[column(100, 10.0), column(10_000, 39.0)]));
        assert!(!grown(&settings, &[column(100, 10.0), column(10_000, 41.0)]));
        let nothing = Column { module: "m".into(), size: 10_000, samples: Samples::new() };
        assert!(!grown(&settings, &[column(100, 10.0), nothing]));
    }
}
