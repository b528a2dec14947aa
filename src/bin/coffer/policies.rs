//! Algorithm policies by the name of a built-in one, or from a file.

use std::sync::Arc;

use coffer_pkcs11::policy::{AlgorithmPolicy, LONGEST_POLICY};
use coffer_pkcs11::token::Settings;

use crate::commands::import::read_file_up_to;
use crate::failure::{Failure, Result};

/// A policy that was chosen.
pub struct Chosen {
    pub policy: Arc<AlgorithmPolicy>,
    /// Its text, where it came from a file.
    text: Option<String>,
}

impl Chosen {
    /// Makes it the policy of a token's settings. Those of a file are kept in the token itself.
    pub fn put_into(&self, settings: &mut Settings) {
        settings.algorithm_policy = Some(self.policy.name.clone());
        settings.policy_text = self.text.clone();
    }
}

/// The policy of a name, or in a file: what has a dot or a slash in it is a file.
pub fn choose(name: &str) -> Result<Chosen> {
    if let Some(policy) = AlgorithmPolicy::named(name) {
        return Ok(Chosen { policy, text: None });
    }
    let built_in: Vec<_> = AlgorithmPolicy::built_in().iter().map(|policy| policy.name.as_str()).collect();
    let advice = format!("built in are {}; docs/policy.md tells how to write one", built_in.join(", "));
    if !name.contains(['.', '/']) {
        return Err(Failure::new(format!("there is no algorithm policy `{name}`")).advise(advice));
    }
    let bytes = read_file_up_to(std::path::Path::new(name), LONGEST_POLICY as u64)?;
    let text = String::from_utf8(bytes.as_bytes().to_vec())
        .map_err(|_| Failure::new(format!("{name} is no text")).advise(advice.clone()))?;
    let policy = AlgorithmPolicy::parse(&text).map_err(|problem| {
        Failure::new(format!("{name} is no algorithm policy: {problem}")).advise(advice.clone())
    })?;
    if built_in.contains(&policy.name.as_str()) {
        return Err(Failure::new(format!("{name} has the name of the built-in policy `{}`", policy.name))
            .advise("give your own another name"));
    }
    Ok(Chosen { policy: Arc::new(policy), text: Some(text) })
}
