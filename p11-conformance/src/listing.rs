//! Side-by-side tables of mechanisms and interfaces.

use crate::functions;
use crate::module::{Interface, Module};
use crate::names;
use crate::report::table;
use crate::runner::{Options, Prepared};
use crate::scenario::{Host, mechanism_info, mechanisms as list_of};
use crate::setup::ModuleSpec;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

/// What a child prints before each line that is meant for its parent; modules may print lines of their own.
const MARK: &str = "p11-conformance\t";

/// The cells of a table: row name → column → text.
type Rows = BTreeMap<String, BTreeMap<usize, String>>;

/// Prints a table with a row per mechanism and a column per module. With `superset` it fails where another module has a
/// mechanism, or a function of one, that this one lacks; `allowed` is a list of mechanisms that it may lack.
pub fn mechanisms(
    modules: &[ModuleSpec],
    options: Options,
    superset: Option<&str>,
    allowed: Option<&Path>,
) -> Result<bool, String> {
    let rows = print("mechanism", modules, options, "mechanisms")?;
    let Some(name) = superset else { return Ok(true) };
    let column = modules.iter().position(|spec| spec.name == name);
    let column = column.ok_or_else(|| format!("no module is named {name}"))?;
    let text = allowed.map(std::fs::read_to_string).transpose().map_err(|error| error.to_string())?;
    let allowed: Vec<&str> = text
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.split_whitespace().next().filter(|word| !word.starts_with('#')))
        .collect();
    let missing = missing(&rows, column);
    for (mechanism, what) in &missing {
        let note = if allowed.contains(&mechanism.as_str()) { " (allowed)" } else { "" };
        println!("{name} lacks {mechanism}: {what}{note}");
    }
    for unused in allowed.iter().filter(|word| !missing.contains_key(**word)) {
        println!("{name} does not lack {unused}");
    }
    let lacks = missing.keys().any(|mechanism| !allowed.contains(&mechanism.as_str()));
    let unused = allowed.iter().any(|word| !missing.contains_key(*word));
    println!("{} mechanisms, {name} lacks {}", rows.len(), missing.len());
    Ok(!lacks && !unused)
}

/// Mechanisms, and the functions of them, that a column lacks and another has.
fn missing(rows: &Rows, column: usize) -> BTreeMap<String, String> {
    let mut missing = BTreeMap::new();
    for (mechanism, cells) in rows {
        let Some(own) = cells.get(&column) else {
            missing.insert(mechanism.clone(), "the mechanism".to_owned());
            continue;
        };
        let own: Vec<&str> = functions(own).collect();
        let lacks = |function: &&str| !own.contains(function) && *function != "hw";
        let lacking: Vec<&str> = cells.values().flat_map(|cell| functions(cell)).filter(lacks).collect();
        if !lacking.is_empty() {
            missing.insert(mechanism.clone(), lacking.join(" "));
        }
    }
    missing
}

/// The functions in a cell: what follows the key sizes.
fn functions(cell: &str) -> impl Iterator<Item = &str> {
    cell.split_whitespace().skip(1)
}

/// Prints a table with a row per interface and per function, and a column per module. With `complete` it fails where this
/// module lacks a function of the newest list.
pub fn interfaces(modules: &[ModuleSpec], options: Options, complete: Option<&str>) -> Result<bool, String> {
    let rows = print("interface or function", modules, options, "interfaces")?;
    let Some(name) = complete else { return Ok(true) };
    let column = modules.iter().position(|spec| spec.name == name);
    let column = column.ok_or_else(|| format!("no module is named {name}"))?;
    let missing = |cells: &&BTreeMap<usize, String>| {
        cells.get(&column).is_some_and(|cell| cell == "absent" || cell == "CKR_FUNCTION_NOT_SUPPORTED")
    };
    let missing: Vec<_> = rows.iter().filter(|(_, cells)| missing(cells)).map(|(key, _)| key).collect();
    for function in &missing {
        println!("{name} lacks {function}");
    }
    Ok(missing.is_empty())
}

/// Collects `key<TAB>value` lines from a child of each module and prints them by key.
fn print(what: &str, modules: &[ModuleSpec], options: Options, role: &str) -> Result<Rows, String> {
    let mut rows = Rows::new();
    for (column, spec) in modules.iter().enumerate() {
        let prepared = Prepared::new(spec, options)?;
        for (key, value) in lines(&prepared, role)? {
            rows.entry(key).or_default().insert(column, value);
        }
    }
    let mut table = table([what.to_owned()].into_iter().chain(modules.iter().map(|spec| spec.name.clone())));
    for (key, cells) in &rows {
        let cells =
            (0..modules.len()).map(|column| cells.get(&column).cloned().unwrap_or_else(|| "-".into()));
        table.add_row([key.clone()].into_iter().chain(cells));
    }
    println!("{table}");
    Ok(rows)
}

fn lines(prepared: &Prepared, role: &str) -> Result<Vec<(String, String)>, String> {
    let describe = |error: std::io::Error| format!("{}: {error}", prepared.name());
    let mut child = prepared.spawn(prepared.folder(), &[role], Stdio::piped()).map_err(describe)?;
    let mut text = String::new();
    child.stdout.take().map_or(Ok(0), |mut out| out.read_to_string(&mut text)).map_err(describe)?;
    let status = child.wait().map_err(describe)?;
    if !status.success() {
        return Err(format!("{}: {status}", prepared.name()));
    }
    let lines = text.lines().filter_map(|line| line.strip_prefix(MARK)?.split_once('\t'));
    Ok(lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

/// The child's side of `mechanisms`.
pub fn host_mechanisms(module: &Path) -> Result<(), String> {
    let host = Host::new(Module::open(module)?);
    let slot = host.token().map_err(|verdict| format!("{verdict:?}"))?;
    for id in list_of(&host.module, slot).map_err(|error| error.to_string())? {
        let value = match mechanism_info(&host.module, slot, id) {
            Ok(info) => {
                let flags = names::mechanism_flags(info.flags);
                format!("{}..{} {flags}", info.ulMinKeySize, info.ulMaxKeySize)
            }
            Err(error) => error.to_string(),
        };
        println!("{MARK}{}\t{value}", names::mechanism(id));
    }
    Ok(())
}

/// The child's side of `interfaces`.
pub fn host_interfaces(module: &Path) -> Result<(), String> {
    let host = Host::new(Module::open(module)?);
    host.token().map_err(|verdict| format!("{verdict:?}"))?;
    let module = &host.module;
    for (function, answer) in functions::answers(module) {
        println!("{MARK}{function}\t{answer}");
    }
    let version = module.list().version;
    println!("{MARK}C_GetFunctionList\tversion {}.{}", version.major, version.minor);
    for Interface { name, major, minor, flags, functions, expected } in
        module.interfaces().unwrap_or_default()
    {
        println!("{MARK}{name} {major}.{minor}\t{functions} of {expected} functions, flags 0x{flags:X}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_mechanism_and_a_missing_function_are_told() {
        let cell = |columns: &[(usize, &str)]| {
            columns.iter().map(|(column, text)| (*column, (*text).to_owned())).collect()
        };
        let rows = Rows::from([
            ("both".to_owned(), cell(&[(0, "16..32 encrypt decrypt"), (1, "16..32 hw encrypt")])),
            ("function".to_owned(), cell(&[(0, "0..0 sign"), (1, "0..0 sign verify")])),
            ("mechanism".to_owned(), cell(&[(1, "0..0 digest")])),
            ("more".to_owned(), cell(&[(0, "0..0 digest")])),
        ]);
        let told: Vec<_> = missing(&rows, 0).into_iter().collect();
        assert_eq!(
            told,
            [
                ("function".to_owned(), "verify".to_owned()),
                ("mechanism".to_owned(), "the mechanism".to_owned())
            ]
        );
    }
}
