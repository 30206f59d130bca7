//! The service classes, synchronous and asynchronous.

use super::signature::{default_of, defined, is_configured, parameters, signature, without_null};
use super::{HEAD, argument_type, decoded, docstring, name, result_type};
use crate::schema::{Shape, Type};
use crate::service::{Api, Operation, Service, iterator};
use crate::text::{class, snake};

/// Whether the methods are coroutines.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Sync,
    Async,
}

pub(crate) fn services(api: &Api, kind: Kind) -> String {
    let mut body = String::new();
    for service in &api.services {
        body.push_str(&format!("\n\nclass {}(_Service):\n", class(service.name)));
        body.push_str(&docstring(service.documentation, "Args", &[], "    "));
        body.push_str(&constructor(service));
        for operation in &service.methods {
            body.push('\n');
            body.push_str(&method(api, service, operation, kind));
            if let Some(item) = &operation.iterates {
                body.push('\n');
                body.push_str(&pages(service, operation, item, kind));
            }
        }
    }
    head(api, kind, &body) + &body
}

/// The constructor of a service with options of its own.
fn constructor(service: &Service) -> String {
    let config: Vec<_> = service.config.iter().map(|config| configuration(service, *config)).collect();
    if config.is_empty() {
        return "\n    __slots__ = ()\n".to_owned();
    }
    let mut slots: Vec<_> = config.iter().map(|(option, _, _)| format!("\"_{option}\",")).collect();
    slots.sort();
    let mut text = format!("\n    __slots__ = ({})\n\n", slots.join(" ").trim_end_matches(','));
    text.push_str("    def __init__(\n        self,\n        core: Core,\n        *,\n");
    for (option, kind, _) in &config {
        text.push_str(&format!("        {option}: {kind} | None = None,\n"));
    }
    text.push_str("    ) -> None:\n");
    let mut named = vec![("core".to_owned(), "The core that executes the calls.".to_owned())];
    named.extend(config.iter().map(|(option, _, documentation)| (option.clone(), documentation.clone())));
    let documentation = "Create the service with defaults for its calls.";
    text.push_str(&docstring(documentation, "Args", &named, "        "));
    text.push_str("        super().__init__(core)\n");
    for (option, _, _) in &config {
        text.push_str(&format!("        self._{option} = {option}\n"));
    }
    text
}

fn head(api: &Api, kind: Kind, body: &str) -> String {
    let is_in = |word: &str| {
        let mut words = body.split(|each: char| !each.is_ascii_alphanumeric() && each != '_');
        words.any(|found| found == word)
    };
    let (core, what) = match kind {
        Kind::Sync => ("_service", "The services, synchronous."),
        Kind::Async => ("_aio_service", "The services, asynchronous."),
    };
    let mut text = format!(
        "{HEAD}\"\"\"{what}\"\"\"\n\nfrom __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\n"
    );
    let helpers = ["UNSET", "_changed", "_given", "_pages", "_renamed"].into_iter();
    let mut helpers: Vec<_> = helpers.filter(|helper| is_in(helper)).collect();
    helpers.push("_Service");
    let shared: Vec<_> =
        helpers.iter().filter(|each| !["_pages", "_Service"].contains(each)).copied().collect();
    let own: Vec<_> = helpers.iter().filter(|each| ["_pages", "_Service"].contains(each)).copied().collect();
    let mut imports = vec![format!("from gatekeeper.{core} import {}\n", sorted(own))];
    let made = |name: &str| {
        body.contains(&format!("{name}._of("))
            || (body.contains("_one_of(") && body.contains(&format!(", {name}")))
    };
    let mut runtime: Vec<&str> = Vec::new();
    if body.contains("_one_of(") {
        runtime.push("_one_of");
    }
    if body.contains("Page._of(") {
        runtime.push("Page");
    }
    if !runtime.is_empty() {
        imports.push(format!("from gatekeeper._model import {}\n", sorted(runtime)));
    }
    if !shared.is_empty() {
        imports.push(format!("from gatekeeper._requests import {}\n", sorted(shared)));
    }
    imports.sort();
    text.push_str(&imports.concat());
    let record =
        |name: &&String| matches!(api.definitions.get(*name).map(|each| &each.shape), Some(Shape::Record(_)));
    let constants =
        api.sent.iter().map(|each| format!("_{}_WIRE", snake(each).trim_start_matches('_').to_uppercase()));
    let constants: Vec<_> = constants.filter(|each| is_in(each)).collect();
    let records = api.definitions.keys().filter(record).filter(|each| made(each)).map(String::as_str);
    let at_run_time: Vec<&str> = constants.iter().map(String::as_str).chain(records).collect();
    text.push_str(&format!("from gatekeeper.models import (\n{})\n\n", each_line(&at_run_time, "    ")));
    text.push_str("if TYPE_CHECKING:\n");
    let abc = ["AsyncIterator", "Collection", "Iterator", "Mapping"];
    let abc: Vec<_> = abc.into_iter().filter(|word| is_in(word)).collect();
    if !abc.is_empty() {
        text.push_str(&format!("    from collections.abc import {}\n", abc.join(", ")));
    }
    let typing: Vec<_> = ["Any", "Literal"].into_iter().filter(|word| is_in(word)).collect();
    if !typing.is_empty() {
        text.push_str(&format!("    from typing import {}\n", typing.join(", ")));
    }
    text.push('\n');
    let mut imports = Vec::new();
    if is_in("Core") {
        imports.push(format!("    from gatekeeper.{core} import Core\n"));
    }
    if is_in("Unset") {
        imports.push("    from gatekeeper._requests import Unset\n".to_owned());
    }
    imports.sort();
    text.push_str(&imports.concat());
    let typed = api.definitions.keys().map(String::as_str);
    let typed: Vec<_> = typed.filter(|each| is_in(each) && !at_run_time.contains(each)).collect();
    if !typed.is_empty() {
        text.push_str(&format!(
            "    from gatekeeper.models import (\n{}    )\n",
            each_line(&typed, "        ")
        ));
    }
    let mut classes: Vec<_> =
        api.services.iter().map(|service| format!("\"{}\"", class(service.name))).collect();
    classes.sort();
    let classes: Vec<_> = classes.iter().map(String::as_str).collect();
    text.push_str(&format!("\n__all__ = [\n{}]\n", each_line(&classes, "    ")));
    text
}

fn sorted(mut names: Vec<&str>) -> String {
    // Constants, then classes, then everything else, each in alphabetical order regardless of case.
    let group = |name: &str| match name.chars().next() {
        Some(first) if first.is_ascii_uppercase() => u8::from(name.chars().any(char::is_lowercase)),
        _ => 2,
    };
    names.sort_by_key(|name| (group(name), name.to_lowercase()));
    names.join(", ")
}

fn each_line(names: &[&str], indent: &str) -> String {
    names.iter().map(|name| format!("{indent}{name},\n")).collect()
}

/// An option of the constructor: its name, its type, and its documentation.
fn configuration(service: &Service, (option, method, field): (&str, &str, &str)) -> (String, String, String) {
    let mut methods = service.methods.iter().filter(|each| each.method == method);
    let found = methods.find_map(|each| each.options.iter().find(|option| option.wire == field));
    let kind = found.map(|field| argument_type(without_null(&field.kind))).unwrap_or_default();
    let documentation = format!("The default ``{}`` of ``{}``.", name(field), name(method));
    (snake(option), kind, documentation.replace("``", "`"))
}

fn method(api: &Api, service: &Service, operation: &Operation, kind: Kind) -> String {
    let (keyword, awaiting) = if kind == Kind::Async { ("async def", "await ") } else { ("def", "") };
    let answer = result_type(&operation.answer);
    let mut text = defined(keyword, &name(operation.method), &signature(service, operation), &answer);
    let named: Vec<_> = parameters(service, operation)
        .iter()
        .map(|parameter| (name(&parameter.field.wire), parameter.field.documentation.clone()))
        .collect();
    text.push_str(&docstring(&operation.documentation, "Args", &named, "        "));

    let call = format!("{awaiting}self._core._call({})", request(api, service, operation));
    match decoded(api, &operation.answer, "answer") {
        _ if operation.answer == Type::Nothing => text.push_str(&format!("        {call}\n")),
        plain if plain == "answer" => {
            text.push_str(&format!("        answer: {answer} = {call}\n        return answer\n"));
        }
        made if made.starts_with("_one_of(") => {
            text.push_str(&format!(
                "        given = {call}\n        answer: {answer} = {}\n        return answer\n",
                made.replacen("answer", "given", 1)
            ));
        }
        made => text.push_str(&format!("        answer = {call}\n        return {made}\n")),
    }
    text
}

/// The arguments of `_call`: the name of the operation and its request.
fn request(api: &Api, service: &Service, operation: &Operation) -> String {
    let (mut always, mut sometimes) = (Vec::new(), Vec::new());
    for field in operation.positional.iter().chain(&operation.options) {
        let argument = name(&field.wire);
        let value = match without_null(&field.kind) {
            Type::List(item) => match &**item {
                Type::Named(item) if api.sent.contains(item) => {
                    let wire = snake(item).trim_start_matches('_').to_uppercase();
                    format!("_renamed({argument}, _{wire}_WIRE)")
                }
                _ => argument.clone(),
            },
            _ => argument.clone(),
        };
        let default = default_of(service, operation, field).map(|(_, default)| default);
        let is_always = default.is_none_or(|default| !["None", "UNSET"].contains(&default.as_str()));
        let value = if is_configured(service, operation, field) {
            let config = service.config.iter().find(|(_, _, wire)| *wire == field.wire);
            let option = config.map(|(option, _, _)| snake(option)).unwrap_or_default();
            format!("self._{option} if {argument} is None else {value}")
        } else {
            value
        };
        let pair = format!("\"{}\": {value}", field.wire);
        if is_always { always.push(pair) } else { sometimes.push(pair) }
    }
    let drop = if operation.is_update { "_changed" } else { "_given" };
    let last = match (always.is_empty(), sometimes.is_empty()) {
        (_, true) => format!("{{{}}}", always.join(", ")),
        (true, false) => format!("{drop}({{{}}})", sometimes.join(", ")),
        (false, false) => format!("{{{}, **{drop}({{{}}})}}", always.join(", "), sometimes.join(", ")),
    };
    let line = format!("\"{}\", {last}", operation.name);
    if line.len() < 80 {
        return line;
    }
    let mut text = format!("\n            \"{}\",\n            {{\n", operation.name);
    for pair in &always {
        text.push_str(&format!("                {pair},\n"));
    }
    if !sometimes.is_empty() {
        text.push_str(&format!("                **{drop}(\n                    {{\n"));
        for pair in &sometimes {
            text.push_str(&format!("                        {pair},\n"));
        }
        text.push_str("                    }\n                ),\n");
    }
    text + "            },\n        "
}

/// The method that iterates over all items of a list.
fn pages(service: &Service, operation: &Operation, item: &Type, kind: Kind) -> String {
    let iterator_type = if kind == Kind::Async { "AsyncIterator" } else { "Iterator" };
    let answer = format!("{iterator_type}[{}]", result_type(item));
    let mut text =
        defined("def", &name(&iterator(operation.method)), &signature(service, operation), &answer);
    let documentation =
        format!("Iterate over every item of `{}`. Pages are fetched as needed.", name(operation.method));
    let named: Vec<_> = parameters(service, operation)
        .iter()
        .map(|parameter| {
            let documentation = match parameter.field.wire.as_str() {
                "limit" => "The maximum number of items in a page: 1 to 100. Defaults to 50.".to_owned(),
                _ => parameter.field.documentation.clone(),
            };
            (name(&parameter.field.wire), documentation)
        })
        .collect();
    text.push_str(&docstring(&documentation, "Args", &named, "        "));
    let arguments: Vec<_> = parameters(service, operation)
        .iter()
        .map(|parameter| {
            let argument = name(&parameter.field.wire);
            if parameter.by_name { format!("{argument}={argument}") } else { argument }
        })
        .collect();
    let call = format!("lambda cursor: self.{}", name(operation.method));
    let line = format!("        return _pages({call}({}), cursor)\n", arguments.join(", "));
    if line.len() <= 120 {
        return text + &line;
    }
    let arguments: String = arguments.iter().map(|each| format!("                {each},\n")).collect();
    text.push_str(&format!("        return _pages(\n            {call}(\n{arguments}            ),\n            cursor,\n        )\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_defaults_of_the_service_are_as_documented() {
        let api = crate::service::tests::sample().unwrap();
        let text = services(&api, Kind::Async);
        for part in [
            "        default_scopes: Collection[str] | None = None,\n",
            "        tenant_id: str,\n        *,\n        name: str | None = None,\n        prefix: str | None = None,\n",
            "\"prefix\": self._default_prefix if prefix is None else prefix,\n",
            "    async def update(self, id: str, *, name: str | Unset | None = UNSET) -> Key:\n",
            "{\"id\": id, **_changed({\"name\": name})}",
            "    async def import_(self, tenant_id: str, keys: Collection[ImportedKey]) -> tuple[Key, ...]:\n",
            "\"keys\": _renamed(keys, _IMPORTED_KEY_WIRE)",
            "        return tuple(Key._of(each) for each in answer)\n",
            "    async def check(self, tenant_id: str, quantity: int = 1, api_key_id: str | None = None) -> None:\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
