//! What the commands share that dual control can stop: participants' keys, requests in files, and failures that say what is missing.

use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::approval::{self, Ask, ParticipantKey, Refusal, Standing};
use coffer_pkcs11::lifecycle::settings;
use coffer_pkcs11::policy::{Controlled, LONGEST_REQUEST, SignedRequest, Subject};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::{Settings, Token};

use crate::commands::import::read_file_up_to;
use crate::dates;
use crate::escrow::{self, Passphrases};
use crate::failure::{Exit, Failure, Result};
use crate::keyfile::pem;
use crate::output;

/// PEM labels.
pub const KEY_LABEL: &str = "COFFER PARTICIPANT KEY";
pub const PUBLIC_LABEL: &str = "COFFER PARTICIPANT";
const REQUEST_LABEL: &str = "COFFER REQUEST";

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let failure = Failure::new(refusal.to_string());
        match refusal {
            Refusal::Token(error) => error.into(),
            Refusal::NoControl => failure.advise("coffer control set makes the rules"),
            Refusal::NotControlled(_) | Refusal::Stranger(_) => {
                failure.advise("coffer control show tells the rules and the participants")
            }
            Refusal::Unknown => failure.advise("coffer request list shows those that wait"),
            Refusal::Expired => failure.advise("ask anew: coffer request"),
            Refusal::Altered(_) => failure.advise("get the file anew from whoever it came from"),
            _ => failure,
        }
    }
}

/// Whose key signs.
#[derive(Args, Clone, Debug)]
pub struct Signer {
    /// The participant's private key (coffer control key)
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    #[command(flatten)]
    pub passphrases: Passphrases,
}

impl Signer {
    pub fn read(&self) -> Result<ParticipantKey> {
        read_key(&self.key, &self.passphrases)
    }
}

/// Asking for a change of settings, in place of making it.
#[derive(Args, Clone, Debug, Default)]
pub struct Asking {
    /// Ask for it with this participant's private key, and change nothing yet
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Write the request to a file, too, for those who approve elsewhere
    #[arg(long, value_name = "FILE", requires = "request")]
    out: Option<PathBuf>,
    #[command(flatten)]
    passphrases: Passphrases,
}

impl Asking {
    /// Asks for these settings, where it is to be asked for. Answers the id of the request.
    pub fn ask(
        &self,
        token: &Token,
        settings: &Settings,
        about: &str,
        reason: Option<&str>,
    ) -> Result<Option<String>> {
        let Some(file) = &self.request else { return Ok(None) };
        let ask = Ask {
            operation: Controlled::Policy,
            subject: settings.subject()?,
            about: about.to_owned(),
            reason: reason.unwrap_or_default().to_owned(),
            proposal: settings.proposal()?,
            valid: None,
        };
        let signed = approval::request(token, &read_key(file, &self.passphrases)?, &ask)?;
        if let Some(out) = &self.out {
            write_request(out, &signed)?;
        }
        Ok(Some(signed.request.id_text()))
    }

    /// What there is to do after a request.
    pub fn next(id: &str) -> String {
        format!(
            "Request {id} waits for approvals (coffer approve {id} --key FILE). When it has them, run the command once more \
             without --request."
        )
    }
}

/// The failure of a change of settings that too few have approved; `None` where that is not why.
pub fn settings_missing(token: &Token, settings: &Settings) -> Option<Failure> {
    let subjects = [settings.subject().ok()?];
    let failure = missing(token, Controlled::Policy, &subjects, "")?;
    Some(match approval::nearest(token, Controlled::Policy, &subjects) {
        Ok(Some(_)) => failure,
        _ => failure
            .advise("a participant asks for it with the same command and --request FILE (a private key)"),
    })
}

/// A participant's key in a file.
pub fn read_key(path: &Path, passphrases: &Passphrases) -> Result<ParticipantKey> {
    let block = escrow::read_block(path, KEY_LABEL)?;
    let named = |failure: Failure| failure.while_doing(&path.display().to_string());
    let closed = ParticipantKey::is_closed(block.as_bytes()).map_err(|error| named(error.into()))?;
    let open = |passphrase: Option<&Secret>| ParticipantKey::from_file(block.as_bytes(), passphrase);
    passphrases.open(closed, &path.display().to_string(), open).map_err(named)
}

/// A request with its approvals in a file.
pub fn read_request(path: &Path) -> Result<SignedRequest> {
    let named = |failure: Failure| failure.while_doing(&path.display().to_string());
    // In Base64 it is a third longer, and has line ends.
    let file = read_file_up_to(path, 2 * LONGEST_REQUEST as u64)?;
    let mut blocks = pem::blocks(file.as_bytes()).map_err(named)?.into_iter();
    match (blocks.find(|block| block.label == REQUEST_LABEL), blocks.next()) {
        (Some(block), None) => {
            SignedRequest::decode(block.der.as_bytes()).map_err(|error| named(error.into()))
        }
        _ => Err(Failure::new(format!("{} does not hold one {REQUEST_LABEL}", path.display()))
            .advise("coffer request … --out FILE writes one")),
    }
}

pub fn write_request(path: &Path, signed: &SignedRequest) -> Result<()> {
    escrow::write_new(path, pem::encode(REQUEST_LABEL, &signed.encode())?.as_bytes(), false)
}

/// The failure of an operation that too few have approved; `None` where that is not why it failed. `ask`: the command that asks
/// for it, without the key.
pub fn missing(token: &Token, operation: Controlled, subjects: &[Subject], ask: &str) -> Option<Failure> {
    let needed = token.control()?.needs(operation)?;
    let nearest = approval::nearest(token, operation, subjects).unwrap_or_default();
    let people = if needed == 1 { "1 other person".to_owned() } else { format!("{needed} others") };
    let failure = match nearest {
        Some(standing) if standing.is_approved() => return None,
        Some(standing) => {
            let id = standing.signed.request.id_text();
            let so_far = match standing.approvers.as_slice() {
                [] => "nobody yet".to_owned(),
                names => names.join(", "),
            };
            Failure::new(format!(
                "{} needs the approval of {people}; request {id} has that of {so_far}",
                operation.name()
            ))
            .advise(format!("{} more must run: coffer approve {id} --key FILE", standing.missing()))
        }
        None => Failure::new(format!("{} needs the approval of {people}", operation.name()))
            .advise(format!("a participant asks for it with: {ask} --key FILE")),
    };
    Some(Failure { exit: Exit::Quorum, ..failure })
}

/// As `missing`, where the operation was prohibited; else the error's own failure.
pub fn or_missing(
    error: Error,
    token: &Token,
    operation: Controlled,
    subjects: &[Subject],
    ask: &str,
) -> Failure {
    let why = match error {
        Error::ActionProhibited => missing(token, operation, subjects, ask),
        _ => None,
    };
    why.unwrap_or_else(|| error.into())
}

/// A request for people: what is asked, and how it stands.
pub fn describe(standing: &Standing, settings: Option<&Settings>) -> String {
    let request = &standing.signed.request;
    let mut lines = request_lines(&standing.signed, settings);
    let needed = standing.needed.map_or("?".into(), |needed| needed.to_string());
    let approvers = if standing.approvers.is_empty() {
        String::new()
    } else {
        format!(": {}", standing.approvers.join(", "))
    };
    lines.push(("approved by", format!("{} of {needed}{approvers}", standing.approvers.len())));
    if let Some(void) = &standing.void {
        lines.push(("void", void.to_string()));
    }
    told(&format!("Request {}", request.id_text()), &lines)
}

/// What a request in a file says, without a token that could verify it.
pub fn describe_unverified(signed: &SignedRequest) -> String {
    let mut lines = request_lines(signed, None);
    let names: Vec<&str> = signed.approvals.iter().map(|approval| approval.approver.as_str()).collect();
    lines.push(("approvals in it", if names.is_empty() { "none".into() } else { names.join(", ") }));
    told(&format!("Request {}", signed.request.id_text()), &lines)
}

fn told(head: &str, lines: &[(&str, String)]) -> String {
    let lines = lines.iter().map(|(name, text)| format!("\n  {name:<16}{}", output::printable(text)));
    format!("{head}{}", lines.collect::<String>())
}

/// `settings`: those that the token has now, to tell what would change.
fn request_lines(signed: &SignedRequest, settings: Option<&Settings>) -> Vec<(&'static str, String)> {
    let request = &signed.request;
    let mut lines = vec![
        ("operation", request.operation.name().to_owned()),
        ("on", request.subject.to_string()),
        ("that is", request.about.clone()),
        ("asked by", format!("{}, {}", request.requester, dates::show(request.time))),
        ("reason", request.reason.clone()),
        ("until", dates::show(request.expires)),
        ("token", output::hex(&request.token)),
    ];
    lines.retain(|(_, text)| !text.is_empty());
    if !request.proposal.is_empty() {
        match Settings::proposed(&request.proposal) {
            Ok(proposed) => lines.extend(changed(settings, &proposed)),
            Err(_) => lines.push(("new settings", "are none that this version understands".into())),
        }
    }
    lines
}

/// What settings say, where they differ from others.
fn changed(from: Option<&Settings>, to: &Settings) -> Vec<(&'static str, String)> {
    let shown = |settings| settings::shown(settings).unwrap_or_default();
    let before = from.map(shown).unwrap_or_default();
    let new = shown(to).into_iter().filter(|setting| !before.contains(setting));
    new.map(|(name, value)| ("would be", format!("{name}: {value}"))).collect()
}
