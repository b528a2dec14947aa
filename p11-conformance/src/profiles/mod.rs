//! `profiles`: plays test cases of the "PKCS #11 Profiles" document on each module. The cases are files of their own; this
//! program knows their form and none of them.

mod calls;
mod case;
mod constants;
mod datum;
mod mechanism;
mod play;
mod told;

use crate::module::Module;
use crate::report::table;
use crate::runner::{Ended, Options, Prepared};
use crate::scenario::finalize;
use crate::setup::ModuleSpec;
use play::Played;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What is played, and what may differ.
pub struct Settings {
    /// Files, or folders of `.xml` files.
    pub cases: Vec<PathBuf>,
    /// CASE=FILE: a case played first on the same token, to make the objects that CASE asks for.
    pub setup: Vec<String>,
    /// A file of differences that are permitted: lines of a case, a path, the value that is answered (`*`: any) and the reason.
    pub permitted: Option<PathBuf>,
    /// Whether values that the document lets vary must be right, too.
    pub exact: bool,
}

/// A case with those that make its objects.
#[derive(Serialize, Deserialize)]
struct Play {
    case: PathBuf,
    setup: Vec<PathBuf>,
}

impl Play {
    /// Its name in reports and in the other files: that of its file, without `.xml`.
    fn name(&self) -> String {
        self.case.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Plays all cases on all modules and prints them; false where one did not pass.
pub fn run(modules: &[ModuleSpec], settings: &Settings, options: Options) -> Result<bool, String> {
    let plays = plays(settings)?;
    let permitted = settings.permitted.as_deref().map(permitted).transpose()?.unwrap_or_default();
    let mut used = BTreeSet::new();
    let header = ["case".to_owned()].into_iter();
    let mut rows = table(header.chain(modules.iter().map(|module| module.name.clone())));
    let prepared: Vec<Prepared> =
        modules.iter().map(|module| Prepared::new(module, options)).collect::<Result<_, _>>()?;
    let (mut details, mut good) = (Vec::new(), true);
    for play in &plays {
        let mut cells = vec![play.name()];
        for module in &prepared {
            let played = played(module, play)?;
            let mut judged = Judged::default();
            judge(&play.name(), &played, &permitted, settings.exact, &mut judged);
            let Judged { failures, allowed, varied, used: here } = judged;
            used.extend(here);
            good &= failures.is_empty();
            cells.push(match (failures.is_empty(), allowed.len()) {
                (true, 0) => format!("passed, {varied} values vary"),
                (true, permitted) => format!("passed, {varied} values vary, {permitted} permitted"),
                (false, _) => "FAILED".to_owned(),
            });
            let lines = failures.into_iter().chain(allowed);
            details.extend(lines.map(|line| format!("{} {}: {line}", module.name(), play.name())));
        }
        rows.add_row(cells);
    }
    println!("{rows}\n");
    details.iter().for_each(|detail| println!("{detail}"));
    let played: BTreeSet<String> = plays.iter().map(Play::name).collect();
    for key in permitted.keys().filter(|key| played.contains(&key.0) && !used.contains(*key)) {
        println!(
            "{} at {}: no module answers {}, so that nothing needs to be permitted",
            key.0, key.1, key.2
        );
        good = false;
    }
    Ok(good)
}

/// Differences that are permitted: case, path and answer.
type Key = (String, String, String);
/// The reason of each.
type Permitted = BTreeMap<Key, String>;

/// Any answer.
const ANY: &str = "*";

/// What came of a case.
#[derive(Default)]
struct Judged {
    failures: Vec<String>,
    /// Differences that are permitted, with the reason.
    allowed: Vec<String>,
    /// Differences that the document lets be.
    varied: usize,
    used: BTreeSet<Key>,
}

fn judge(name: &str, played: &Played, permitted: &Permitted, exact: bool, judged: &mut Judged) {
    for difference in &played.differences {
        let told::Difference { line, path, got, wanted, .. } = difference;
        let keys = [got, ANY].map(|answer| (name.to_owned(), path.clone(), answer.to_owned()));
        let key = keys.into_iter().find(|key| permitted.contains_key(key));
        let cut = |text: &str| match text.char_indices().nth(200) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        };
        let text = format!("line {line}: {path} is {}, not {}", cut(got), cut(wanted));
        if difference.may_vary && !exact {
            judged.varied += 1;
        } else if let Some(key) = key {
            judged.allowed.push(format!("{text}. Permitted: {}", permitted[&key]));
            judged.used.insert(key);
        } else {
            judged.failures.push(text);
        }
    }
    judged.failures.extend(played.stopped.clone());
}

fn played(module: &Prepared, play: &Play) -> Result<Played, String> {
    let id = serde_json::to_string(play).map_err(|error| error.to_string())?;
    Ok(match module.result("profile", &id, false)? {
        Ended::Told(played) => played,
        Ended::Stopped(why) | Ended::Died(why) => Played { stopped: Some(why), ..Played::default() },
    })
}

/// The child's side: plays one case and writes what it has shown.
pub fn host(module: &Path, play: &str, result: &Path) -> Result<(), String> {
    let play: Play = serde_json::from_str(play).map_err(|error| error.to_string())?;
    let module = Module::open(module)?;
    let mut played = Played::default();
    for file in &play.setup {
        let setup = play::play(&module, &steps(file)?);
        let wrong = setup.stopped.or_else(|| setup.differences.first().map(|first| format!("{first:?}")));
        played.stopped = wrong.map(|why| format!("{}: {why}", file.display()));
    }
    if played.stopped.is_none() {
        played = play::play(&module, &steps(&play.case)?);
    }
    let _ = finalize(&module);
    let bytes = serde_json::to_vec(&played).map_err(|error| error.to_string())?;
    std::fs::write(result, bytes).map_err(|error| error.to_string())
}

fn steps(file: &Path) -> Result<Vec<case::Step>, String> {
    let describe = |error: String| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| describe(error.to_string()))?;
    case::read(&text).map_err(describe)
}

/// The cases by name, each file once; every one must be readable before anything is played.
fn plays(settings: &Settings) -> Result<Vec<Play>, String> {
    let mut files = BTreeSet::new();
    for path in &settings.cases {
        let describe = |error: std::io::Error| format!("{}: {error}", path.display());
        if !std::fs::metadata(path).map_err(describe)?.is_dir() {
            files.insert(path.clone());
            continue;
        }
        for entry in std::fs::read_dir(path).map_err(describe)? {
            let file = entry.map_err(describe)?.path();
            if file.extension().is_some_and(|extension| extension == "xml") {
                files.insert(file);
            }
        }
    }
    if files.is_empty() {
        return Err("there is no case: --cases names a file, or a folder with .xml files".into());
    }
    let mut plays: Vec<Play> = files.into_iter().map(|case| Play { case, setup: Vec::new() }).collect();
    for entry in &settings.setup {
        let (name, file) = entry.split_once('=').ok_or_else(|| format!("'{entry}' has no '='"))?;
        let play = plays.iter_mut().find(|play| play.name() == name);
        play.ok_or_else(|| format!("--setup: no case is named '{name}'"))?.setup.push(file.into());
    }
    for play in &plays {
        for file in play.setup.iter().chain([&play.case]) {
            steps(file)?;
        }
    }
    Ok(plays)
}

fn permitted(file: &Path) -> Result<Permitted, String> {
    let describe = |error: std::io::Error| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(describe)?;
    let mut permitted = Permitted::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.splitn(4, ' ');
        let (Some(case), Some(path), Some(answer), Some(reason)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(format!(
                "{}: '{line}' is not a case, a path, an answer and a reason",
                file.display()
            ));
        };
        permitted.insert((case.into(), path.into(), answer.into()), reason.into());
    }
    Ok(permitted)
}

#[cfg(test)]
mod tests {
    use super::told::Difference;
    use super::*;

    fn played(may_vary: bool) -> Played {
        let path = "C_GetInfo/Info/Flags".to_owned();
        let difference = Difference { path, line: 3, got: "1".into(), wanted: "0".into(), may_vary };
        Played { differences: vec![difference], stopped: None }
    }

    fn judged(played: &Played, permitted: &Permitted, exact: bool) -> (usize, usize, usize) {
        let mut judged = Judged::default();
        judge("CASE", played, permitted, exact, &mut judged);
        (judged.failures.len(), judged.allowed.len(), judged.varied)
    }

    #[test]
    fn a_difference_fails_unless_it_may_vary_or_is_permitted() {
        let none = Permitted::new();
        let answering = |answer: &str| {
            let key = ("CASE".to_owned(), "C_GetInfo/Info/Flags".to_owned(), answer.to_owned());
            Permitted::from([(key, "a reason".to_owned())])
        };
        let named = answering("1");
        assert_eq!(judged(&played(false), &none, false), (1, 0, 0));
        assert_eq!(judged(&played(false), &named, false), (0, 1, 0));
        assert_eq!(judged(&played(false), &answering(ANY), false), (0, 1, 0));
        assert_eq!(judged(&played(false), &answering("2"), false), (1, 0, 0));
        assert_eq!(judged(&played(true), &none, false), (0, 0, 1));
        assert_eq!(judged(&played(true), &none, true), (1, 0, 0));
        let stopped = Played { stopped: Some("line 9".into()), ..Played::default() };
        assert_eq!(judged(&stopped, &named, false), (1, 0, 0));
    }
}
