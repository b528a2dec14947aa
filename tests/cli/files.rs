//! Files with keys and certificates, made by openssl.

use crate::{Home, Run, openssl};

fn pair(home: &Home, arguments: &[&str]) -> String {
    let private = openssl(&[&["genpkey"], arguments].concat(), b"");
    home.write("key.pem", &private)
}

/// Imports the file with the key exportable, and compares what comes out with what went in.
fn there_and_back(home: &Home, file: &str, label: &str) {
    home.ok(&["import", file, "--label", label, "--exportable"]);
    let exported = home.ok(&["export", label, "--type", "private"]);
    let before = openssl(&["pkey", "-pubout", "-in", file, "-passin", "pass:hush"], b"");
    assert_eq!(openssl(&["pkey", "-pubout"], exported.as_bytes()), before, "{label}");
    assert_eq!(home.ok(&["export", label]).as_bytes(), before, "{label}");
}

#[test]
fn private_keys_of_every_form_are_imported_and_come_out_again() {
    let home = Home::with_token();
    for (name, arguments) in [
        ("rsa", vec!["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        ("ec", vec!["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("ed25519", vec!["-algorithm", "ED25519"]),
        ("x25519", vec!["-algorithm", "X25519"]),
    ] {
        let file = pair(&home, &arguments);
        there_and_back(&home, &file, &format!("{name} pkcs8"));
        home.ok(&["delete", &format!("{name} pkcs8"), "--yes"]);
        let der = openssl(&["pkey", "-in", &file, "-outform", "DER"], b"");
        there_and_back(&home, &home.write("key.der", &der), &format!("{name} der"));
        home.ok(&["delete", &format!("{name} der"), "--yes"]);
        if matches!(name, "rsa" | "ec") {
            let old = openssl(&["pkey", "-in", &file, "-traditional"], b"");
            assert!(old.starts_with(if name == "rsa" {
                b"-----BEGIN RSA PRIVATE"
            } else {
                b"-----BEGIN EC PRIVATE K"
            }));
            there_and_back(&home, &home.write("old.pem", &old), &format!("{name} traditional"));
        }
    }
}

/// What openssl 3.5 writes for `genpkey -algorithm ML-DSA-44` (seed and expanded key) is read in `crypto::pkcs8`; here a
/// file with the seed alone makes the way through the token, and what comes out is the same file.
#[test]
fn keys_of_ml_dsa_and_ml_kem_are_imported_and_come_out_as_their_seed() {
    let home = Home::with_token();
    for (name, oid, seed_len) in [("ml-dsa-65", [3, 18], 32), ("ml-kem-768", [4, 2], 64)] {
        let seed = vec![7; seed_len];
        let algorithm = [&[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4][..], &oid].concat();
        let len = seed_len as u8;
        let key = [&[4, len + 2, 0x80, len][..], &seed].concat();
        let inside = [&[2, 1, 0][..], &algorithm, &key].concat();
        let der = [&[0x30, inside.len() as u8][..], &inside].concat();
        home.ok(&["import", &home.write("key.der", &der), "--label", name, "--exportable"]);
        assert!(home.ok(&["list"]).contains(name));
        let out = home.argument("out.der");
        home.ok(&["export", name, "--type", "private", "--der", "--out", &out]);
        assert_eq!(std::fs::read(&out).unwrap(), der, "{name}");
        std::fs::remove_file(&out).unwrap();
        assert!(home.ok(&["export", name]).starts_with("-----BEGIN PUBLIC KEY-----"));
    }
}

#[test]
fn a_traditional_key_after_its_curve_is_imported() {
    let home = Home::with_token();
    let text = openssl(&["ecparam", "-name", "prime256v1", "-genkey"], b"");
    assert!(text.starts_with(b"-----BEGIN EC PARAMETERS-----"));
    there_and_back(&home, &home.write("ec.pem", &text), "old");
}

#[test]
fn an_encrypted_key_is_imported_and_exported_with_its_passphrase() {
    let home = Home::with_token();
    let file = pair(&home, &["-algorithm", "ED25519"]);
    let sealed = openssl(&["pkcs8", "-topk8", "-in", &file, "-passout", "pass:hush"], b"");
    let sealed = home.write("sealed.pem", &sealed);
    assert!(home.fails(&["import", &sealed]).contains("--passphrase-file FILE"));
    let with = |arguments: &[&str], passphrase: &str| {
        Run::from(home.command(arguments).env("COFFER_PASSPHRASE", passphrase).output().unwrap())
    };
    assert!(with(&["import", &sealed], "wrong").err.contains("the passphrase is wrong"));
    let run = with(&["import", &sealed, "--label", "key", "--exportable"], "hush");
    assert_eq!(run.code, 0, "{}", run.err);
    let out = with(&["export", "key", "--encrypt"], "other");
    assert!(out.out.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{}", out.err);
    let public = openssl(&["pkey", "-pubout", "-passin", "pass:other"], out.out.as_bytes());
    assert_eq!(public, openssl(&["pkey", "-pubout", "-in", &file], b""));
}

/// A key and a self-signed certificate of it.
fn certificate(home: &Home) -> (String, String) {
    let (key, certificate) = (home.argument("tls.key"), home.argument("tls.crt"));
    let arguments = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=test",
    ];
    openssl(&[&arguments[..], &["-keyout", &key, "-out", &certificate]].concat(), b"");
    (key, certificate)
}

#[test]
fn a_certificate_finds_its_key_and_comes_out_as_it_went_in() {
    let home = Home::with_token();
    let (key, certificate) = certificate(&home);
    home.ok(&["import", &key, "--label", "tls", "--id", "0c"]);
    let made = home.json(&["import", &certificate, "--label", "tls", "--json"]);
    assert_eq!((&made["objects"][0]["type"], &made["objects"][0]["id"]), (&"cert".into(), &"0c".into()));
    assert_eq!(home.ok(&["export", "tls", "--type", "cert"]), std::fs::read_to_string(&certificate).unwrap());
    let public = openssl(&["x509", "-in", &certificate, "-noout", "-pubkey"], b"");
    assert_eq!(home.ok(&["export", "tls", "--type", "public"]).as_bytes(), public);
}

#[test]
fn pkcs12_files_of_others_are_read_and_ours_are_read_by_others() {
    let home = Home::with_token();
    let (key, certificate) = certificate(&home);
    let file = home.argument("bundle.p12");
    openssl(
        &["pkcs12", "-export", "-inkey", &key, "-in", &certificate, "-out", &file, "-passout", "pass:hush"],
        b"",
    );
    let with = |arguments: &[&str], passphrase: &str| {
        Run::from(home.command(arguments).env("COFFER_PASSPHRASE", passphrase).output().unwrap())
    };
    assert!(with(&["import", &file], "wrong").err.contains("the passphrase is wrong"));
    let run = with(&["import", &file, "--label", "tls", "--exportable", "--json"], "hush");
    assert_eq!(run.code, 0, "{}", run.err);
    let made: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let objects = made["objects"].as_array().unwrap();
    assert_eq!(objects.len(), 3, "{made}");
    assert!(objects.iter().all(|object| object["id"] == objects[0]["id"]), "{made}");

    let out = home.argument("out.p12");
    let run = with(&["export", "tls", "--pkcs12", "--out", &out], "ours");
    assert_eq!(run.code, 0, "{}", run.err);
    let text = openssl(&["pkcs12", "-in", &out, "-nodes", "-passin", "pass:ours"], b"");
    assert_eq!(openssl(&["pkey"], &text), openssl(&["pkey", "-in", &key], b""));
    assert_eq!(openssl(&["x509"], &text), std::fs::read(&certificate).unwrap());
}

#[test]
fn public_keys_and_raw_secrets_are_imported() {
    let home = Home::with_token();
    let file = pair(&home, &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let public = openssl(&["pkey", "-in", &file, "-pubout"], b"");
    home.ok(&["import", &home.write("public.pem", &public), "--label", "theirs"]);
    assert_eq!(home.ok(&["export", "theirs"]).as_bytes(), public);
    let old = openssl(&["rsa", "-in", &file, "-RSAPublicKey_out"], b"");
    home.ok(&["import", &home.write("old.pem", &old), "--label", "old"]);
    assert_eq!(home.ok(&["export", "old"]).as_bytes(), public);

    let secret = home.write("secret", &[7; 32]);
    home.ok(&["import", &secret, "--secret", "aes", "--label", "aes", "--exportable"]);
    assert_eq!(home.command(&["export", "aes"]).output().unwrap().stdout, [7; 32]);
    let text = home.write("text", b"0707\n");
    assert!(home.fails(&["import", &text, "--secret", "aes"]).contains("an AES key has 16, 24 or 32"));
    home.ok(&["import", &text, "--secret", "generic", "--label", "hmac"]);
}

#[test]
fn what_is_no_key_is_refused_and_nothing_is_left_behind() {
    let home = Home::with_token();
    let refused = |name: &str, bytes: &[u8], reason: &str| {
        let error = home.fails(&["import", &home.write(name, bytes)]);
        assert!(error.contains(reason) && error.contains(name), "{name}: {error}");
    };
    refused("text", b"hello", "no key or certificate");
    refused("empty", b"", "no key or certificate");
    refused("cut", b"-----BEGIN PRIVATE KEY-----\nMC4CAQAw", "ends within its PRIVATE KEY");
    refused(
        "garbage",
        b"-----BEGIN PRIVATE KEY-----\n????\n-----END PRIVATE KEY-----\n",
        "cannot be decoded",
    );
    refused(
        "old",
        b"-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: DES\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        "openssl pkcs8 -topk8",
    );
    assert!(home.fails(&["import", &home.argument("none")]).contains("cannot be read"));
    // A good key, then a certificate that is none: both or nothing.
    let mut both = std::fs::read(pair(&home, &["-algorithm", "ED25519"])).unwrap();
    both.extend_from_slice(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    refused("both", &both, "no key or certificate");
    assert!(home.ok(&["list"]).contains("no objects"));
}

#[test]
fn an_import_without_the_public_key_makes_one_object() {
    let home = Home::with_token();
    let file = pair(&home, &["-algorithm", "ED25519"]);
    let made = home.json(&["import", &file, "--no-public-key", "--id", "05", "--json"]);
    assert_eq!(made["objects"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&made["objects"][0]["label"], &made["objects"][0]["sensitive"]),
        (&"key".into(), &true.into())
    );
    assert!(home.fails(&["import", &file]).contains("the id 05 is that of"));
}

#[test]
fn data_objects_are_imported_listed_and_exported() {
    let home = Home::with_token();
    let file = home.write("note.bin", b"any bytes \0\x01\n");
    home.ok(&["import", &file, "--data", "--label", "note", "--application", "backup"]);
    home.ok(&["import", &file, "--data", "--label", "notice", "--public"]);
    assert!(home.ok(&["list"]).contains("note"));
    let out = home.argument("out.bin");
    home.ok(&["export", "note", "--type", "data", "--out", &out]);
    assert_eq!(std::fs::read(home.path("out.bin")).unwrap(), b"any bytes \0\x01\n");
    let without_login = crate::Run::from(home.bare().args(["list"]).output().unwrap());
    assert!(
        without_login.out.contains("notice") && !without_login.out.contains("note "),
        "{}",
        without_login.out
    );
    assert!(home.fails(&["import", &file, "--data", "--id", "01"]).contains("cannot be used with"));
    assert!(home.fails(&["import", &file, "--public"]).contains("--data"));
}
