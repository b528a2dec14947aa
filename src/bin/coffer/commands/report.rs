//! `coffer report`: the inventory as a page for those who decide.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::list::PolicyOption;
use crate::context::{Context, LoginOption};
use crate::failure::{Exit, Failure, Result};
use crate::inventory::report::Page;
use crate::inventory::{self, Question, filter};
use crate::output;
use crate::uri::Uri;

#[derive(Args)]
pub struct Arguments {
    /// The page to write: one HTML file that needs nothing else; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
    #[command(flatten)]
    policy: PolicyOption,
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Written {
    file: String,
    objects: usize,
    /// How many of the objects want attention (exit code 3).
    attention: usize,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.login.token.uri()?;
        let now = context.now();
        let token = context.token(&wanted)?;
        let policy = self.policy.choose(&token)?;
        let session = context.user_session(&token, false, &self.login.pin, &wanted)?;
        let question = Question { now, soon: filter::SOON, policy: policy.as_deref() };
        let assets = inventory::of(&context, &token, &session, &Uri::default(), &question)?;
        let page = Page {
            token: &token.label,
            serial: &token.serial,
            mode: token.settings.lifecycle.name(),
            policy: policy.as_ref().map(|policy| policy.name.as_str()),
            now,
            assets: &assets,
        };
        write(&self.html, &page.html())?;
        let attention = assets.iter().filter(|asset| asset.wants_attention()).count();
        let (file, objects) = (self.html.display().to_string(), assets.len());
        if self.json {
            output::json("report", 1, Written { file, objects, attention })?;
        } else {
            output::line(&format!(
                "Wrote {file}: {}, of which {attention} want attention.",
                output::count(objects, "object")
            ))?;
        }
        Ok(if attention == 0 { Exit::Success } else { Exit::Attention })
    }
}

/// A page is made anew each time; whoever reads it sees the old one or the new one.
fn write(path: &std::path::Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        Failure::new(format!("{} cannot be written: {error}", path.display()))
            .advise("name a file in a folder in which you may write")
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = std::fs::File::create(&beside).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}
