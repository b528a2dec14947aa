//! What the token tells of itself, kept as the token file's META record, and C_GetTokenInfo's flags.

use std::collections::BTreeMap;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::policy::Profile;

use super::handle::SlotId;
use super::settings::{self, Settings};

/// Length of a token label: blank-padded UTF-8 (PKCS#11 section 3.2, CK_TOKEN_INFO).
pub const LABEL_LEN: usize = 32;
/// Length of a serial number: blank-padded text.
pub const SERIAL_LEN: usize = 16;

/// What slots and tokens tell as their manufacturer.
pub const MANUFACTURER: &str = "Coffer";
/// What every token tells as its model.
pub const MODEL: &str = "Coffer token";

/// First byte of the encoding below: that of a compatible token, of a strict one, and of one with settings.
const VERSION: u8 = 1;
const VERSION_WITH_PROFILE: u8 = 2;
const VERSION_WITH_FIELDS: u8 = 3;
const ENCODED_LEN: usize = 1 + 8 + LABEL_LEN + SERIAL_LEN;

/// The byte of each profile that is told.
const STRICT: u8 = 1;
/// The tag of the profile among the fields of version 3.
const PROFILE: u8 = 1;

/// Who the token is. Layout in the token file: version `1`, slot id (8 bytes, little-endian), label, serial number. A
/// strict token has the version `2` and behind the serial number a byte `1`, so that a library that does not know
/// profiles refuses it. Version `3` has the fields of `settings` there, the profile among them; a token whose settings are
/// those that hold without any is written as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The slot that the token was made in.
    pub slot: SlotId,
    pub label: [u8; LABEL_LEN],
    pub serial: [u8; SERIAL_LEN],
    /// What the token forbids beyond the standard's rules.
    pub profile: Profile,
    pub settings: Settings,
}

impl Identity {
    /// Errors: CKR_ARGUMENTS_BAD for settings that are too long.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut fields = BTreeMap::new();
        self.settings.encode(&mut fields);
        let mut bytes = Vec::with_capacity(ENCODED_LEN + 1);
        bytes.push(match (fields.is_empty(), self.profile) {
            (true, Profile::Compatible) => VERSION,
            (true, Profile::Strict) => VERSION_WITH_PROFILE,
            (false, _) => VERSION_WITH_FIELDS,
        });
        bytes.extend_from_slice(&self.slot.0.to_le_bytes());
        bytes.extend_from_slice(&self.label);
        bytes.extend_from_slice(&self.serial);
        match (fields.is_empty(), self.profile) {
            (true, Profile::Compatible) => {}
            (true, Profile::Strict) => bytes.push(STRICT),
            (false, profile) => {
                if profile == Profile::Strict {
                    fields.insert(PROFILE, vec![STRICT]);
                }
                settings::write(&fields, &mut bytes)?;
            }
        }
        Ok(bytes)
    }

    /// Errors: CKR_TOKEN_NOT_RECOGNIZED for anything but the layout above.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let (bytes, tail) = bytes.split_first_chunk::<ENCODED_LEN>().ok_or(Error::TokenNotRecognized)?;
        let [version, rest @ ..] = bytes;
        let (slot, rest) = rest.split_first_chunk::<8>().ok_or(Error::TokenNotRecognized)?;
        let (label, rest) = rest.split_first_chunk::<LABEL_LEN>().ok_or(Error::TokenNotRecognized)?;
        let serial: [u8; SERIAL_LEN] = rest.try_into().map_err(|_| Error::TokenNotRecognized)?;
        let slot = u64::from_le_bytes(*slot);
        let mut fields = match *version {
            VERSION_WITH_FIELDS => settings::read(tail)?,
            _ => BTreeMap::new(),
        };
        let profile = match (*version, tail, fields.remove(&PROFILE).as_deref()) {
            (VERSION, [], _) | (VERSION_WITH_FIELDS, _, None) => Profile::Compatible,
            (VERSION_WITH_PROFILE, [STRICT], _) | (VERSION_WITH_FIELDS, _, Some([STRICT])) => Profile::Strict,
            _ => return Err(Error::TokenNotRecognized),
        };
        let settings = Settings::decode(fields)?;
        if slot >= 1 << 31 {
            return Err(Error::TokenNotRecognized);
        }
        Ok(Self { slot: SlotId(slot), label: *label, serial, profile, settings })
    }

    /// The label without its padding; bytes that are not UTF-8 are replaced.
    pub fn label_text(&self) -> String {
        String::from_utf8_lossy(&self.label).trim_end().to_owned()
    }

    pub fn serial_text(&self) -> String {
        String::from_utf8_lossy(&self.serial).trim_end().to_owned()
    }
}

/// Pads `text` with blanks to `N` bytes; what is longer is cut at a character boundary.
pub fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    let mut end = text.len().min(N);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for (target, source) in field.iter_mut().zip(text.as_bytes().iter().take(end)) {
        *target = *source;
    }
    field
}

/// Everything that C_GetTokenInfo tells; the C boundary turns it into CK_TOKEN_INFO.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    /// `None` for the empty slot's token, which C_InitToken has not made yet.
    pub identity: Option<Identity>,
    pub flags: CK_FLAGS,
    pub session_count: u64,
    pub rw_session_count: u64,
    pub max_pin_len: u64,
    pub min_pin_len: u64,
    /// `YYYYMMDDhhmmss00`.
    pub utc_time: [u8; 16],
}

/// The present time as CK_TOKEN_INFO wants it.
pub fn utc_time() -> [u8; 16] {
    let now = time::OffsetDateTime::now_utc();
    padded(&format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}00",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Mode;

    fn identity(profile: Profile, settings: Settings) -> Identity {
        let (label, serial) = (padded("Zone keys"), padded("0123456789abcdef"));
        Identity { slot: SlotId(3), label, serial, profile, settings }
    }

    #[test]
    fn an_identity_survives_its_encoding_and_nothing_else_decodes() {
        for profile in Profile::ALL {
            let identity = identity(profile, Settings::default());
            let bytes = identity.encode().unwrap();
            assert_eq!(Identity::decode(&bytes), Ok(identity));
            for length in 0..bytes.len() {
                assert!(Identity::decode(&bytes[..length]).is_err());
            }
            for version in [0, 3 - bytes[0], 4] {
                let other_version = [&[version], &bytes[1..]].concat();
                assert!(Identity::decode(&other_version).is_err());
            }
            assert!(Identity::decode(&[&bytes[..], &[1]].concat()).is_err());
        }
    }

    #[test]
    fn settings_that_say_something_stand_behind_the_identity_in_version_3() {
        for profile in Profile::ALL {
            let settings = Settings { lifecycle: Mode::Enforce, ..Settings::default() };
            let identity = identity(profile, settings);
            let bytes = identity.encode().unwrap();
            assert_eq!(bytes[0], 3);
            assert_eq!(Identity::decode(&bytes), Ok(identity));
            assert!(Identity::decode(&bytes[..bytes.len() - 1]).is_err());
        }
    }

    #[test]
    fn padding_cuts_at_a_character() {
        assert_eq!(&padded::<4>("abcé"), b"abc ");
        assert_eq!(&padded::<5>("ab"), b"ab   ");
    }

    #[test]
    fn the_time_has_sixteen_digits() {
        assert!(utc_time().iter().all(u8::is_ascii_digit));
    }
}
