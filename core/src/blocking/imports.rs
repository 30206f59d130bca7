//! The suffixes of imported keys: a key of another product is hashed with each of them when it is looked up.

use super::Gatekeeper;
use crate::error::Result;
use crate::id::TenantId;

/// The numbers of suffixes of imported keys, their limits, and their tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportSuffixes {
    /// The number of distinct suffixes in use.
    pub used: usize,
    /// The maximum number of distinct suffixes.
    pub limit: usize,
    /// The maximum number of distinct suffixes of one tenant.
    pub limit_per_tenant: usize,
    /// The tenants that have imported keys, those with the most suffixes first.
    pub tenants: Vec<ImportingTenant>,
}

/// A tenant with imported keys that are neither revoked nor expired.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportingTenant {
    /// The tenant's id.
    pub id: TenantId,
    /// The tenant's name.
    pub name: String,
    /// The number of distinct suffixes of its keys.
    pub suffixes: usize,
    /// The number of such keys.
    pub keys: usize,
}

impl Gatekeeper {
    /// Returns the suffixes of imported keys in use, by tenant. For the operator only.
    ///
    /// # Errors
    /// `bad_request` for a server; `forbidden` for other callers; `service_unavailable` if the store cannot be
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
