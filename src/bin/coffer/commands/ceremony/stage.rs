//! How shares get into the hands of their custodians: one after the other at a terminal, or into files as a script says.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use coffer_pkcs11::lifecycle::backup::{Opened, Share};
use coffer_pkcs11::secret::Secret;

use crate::commands::recovery::file_name;
use crate::escrow::{self, CLEAR};
use crate::failure::{Failure, Result};
use crate::output;
use crate::pin;

/// So often a line may be typed wrongly.
const ATTEMPTS: usize = 5;

pub enum Stage {
    Terminal {
        out: Option<PathBuf>,
        encrypt: bool,
    },
    Script {
        folder: PathBuf,
        /// For each custodian, in their order.
        passphrases: Vec<Option<PathBuf>>,
    },
}

/// What happened to a share, for the transcript.
pub struct Handed {
    pub closed: bool,
    pub how: String,
}

impl Stage {
    pub fn script(folder: PathBuf, passphrases: Vec<Option<PathBuf>>) -> Self {
        Stage::Script { folder, passphrases }
    }

    pub fn terminal(out: Option<PathBuf>, encrypt: bool) -> Result<Self> {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            return Err(Failure::new("a ceremony needs a terminal, which only the people present see")
                .advise("without one, say everything in a file: --script FILE"));
        }
        Ok(Stage::Terminal { out, encrypt })
    }

    pub fn tell(&mut self, text: &str) -> Result<()> {
        output::line(&output::printable(text))
    }

    /// Gives a share to its custodian, who shows that it has arrived.
    pub fn hand_over(&mut self, share: &Opened) -> Result<Handed> {
        match self {
            Stage::Script { folder, passphrases } => {
                let place = usize::from(share.number).wrapping_sub(1);
                let passphrase = match passphrases.get(place).and_then(Option::as_ref) {
                    Some(path) => Some(pin::passphrase_file(path)?),
                    None => None,
                };
                into_file(folder, share, passphrase.as_ref())
            }
            Stage::Terminal { out, encrypt } => at_terminal(share, out.as_deref(), *encrypt),
        }
    }
}

/// Writes the share, and reads it again from there.
fn into_file(folder: &Path, share: &Opened, passphrase: Option<&Secret>) -> Result<Handed> {
    escrow::make_folder(folder)?;
    let path = folder.join(file_name(share));
    let kept = share.keep(passphrase)?;
    escrow::write_new(&path, kept.to_text()?.as_bytes(), true)?;
    let text = crate::commands::import::read_file_up_to(&path, 64 << 10)?;
    let read = Share::from_text(text.as_bytes()).and_then(|read| read.open(passphrase))?;
    if read != *share {
        return Err(Failure::new(format!("what was written to {} is not the share", path.display())));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Handed { closed: kept.is_closed(), how: format!("written to {name}, read again and checked") })
}

fn at_terminal(share: &Opened, out: Option<&Path>, encrypt: bool) -> Result<Handed> {
    let name = output::printable(&share.custodian);
    screen(&format!("{CLEAR}Only {name} looks at the screen and at the keyboard now.\n"))?;
    wait("Press Enter when that is so: ")?;
    let passphrase =
        if encrypt { Some(pin::ask_new_passphrase(&format!("passphrase of {name}"))?) } else { None };
    let handed = match out {
        Some(folder) => into_file(folder, share, passphrase.as_ref())?,
        None => on_screen(&share.keep(passphrase.as_ref())?)?,
    };
    screen(CLEAR)?;
    Ok(handed)
}

/// Shows the share until it has been written down, then asks for one of its lines.
fn on_screen(kept: &Share) -> Result<Handed> {
    let text = kept.to_text()?;
    let text = std::str::from_utf8(text.as_bytes()).unwrap_or_default();
    let lines = kept.lines()?;
    let chosen = random_below(lines.len())?;
    let line = lines.get(chosen).map(String::as_str).unwrap_or_default();
    let number = chosen + 1;
    for _ in 0..ATTEMPTS {
        screen(&format!("{CLEAR}{text}\nWrite it down or print it.\n"))?;
        wait("Press Enter when it is on paper; the screen is cleared: ")?;
        screen(&format!("{CLEAR}Type line {number} from your paper, with or without its number.\n"))?;
        let typed = wait("> ")?;
        screen(CLEAR)?;
        if is_line(&typed, line, number) {
            return Ok(Handed {
                closed: kept.is_closed(),
                how: format!("shown and written down; line {number} was typed again from paper"),
            });
        }
        screen("That is not what the line says. The share is shown once more.\n")?;
        wait("Press Enter: ")?;
    }
    Err(Failure::new(format!("the share of {} was not written down rightly", kept.custodian))
        .advise("begin the ceremony again with a new label; this token has no recovery key"))
}

/// Whether somebody typed this line; blanks, small letters and symbols that look alike do not count.
fn is_line(typed: &str, line: &str, number: usize) -> bool {
    let normal = |text: &str| -> String {
        let symbol = |char: char| match char.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        text.chars().filter(|char| !char.is_whitespace()).map(symbol).collect()
    };
    let (typed, with_number) = (normal(typed), normal(line));
    let digits = number.to_string();
    typed == with_number || with_number.strip_prefix(&digits).is_some_and(|without| without == typed)
}

fn random_below(count: usize) -> Result<usize> {
    let bytes = coffer_pkcs11::crypto::random::secret(4).map_err(coffer_pkcs11::error::Error::from)?;
    let number = bytes.as_bytes().iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    Ok(number % count.max(1))
}

fn screen(text: &str) -> Result<()> {
    output::bytes(text.as_bytes())
}

/// What is typed after a question.
fn wait(question: &str) -> Result<String> {
    output::bytes(question.as_bytes())?;
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match read {
        Ok(length) if length > 0 => Ok(answer),
        _ => Err(Failure::new("the terminal was closed").advise("begin the ceremony again with a new label")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_recognised_as_people_type_it() {
        let line = " 1  000G 40R4 E8RP";
        for typed in ["1 000G 40R4 E8RP\n", "000g40r4e8rp", "oooG 4oR4 E8RP", " l  000G 40R4 E8RP"] {
            assert!(is_line(typed, line, 1), "{typed}");
        }
        for typed in ["", "1", "000G 40R4", "000G 40R4 E8RQ", "2 000G 40R4 E8RP"] {
            assert!(!is_line(typed, line, 1), "{typed}");
        }
    }
}
