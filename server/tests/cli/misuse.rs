use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use crate::support::{Folder, gatekeeper, said};

#[test]
fn wrong_use_is_told_with_exit_code_2_and_nothing_on_the_standard_output() {
    let folder = Folder::with_gatekeeper();
    for arguments in [
        &[][..],
        &["nonsense"],
        &["keys"],
        &["keys", "get"],
        &["keys", "create", "--nonsense"],
        &["keys", "create", "--quota-limit", "many"],
        &["keys", "verify", "--endpoint", "GET_TASKS", "--cost", "1.5"],
        &["usage", "check", "--quantity", ""],
        &["keys", "list", "--limit", "ten"],
        &["keys", "create", "--expires-in", "soon"],
        &["keys", "create", "--metadata", "[]"],
        &["keys", "list", "--limit", "5", "--all"],
        &["keys", "update", "x", "--name", "n", "--clear", "name"],
        &["serve", "--port", "65536"],
        &["serve", "--socket", "x", "--port", "1"],
        &["completions", "nonsense"],
        &["platform", "set-quota"],
    ] {
        folder.run(arguments).misused();
    }
}

#[test]
fn numbers_are_spoken_of_in_the_words_of_this_program() {
    let folder = Folder::with_gatekeeper();
    let wrong = folder.run(["keys", "list", "--limit", "ten"]).misused();
    assert!(wrong.err.contains("for '--limit <N>': write a whole number"), "{wrong:?}");
    let port = folder.run(["serve", "--port", "65536"]).misused();
    assert!(port.err.contains("must be a whole number from 0 to 65535"), "{port:?}");
    for (arguments, message) in [
        (&["keys", "create", "--quota-limit", "-1"][..], "quotaLimit must be a whole number from 0 to"),
        (
            &["keys", "create", "--expires-in", "0"],
            "expiresInSeconds must be a whole number from 1 to 3155760000",
        ),
        (
            &["usage", "check", "--quantity", "4294967296"],
            "quantity must be a whole number from 1 to 1000000000",
        ),
        (&["platform", "set-quota", "-1"], "limit must be a whole number from 0 to"),
    ] {
        let rejected = folder.run(arguments).rejected();
        assert!(rejected.err.contains(message), "{rejected:?}");
    }
    let cost = ["keys", "verify", "--endpoint", "GET_TASKS", "--cost", "4294967296"];
    let rejected = folder.tell("user_key\n", cost).rejected();
    assert!(rejected.err.contains("cost must be a whole number from 1 to 4294967295"), "{rejected:?}");
    for limit in ["1.0", "0", "4294967296", "1e2"] {
        folder.run(["keys", "list", "--limit", limit]).done();
    }
}

#[test]
fn help_and_the_version_are_answers() {
    let folder = Folder::new();
    let help = folder.run(["--help"]).done().out;
    for command in ["init", "serve", "keys", "doctor", "backup", "completions", "Examples:", "Exit codes"] {
        assert!(help.contains(command), "{command}");
    }
    assert!(folder.run(["keys", "create", "--help"]).done().out.contains("Examples:"));
    assert!(folder.run(["--version"]).done().out.starts_with("gatekeeper 0."));
    assert!(!folder.file("gatekeeper.db").exists());
}

#[test]
fn completions_are_made_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(folder.run(["completions", shell]).done().out.contains("rotate-signing-key"), "{shell}");
    }
}

#[test]
fn arguments_that_are_not_utf_8_are_rejected_where_text_is_needed() {
    let folder = Folder::with_gatekeeper();
    let odd = OsStr::from_bytes(b"a\xff");
    folder.run([OsStr::new("keys"), OsStr::new("get"), odd]).misused();
    folder.run([odd]).misused();
    assert_eq!(folder.run([OsStr::new("backup"), odd]).done().code, 0, "a path need not be");
    let variable = said(folder.command().args(["keys", "list"]).env("GATEKEEPER_TENANT", odd)).rejected();
    assert!(variable.err.contains("GATEKEEPER_TENANT is not UTF-8"), "{variable:?}");
}

#[test]
fn nothing_is_lost_and_nobody_is_told_where_nobody_reads_the_answer() {
    let folder = Folder::with_gatekeeper();
    for arguments in [&["keys", "list"][..], &["--help"], &["config"], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = said(folder.command().args(arguments).stdout(writer).stderr(Stdio::piped()));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_secret_that_nobody_reads_is_a_failure() {
    let folder = Folder::with_gatekeeper();
    for arguments in [&["keys", "create"][..], &["root-keys", "create", "--json"], &["init", "--additional"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = said(folder.command().args(arguments).stdout(writer).stderr(Stdio::piped()));
        assert!(said.code == 1 && said.err.contains("cannot be written"), "{arguments:?}: {said:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let folder = Folder::with_gatekeeper();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let said = said(folder.command().args(["keys", "list", "--json"]).stdout(full));
    assert!(said.code == 1 && said.err.contains("cannot be written"), "{said:?}");
}

#[test]
fn a_database_is_never_made_by_accident() {
    let folder = Folder::new();
    for arguments in
        [&["keys", "list"][..], &["call", "tenants.list"], &["backup", "x"], &["keys", "import", "-"]]
    {
        let said = folder.run(arguments).rejected();
        assert!(said.err.contains("run `gatekeeper init`"), "{said:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_of() {
    let said = said(gatekeeper("/proc".as_ref()).arg("init")).rejected();
    assert!(said.err.contains("give this user read and write access"), "{said:?}");
}

#[test]
fn errors_are_told_to_programs_in_json() {
    let folder = Folder::with_gatekeeper();
    let error = folder.run(["keys", "get", "key_x", "--json"]).rejected().error();
    assert_eq!((&error["code"], &error["status"]), (&"bad_request".into(), &400.into()));
    let fields: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["code", "details", "error", "status"]);
}

#[test]
fn colours_are_for_terminals_alone() {
    let folder = Folder::with_gatekeeper();
    for arguments in [&["keys", "list"][..], &["doctor"], &["keys", "get", "x"], &["--help"], &["nonsense"]] {
        let said = folder.run(arguments);
        assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "{said:?}");
    }
}
