//! How far Coffer fulfils the profile "Complete Provider": the list of what the standard asks for is compared with the
//! library, and the tables in docs/conformance.md with the list. UPDATE_SNAPSHOTS=1 writes them anew.

mod interface;

use std::collections::BTreeSet;

use coffer_pkcs11::mechanism;
use interface::*;

const LIST: &str = include_str!("golden/complete-provider.tsv");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conformance.md");
const BEGIN: &str = "<!-- complete provider: begin -->\n";
const END: &str = "<!-- complete provider: end -->\n";

/// A function or mechanism that the standard asks for.
struct Wanted {
    section: &'static str,
    name: &'static str,
    /// What Coffer does instead, or why it has no such mechanism; empty where it has what is asked for.
    instead: &'static str,
}

/// The list, functions or mechanisms.
fn wanted(prefix: &str) -> Vec<Wanted> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let wanted = lines.map(|line| {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        Wanted { section: field(), name: field(), instead: field() }
    });
    wanted.filter(|wanted| wanted.name.starts_with(prefix)).collect()
}

#[test]
fn every_function_of_the_list_is_exported_and_in_the_interface() {
    let Loaded { library, functions } = load();
    let wanted = wanted("C_");
    for function in &wanted {
        // SAFETY: only asked whether the symbol is there; it is never called through this type.
        let found = unsafe { library.get::<*const ()>(function.name.as_bytes()) };
        assert!(found.is_ok(), "{}", function.name);
    }
    let pointers = size_of_val(functions) / size_of::<*const ()>() - 1;
    assert_eq!(wanted.len(), pointers, "the list has as many functions as CK_FUNCTION_LIST_3_2");
    let first = std::ptr::from_ref(functions).cast::<*const ()>();
    // SAFETY: a version, then one pointer a function.
    assert!((1..=pointers).all(|place| unsafe { !(*first.add(place)).is_null() }));
}

#[test]
fn a_mechanism_is_in_the_list_without_a_reason_exactly_where_coffer_has_it() {
    let has: BTreeSet<&str> = mechanism::all().iter().map(|row| row.name).collect();
    let wanted = wanted("CKM_");
    let names: BTreeSet<&str> = wanted.iter().map(|wanted| wanted.name).collect();
    assert_eq!(names.len(), wanted.len(), "each mechanism once");
    for Wanted { name, instead, .. } in &wanted {
        assert_eq!(has.contains(name), instead.is_empty(), "{name}: {instead}");
    }
    let unknown: Vec<_> = has.difference(&names).collect();
    assert!(unknown.is_empty(), "not in the list: {unknown:?}");
}

/// A table with a row for each section.
fn table(heading: &str, lacking: &str, wanted: &[Wanted]) -> String {
    let mut table = format!("| section | {heading} | {lacking} |\n|---|---|---|\n");
    let mut sections: Vec<&str> = wanted.iter().map(|wanted| wanted.section).collect();
    sections.dedup();
    for section in sections {
        let here: Vec<&Wanted> = wanted.iter().filter(|wanted| wanted.section == section).collect();
        let has: Vec<&str> =
            here.iter().filter(|wanted| wanted.instead.is_empty()).map(|wanted| wanted.name).collect();
        let mut lacks: Vec<String> = Vec::new();
        for reason in here.iter().map(|wanted| wanted.instead).filter(|reason| !reason.is_empty()) {
            let names: Vec<&str> =
                here.iter().filter(|wanted| wanted.instead == reason).map(|wanted| wanted.name).collect();
            let line = format!("{}: {reason}", names.join(", "));
            if !lacks.contains(&line) {
                lacks.push(line);
            }
        }
        table += &format!("| {section} | {} | {} |\n", has.join(", "), lacks.join("; "));
    }
    table
}

fn count(wanted: &[Wanted]) -> String {
    let has = wanted.iter().filter(|wanted| wanted.instead.is_empty()).count();
    format!("{has} of {}", wanted.len())
}

#[test]
fn the_tables_of_the_page_are_what_the_list_says() {
    let (functions, mechanisms) = (wanted("C_"), wanted("CKM_"));
    let asked: Vec<Wanted> =
        wanted("CKM_").into_iter().filter(|wanted| !wanted.section.starts_with("Historical")).collect();
    let tables = format!(
        "Functions ({} in full):\n\n{}\nMechanisms ({} of chapter 6):\n\n{}\n",
        count(&functions),
        table("functions", "what they answer instead", &functions),
        count(&asked),
        table("mechanisms", "not offered", &mechanisms),
    );
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the first marker");
    let (_, after) = rest.split_once(END).expect("the second marker");
    let wanted = format!("{before}{BEGIN}{tables}{END}{after}");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    assert!(page == wanted, "docs/conformance.md is older than the list; UPDATE_SNAPSHOTS=1 writes it anew");
}
