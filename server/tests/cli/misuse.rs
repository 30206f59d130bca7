use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use crate::support::{Folder, gatekeeper, output_of};

#[test]
fn wrong_use_exits_with_code_2_and_prints_nothing_to_standard_output() {
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
        folder.run(arguments).usage_error();
    }
}

#[test]
fn an_invalid_number_is_rejected_with_the_allowed_range() {
    let folder = Folder::with_gatekeeper();
    let wrong = folder.run(["keys", "list", "--limit", "ten"]).usage_error();
    assert!(wrong.err.contains("for '--limit <N>': must be a whole number"), "{wrong:?}");
    let port = folder.run(["serve", "--port", "65536"]).usage_error();
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
    let rejected = folder.run_with_input("user_key\n", cost).rejected();
    assert!(rejected.err.contains("cost must be a whole number from 1 to 4294967295"), "{rejected:?}");
    for limit in ["1.0", "0", "4294967296", "1e2"] {
        folder.run(["keys", "list", "--limit", limit]).success();
    }
}

#[test]
fn help_and_the_version_are_printed_to_standard_output() {
    let folder = Folder::new();
    let help = folder.run(["--help"]).success().out;
    for command in ["init", "serve", "keys", "doctor", "backup", "completions", "Examples:", "Exit codes"] {
        assert!(help.contains(command), "{command}");
    }
    assert!(folder.run(["keys", "create", "--help"]).success().out.contains("Examples:"));
    assert!(folder.run(["--version"]).success().out.starts_with("gatekeeper 0."));
    assert!(!folder.file("gatekeeper.db").exists());
}

#[test]
fn completions_are_printed_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(folder.run(["completions", shell]).success().out.contains("rotate-signing-key"), "{shell}");
    }
}

#[test]
fn arguments_that_are_not_utf_8_are_rejected_where_text_is_needed() {
    let folder = Folder::with_gatekeeper();
    let odd = OsStr::from_bytes(b"a\xff");
    folder.run([OsStr::new("keys"), OsStr::new("get"), odd]).usage_error();
    folder.run([odd]).usage_error();
    assert_eq!(folder.run([OsStr::new("backup"), odd]).success().code, 0, "a path need not be");
    let variable =
        output_of(folder.command().args(["keys", "list"]).env("GATEKEEPER_TENANT", odd)).rejected();
    assert!(variable.err.contains("GATEKEEPER_TENANT is not UTF-8"), "{variable:?}");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let folder = Folder::with_gatekeeper();
    for arguments in [&["keys", "list"][..], &["--help"], &["config"], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = output_of(folder.command().args(arguments).stdout(writer).stderr(Stdio::piped()));
        assert_eq!((output.code, output.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_closed_pipe_is_an_error_if_the_output_is_a_secret() {
    let folder = Folder::with_gatekeeper();
    for arguments in [&["keys", "create"][..], &["root-keys", "create", "--json"], &["init", "--additional"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = output_of(folder.command().args(arguments).stdout(writer).stderr(Stdio::piped()));
        assert!(output.code == 1 && output.err.contains("cannot be written"), "{arguments:?}: {output:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let folder = Folder::with_gatekeeper();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = output_of(folder.command().args(["keys", "list", "--json"]).stdout(full));
    assert!(output.code == 1 && output.err.contains("cannot be written"), "{output:?}");
}

#[test]
fn a_database_is_never_created_by_accident() {
    let folder = Folder::new();
    for arguments in
        [&["keys", "list"][..], &["call", "tenants.list"], &["backup", "x"], &["keys", "import", "-"]]
    {
        let output = folder.run(arguments).rejected();
        assert!(output.err.contains("run `gatekeeper init`"), "{output:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_not_writable_is_reported() {
    let output = output_of(gatekeeper("/proc".as_ref()).arg("init")).rejected();
    assert!(output.err.contains("give this user read and write access"), "{output:?}");
}

#[test]
fn errors_are_printed_in_json_for_programs() {
    let folder = Folder::with_gatekeeper();
    let error = folder.run(["keys", "get", "key_x", "--json"]).rejected().error();
    assert_eq!((&error["code"], &error["status"]), (&"bad_request".into(), &400.into()));
    let fields: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["code", "details", "error", "status"]);
}

#[test]
fn colors_are_only_for_terminals() {
    let folder = Folder::with_gatekeeper();
    for arguments in [&["keys", "list"][..], &["doctor"], &["keys", "get", "x"], &["--help"], &["nonsense"]] {
        let output = folder.run(arguments);
        assert!(!output.out.contains('\u{1b}') && !output.err.contains('\u{1b}'), "{output:?}");
    }
}
