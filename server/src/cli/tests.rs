//! Compares the command line with the table of operations: every operation and every field is available.

use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser as _};
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::{OperationDescriptor, TABLE};
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::arguments::Arguments;
use super::request::OperationRequest;
use crate::config::ALL;

const KEY: &str = "key_00000000000000000000000000";
const TENANT: &str = "tnt_00000000000000000000000000";
const USER: &str = "usr_00000000000000000000000000";
const SESSION: &str = "ses_00000000000000000000000000";

/// Commands with all of their arguments.
const COMMANDS: &[(&str, &[&str])] = &[
    (
        "keys.create",
        &[
            "keys",
            "create",
            "--name",
            "n",
            "--prefix",
            "p",
            "--owner-id",
            "o",
            "--scope",
            "read",
            "--role",
            "PRO",
            "--quota-limit",
            "1",
            "--quota-period",
            "day",
            "--expires-in",
            "1d",
            "--metadata",
            "{\"a\":1}",
        ],
    ),
    ("keys.list", &["keys", "list", "--limit", "5", "--cursor", "c"]),
    ("keys.get", &["keys", "get", KEY]),
    (
        "keys.update",
        &[
            "keys",
            "update",
            KEY,
            "--name",
            "n",
            "--owner-id",
            "o",
            "--scope",
            "read",
            "--role",
            "PRO",
            "--status",
            "disabled",
            "--quota-limit",
            "1",
            "--quota-period",
            "hour",
            "--expires-in",
            "9",
            "--metadata",
            "{\"a\":1}",
        ],
    ),
    (
        "keys.verify",
        &[
            "keys",
            "verify",
            "--endpoint",
            "GET",
            "--variable",
            "v",
            "--cost",
            "2",
            "--client-address",
            "192.0.2.1",
            "--scope",
            "read",
            "--tenants",
            "all",
        ],
    ),
    ("keys.validate", &["keys", "validate"]),
    ("keys.token", &["keys", "token", "--audience", "a", "--scope", "read"]),
    ("keys.rotate", &["keys", "rotate", KEY, "--grace", "1h"]),
    ("keys.revoke", &["keys", "revoke", KEY]),
    ("keyManager.deleteKey", &["keys", "delete", KEY]),
    ("keyManager.addRoles", &["keys", "add-roles", KEY, "PRO"]),
    ("keyManager.removeRoles", &["keys", "remove-roles", KEY, "PRO"]),
    ("tenants.create", &["tenants", "create", "Acme Inc"]),
    ("tenants.list", &["tenants", "list", "--limit", "5", "--cursor", "c"]),
    ("tenants.get", &["tenants", "get", TENANT]),
    ("tenants.update", &["tenants", "rename", TENANT, "Acme Inc"]),
    ("tenants.remove", &["tenants", "remove", TENANT, "--yes"]),
    ("tenants.listMembers", &["tenants", "members", "list", "--limit", "5", "--cursor", "c"]),
    ("tenants.addMember", &["tenants", "members", "add", USER, "--role", "owner"]),
    ("tenants.updateMember", &["tenants", "members", "update", USER, "--role", "admin"]),
    ("tenants.removeMember", &["tenants", "members", "remove", USER]),
    ("auth.signup", &["users", "create", "a@example.com", "--name", "n"]),
    ("auth.login", &["users", "login", "a@example.com"]),
    ("auth.refresh", &["users", "refresh"]),
    ("auth.me", &["users", "me"]),
    ("auth.logout", &["users", "logout", "--refresh-token"]),
    ("auth.logoutAll", &["users", "logout", "--all"]),
    ("auth.changePassword", &["users", "change-password"]),
    ("auth.sessions", &["users", "sessions", "--limit", "5", "--cursor", "c"]),
    ("auth.revokeSession", &["users", "revoke-session", SESSION]),
    (
        "usage.record",
        &[
            "usage",
            "record",
            "s",
            "a",
            "--quantity",
            "2",
            "--api-key-id",
            KEY,
            "--metadata",
            "{\"a\":1}",
            "--idempotency-key",
            "i",
        ],
    ),
    (
        "usage.checkAndRecord",
        &[
            "usage",
            "check-and-record",
            "s",
            "a",
            "--quantity",
            "2",
            "--api-key-id",
            KEY,
            "--metadata",
            "{\"a\":1}",
            "--idempotency-key",
            "i",
        ],
    ),
    ("usage.check", &["usage", "check", "--quantity", "2", "--api-key-id", KEY]),
    ("usage.summary", &["usage", "summary", "--period", "day"]),
    ("usage.events", &["usage", "events", "--api-key-id", KEY, "--limit", "5", "--cursor", "c"]),
    (
        "audit.query",
        &[
            "audit",
            "query",
            "--actor-id",
            USER,
            "--action-prefix",
            "key.",
            "--since",
            "1970-01-01T00:00:00Z",
            "--until",
            "7",
            "--limit",
            "5",
            "--cursor",
            "c",
        ],
    ),
    (
        "audit.exportParts",
        &[
            "audit",
            "export",
            "--format",
            "csv",
            "--actor-id",
            USER,
            "--action-prefix",
            "key.",
            "--since",
            "1970-01-01T00:00:00Z",
            "--until",
            "7",
            "--cursor",
            "c",
        ],
    ),
    (
        "audit.record",
        &[
            "audit",
            "record",
            "invoice.paid",
            "--target",
            "t",
            "--actor-id",
            "a",
            "--actor-type",
            "b",
            "--resource-type",
            "c",
            "--resource-id",
            "d",
            "--metadata",
            "{\"a\":1}",
        ],
    ),
    ("permissions.can", &["permissions", "can", USER, "keys:write"]),
    ("permissions.list", &["permissions", "list", USER]),
    ("platform.setTenantQuota", &["platform", "set-quota", "5", "--period", "day"]),
    ("platform.rotateSigningKey", &["platform", "rotate-signing-key", "--activate-now"]),
    ("platform.createRootKey", &["root-keys", "create"]),
    ("platform.listRootKeys", &["root-keys", "list", "--limit", "5", "--cursor", "c"]),
    ("platform.revokeRootKey", &["root-keys", "revoke", KEY]),
];

/// Operations without such a command, and why.
const OTHERS: &[(&str, &str)] = &[
    ("keys.import", "keys import: many lines, in batches"),
    ("audit.export", "audit export: the same in parts"),
    ("keyManager.createKey", "keys create: the same keys, with all of their fields"),
    ("keyManager.verifyKey", "keys verify: limits come from the file, not from the call"),
    ("keyManager.verify", "keys verify: the same"),
    ("keyManager.rotateKey", "keys rotate: the same, with a grace period"),
];

fn parse_request(arguments: &[&str]) -> OperationRequest {
    let arguments = ["gatekeeper"].iter().chain(arguments);
    let parsed = Arguments::try_parse_from(arguments).unwrap();
    parsed.command.into_request().unwrap().expect("a command that runs an operation")
}

fn descriptor(name: &str) -> &'static OperationDescriptor {
    TABLE.iter().find(|descriptor| descriptor.name == name).unwrap()
}

#[test]
fn the_arguments_are_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_operation_has_a_command_or_a_reason() {
    let others = OTHERS.iter().map(|(name, _)| *name);
    let reached: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).chain(others).collect();
    let table: BTreeSet<&str> = TABLE.iter().map(|descriptor| descriptor.name).collect();
    assert_eq!(reached.iter().copied().collect::<BTreeSet<_>>(), table);
    assert_eq!(reached.len(), table.len(), "each once");
}

#[test]
fn every_command_requests_its_operation_with_every_field() {
    for (name, arguments) in COMMANDS {
        let request = parse_request(arguments);
        assert_eq!(request.operation, *name);
        let secrets = request.secrets.iter().map(|(field, _)| (*field).to_owned());
        let given: BTreeSet<String> = request.fields.keys().cloned().chain(secrets).collect();
        assert_eq!(given, fields_of(descriptor(name)), "{name}");
    }
}

#[test]
fn every_request_of_a_command_is_valid_for_its_operation() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    for (name, arguments) in COMMANDS {
        let mut request = parse_request(arguments);
        // The cursor is not one of this list.
        request.fields.remove("cursor");
        for (field, _) in &request.secrets {
            request.fields.insert((*field).to_owned(), "correct horse".into());
        }
        if let Some(tenant) = request.fields.get_mut("tenantId") {
            *tenant = TENANT.into();
        }
        let response = gatekeeper.call_json(name, &Value::Object(request.fields).to_string());
        if let Err(error) = response {
            let is_valid = error.status() != 400 || error.message().starts_with("endpoint was never defined");
            assert!(is_valid, "{name}: {error}");
        }
    }
}

#[test]
fn cleared_fields_are_sent_as_null_or_empty() {
    let clear = ["name", "owner-id", "scopes", "roles", "quota-limit", "expires-in", "metadata"];
    let flags = clear.iter().flat_map(|what| ["--clear", what]);
    let arguments: Vec<&str> = ["keys", "update", KEY].into_iter().chain(flags).collect();
    let request = parse_request(&arguments);
    let nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    assert_eq!(request.fields.values().filter(|value| nothing(value)).count(), clear.len());
    let request = Value::Object(request.fields).to_string();
    let rejected = Gatekeeper::open("memory:").unwrap().call_json("keys.update", &request).unwrap_err();
    assert_eq!(rejected.status(), 404, "{rejected}");
}

#[test]
fn every_command_has_help() {
    fn check(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(check);
    }
    check(&Arguments::command());
}

#[test]
fn every_command_and_setting_is_in_the_reference() {
    const REFERENCE: &str = include_str!("../../../docs/cli.md");
    for command in Arguments::command().get_subcommands() {
        assert!(REFERENCE.contains(&format!("\n## {}\n", command.get_name())), "{}", command.get_name());
        for sub in command.get_subcommands() {
            assert!(REFERENCE.contains(sub.get_name()), "{} {}", command.get_name(), sub.get_name());
        }
    }
    for setting in ALL {
        let default = setting.default.filter(|default| *default != Gatekeeper::DEFAULT_TENANT.to_string());
        let row = REFERENCE.lines().find(|line| line.starts_with(&format!("| `{}` |", setting.name)));
        let row = row.unwrap_or_else(|| panic!("no {}", setting.name));
        for part in [setting.variable, setting.flag, default.unwrap_or_default()] {
            assert!(row.contains(part), "{row}: {part}");
        }
    }
}

/// The field names of a request.
fn fields_of(descriptor: &OperationDescriptor) -> BTreeSet<String> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut generators = (settings.clone().into_generator(), settings.into_generator());
    let (request, _) = (descriptor.schemas)(&mut generators.0, &mut generators.1);
    let properties = request.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}
