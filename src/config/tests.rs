use super::*;

fn parsed(text: &str) -> Result<Config, Problem> {
    let mut config = Config::with_home("/tokens");
    keys::apply(&mut config, text).map(|()| config)
}

fn message(text: &str) -> String {
    parsed(text).expect_err("an error").to_string()
}

fn environment(pairs: &'static [(&str, &str)], uid: u32) -> Environment {
    Environment::from_variables(uid, |name| {
        pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.into())
    })
}

#[test]
fn an_empty_file_gives_the_defaults() {
    assert_eq!(parsed("").unwrap(), Config::with_home("/tokens"));
}

#[test]
fn every_key_is_read() {
    let config = parsed(
        "home = '/srv/tokens'\nmode = 'group'\nallow-readonly-login = true\n[pin]\nmin-length = 6\nmax-length = 64\ncharacters = 'ascii'\nattempts = 3\n\
         kdf = 'argon2id'\nkdf-iterations = 10000\n[mechanisms]\ndeny = ['CKM_MD5*', 'CKM_DES_ECB']\n[ec]\npoint-encoding = 'raw'\n\
         [limits]\ngcm-decrypt-bytes = 4096\nlock-timeout-ms = 250\n",
    )
    .unwrap();
    assert_eq!(config.home, Path::new("/srv/tokens"));
    assert_eq!((config.mode, config.allow_readonly_login), (Mode::Group, true));
    assert_eq!(
        config.pin,
        Pin {
            min_length: 6,
            max_length: 64,
            characters: Characters::Ascii,
            attempts: 3,
            separate_officer: None,
            kdf: PinKdf::Argon2id,
            kdf_iterations: 10_000
        }
    );
    assert!(!config.mechanisms.permit("CKM_MD5_HMAC") && config.mechanisms.permit("CKM_SHA256"));
    assert_eq!(config.point_encoding, PointEncoding::Raw);
    assert_eq!(config.limits, Limits { gcm_decrypt_bytes: 4096, lock_timeout: Duration::from_millis(250) });
}

#[test]
fn an_unknown_key_is_an_error_that_suggests_the_right_one() {
    assert_eq!(
        message("[pin]\nmin-lenght = 6"),
        "there is no key `pin.min-lenght`; did you mean `pin.min-length`?"
    );
    assert_eq!(
        message("kdf_iterations = 20000"),
        "there is no key `kdf_iterations`; did you mean `pin.kdf-iterations`?"
    );
    assert_eq!(
        message("[pins]\nattempts = 2"),
        "there is no key `pins`; the keys are listed in docs/configuration.md"
    );
}

#[test]
fn a_value_out_of_range_is_an_error_that_says_the_range() {
    assert_eq!(
        message("[pin]\nkdf-iterations = 5"),
        "`pin.kdf-iterations` is 5, but must be a number from 10000 to 10000000"
    );
    assert_eq!(message("[pin]\nattempts = -1"), "`pin.attempts` is -1, but must be a number from 1 to 255");
    assert_eq!(message("mode = 'world'"), "`mode` is \"world\", but must be \"owner\" or \"group\"");
    assert!(message("[pin]\nmin-length = 9\nmax-length = 8").contains("not less than pin.min-length"));
    assert!(message("pin = 4").contains("write [pin]"));
    assert!(message("home = 'tokens'").contains("an absolute path"));
    assert!(message("[mechanisms]\nallow = []\ndeny = []").contains("only one of allow and deny"));
    assert!(message("[mechanisms]\nallow = ['RSA']").contains("CKM_RSA_PKCS"));
}

#[test]
fn text_that_is_not_toml_is_an_error_with_its_line() {
    assert!(message("mode = 'owner'\nhome: x").contains("line 2"));
}

#[test]
fn wildcards_stand_for_any_characters() {
    for (pattern, name, fits) in [
        ("CKM_RSA_PKCS", "CKM_RSA_PKCS", true),
        ("CKM_RSA_PKCS", "CKM_RSA_PKCS_PSS", false),
        ("CKM_*", "CKM_RSA_PKCS_PSS", true),
        ("CKM_*_PSS", "CKM_RSA_PKCS_PSS", true),
        ("CKM_*_PSS", "CKM_SHA1_RSA_PKCS", false),
        ("CKM_*RSA*PSS", "CKM_SHA1_RSA_PKCS_PSS", true),
        ("CKM_MD5*MD5", "CKM_MD5", false),
    ] {
        assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
    }
}

#[test]
fn patterns_that_fit_nothing_are_told() {
    let config = parsed("[mechanisms]\nallow = ['CKM_RSA*', 'CKM_ASE_GCM']").unwrap();
    assert_eq!(config.mechanisms.unmatched(&["CKM_RSA_PKCS", "CKM_AES_GCM"]), ["CKM_ASE_GCM"]);
}

#[test]
fn the_token_folder_is_found_in_the_documented_order() {
    let folder = |pairs, uid| environment(pairs, uid).token_folder();
    assert_eq!(
        folder(&[("COFFER_HOME", "/t"), ("XDG_DATA_HOME", "/d"), ("HOME", "/h")], 1),
        Some("/t".into())
    );
    assert_eq!(
        folder(&[("COFFER_HOME", ""), ("XDG_DATA_HOME", "/d"), ("HOME", "/h")], 1),
        Some("/d/coffer".into())
    );
    assert_eq!(folder(&[("XDG_DATA_HOME", "d"), ("HOME", "/h")], 1), Some("/h/.local/share/coffer".into()));
    assert_eq!(folder(&[("HOME", "/root")], 0), Some("/var/lib/coffer".into()));
    assert_eq!(folder(&[], 1), None);
}

#[test]
fn without_any_variable_there_is_an_error_that_says_what_to_set() {
    // COFFER_CONF is set, so that a file of this machine in /etc cannot answer.
    let empty = tempfile::NamedTempFile::new().unwrap();
    let environment =
        Environment { coffer_conf: Some(empty.path().into()), uid: 1, ..Environment::default() };
    let error = Config::load(&environment).unwrap_err();
    assert_eq!(error, Error::NoHome);
    assert!(error.to_string().contains("set COFFER_HOME"));
}

#[test]
fn the_file_in_the_token_folder_is_read_and_the_variable_beats_its_home() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("coffer.toml"), "home = '/elsewhere'\nmode = 'group'").unwrap();
    let environment =
        Environment { coffer_home: Some(folder.path().into()), uid: 1, ..Environment::default() };
    let config = Config::load(&environment).unwrap();
    assert_eq!((config.home.as_path(), config.mode), (folder.path(), Mode::Group));
    assert_eq!(config.file, Some(folder.path().join("coffer.toml")));
}

#[test]
fn a_home_below_the_users_folder_is_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, "home = '~/keys'").unwrap();
    let environment =
        Environment { coffer_conf: Some(path), home: Some("/h".into()), uid: 1, ..Environment::default() };
    assert_eq!(Config::load(&environment).unwrap().home, Path::new("/h/keys"));
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment {
        coffer_conf: Some(folder.path().join("none.toml")),
        home: Some("/h".into()),
        uid: 1,
        ..Environment::default()
    };
    assert!(matches!(Config::load(&environment), Err(Error::Read { .. })));
}

#[test]
fn a_file_that_everybody_can_change_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coffer.toml");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let environment =
        Environment { coffer_home: Some(folder.path().into()), uid: 1, ..Environment::default() };
    assert!(matches!(Config::load(&environment), Err(Error::WorldWritable { .. })));
}

#[test]
fn legacy_mechanisms_are_offered_only_where_the_configuration_says_so() {
    let offers = |text: &str| {
        let config = parsed(text).unwrap();
        (config.offers("CKM_CAMELLIA_CBC", true), config.offers("CKM_AES_CBC", false))
    };
    assert_eq!(offers(""), (false, true));
    assert_eq!(offers("[mechanisms]\nlegacy = true"), (true, true));
    assert_eq!(offers("[mechanisms]\nallow = ['CKM_CAMELLIA*']"), (false, false));
    assert_eq!(offers("[mechanisms]\nlegacy = true\ndeny = ['CKM_CAMELLIA*']"), (false, true));
}

#[test]
fn the_page_for_operators_lists_every_key() {
    let page = include_str!("../../docs/configuration.md");
    for key in KEYS {
        assert!(page.contains(&format!("`{}`", key.name)), "docs/configuration.md lacks {}", key.name);
    }
}

#[test]
fn text_that_is_no_toml_is_told_with_its_place_in_one_sentence() {
    let sentence = message("mode = 'owner'\n[pin\n");
    assert!(sentence.starts_with("line "), "{sentence}");
    assert!(sentence.contains(": this is not TOML (") && !sentence.contains('\n'), "{sentence}");
    assert!(message("this is a letter").starts_with("line 1, column "));
}

#[test]
fn a_misspelt_mechanism_that_is_to_be_allowed_is_an_error_with_a_suggestion() {
    let names = ["CKM_RSA_PKCS", "CKM_AES_GCM"];
    let check = |text: &str| {
        let config = Config { file: Some("/c.toml".into()), ..parsed(text).unwrap() };
        config.check_mechanisms(&names).map_err(|error| error.to_string())
    };
    assert_eq!(check("[mechanisms]\nallow = ['CKM_RSA*', 'CKM_AES_GCM']"), Ok(()));
    assert_eq!(check("[mechanisms]\ndeny = ['CKM_ASE_GCM']"), Ok(()));
    let misspelt = check("[mechanisms]\nallow = ['CKM_ASE_GCM']").unwrap_err();
    assert!(misspelt.ends_with("did you mean CKM_AES_GCM?"), "{misspelt}");
    let foreign = check("[mechanisms]\nallow = ['CKM_GOST*']").unwrap_err();
    assert!(foreign.contains("`coffer mechanisms` lists them"), "{foreign}");
}
