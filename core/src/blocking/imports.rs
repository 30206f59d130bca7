//! What imported keys share: the suffixes that a key of another product is hashed with when it is looked up.

use super::Gatekeeper;
use crate::error::Result;
use crate::id::TenantId;

/// How many suffixes imported keys have, how many they can have, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportSuffixes {
    /// How many different suffixes are in use.
    pub used: usize,
    /// How many there can be.
    pub limit: usize,
    /// How many a tenant can have.
    pub limit_per_tenant: usize,
    /// The tenants that have imported keys, those with the most suffixes first.
    pub tenants: Vec<ImportingTenant>,
}

/// A tenant that has imported keys which can be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportingTenant {
    /// Its id.
    pub id: TenantId,
    /// What it is called.
    pub name: String,
    /// How many different suffixes its keys have.
    pub suffixes: usize,
    /// How many such keys there are.
    pub keys: usize,
}

impl Gatekeeper {
    /// Whose imported keys have which share of the suffixes that there can be. For the operator only.
    ///
    /// # Errors
    /// `bad_request` for a server; `forbidden` for anyone but the operator; `service_unavailable` where the store cannot be
    /// reached.
    pub fn import_suffixes(&self) -> Result<ImportSuffixes> {
        let operator = self.embedded("import_suffixes")?.as_operator()?;
        let (now, rules) = (operator.now(), operator.settings().imports);
        let (used, holders) =
            operator.read(|rows| Ok((rows.imported_suffixes(now)?.len(), rows.suffix_holders(now)?)))?;
        let size = |number: i64| usize::try_from(number).unwrap_or_default();
        let tenants = holders.into_iter().map(|holder| ImportingTenant {
            id: holder.tenant_id,
            name: holder.tenant_name,
            suffixes: size(holder.suffixes),
            keys: size(holder.keys),
        });
        Ok(ImportSuffixes {
            used,
            limit: rules.suffixes(),
            limit_per_tenant: rules.suffixes_per_tenant(),
            tenants: tenants.collect(),
        })
    }
}
