//! What the token must hold, from the lines on the serial console.

use std::collections::BTreeMap;

/// Names and labels. The halves of a key pair have the names NAME/public and NAME/private.
pub type Contents = BTreeMap<String, String>;

/// One change: `key NAME LABEL` (made, or labelled anew), `pair NAME LABEL`, `destroy NAME` or `pin`.
pub fn apply(contents: &mut Contents, step: &str) {
    match step.split(' ').collect::<Vec<_>>()[..] {
        ["key", name, label] => drop(contents.insert(name.into(), label.into())),
        ["pair", name, label] => {
            contents.extend(["public", "private"].map(|half| (format!("{name}/{half}"), label.to_owned())));
        }
        ["destroy", name] => drop(contents.remove(name)),
        _ => {}
    }
}

#[derive(Default)]
pub struct Model {
    pub acknowledged: Contents,
    /// The step whose answer was not seen: it happened wholly or not at all.
    pub in_doubt: Option<String>,
    /// What the machine has told since it was started.
    seen: Contents,
}

/// What a line of the guest means to the host.
#[derive(PartialEq, Eq)]
pub enum News {
    Nothing,
    /// The whole token was told; so many names are missing, halved or other than acknowledged.
    Looked {
        wrong: usize,
    },
    Acknowledged,
    /// A change failed, as it must when the disk does.
    Failed,
    /// The token cannot be used at all.
    Unusable,
}

impl Model {
    pub fn started(&mut self) {
        self.seen.clear();
    }

    pub fn read(&mut self, line: &str) -> News {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "holds" => {
                let (name, label) = rest.split_once(' ').unwrap_or((rest, ""));
                self.seen.insert(name.into(), label.into());
                News::Nothing
            }
            "looked" => News::Looked { wrong: self.compare() },
            "tries" => {
                self.in_doubt = Some(rest.into());
                News::Nothing
            }
            "did" => {
                apply(&mut self.acknowledged, rest);
                self.in_doubt = None;
                News::Acknowledged
            }
            "failed" => News::Failed,
            "unusable" => News::Unusable,
            _ => News::Nothing,
        }
    }

    /// How many names are wrong; afterwards what was seen is what must be there.
    fn compare(&mut self) -> usize {
        let mut with = self.acknowledged.clone();
        if let Some(step) = self.in_doubt.take() {
            apply(&mut with, &step);
        }
        let seen = std::mem::take(&mut self.seen);
        let differences = |other: &Contents| {
            let missing = other.iter().filter(|(name, label)| seen.get(*name) != Some(*label)).count();
            missing + seen.keys().filter(|name| !other.contains_key(*name)).count()
        };
        let wrong = differences(&self.acknowledged).min(differences(&with));
        self.acknowledged = seen;
        wrong
    }
}
