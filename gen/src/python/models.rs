//! The module `gatekeeper.models`.

use super::{HEAD, argument_type, decoded, docstring, documented, name, result_type};
use crate::schema::{Field, Shape, Type};
use crate::service::Api;
use crate::text::{snake, wrapped};

pub(crate) fn models(api: &Api) -> String {
    let mut body = String::new();
    let mut public = vec!["Page".to_owned()];
    // A union refers to classes, which must be defined first.
    let records = api.definitions.iter().filter(|(_, each)| !matches!(each.shape, Shape::Union(_)));
    let unions = api.definitions.iter().filter(|(_, each)| matches!(each.shape, Shape::Union(_)));
    for (kind, definition) in records.chain(unions) {
        public.push(kind.clone());
        match &definition.shape {
            Shape::Enum(options) => {
                let names: Vec<_> = options.iter().map(|(option, _)| format!("\"{option}\"")).collect();
                let meanings = options.iter().filter(|(_, meaning)| !meaning.is_empty());
                let meanings: Vec<_> = meanings
                    .map(|(option, documentation)| format!("``\"{option}\"``: {documentation}"))
                    .collect();
                let text = format!("{} {}", documented(&definition.documentation, &[]), meanings.join(" "));
                body.push_str(&format!("\n\n{kind} = Literal[{}]\n", names.join(", ")));
                body.push_str(&format!("\"\"\"{}\"\"\"\n", wrapped(text.trim(), 116).join("\n")));
            }
            Shape::Union(names) => {
                body.push_str(&format!("\n\n{kind} = {}\n", names.join(" | ")));
                body.push_str(&format!("\"\"\"{}\"\"\"\n", documented(&definition.documentation, &[])));
            }
            Shape::Record(fields) if api.sent.contains(kind) => {
                body.push_str(&sent(kind, &definition.documentation, fields));
            }
            Shape::Record(fields) => body.push_str(&record(api, kind, &definition.documentation, fields)),
        }
    }
    public.sort();
    let mut text = String::from(HEAD);
    text.push_str("\"\"\"The results of the services: frozen, with attributes in snake_case and an index by wire name.\"\"\"\n\n");
    text.push_str("from __future__ import annotations\n\nfrom dataclasses import dataclass\n");
    let typing = ["Any", "ClassVar", "Literal", "NotRequired", "Self", "TypedDict"];
    let typing = typing.into_iter().filter(|word| body.contains(word));
    text.push_str(&format!(
        "from typing import TYPE_CHECKING, {}\n\n",
        typing.collect::<Vec<_>>().join(", ")
    ));
    let helpers = ["Model", "Page"].into_iter().chain(body.contains("_one_of(").then_some("_one_of"));
    text.push_str(&format!("from gatekeeper._model import {}\n\n", helpers.collect::<Vec<_>>().join(", ")));
    let abc = ["Collection", "Mapping"].into_iter().filter(|word| body.contains(&format!("{word}[")));
    text.push_str(&format!(
        "if TYPE_CHECKING:\n    from collections.abc import {}\n\n",
        abc.collect::<Vec<_>>().join(", ")
    ));
    text.push_str("__all__ = [\n");
    for each in public {
        text.push_str(&format!("    \"{each}\",\n"));
    }
    text + "]\n" + &body
}

fn record(api: &Api, kind: &str, documentation: &str, fields: &[Field]) -> String {
    let attributes: Vec<_> =
        fields.iter().map(|field| (name(&field.wire), field.documentation.clone())).collect();
    let mut text = format!("\n\n@dataclass(frozen=True, kw_only=True, repr=False)\nclass {kind}(Model):\n");
    text.push_str(&docstring(documentation, "Attributes", &attributes, "    "));
    text.push_str("\n    __slots__ = (\n");
    let mut slots: Vec<_> = fields.iter().map(|field| name(&field.wire)).collect();
    slots.sort();
    for slot in slots {
        text.push_str(&format!("        \"{slot}\",\n"));
    }
    text.push_str("    )\n\n    _wire: ClassVar[dict[str, str]] = {\n");
    for field in fields {
        text.push_str(&format!("        \"{}\": \"{}\",\n", field.wire, name(&field.wire)));
    }
    text.push_str("    }\n");
    let secrets: Vec<_> = fields.iter().filter(|field| is_secret(&field.kind)).collect();
    if !secrets.is_empty() {
        let names: Vec<_> = secrets.iter().map(|field| format!("\"{}\"", name(&field.wire))).collect();
        text.push_str(&format!(
            "    _secret: ClassVar[frozenset[str]] = frozenset({{{}}})\n",
            names.join(", ")
        ));
    }
    text.push('\n');
    for field in fields {
        text.push_str(&format!("    {}: {}\n", name(&field.wire), result_type(&field.kind)));
    }
    text.push_str(
        "\n    @classmethod\n    def _of(cls, answer: Mapping[str, Any]) -> Self:\n        return cls(\n",
    );
    for field in fields {
        // A server of an earlier version may leave the field out.
        let value = if field.required {
            format!("answer[\"{}\"]", field.wire)
        } else {
            format!("answer.get(\"{}\")", field.wire)
        };
        text.push_str(&format!("            {}={},\n", name(&field.wire), decoded(api, &field.kind, &value)));
    }
    text + "        )\n"
}

fn is_secret(kind: &Type) -> bool {
    match kind {
        Type::Text { secret } => *secret,
        Type::OrNull(kind) | Type::List(kind) => is_secret(kind),
        _ => false,
    }
}

/// A `TypedDict` for an object of a request, with Python names.
fn sent(kind: &str, documentation: &str, fields: &[Field]) -> String {
    let attributes: Vec<_> =
        fields.iter().map(|field| (name(&field.wire), field.documentation.clone())).collect();
    let mut text = format!("\n\nclass {kind}(TypedDict):\n");
    text.push_str(&docstring(documentation, "Attributes", &attributes, "    "));
    text.push('\n');
    for field in fields {
        let kind = argument_type(&field.kind);
        let kind = if field.required { kind } else { format!("NotRequired[{kind}]") };
        text.push_str(&format!("    {}: {kind}\n", name(&field.wire)));
    }
    text.push_str(&format!("\n\n_{}_WIRE = {{\n", snake(kind).trim_start_matches('_').to_uppercase()));
    for field in fields {
        text.push_str(&format!("    \"{}\": \"{}\",\n", name(&field.wire), field.wire));
    }
    text + "}\n"
}
