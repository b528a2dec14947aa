//! The inventory: states and dates in `list`, its filters and forms, and the report. The clock is a faked one.

use serde_json::Value;

use crate::{Home, Run};

/// 2026-11-24 00:00:00 UTC, in seconds since 1970.
const TODAY: &str = "1795478400";

fn at_today(home: &Home, arguments: &[&str]) -> Run {
    Run::from(home.command(arguments).env("COFFER_FAKE_TIME", TODAY).output().unwrap())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}{}", run.out, run.err))
}

/// A token with a key without dates, one that ends in ten days, one that has ended, and one that is suspended.
fn with_keys() -> Home {
    let home = Home::with_token();
    let done = |arguments: &[&str]| {
        let run = at_today(&home, arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
    };
    done(&["generate", "ed25519", "plain", "--id", "01"]);
    done(&["generate", "ec:P-256", "soon", "--id", "02"]);
    done(&["generate", "aes:256", "halted", "--id", "03"]);
    done(&["generate", "rsa:2048", "over", "--id", "04"]);
    done(&[
        "key",
        "set",
        "soon",
        "--protect-until",
        "2026-12-03",
        "--owner",
        "web team",
        "--purpose",
        "=TLS, \"www\"",
    ]);
    done(&["key", "set", "over", "--protect-until", "2026-11-22", "--yes"]);
    done(&["key", "state", "halted", "suspend", "--reason", "under review"]);
    home
}

#[test]
fn a_token_without_dates_wants_no_attention() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "key"]);
    let run = at_today(&home, &["list"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("active") && !run.out.contains("attention"), "{}", run.out);
}

#[test]
fn what_ends_has_ended_or_is_halted_is_told_with_exit_code_three() {
    let home = with_keys();
    let run = at_today(&home, &["list"]);
    assert_eq!(run.code, 3, "{}", run.err);
    for text in [
        "2026-12-04 (10 days)",
        "2026-11-23 (over)",
        "suspended",
        "deactivated",
        "web team",
        "attention: `soon` (private ec:P-256): it ends on 2026-12-04, in 10 days",
        "attention: `over` (private rsa:2048): it protects nothing new since 2026-11-23",
        "attention: `halted` (secret-key aes:256): it is suspended",
    ] {
        assert!(run.out.contains(text), "{text}: {}", run.out);
    }
    assert!(!run.out.contains('\u{1b}'), "no colours where there is no terminal");
    let document = json(&at_today(&home, &["list", "--json"]));
    assert_eq!((&document["schema"], &document["version"]), (&"coffer.list".into(), &1.into()));
    assert_eq!(document["attention"], 5);
    let soon =
        &document["objects"].as_array().unwrap().iter().find(|object| object["label"] == "soon").unwrap();
    assert_eq!(soon["protect_until"], "2026-12-04T00:00:00Z");
    assert_eq!(soon["days_left"], 10);
    assert_eq!(soon["owner"], "web team");
    assert_eq!(soon["findings"][0]["code"], "expiring");
}

#[test]
fn filters_leave_what_was_asked_for() {
    let home = with_keys();
    for (filter, labels) in [
        (&["--expiring", "30d"][..], &["over", "over", "soon", "soon"][..]),
        (&["--expiring", "1w"], &["over", "over"]),
        (&["--state", "suspended"], &["halted"]),
        (&["--state", "active", "--type", "private"], &["plain", "soon"]),
        (&["--owner", "web team", "--type", "private"], &["soon"]),
        (&["--attention", "--type", "private"], &["over", "soon"]),
        (&["--owner", "nobody"], &[]),
    ] {
        let run = at_today(&home, &[&["list", "--json"][..], filter].concat());
        let document = json(&run);
        let objects = document["objects"].as_array().unwrap();
        let found: Vec<&str> = objects.iter().map(|object| object["label"].as_str().unwrap()).collect();
        assert_eq!(found, labels, "{filter:?}");
        let wants = objects
            .iter()
            .any(|object| object["findings"].as_array().unwrap().iter().any(|one| one["attention"] == true));
        assert_eq!(run.code, if wants { 3 } else { 0 }, "{filter:?}");
    }
    assert!(home.fails(&["list", "--state", "asleep"]).contains("the states are pre-active, active"));
    assert!(home.fails(&["list", "--expiring", "soon"]).contains("write 30d"));
}

#[test]
fn csv_has_a_line_an_object_and_no_formulas() {
    let home = with_keys();
    let run = at_today(&home, &["list", "--csv"]);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[0].starts_with("token,type,kind,label,id,unique_id,state,"), "{}", lines[0]);
    assert_eq!(lines.len(), 8, "{}", run.out);
    let soon = lines.iter().find(|line| line.starts_with("mine,private,ec:P-256,soon,02,")).unwrap();
    assert!(soon.contains(",\"'=TLS, \"\"www\"\"\","), "{soon}");
}

/// What the schema of CycloneDX 1.6 says of these objects: the fields that they must have, and the words that it knows.
mod schema {
    pub const ASSET_TYPES: &[&str] = &["algorithm", "certificate", "protocol", "related-crypto-material"];
    pub const PRIMITIVES: &[&str] = &[
        "drbg",
        "mac",
        "block-cipher",
        "stream-cipher",
        "signature",
        "hash",
        "pke",
        "xof",
        "kdf",
        "key-agree",
        "kem",
        "ae",
        "combiner",
        "other",
        "unknown",
    ];
    pub const FUNCTIONS: &[&str] = &[
        "generate",
        "keygen",
        "encrypt",
        "decrypt",
        "digest",
        "tag",
        "keyderive",
        "sign",
        "verify",
        "encapsulate",
        "decapsulate",
        "other",
        "unknown",
    ];
    pub const ENVIRONMENTS: &[&str] =
        &["software-plain-ram", "software-encrypted-ram", "software-tee", "hardware", "other", "unknown"];
    pub const MATERIALS: &[&str] = &[
        "private-key",
        "public-key",
        "secret-key",
        "key",
        "ciphertext",
        "signature",
        "digest",
        "initialization-vector",
        "nonce",
        "seed",
        "salt",
        "shared-secret",
        "tag",
        "additional-data",
        "password",
        "credential",
        "token",
        "other",
        "unknown",
    ];
    pub const STATES: &[&str] =
        &["pre-activation", "active", "suspended", "deactivated", "compromised", "destroyed"];
    pub const MATERIAL_FIELDS: &[&str] = &[
        "type",
        "id",
        "state",
        "algorithmRef",
        "creationDate",
        "activationDate",
        "updateDate",
        "expirationDate",
        "value",
        "size",
        "format",
        "securedBy",
    ];
    pub const ALGORITHM_FIELDS: &[&str] = &[
        "primitive",
        "parameterSetIdentifier",
        "curve",
        "executionEnvironment",
        "implementationPlatform",
        "certificationLevel",
        "mode",
        "padding",
        "cryptoFunctions",
        "classicalSecurityLevel",
        "nistQuantumSecurityLevel",
    ];
}

fn one_of(value: &Value, words: &[&str]) {
    assert!(words.contains(&value.as_str().unwrap_or_default()), "{value} is none of {words:?}");
}

fn only(value: &Value, fields: &[&str]) {
    for field in value.as_object().unwrap().keys() {
        assert!(fields.contains(&field.as_str()), "{field} is no field of {value}");
    }
}

#[test]
fn the_cbom_has_what_the_schema_asks_for_and_no_other_words() {
    let home = with_keys();
    home.ok(&["generate", "ml-kem-768", "kem"]);
    home.ok(&["generate", "generic:256", "mac"]);
    let run = at_today(&home, &["list", "--cbom"]);
    let document = json(&run);
    assert_eq!(run.code, 3);
    assert_eq!((&document["bomFormat"], &document["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let serial = document["serialNumber"].as_str().unwrap();
    assert!(serial.starts_with("urn:uuid:") && serial.len() == 45, "{serial}");
    assert_eq!(document["metadata"]["timestamp"], "2026-11-24T00:00:00Z");
    let components = document["components"].as_array().unwrap();
    let mut references: Vec<&str> =
        components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
    references.sort_unstable();
    assert!(references.windows(2).all(|pair| pair[0] != pair[1]), "a bom-ref is unique");
    let mut keys = 0;
    for component in components {
        assert_eq!(component["type"], "cryptographic-asset");
        assert!(!component["name"].as_str().unwrap().is_empty());
        let properties = &component["cryptoProperties"];
        one_of(&properties["assetType"], schema::ASSET_TYPES);
        if properties["assetType"] == "algorithm" {
            let algorithm = &properties["algorithmProperties"];
            only(algorithm, schema::ALGORITHM_FIELDS);
            one_of(&algorithm["primitive"], schema::PRIMITIVES);
            one_of(&algorithm["executionEnvironment"], schema::ENVIRONMENTS);
            algorithm["cryptoFunctions"]
                .as_array()
                .unwrap()
                .iter()
                .for_each(|one| one_of(one, schema::FUNCTIONS));
            assert!(algorithm["nistQuantumSecurityLevel"].as_u64().unwrap() <= 6);
            continue;
        }
        keys += 1;
        let material = &properties["relatedCryptoMaterialProperties"];
        only(material, schema::MATERIAL_FIELDS);
        one_of(&material["type"], schema::MATERIALS);
        one_of(&material["state"], schema::STATES);
        assert!(references.contains(&material["algorithmRef"].as_str().unwrap()));
        assert!(material["size"].as_u64().is_some() || component["name"] == "kem", "{component}");
    }
    assert_eq!(keys, 10);
    let soon = components.iter().find(|one| one["name"] == "soon").unwrap();
    assert_eq!(
        soon["cryptoProperties"]["relatedCryptoMaterialProperties"]["expirationDate"],
        "2026-12-04T00:00:00Z"
    );
}

#[test]
fn the_report_is_one_page_that_loads_and_runs_nothing_and_shows_labels_as_text() {
    let home = with_keys();
    home.ok(&["generate", "ed25519", "<script>alert('x')</script>"]);
    let page = home.argument("report.html");
    let run = at_today(&home, &["report", "--html", &page]);
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
    for foreign in ["<script", "http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    for part in
        ["id=\"findings\"", "id=\"timeline\"", "id=\"algorithms\"", "id=\"objects\"", "<svg", "2026-12-04"]
    {
        assert!(html.contains(part), "{part}");
    }
    // A second one takes the place of the first.
    assert_eq!(at_today(&home, &["report", "--html", &page, "--json"]).code, 3);
    let nowhere = home.argument("none/report.html");
    assert!(home.fails(&["report", "--html", &nowhere]).contains("cannot be written"));
}
