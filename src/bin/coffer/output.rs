//! Tables for people and JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::{Attribute, Color, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::failure::{Failure, Result};

/// JSON with its schema: a name and a version that grows when a field changes its meaning or goes away.
#[derive(Serialize)]
struct Document<'a, T> {
    schema: &'a str,
    version: u32,
    #[serde(flatten)]
    content: T,
}

/// Prints a document of schema `coffer.NAME`.
pub fn json(name: &str, version: u32, content: impl Serialize) -> Result<()> {
    let schema = format!("coffer.{name}");
    let text = serde_json::to_string_pretty(&Document { schema: &schema, version, content })
        .map_err(|error| Failure::new(format!("the JSON output cannot be made: {error}")))?;
    line(&text)
}

/// Prints a line; a reader that went away (`coffer list | head`) is no error. Labels in it do not steer the terminal.
pub fn line(text: &str) -> Result<()> {
    bytes(format!("{}\n", harmless(text)).as_bytes())
}

/// Prints a table.
pub fn table_lines(table: &str) -> Result<()> {
    bytes(format!("{table}\n").as_bytes())
}

/// Prints bytes as they are.
pub fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("the output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Columns below which a table is not squeezed into a terminal.
const NARROWEST: u16 = 40;

/// A cell of a table.
pub struct Cell {
    pub text: String,
    pub tone: Tone,
}

/// What the colour of a cell says; it never says more than the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
    Quiet,
}

impl Cell {
    pub fn plain(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }

    fn shown(&self, coloured: bool) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new(printable(&self.text));
        match self.tone {
            _ if !coloured => cell,
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Warning => cell.fg(Color::Yellow),
            Tone::Bad => cell.fg(Color::Red),
            Tone::Quiet => cell.add_attribute(Attribute::Dim),
        }
    }
}

/// Colours are for terminals, and not for people who have set NO_COLOR (no-color.org).
fn is_coloured() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !unwanted && !dumb && std::io::stdout().is_terminal()
}

/// A table as wide as the terminal, or as its content where there is none.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let plain = |row: Vec<String>| row.into_iter().map(Cell::plain).collect();
    toned_table(headings, rows.into_iter().map(plain).collect())
}

/// As `table`, with colours where they are wanted.
pub fn toned_table(headings: &[&str], rows: Vec<Vec<Cell>>) -> String {
    let coloured = is_coloured();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings.iter().map(|heading| heading.to_uppercase()));
    // Some terminals (of CI systems, of `script`) tell a width of zero, which would leave a letter a line.
    let width = table.width().filter(|width| *width >= NARROWEST && std::io::stdout().is_terminal());
    let fits = width.is_some();
    if let Some(width) = width {
        // Told here, for without colours the table does not ask the terminal.
        table.set_width(width);
    }
    table.set_content_arrangement(if fits {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    for row in rows {
        table.add_row(row.iter().map(|cell| cell.shown(coloured)));
    }
    if coloured {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let text = table.to_string();
    // Each cell has a blank before it, which the first column does without.
    text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n")
}

/// The text with control characters made visible: a label must not steer the terminal.
pub fn printable(text: &str) -> String {
    escaped(text, |char| char.is_control())
}

/// The text of several lines with all other control characters made visible.
pub fn harmless(text: &str) -> String {
    escaped(text, |char| char.is_control() && !matches!(char, '\n' | '\t'))
}

fn escaped(text: &str, is_to: impl Fn(char) -> bool) -> String {
    text.chars()
        .flat_map(|char| if is_to(char) { char.escape_unicode().collect() } else { vec![char] })
        .collect()
}

/// `one token`, `2 tokens`.
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A word as a shell takes it: in single quotes where it has anything but letters, digits and harmless signs.
pub fn quoted(word: &str) -> String {
    let harmless = |char: char| char.is_ascii_alphanumeric() || "-_./:@%+,=".contains(char);
    if !word.is_empty() && word.chars().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hexadecimal digits, also with colons or blanks between them, as bytes.
pub fn unhex(text: &str) -> std::result::Result<Vec<u8>, String> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|char| !matches!(char, ':' | ' '))
        .map(|char| char.to_digit(16))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("`{text}` is not hexadecimal; write an id like 01 or 0a:1b"))?;
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return Err(format!("`{text}` has not two hexadecimal digits for each byte"));
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            u8::try_from(pair.iter().fold(0, |sum, digit| sum * 16 + digit))
                .map_err(|error| error.to_string())
        })
        .collect()
}

/// Asks for a yes on the terminal; without one, `--yes` is needed.
pub fn confirm(question: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!("{question} There is no terminal to ask at"))
            .advise("add --yes if that is meant; nothing was changed"));
    }
    eprint!("{} Type yes to go on: ", harmless(question));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::new("not confirmed").advise("nothing was changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_ids_are_read_with_and_without_colons() {
        assert_eq!(unhex("0a1B").unwrap(), [0x0a, 0x1b]);
        assert_eq!(unhex("0a:1b").unwrap(), [0x0a, 0x1b]);
        assert!(unhex("abc").unwrap_err().contains("two hexadecimal digits"));
        assert!(unhex("key").unwrap_err().contains("not hexadecimal"));
        assert!(unhex("").is_err());
    }

    #[test]
    fn a_table_begins_at_the_margin_and_keeps_empty_cells() {
        let rows = vec![vec!["1".into(), "a".into()], vec![String::new(), "b".into()]];
        assert_eq!(table(&["n", "x"], rows), "N  X\n1  a\n   b");
    }

    #[test]
    fn labels_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m"), "a\\u{1b}[31m");
    }
}
