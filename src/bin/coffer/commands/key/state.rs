//! `coffer key state`: shows the state of a key, or decides on it.

use clap::{Args, ValueEnum};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::state::{Step, decide};
use coffer_pkcs11::object::Attributes;
use coffer_pkcs11::policy::State;
use serde::Serialize;

use crate::dates;
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, ObjectOption};
use crate::output;
use crate::pin::UserPin;

use super::Named;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    /// What is decided; without it the state is shown
    #[arg(value_enum, value_name = "STEP")]
    step: Option<StepOption>,
    /// Why; needed to compromise a key
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    pin: UserPin,
    /// Do not ask before a step that has no way back
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StepOption {
    Activate,
    Suspend,
    Resume,
    Deactivate,
    Compromise,
}

impl From<StepOption> for Step {
    fn from(option: StepOption) -> Self {
        match option {
            StepOption::Activate => Step::Activate,
            StepOption::Suspend => Step::Suspend,
            StepOption::Resume => Step::Resume,
            StepOption::Deactivate => Step::Deactivate,
            StepOption::Compromise => Step::Compromise,
        }
    }
}

impl Arguments {
    pub(super) fn run(mut self) -> Result<Exit> {
        self.take_step();
        let named = Named::find(&self.objects, &self.pin)?;
        let Some(step) = self.step else { return show(&named, self.json) };
        if step == StepOption::Compromise && self.reason.is_none() {
            return Err(Failure::new("a key is not declared compromised without a reason")
                .advise("add --reason TEXT; nothing was changed"));
        }
        if matches!(step, StepOption::Deactivate | StepOption::Compromise) {
            let state = Step::from(step).target().name();
            output::confirm(&format!("The key `{}` will be {state} for ever.", named.label()), self.yes)?;
        }
        let decided = decide(&named.token, named.key.handle, step.into(), self.reason.as_deref());
        let (changed, state) = decided.map_err(|refusal| named.refused(refusal))?;
        named.tell(self.json, &changed, state)
    }

    /// `--id 01 suspend`: where the key is named by options, the one word is the step.
    fn take_step(&mut self) {
        let named = self.objects.id.is_some() || self.objects.class.is_some();
        let step = self.objects.object.as_deref().and_then(|word| StepOption::from_str(word, false).ok());
        if self.step.is_none() && named && step.is_some() {
            self.step = step;
            self.objects.object = None;
        }
    }
}

/// What is told of a key's life, in JSON.
#[derive(Serialize)]
struct Document {
    uri: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    numbers: std::collections::BTreeMap<&'static str, u64>,
    #[serde(flatten)]
    texts: std::collections::BTreeMap<&'static str, String>,
}

const DATES: &[(CK_ATTRIBUTE_TYPE, &str)] = &[
    (CKA_COFFER_CREATION_DATE, "created"),
    (CKA_COFFER_ACTIVATION_DATE, "activation"),
    (CKA_COFFER_PROTECT_STOP_DATE, "protect_stop"),
    (CKA_COFFER_PROCESS_STOP_DATE, "process_stop"),
    (CKA_COFFER_EXCEPTION_UNTIL, "exception_until"),
    (CKA_COFFER_LAST_USED, "last_used"),
];

const COUNTS: &[(CK_ATTRIBUTE_TYPE, &str)] = &[
    (CKA_COFFER_VERSION, "version"),
    (CKA_COFFER_USE_LIMIT, "use_limit"),
    (CKA_COFFER_USES, "uses"),
    (CKA_COFFER_BYTE_LIMIT, "byte_limit"),
    (CKA_COFFER_BYTES, "bytes"),
    (CKA_COFFER_COPIES, "copies"),
    (CKA_HSS_KEYS_REMAINING, "signatures_left"),
];

const TEXTS: &[(CK_ATTRIBUTE_TYPE, &str)] = &[
    (CKA_COFFER_OWNER, "owner"),
    (CKA_COFFER_CUSTODIAN, "custodian"),
    (CKA_COFFER_PURPOSE, "purpose"),
    (CKA_START_DATE, "start_date"),
    (CKA_END_DATE, "end_date"),
    (CKA_COFFER_PREDECESSOR, "predecessor"),
    (CKA_COFFER_SUCCESSOR, "successor"),
];

fn show(named: &Named, json: bool) -> Result<Exit> {
    let rows = || DATES.iter().chain(COUNTS).chain(TEXTS);
    let mut wanted: Vec<_> = rows().map(|(id, _)| *id).collect();
    wanted.extend([CKA_COFFER_STATE, CKA_COFFER_STATE_REASON]);
    let held = objects::values(&named.session, named.key.handle, &wanted)?;
    let state = held.ulong(CKA_COFFER_STATE).and_then(State::from_number).map_or("unknown", State::name);
    let reason = text(&held, CKA_COFFER_STATE_REASON);
    let uri = named.key.uri(&named.found).to_string();
    if json {
        let numbers = COUNTS.iter().filter_map(|(id, name)| Some((*name, held.ulong(*id)?)));
        let dates = DATES.iter().filter_map(|(id, name)| Some((*name, dates::moment(held.ulong(*id)?))));
        let texts = TEXTS.iter().filter_map(|(id, name)| Some((*name, text(&held, *id)?)));
        let (numbers, texts) = (numbers.collect(), dates.chain(texts).collect());
        output::json("key-state", 2, Document { uri, state, reason, numbers, texts })?;
        return Ok(Exit::Success);
    }
    let why = reason.map(|reason| format!(" ({})", output::printable(&reason))).unwrap_or_default();
    output::line(&format!("The key `{}` is {state}{why}.", named.label()))?;
    for (id, name) in rows() {
        let dated = DATES.iter().any(|(date, _)| date == id);
        let value = match held.ulong(*id) {
            Some(number) if dated => dates::show(number),
            Some(number) => number.to_string(),
            None => match text(&held, *id) {
                Some(text) => output::printable(&text),
                None => continue,
            },
        };
        output::line(&format!("  {:<16} {value}", name.replace('_', " ")))?;
    }
    Ok(Exit::Success)
}

fn text(held: &Attributes, id: CK_ATTRIBUTE_TYPE) -> Option<String> {
    let text = held.bytes(id).filter(|text| !text.is_empty())?;
    Some(String::from_utf8_lossy(text).into_owned())
}
