//! `coffer uri`: PKCS#11 URIs (RFC 7512) for people.

use clap::Args;
use serde::Serialize;

use crate::context::{Context, TokenOption};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::uri::Uri;

#[derive(Args)]
pub struct Arguments {
    /// The URI to take apart; without one, the URIs of the tokens are shown
    uri: Option<String>,
    #[command(flatten)]
    token: TokenOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Parts {
    uri: String,
    token: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    slot_id: Option<u64>,
    object: Option<String>,
    /// CKA_ID in hexadecimal.
    id: Option<String>,
    #[serde(rename = "type")]
    class: Option<&'static str>,
    pin_source: Option<String>,
}

#[derive(Serialize)]
struct Tokens {
    tokens: Vec<String>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let Some(text) = &self.uri else { return self.tokens() };
        let uri = Uri::parse(text).map_err(Failure::new)?;
        let parts = Parts {
            uri: uri.to_string(),
            token: uri.token,
            manufacturer: uri.manufacturer,
            model: uri.model,
            serial: uri.serial,
            slot_id: uri.slot_id,
            object: uri.object,
            id: uri.id.map(|id| output::hex(&id)),
            class: uri.class.map(|class| class.name()),
            pin_source: uri.pin_source,
        };
        if self.json {
            output::json("uri", 1, &parts)?;
            return Ok(Exit::Success);
        }
        let slot = parts.slot_id.map(|slot| slot.to_string());
        let class = parts.class.map(String::from);
        let rows = [
            ("token", &parts.token),
            ("manufacturer", &parts.manufacturer),
            ("model", &parts.model),
            ("serial", &parts.serial),
            ("slot-id", &slot),
            ("object", &parts.object),
            ("id", &parts.id),
            ("type", &class),
            ("pin-source", &parts.pin_source),
        ];
        for (name, value) in rows {
            if let Some(value) = value {
                output::line(&format!("{name:<13} {}", output::printable(value)))?;
            }
        }
        Ok(Exit::Success)
    }

    fn tokens(&self) -> Result<Exit> {
        let context = Context::load()?;
        let tokens = match self.token.token {
            Some(_) => vec![context.token(&self.token.uri()?)?],
            None => context.tokens(),
        };
        let tokens: Vec<String> = tokens.iter().map(|token| token.uri().to_string()).collect();
        if self.json {
            output::json("uris", 1, Tokens { tokens })?;
            return Ok(Exit::Success);
        }
        for uri in tokens {
            output::line(&uri)?;
        }
        Ok(Exit::Success)
    }
}
