//! Side-by-side tables of mechanisms and interfaces.

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

/// Prints a table with a row per mechanism and a column per module.
pub fn mechanisms(modules: &[ModuleSpec], options: Options) -> Result<bool, String> {
    print("mechanism", modules, options, "mechanisms")
}

/// Prints a table with a row per interface and a column per module.
pub fn interfaces(modules: &[ModuleSpec], options: Options) -> Result<bool, String> {
    print("interface", modules, options, "interfaces")
}

/// Collects `key<TAB>value` lines from a child of each module and prints them by key.
fn print(what: &str, modules: &[ModuleSpec], options: Options, role: &str) -> Result<bool, String> {
    let mut rows: BTreeMap<String, BTreeMap<usize, String>> = BTreeMap::new();
    for (column, spec) in modules.iter().enumerate() {
        let prepared = Prepared::new(spec, options)?;
        for (key, value) in lines(&prepared, role)? {
            rows.entry(key).or_default().insert(column, value);
        }
    }
    let mut table = table([what.to_owned()].into_iter().chain(modules.iter().map(|spec| spec.name.clone())));
    for (key, cells) in rows {
        let cells =
            (0..modules.len()).map(|column| cells.get(&column).cloned().unwrap_or_else(|| "-".into()));
        table.add_row([key].into_iter().chain(cells));
    }
    println!("{table}");
    Ok(true)
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
    let module = Module::open(module)?;
    let version = module.list().version;
    println!("{MARK}C_GetFunctionList\tversion {}.{}", version.major, version.minor);
    for Interface { name, major, minor, flags, functions, expected } in
        module.interfaces().unwrap_or_default()
    {
        println!("{MARK}{name} {major}.{minor}\t{functions} of {expected} functions, flags 0x{flags:X}");
    }
    Ok(())
}
