//! How long a new key shall serve: `--cryptoperiod`.

use std::str::FromStr;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::object::{Attributes, Template, Value, classes};
use coffer_pkcs11::policy::{Cryptoperiod, cryptoperiod};

use crate::dates::Period;
use crate::failure::{Failure, Result};

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptoperiodOption {
    /// As long as it is there.
    None,
    /// As SP 800-57 says of keys with its uses.
    Auto,
    /// So long it protects; what it protected can be processed ever after.
    For(Period),
}

impl FromStr for CryptoperiodOption {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "auto" => Ok(Self::Auto),
            _ => Period::parse(text)
                .map(Self::For)
                .ok_or_else(|| "write auto, none, or a period such as 90d, 6m or 2y".into()),
        }
    }
}

impl CryptoperiodOption {
    /// Adds the dates to the templates of a new key. `key`: class and type of the secret or private one.
    pub fn add_to(
        self,
        templates: &mut [&mut Template],
        key: (CK_OBJECT_CLASS, CK_KEY_TYPE),
        now: u64,
    ) -> Result<()> {
        let too_long = || Failure::new("the cryptoperiod ends too late to be told");
        let (protect, process) = match self {
            Self::None => return Ok(()),
            Self::For(period) => (period.after(now).ok_or_else(too_long)?, None),
            Self::Auto => {
                let period =
                    templates.iter().find_map(|template| preset(template, key)).ok_or_else(|| {
                        Failure::new("SP 800-57 has no cryptoperiod for a key with these uses")
                            .advise("give a period, such as --cryptoperiod 2y")
                    })?;
                let protect = Period::Months(period.protect).after(now).ok_or_else(too_long)?;
                let process =
                    period.process.map(|months| Period::Months(months).after(protect).ok_or_else(too_long));
                (protect, process.transpose()?)
            }
        };
        for template in templates {
            template.push_value(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(protect))?;
            if let Some(process) = process {
                template.push_value(CKA_COFFER_PROCESS_STOP_DATE, Value::Ulong(process))?;
            }
        }
        Ok(())
    }
}

/// The row for a key with the uses of its template, else with those that its type has by itself.
fn preset(
    template: &Template,
    (class, key_type): (CK_OBJECT_CLASS, CK_KEY_TYPE),
) -> Option<&'static Cryptoperiod> {
    let mut attributes: Attributes = template.attributes().clone();
    attributes.set(CKA_CLASS, Value::Ulong(class));
    if let Some(table) = classes::find(class, Some(key_type)) {
        for usage in table.usages {
            if !attributes.contains(*usage) {
                attributes.set(*usage, Value::Bool(true));
            }
        }
    }
    cryptoperiod(&attributes)
}
