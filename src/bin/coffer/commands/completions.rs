//! `coffer completions` and `coffer man`: made from the same definition of the options as the tool itself.

use std::path::PathBuf;

use clap::{Args, CommandFactory, ValueEnum};
use serde::Serialize;

use crate::failure::{Exit, Failure, Result};
use crate::output;

#[derive(Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub fn run(self) -> Result<Exit> {
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut crate::Cli::command(), "coffer", &mut script);
        output::bytes(&script)?;
        Ok(Exit::Success)
    }
}

#[derive(Args)]
pub struct Man {
    /// The folder to write coffer.1 and a page for each command into; it must be there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Pages {
    folder: String,
    pages: Vec<String>,
}

impl Man {
    pub fn run(self) -> Result<Exit> {
        let mut command = crate::Cli::command().disable_help_subcommand(true);
        command.build();
        let mut pages = Vec::new();
        self.write(&command, &mut pages).map_err(|error| {
            Failure::new(format!("the pages cannot be written to {}: {error}", self.folder.display()))
                .advise("make the folder first, such as share/man/man1")
        })?;
        let folder = self.folder.display().to_string();
        if self.json {
            output::json("man", 1, Pages { folder, pages })?;
        } else {
            output::line(&format!("Wrote {} to {folder}.", output::count(pages.len(), "page")))?;
        }
        Ok(Exit::Success)
    }

    /// The page of a command, then those of the commands below it.
    fn write(&self, command: &clap::Command, pages: &mut Vec<String>) -> std::io::Result<()> {
        let page = clap_mangen::Man::new(command.clone());
        pages.push(page.get_filename());
        page.generate_to(&self.folder)?;
        command
            .get_subcommands()
            .filter(|below| !below.is_hide_set())
            .try_for_each(|below| self.write(below, pages))
    }
}
