//! The signatures of methods: positional and keyword arguments and their defaults.

use serde_json::Value;

use super::{argument_type, literal, name};
use crate::schema::{Field, Type};
use crate::service::{Operation, Service};

pub(super) fn without_null(kind: &Type) -> &Type {
    match kind {
        Type::OrNull(kind) => kind,
        kind => kind,
    }
}

/// A parameter with its declaration.
pub(super) struct Parameter<'a> {
    pub(super) field: &'a Field,
    declared: String,
    pub(super) by_name: bool,
}

pub(super) fn parameters<'a>(service: &Service, operation: &'a Operation) -> Vec<Parameter<'a>> {
    let mut parameters = Vec::new();
    let mut may_be_positional = true;
    let positional = operation.positional.iter().map(|field| (field, true));
    for (field, is_positional) in positional.chain(operation.options.iter().map(|field| (field, false))) {
        let declared = match default_of(service, operation, field) {
            None => format!("{}: {}", name(&field.wire), argument_type(&field.kind)),
            Some((kind, default)) => format!("{}: {kind} = {default}", name(&field.wire)),
        };
        // A required field may be positional if no optional parameter precedes it.
        may_be_positional &= field.required || is_positional;
        let by_name = !(is_positional || field.required && may_be_positional);
        parameters.push(Parameter { field, declared, by_name });
        may_be_positional &= field.required;
    }
    parameters
}

/// The type and the default of an optional parameter; `None` for a required field.
pub(super) fn default_of(
    service: &Service,
    operation: &Operation,
    field: &Field,
) -> Option<(String, String)> {
    if field.required {
        return None;
    }
    let kind = argument_type(&field.kind);
    let or_none = format!("{} | None", argument_type(without_null(&field.kind)));
    if is_configured(service, operation, field) {
        return Some((or_none, "None".to_owned()));
    }
    if operation.is_update {
        let kind = kind
            .strip_suffix(" | None")
            .map_or(format!("{kind} | Unset"), |kind| format!("{kind} | Unset | None"));
        return Some((kind, "UNSET".to_owned()));
    }
    Some(match &field.default {
        None | Some(Value::Null) => (or_none, "None".to_owned()),
        Some(default) => (kind, literal(default)),
    })
}

pub(super) fn is_configured(service: &Service, operation: &Operation, field: &Field) -> bool {
    service.config.iter().any(|(_, method, wire)| *method == operation.method && *wire == field.wire)
}

pub(super) fn signature(service: &Service, operation: &Operation) -> String {
    let mut declared = vec!["self".to_owned()];
    let mut named = false;
    for parameter in parameters(service, operation) {
        if parameter.by_name && !named {
            declared.push("*".to_owned());
            named = true;
        }
        declared.push(parameter.declared);
    }
    declared.join(", ")
}

pub(super) fn defined(keyword: &str, method: &str, signature: &str, answer: &str) -> String {
    let line = format!("    {keyword} {method}({signature}) -> {answer}:\n");
    if line.len() <= 120 {
        return line;
    }
    let parameters: String =
        signature_parts(signature).iter().map(|part| format!("        {part},\n")).collect();
    format!("    {keyword} {method}(\n{parameters}    ) -> {answer}:\n")
}

/// Splits a signature at the commas between its parameters, but not at commas within brackets.
fn signature_parts(signature: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for character in signature.chars() {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            _ => {}
        }
        match (character, depth, parts.last_mut()) {
            (',', 0, _) => parts.push(String::new()),
            (_, _, Some(part)) => part.push(character),
            _ => {}
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}
