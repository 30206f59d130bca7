//! Results that are a union in TypeScript: the value of one field, the tag, says which fields are null.

use super::{comment, type_of};
use crate::schema::{Definition, Field, Shape, Type};
use crate::service::Api;
use crate::text::capitalised;

/// A result that is a union.
struct Union {
    name: &'static str,
    /// The field whose value tells the variants apart.
    tag: &'static str,
    variants: &'static [Variant],
}

/// The fields that have a narrower type if the tag has this value.
struct Variant {
    value: &'static str,
    constants: &'static [(&'static str, bool)],
    /// Fields that are not null.
    present: &'static [&'static [&'static str]],
    /// Fields that are null.
    absent: &'static [&'static [&'static str]],
}

const COUNTED: &[&str] = &["remaining", "total", "reset", "retryAfterMs", "windowMs", "resetAfterMs"];
const IDENTIFIED: &[&str] = &["keyId", "tenantId", "roles", "scopes"];
const DESCRIBED: &[&str] = &["ownerId", "name", "metadata"];
const SELECTED: &[&str] = &["role"];

const UNIONS: &[Union] = &[Union {
    name: "KeyVerdict",
    tag: "code",
    variants: &[
        Variant {
            value: "valid",
            constants: &[("keyValid", true), ("ok", true)],
            present: &[COUNTED, IDENTIFIED],
            absent: &[],
        },
        Variant {
            value: "invalid_key",
            constants: &[("keyValid", false), ("ok", false)],
            present: &[],
            absent: &[COUNTED, IDENTIFIED, DESCRIBED, SELECTED],
        },
        Variant {
            value: "insufficient_scope",
            constants: &[("keyValid", true), ("ok", false)],
            present: &[IDENTIFIED],
            absent: &[COUNTED, SELECTED],
        },
        Variant {
            value: "rate_limited",
            constants: &[("keyValid", true), ("ok", false)],
            present: &[COUNTED, IDENTIFIED],
            absent: &[],
        },
    ],
}];

/// The name of the interface with the fields of the object `name`: of a union, it is what all variants have in common.
pub(super) fn interface(name: &str) -> String {
    if union(name).is_some() { format!("{name}Fields") } else { name.to_owned() }
}

/// The variants and the union of the object `name`; nothing for other objects.
///
/// # Errors
/// If the table above does not have exactly the values of the tag, or names a field that cannot be narrowed so.
pub(super) fn declarations(api: &Api, name: &str, definition: &Definition) -> Result<String, String> {
    let (Some(union), Shape::Record(fields)) = (union(name), &definition.shape) else {
        return Ok(String::new());
    };
    let values = values(api, field(union, fields, union.tag)?)?;
    let missing = values.iter().find(|(value, _)| !union.variants.iter().any(|each| each.value == value));
    if let Some((value, _)) = missing {
        return Err(format!("{name}: add the variant {value} to gen/src/typescript/union.rs"));
    }
    let mut text = String::new();
    for variant in union.variants {
        let meaning = values.iter().find(|(value, _)| value == variant.value).map(|(_, meaning)| meaning);
        let meaning =
            meaning.ok_or_else(|| format!("{name}: {} has no value {}", union.tag, variant.value))?;
        text.push('\n');
        text.push_str(&comment(
            &format!("The `{name}` with the {} `{}`: {meaning}", union.tag, variant.value),
            "",
        ));
        let interface = interface(name);
        text.push_str(&format!("export interface {} extends {interface} {{\n", variant_name(union, variant)));
        text.push_str(&format!(
            "  readonly {}: '{}';\n{}}}\n",
            union.tag,
            variant.value,
            narrowed(union, variant, fields)?
        ));
    }
    let documentation =
        format!("{}\n\nIt is a union: narrow it by `{}`.", definition.documentation, union.tag);
    let names: Vec<_> = union.variants.iter().map(|variant| variant_name(union, variant)).collect();
    text.push('\n');
    text.push_str(&comment(&documentation, ""));
    text.push_str(&format!("export type {name} =\n  | {};\n", names.join("\n  | ")));
    Ok(text)
}

fn union(name: &str) -> Option<&'static Union> {
    UNIONS.iter().find(|union| union.name == name)
}

/// `KeyVerdictInvalidKey` for `invalid_key`.
fn variant_name(union: &Union, variant: &Variant) -> String {
    let words: String = variant.value.split('_').map(capitalised).collect();
    format!("{}{words}", union.name)
}

fn narrowed(union: &Union, variant: &Variant, fields: &[Field]) -> Result<String, String> {
    let mut text = String::new();
    for (wire, constant) in variant.constants {
        if field(union, fields, wire)?.kind != Type::Boolean {
            return Err(format!("{}.{wire} is not true or false", union.name));
        }
        text.push_str(&format!("  readonly {wire}: {constant};\n"));
    }
    for wire in variant.present.iter().copied().flatten() {
        text.push_str(&format!("  readonly {wire}: {};\n", type_of(nullable(union, fields, wire)?)));
    }
    for wire in variant.absent.iter().copied().flatten() {
        nullable(union, fields, wire)?;
        text.push_str(&format!("  readonly {wire}: null;\n"));
    }
    Ok(text)
}

/// The type of a nullable field when it is not null.
fn nullable<'a>(union: &Union, fields: &'a [Field], wire: &str) -> Result<&'a Type, String> {
    match &field(union, fields, wire)?.kind {
        Type::OrNull(kind) => Ok(kind),
        _ => Err(format!("{}.{wire} is never null", union.name)),
    }
}

fn field<'a>(union: &Union, fields: &'a [Field], wire: &str) -> Result<&'a Field, String> {
    let found = fields.iter().find(|field| field.wire == wire);
    found.ok_or_else(|| format!("{} has no field {wire}", union.name))
}

/// The values of the tag, with their documentation.
fn values<'a>(api: &'a Api, tag: &Field) -> Result<&'a [(String, String)], String> {
    let Type::Named(name) = &tag.kind else { return Err(format!("{} has no named type", tag.wire)) };
    match api.definitions.get(name).map(|definition| &definition.shape) {
        Some(Shape::Enum(values)) => Ok(values),
        _ => Err(format!("{name} is no list of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The API of the table, with a change to the definitions.
    fn api(change: impl FnOnce(&mut Api)) -> Api {
        let mut api = Api::from_table().unwrap();
        change(&mut api);
        api
    }

    fn declared(api: &Api, name: &str) -> Result<String, String> {
        declarations(api, name, &api.definitions[name])
    }

    #[test]
    fn a_verdict_is_a_union_by_its_code() {
        let text = declared(&api(|_| ()), "KeyVerdict").unwrap();
        for part in [
            "export interface KeyVerdictValid extends KeyVerdictFields {\n  readonly code: 'valid';\n  \
             readonly keyValid: true;\n  readonly ok: true;\n  readonly remaining: number;\n",
            "export interface KeyVerdictInvalidKey extends KeyVerdictFields {\n  readonly code: 'invalid_key';\n  \
             readonly keyValid: false;\n  readonly ok: false;\n  readonly remaining: null;\n",
            "  readonly scopes: readonly string[];\n  readonly remaining: null;\n",
            "export type KeyVerdict =\n  | KeyVerdictValid\n  | KeyVerdictInvalidKey\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(interface("Tenant"), "Tenant");
        assert_eq!(declared(&api(|_| ()), "Tenant"), Ok(String::new()));
    }

    #[test]
    fn a_new_code_and_a_field_that_is_gone_or_never_null_are_errors() {
        let with_code = api(|api| {
            let Some(Shape::Enum(codes)) = api.definitions.get_mut("VerdictCode").map(|each| &mut each.shape)
            else {
                unreachable!()
            };
            codes.push(("new_code".to_owned(), String::new()));
        });
        assert!(declared(&with_code, "KeyVerdict").unwrap_err().contains("add the variant new_code"));
        let changed = |change: fn(&mut Vec<Field>)| {
            let api = api(|api| {
                let Some(Shape::Record(fields)) =
                    api.definitions.get_mut("KeyVerdict").map(|each| &mut each.shape)
                else {
                    unreachable!()
                };
                change(fields);
            });
            declared(&api, "KeyVerdict").unwrap_err()
        };
        assert_eq!(
            changed(|fields| fields.retain(|field| field.wire != "total")),
            "KeyVerdict has no field total"
        );
        let never_null = changed(|fields| {
            let total = fields.iter_mut().find(|field| field.wire == "total");
            total.unwrap().kind = Type::Integer;
        });
        assert_eq!(never_null, "KeyVerdict.total is never null");
    }
}
