//! The tenants whose keys a verification accepts.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{GatekeeperError, Result};
use crate::id::TenantId;
use crate::store::DEFAULT_TENANT;

/// The name that stands for every tenant.
const ALL: &str = "all";
/// The name of the tenant that exists in every database.
const DEFAULT: &str = "default";
/// The maximum number of tenants in a list.
const MAX_TENANTS: usize = 1000;
/// The allowed values, for messages.
const EXPECTED_TENANTS: &str =
    "\"all\" or a list of 1 to 1000 tenants: their ids, or \"default\" for the tenant default";

/// The tenants whose keys a verification accepts. Defaults to the tenant `default` alone.
///
/// If sign-up is open, anyone can own a tenant and create keys in it, with any role, scope and owner. Accept only the keys
/// of tenants that you trust.
///
/// ```
/// use gatekeeper::Tenants;
/// let tenants = Tenants::from_json(r#"["default", "tnt_01jdx0x3v0f7zsn8f4k3m9qz5r"]"#)?;
/// assert_eq!(Tenants::from_json(r#"["default"]"#)?, Tenants::default());
/// assert!(tenants.includes("tnt_01jdx0x3v0f7zsn8f4k3m9qz5r".parse()?));
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Tenants(Named);

#[derive(Clone, PartialEq, Eq)]
enum Named {
    One(TenantId),
    /// Sorted, without duplicates.
    Several(Arc<[TenantId]>),
    All,
}

impl Tenants {
    /// The tenant `default` alone.
    pub const DEFAULT: Self = Self(Named::One(DEFAULT_TENANT));
    /// Every tenant. Only use it if you trust all their owners, for example if sign-up is closed.
    pub const ALL: Self = Self(Named::All);

    /// These tenants: 1 to 1,000 of them.
    ///
    /// # Errors
    /// `bad_request` for an empty list and for more than 1,000.
    pub fn of(tenants: impl IntoIterator<Item = TenantId>) -> Result<Self> {
        let mut tenants: Vec<TenantId> = tenants.into_iter().take(MAX_TENANTS + 1).collect();
        if tenants.len() > MAX_TENANTS {
            return Err(wrong());
        }
        tenants.sort_unstable();
        tenants.dedup();
        match *tenants {
            [] => Err(wrong()),
            [only] => Ok(Self(Named::One(only))),
            _ => Ok(Self(Named::Several(tenants.into()))),
        }
    }

    /// Tenants by their ids; `default` names the tenant `default`. `all` alone names every tenant.
    ///
    /// # Errors
    /// `bad_request` for any other name, for an empty list and for more than 1,000.
    pub fn named<T: AsRef<str>>(names: &[T]) -> Result<Self> {
        match names {
            [only] if only.as_ref() == ALL => Ok(Self::ALL),
            names => Self::of(names.iter().map(|name| id_of(name.as_ref())).collect::<Result<Vec<_>>>()?),
        }
    }

    /// Tenants from JSON: `"all"`, or a list of ids and `"default"`. For SDKs.
    ///
    /// # Errors
    /// `bad_request` for anything else.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|_| wrong())
    }

    /// Whether the keys of `tenant` are accepted.
    #[inline]
    #[must_use]
    pub fn includes(&self, tenant: TenantId) -> bool {
        match &self.0 {
            Named::One(only) => *only == tenant,
            Named::Several(tenants) => tenants.binary_search(&tenant).is_ok(),
            Named::All => true,
        }
    }

    /// The tenants, sorted; none for every tenant.
    #[must_use]
    pub fn ids(&self) -> Option<&[TenantId]> {
        match &self.0 {
            Named::One(only) => Some(std::slice::from_ref(only)),
            Named::Several(tenants) => Some(tenants),
            Named::All => None,
        }
    }
}

fn id_of(name: &str) -> Result<TenantId> {
    match name {
        DEFAULT => Ok(DEFAULT_TENANT),
        name => name.parse().map_err(|_| wrong()),
    }
}

fn wrong() -> GatekeeperError {
    GatekeeperError::bad_request(format!("tenants must be {EXPECTED_TENANTS}"))
}

impl Default for Tenants {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<TenantId> for Tenants {
    fn from(tenant: TenantId) -> Self {
        Self(Named::One(tenant))
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ids() {
            Some(tenants) => f.debug_set().entries(tenants).finish(),
            None => f.write_str(ALL),
        }
    }
}

impl Serialize for Tenants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(tenants) = self.ids() else { return serializer.serialize_str(ALL) };
        let mut list = serializer.serialize_seq(Some(tenants.len()))?;
        for tenant in tenants {
            list.serialize_element(tenant)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Tenants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Tenants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED_TENANTS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Tenants, E> {
        let other = || E::invalid_value(serde::de::Unexpected::Other("another text"), &self);
        (text == ALL).then_some(Tenants::ALL).ok_or_else(other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Tenants, A::Error> {
        let names = Vec::<String>::deserialize(SeqAccessDeserializer::new(list))?;
        // `all` is not allowed in a list.
        let ids = names.iter().map(|name| id_of(name)).collect::<Result<Vec<_>>>().and_then(Tenants::of);
        ids.map_err(|_| A::Error::invalid_value(serde::de::Unexpected::Seq, &self))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Tenants {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tenants".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let tenant = format!("^({DEFAULT}|tnt_[0-7][0-9a-hjkmnp-tv-z]{{25}})$");
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "const": ALL },
                {
                    "type": "array", "items": { "type": "string", "pattern": tenant },
                    "minItems": 1, "maxItems": MAX_TENANTS,
                },
            ],
        })
    }
}

/// The keys that a verification accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeysOf<'a> {
    /// Keys of the root key's tenant.
    Tenant(TenantId),
    /// Keys of the tenants that a member listed.
    Members(&'a Tenants),
    /// Keys of the tenants that the operator listed. The operator gets a warning about valid keys of other tenants.
    Operators(&'a Tenants),
    /// Keys of every tenant, for a call by the holder of the key.
    Anyone,
    /// No key, for a user who is not a member of any tenant.
    NoTenant,
}

impl KeysOf<'_> {
    #[inline]
    pub(super) fn include(self, tenant: TenantId) -> bool {
        match self {
            Self::Tenant(own) => own == tenant,
            Self::Members(tenants) | Self::Operators(tenants) => tenants.includes(tenant),
            Self::Anyone => true,
            Self::NoTenant => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = "tnt_01jdx0x3v0f7zsn8f4k3m9qz5r";
    const OTHER: &str = "tnt_7zzzzzzzzzzzzzzzzzzzzzzzzz";

    fn id(text: &str) -> TenantId {
        text.parse().unwrap()
    }

    #[test]
    fn the_default_is_the_tenant_default_and_no_other() {
        assert!(Tenants::default().includes(DEFAULT_TENANT) && !Tenants::default().includes(id(ACME)));
        assert_eq!(Tenants::named(&["default"]).unwrap(), Tenants::default());
        assert_eq!(Tenants::from(DEFAULT_TENANT), Tenants::default());
    }

    #[test]
    fn those_that_are_named_are_accepted_and_no_others() {
        let several = Tenants::named(&[OTHER, ACME, OTHER]).unwrap();
        assert_eq!(several.ids().unwrap(), [id(ACME), id(OTHER)]);
        assert!(several.includes(id(ACME)) && several.includes(id(OTHER)));
        assert!(!several.includes(DEFAULT_TENANT));
        assert!(Tenants::named(&["all"]).unwrap().includes(id(ACME)));
        assert_eq!(Tenants::named(&[ACME]).unwrap(), Tenants::from(id(ACME)));
    }

    #[test]
    fn tenants_are_serialized_in_the_form_that_is_parsed() {
        for json in [r#""all""#.to_owned(), format!(r#"["{ACME}"]"#), format!(r#"["{ACME}","{OTHER}"]"#)] {
            let tenants = Tenants::from_json(&json).unwrap();
            assert_eq!(serde_json::to_string(&tenants).unwrap(), json);
        }
    }

    #[test]
    fn an_invalid_list_of_tenants_is_rejected_and_not_repeated() {
        let many = serde_json::to_string(&vec![ACME; MAX_TENANTS + 1]).unwrap();
        for json in [
            "[]",
            "null",
            "true",
            "7",
            "{}",
            r#""canary""#,
            r#""""#,
            r#"["canary"]"#,
            "[7]",
            "[null]",
            r#"["all"]"#,
            r#"["default", "all"]"#,
            r#"["key_01jdx0x3v0f7zsn8f4k3m9qz5r"]"#,
            &many,
            "",
        ] {
            let error = Tenants::from_json(json).unwrap_err();
            assert_eq!(error.message(), format!("tenants must be {EXPECTED_TENANTS}"), "{json}");
        }
        for names in [&[][..], &["all", "default"], &["All"], &[""]] {
            assert!(Tenants::named(names).is_err(), "{names:?}");
        }
    }
}
