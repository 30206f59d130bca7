//! The rules for importing keys of another product.

use serde::Deserialize;

use super::{Context, Principal, forbidden};
use crate::error::{GatekeeperError, Result};
use crate::whole::Range;

/// Who may import keys of another product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum KeyImports {
    /// Root keys, each for its tenant, and the operator.
    #[default]
    Root,
    /// Also members and API keys with the permission `keys:write`. An importer may know the keys that it imports, so use this
    /// only if you trust every member of every tenant with the keys that they import.
    Members,
}

/// The rules of a database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImportRules {
    by: KeyImports,
    suffixes_per_tenant: usize,
    suffixes: usize,
}

/// The number of suffixes that an operator can allow. An unknown key is hashed once with each of them.
pub(crate) enum SuffixCount {}

impl Range for SuffixCount {
    const MIN: i64 = 1;
    const MAX: i64 = 64;
}

impl ImportRules {
    /// # Errors
    /// `bad_request` for a number that is out of range.
    pub(crate) fn new(by: KeyImports, suffixes_per_tenant: u32, suffixes: u32) -> Result<Self> {
        let checked = |option, number: u32| {
            SuffixCount::check(option, Some(number))?;
            usize::try_from(number).map_err(GatekeeperError::internal)
        };
        Ok(Self {
            by,
            suffixes_per_tenant: checked("importSuffixesPerTenant", suffixes_per_tenant)?,
            suffixes: checked("importSuffixes", suffixes)?,
        })
    }

    /// The maximum number of distinct suffixes of one tenant's keys.
    pub(crate) fn suffixes_per_tenant(&self) -> usize {
        self.suffixes_per_tenant
    }

    /// The maximum number of distinct suffixes of all tenants' keys.
    pub(crate) fn suffixes(&self) -> usize {
        self.suffixes
    }
}

impl Context<'_> {
    /// Checks that the caller may import keys.
    ///
    /// # Errors
    /// `forbidden` for members and API keys, unless the settings allow them.
    pub(crate) fn check_may_import(&self) -> Result<()> {
        match (self.principal(), self.settings().imports.by) {
            (Principal::Operator | Principal::RootKey { .. }, _) | (_, KeyImports::Members) => Ok(()),
            _ => Err(forbidden(
                "only a root key and the operator can import keys, unless the setting keyImports is members",
            )),
        }
    }
}
