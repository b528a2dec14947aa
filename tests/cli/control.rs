//! Dual control, as the people run it who ask and approve.

use std::path::Path;
use std::process::Stdio;

use crate::{Home, PIN, Run};

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

/// A token in which these operations need two approvals, and policy too.
fn under_control(rules: &[&str]) -> Home {
    let home = Home::with_token();
    for name in PEOPLE {
        home.ok(&["control", "key", &home.argument(name), "--name", name, "--no-passphrase"]);
    }
    let public = PEOPLE.map(|name| home.argument(&format!("{name}.pub")));
    let mut arguments = vec!["control", "set"];
    rules.iter().for_each(|rule| arguments.extend(["--rule", rule]));
    public.iter().for_each(|path| arguments.extend(["--participant", path]));
    home.ok(&arguments);
    home
}

/// What must fail for want of approvals; answers the error.
fn too_few(home: &Home, arguments: &[&str]) -> String {
    let run = home.run(arguments);
    assert_eq!(run.code, 5, "{arguments:?}: {}{}", run.out, run.err);
    run.err
}

/// alice asks with this command; answers the id.
fn ask(home: &Home, arguments: &[&str]) -> String {
    let key = home.argument("alice");
    let asked = home.json(&[arguments, &["--key", &key, "--json"]].concat());
    asked["id"].as_str().unwrap().to_owned()
}

fn approve(home: &Home, id: &str, name: &str) -> String {
    home.ok(&["approve", id, "--key", &home.argument(name), "--yes"])
}

/// alice asks, bob and carol approve.
fn approved(home: &Home, arguments: &[&str]) {
    let id = ask(home, arguments);
    approve(home, &id, "bob");
    assert!(approve(home, &id, "carol").contains("It is approved"));
}

#[test]
fn a_key_ends_when_two_of_three_have_approved_it_and_each_refusal_says_what_to_do_next() {
    let home = under_control(&["destroy=2"]);
    home.ok(&["generate", "aes:256", "web"]);
    let id =
        home.json(&["list", "--login", "--json"])["objects"][0]["unique_id"].as_str().unwrap().to_owned();
    let destroy = ["destroy", "--unique-id", &id, "--yes", "--now"];
    let refused = too_few(&home, &destroy);
    assert!(refused.contains("destroy needs the approval of 2 others"), "{refused}");
    assert!(refused.contains("coffer request destroy 'pkcs11:"), "{refused}");
    let request = ask(&home, &["request", "destroy", "web", "--reason", "its data is gone"]);
    assert!(approve(&home, &request, "bob").contains("1 more must approve it"));
    let refused = too_few(&home, &destroy);
    assert!(refused.contains(&format!("request {request} has that of bob")), "{refused}");
    assert!(refused.contains(&format!("1 more must run: coffer approve {request}")), "{refused}");
    assert!(home.ok(&["list", "--login"]).contains("active"), "nothing has happened to it");
    approve(&home, &request, "carol");
    assert!(home.ok(&destroy).contains("Certificate"));
    assert!(home.ok(&["request", "list"]).contains("No request waits"));
    let again = home.fails(&["approve", &request, "--key", &home.argument("bob"), "--yes"]);
    assert!(again.contains("it was carried out already, withdrawn, or never made here"), "{again}");
}

#[test]
fn approvals_are_given_away_from_the_token_and_handed_in() {
    let home = under_control(&["destroy=2"]);
    home.ok(&["generate", "aes:256", "web"]);
    let file = |name: &str| home.argument(name);
    let (alice, asked) = (file("alice"), file("asked.pem"));
    home.ok(&["request", "destroy", "web", "--key", &alice, "--out", &asked]);
    let seen = home.ok(&["request", "show", &asked]);
    assert!(seen.contains("secret-key `web`") && seen.contains("alice") && seen.contains("none"), "{seen}");
    // Neither needs the token, nor its PIN.
    let elsewhere = |name: &str, from: &str, to: &str| {
        let (key, from, to) = (file(name), file(from), file(to));
        let mut command = home.bare();
        command.env("COFFER_HOME", home.path("nowhere"));
        Run::from(command.args(["approve", &from, "--key", &key, "--out", &to, "--yes"]).output().unwrap())
    };
    assert_eq!(elsewhere("bob", "asked.pem", "by-bob.pem").code, 0);
    let own = elsewhere("alice", "asked.pem", "by-alice.pem");
    assert!(own.code == 1 && own.err.contains("`alice` has asked for it"), "{}", own.err);
    let twice = elsewhere("bob", "by-bob.pem", "twice.pem");
    assert!(twice.code == 1 && twice.err.contains("`bob` has approved it already"), "{}", twice.err);
    assert_eq!(elsewhere("carol", "by-bob.pem", "by-both.pem").code, 0);
    assert!(home.ok(&["approve", "--add", &file("by-both.pem")]).contains("It is approved"));
    let again = home.fails(&["approve", "--add", &file("by-both.pem")]);
    assert!(again.contains("has approved it already"), "{again}");
    home.ok(&["delete", "web", "--yes"]);
    let used = home.fails(&["approve", "--add", &file("by-both.pem")]);
    assert!(used.contains("no such request waits in this token"), "{used}");
    let damaged = std::fs::read_to_string(home.path("by-both.pem")).unwrap().replacen('A', "B", 1);
    let damaged = home.write("damaged.pem", damaged.as_bytes());
    assert_eq!(home.run(&["approve", "--add", &damaged]).code, 1);
}

#[test]
fn each_command_that_is_under_control_ends_with_code_5_and_the_way_on() {
    let home = under_control(&["destroy=2", "export=2", "trust=2", "pin-reset=2"]);
    home.ok(&["generate", "ec:P-256", "web", "--exportable"]);
    let key = home.argument("web.pem");
    let export = ["export", "web", "--type", "private", "--out", &key];
    let refused = too_few(&home, &export);
    assert!(refused.contains("coffer request export"), "{refused}");
    assert!(!home.path("web.pem").exists());
    approved(&home, &["request", "export", "web", "--type", "private"]);
    home.ok(&export);
    let other = home.argument("again.pem");
    too_few(&home, &["export", "web", "--type", "private", "--out", &other]);

    home.ok(&["recovery", "recipient", &home.argument("escrow")]);
    let (backup, to) = (home.argument("backup"), home.argument("escrow.pub"));
    let backup = ["backup", "create", &backup, "--to", &to, "--include-signing"];
    assert!(too_few(&home, &backup).contains("coffer request export --signing-backup"));
    approved(&home, &["request", "export", "--signing-backup"]);
    home.ok(&backup);

    let reset = |code| {
        let run = home.command(&["pin", "reset"]).env("COFFER_NEW_PIN", PIN).output().map(Run::from).unwrap();
        assert_eq!(run.code, code, "{}{}", run.out, run.err);
        run.err
    };
    assert!(reset(5).contains("coffer request pin-reset --key FILE"));
    approved(&home, &["request", "pin-reset"]);
    reset(0);

    let add = |code| {
        let mut command = home.command(&["role", "add", "kim", "--role", "auditor"]);
        let run = Run::from(command.env("COFFER_NEW_PIN", "pin-of-kim").output().unwrap());
        assert_eq!(run.code, code, "{}{}", run.out, run.err);
        run.err
    };
    assert!(add(5).contains("coffer request policy --add-account kim --role auditor"));
    approved(&home, &["request", "policy", "--add-account", "kim", "--role", "auditor"]);
    add(0);
    assert!(too_few(&home, &["role", "remove", "kim"]).contains("--remove-account kim"));

    let refused = too_few(&home, &["clock", "--accept", "--reason", "x"]);
    assert!(refused.contains("coffer request policy --accept-clock"), "{refused}");
    home.ok(&["generate", "aes:256", "data"]);
    home.ok(&["key", "state", "data", "suspend", "--reason", "x"]);
    let except = ["key", "except", "data", "--until", "2099-01-01", "--reason", "x"];
    assert!(too_few(&home, &except).contains("--exception 'data' --until 2099-01-02T00:00:00Z"));
    approved(&home, &["request", "policy", "--exception", "data", "--until", "2099-01-01"]);
    home.ok(&except);

    assert!(too_few(&home, &["delete", "data", "--yes"]).contains("coffer request destroy"));
    let whole = too_few(&home, &["delete", "--entire-token", "--token", "mine", "--yes"]);
    assert!(whole.contains("coffer request initialise"), "{whole}");
    let init = ["init", "mine", "--slot", "0", "--yes"];
    assert!(too_few(&home, &init).contains("coffer request initialise --key FILE"));
    approved(&home, &["request", "initialise"]);
    home.ok(&init);
    assert!(home.ok(&["control", "show"]).contains("no dual control"));
}

#[test]
fn of_several_processes_that_come_at_once_with_one_approval_one_succeeds() {
    let home = under_control(&["export=2"]);
    home.ok(&["generate", "ec:P-256", "web", "--exportable"]);
    approved(&home, &["request", "export", "web", "--type", "private"]);
    let files: Vec<String> = (0..5).map(|number| home.argument(&format!("{number}.pem"))).collect();
    let started = files.iter().map(|file| {
        let mut command = home.command(&["export", "web", "--type", "private", "--out", file]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let started: Vec<_> = started.collect();
    let ended = started.into_iter().map(|process| Run::from(process.wait_with_output().unwrap()).code);
    let mut codes: Vec<i32> = ended.collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 5, 5, 5, 5]);
    assert_eq!(files.iter().filter(|file| Path::new(file).exists()).count(), 1);
}

#[test]
fn settings_and_the_rules_themselves_are_asked_for_by_the_commands_that_change_them() {
    let home = under_control(&["destroy=1"]);
    let alice = home.argument("alice");
    let set = ["settings", "set", "--lifecycle", "off"];
    let refused = too_few(&home, &set);
    assert!(refused.contains("the same command and --request FILE"), "{refused}");
    home.ok(&[&set[..], &["--request", &alice, "--reason", "a test"]].concat());
    let listed = home.json(&["request", "list", "--json"]);
    let id = listed["requests"][0]["id"].as_str().unwrap();
    let shown = home.ok(&["request", "show", &id[..8]]);
    assert!(
        shown.contains("lifecycle: off") && !shown.contains("dual control:"),
        "only what changes: {shown}"
    );
    approve(&home, id, "bob");
    let other = ["settings", "set", "--lifecycle", "warn"];
    too_few(&home, &other);
    home.ok(&set);
    too_few(&home, &other);

    assert!(too_few(&home, &["control", "off"]).contains("--request FILE"));
    let off = home.ok(&["control", "off", "--request", &alice]);
    let id = off.split_whitespace().nth(1).unwrap().to_owned();
    let shown = approve(&home, &id, "carol");
    assert!(shown.contains("dual control: none"), "{shown}");
    assert!(home.ok(&["control", "show"]).contains("destroy"), "not yet");
    home.ok(&["control", "off"]);
    assert!(home.ok(&["control", "show"]).contains("no dual control"));
}

#[test]
fn requests_are_listed_taken_back_and_refused_with_reasons() {
    let home = under_control(&["destroy=2"]);
    home.ok(&["generate", "aes:256", "web"]);
    let (alice, bob) = (home.argument("alice"), home.argument("bob"));
    let id = ask(&home, &["request", "destroy", "web"]);
    approve(&home, &id, "bob");
    let listed = home.ok(&["request", "list"]);
    assert!(listed.contains(&id[..8]) && listed.contains("1 of 2 bob"), "{listed}");
    let own = home.fails(&["approve", &id, "--key", &alice, "--yes"]);
    assert!(own.contains("does not count among those who approve"), "{own}");
    let twice = home.fails(&["approve", &id, "--key", &bob, "--yes"]);
    assert!(twice.contains("`bob` has approved it already"), "{twice}");
    assert!(home.ok(&["request", "withdraw", &id, "--key", &bob]).contains("taken back"));
    assert!(home.ok(&["request", "list"]).contains("0 of 2"));
    home.ok(&["request", "withdraw", &id, "--key", &alice]);
    assert!(home.ok(&["request", "list"]).contains("No request waits"));

    home.ok(&["control", "key", &home.argument("mallory"), "--name", "mallory", "--no-passphrase"]);
    let stranger = home.fails(&["request", "destroy", "web", "--key", &home.argument("mallory")]);
    assert!(
        stranger.contains("`mallory` is no participant") && stranger.contains("control show"),
        "{stranger}"
    );
    let uncontrolled = home.fails(&["request", "trust", "web", "--key", &alice]);
    assert!(uncontrolled.contains("trust needs no approvals in this token"), "{uncontrolled}");
}

#[test]
fn a_participants_key_is_closed_with_a_passphrase_unless_told_otherwise() {
    let home = under_control(&["destroy=1"]);
    home.ok(&["generate", "aes:256", "web"]);
    let dora = home.argument("dora");
    let passphrase = home.write("passphrase", b"of dora\n");
    home.ok(&["control", "key", &dora, "--name", "dora", "--passphrase-file", &passphrase]);
    let request = ["request", "destroy", "web", "--key", &dora];
    let wrong = home.write("wrong", b"of somebody else\n");
    let refused = home.fails(&[&request[..], &["--passphrase-file", &wrong]].concat());
    assert!(refused.contains("no passphrase that was given opens"), "{refused}");
    let opened = home.fails(&[&request[..], &["--passphrase-file", &passphrase]].concat());
    assert!(opened.contains("`dora` is no participant"), "{opened}");
}

#[test]
fn rules_that_cannot_be_are_refused_and_policy_is_never_left_out() {
    let home = Home::with_token();
    for name in PEOPLE {
        home.ok(&["control", "key", &home.argument(name), "--name", name, "--no-passphrase"]);
    }
    let [alice, bob, carol] = PEOPLE.map(|name| home.argument(&format!("{name}.pub")));
    let set = |rule: &str, people: &[&str]| {
        let mut arguments = vec!["control", "set", "--rule", rule];
        people.iter().for_each(|path| arguments.extend(["--participant", path]));
        home.run(&arguments)
    };
    let twice = set("destroy=1", &[&alice, &alice]);
    assert!(twice.code == 1 && twice.err.contains("`alice` is named twice"), "{}", twice.err);
    let many = set("destroy=3", &[&alice, &bob, &carol]);
    assert!(many.code == 1 && many.err.contains("1 to 2 can approve"), "{}", many.err);
    assert_eq!(set("erase=1", &[&alice, &bob]).code, 1);
    assert_eq!(set("destroy=2", &[&alice, &bob, &carol]).code, 0);
    let shown = home.json(&["control", "show", "--json"]);
    let policy = serde_json::json!({ "operation": "policy", "approvals": 2 });
    assert!(shown["rules"].as_array().unwrap().contains(&policy), "{shown}");
    assert_eq!(shown["participants"].as_array().unwrap().len(), 3);
}
