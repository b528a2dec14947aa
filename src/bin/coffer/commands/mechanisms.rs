//! `coffer mechanisms`: what the mechanisms are and can do.

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::{self, Mechanism};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Exit, Failure, Result};
use crate::output;

#[derive(Args)]
pub struct Arguments {
    /// Only mechanisms whose name contains this
    filter: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print the table of docs/mechanisms.md, which is independent of the configuration
    #[arg(long, conflicts_with_all = ["json", "filter"])]
    markdown: bool,
}

#[derive(Serialize)]
struct Listing {
    mechanisms: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    name: &'static str,
    id: String,
    functions: Vec<&'static str>,
    /// In the unit of C_GetMechanismInfo; absent where sizes mean nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_sizes: Option<(u64, u64)>,
    approval: String,
    /// False where the configuration denies it.
    offered: bool,
}

const FUNCTIONS: &[(CK_FLAGS, &str)] = &[
    (CKF_ENCRYPT, "encrypt"),
    (CKF_DECRYPT, "decrypt"),
    (CKF_DIGEST, "digest"),
    (CKF_SIGN, "sign"),
    (CKF_VERIFY, "verify"),
    (CKF_SIGN_RECOVER, "sign recover"),
    (CKF_VERIFY_RECOVER, "verify recover"),
    (CKF_GENERATE, "generate"),
    (CKF_GENERATE_KEY_PAIR, "generate pair"),
    (CKF_WRAP, "wrap"),
    (CKF_UNWRAP, "unwrap"),
    (CKF_DERIVE, "derive"),
    (CKF_MESSAGE_ENCRYPT, "message encrypt"),
    (CKF_MESSAGE_DECRYPT, "message decrypt"),
    (CKF_MESSAGE_SIGN, "message sign"),
    (CKF_MESSAGE_VERIFY, "message verify"),
    (CKF_ENCAPSULATE, "encapsulate"),
    (CKF_DECAPSULATE, "decapsulate"),
];

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        if self.markdown {
            output::line(&markdown())?;
            return Ok(Exit::Success);
        }
        let context = Context::load()?;
        let filter = self.filter.unwrap_or_default().to_ascii_uppercase();
        let rows: Vec<&Mechanism> =
            mechanism::all().iter().copied().filter(|row| row.name.contains(&filter)).collect();
        let offered = |row: &Mechanism| context.config().offers(row.name, row.is_legacy());
        if self.json {
            let mechanisms = rows.iter().map(|row| Document {
                name: row.name,
                id: format!("{:#010x}", row.id),
                functions: functions(row),
                key_sizes: Some(row.sizes).filter(|sizes| *sizes != (0, 0)),
                approval: approval(row).into(),
                offered: offered(row),
            });
            output::json("mechanisms", 1, Listing { mechanisms: mechanisms.collect() })?;
            return Ok(Exit::Success);
        }
        if rows.is_empty() {
            return Err(Failure::new(format!(
                "no mechanism has `{}` in its name",
                output::printable(&filter)
            ))
            .advise("`coffer mechanisms` lists them all"));
        }
        let denied = rows.iter().filter(|row| !context.config().mechanisms.permit(row.name)).count();
        let hidden = rows.iter().filter(|row| !offered(row)).count() - denied;
        let cells = rows.iter().filter(|row| offered(row)).map(|row| {
            vec![row.name.to_string(), functions(row).join(" "), sizes(row), approval(row).to_string()]
        });
        output::line(&output::table(&["mechanism", "functions", "key sizes", "approval"], cells.collect()))?;
        if denied > 0 {
            output::line(&format!("{} denied by the configuration.", output::count(denied, "mechanism")))?;
        }
        if hidden > 0 {
            let count = output::count(hidden, "mechanism");
            output::line(&format!(
                "{count} for old data hidden: see mechanisms.legacy in the configuration."
            ))?;
        }
        Ok(Exit::Success)
    }
}

fn functions(row: &Mechanism) -> Vec<&'static str> {
    let flags = row.info_flags();
    FUNCTIONS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect()
}

/// Key sizes with their unit, which depends on the key type (section 3.3, CK_MECHANISM_INFO).
fn sizes(row: &Mechanism) -> String {
    let (least, most) = row.sizes;
    if most == 0 {
        return String::new();
    }
    let post_quantum = row.key.types.iter().any(|key| matches!(*key, CKK_ML_DSA | CKK_ML_KEM | CKK_SLH_DSA));
    let in_bits = (row.key.asymmetric || row.ops.generate_key_pair.is_some()) && !post_quantum;
    let unit = if in_bits { "bits" } else { "bytes" };
    if least == most { format!("{least} {unit}") } else { format!("{least} to {most} {unit}") }
}

fn approval(row: &Mechanism) -> &'static str {
    match row.approval {
        mechanism::Approval::Approved => "approved",
        mechanism::Approval::Legacy => "legacy use",
        mechanism::Approval::NotApproved => "not approved",
    }
}

fn markdown() -> String {
    let mut lines = vec![
        "| mechanism | functions | key sizes | NIST SP 800-131A |".to_string(),
        "|---|---|---|---|".to_string(),
    ];
    lines.extend(mechanism::all().iter().map(|row| {
        format!("| `{}` | {} | {} | {} |", row.name, functions(row).join(", "), sizes(row), approval(row))
    }));
    lines.join("\n")
}
