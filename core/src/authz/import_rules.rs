//! Who may bring keys of another product, and how many suffixes they may have.

use serde::Deserialize;

use super::{Context, Principal, forbidden};
use crate::error::{GatekeeperError, Result};
use crate::whole::Range;

/// Who may import keys of another product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum KeyImports {
    /// A root key, for its tenant, and the operator.
    #[default]
    Root,
    /// Members and API keys with the permission `keys:write`, too. An imported key is one that its importer may know: open
    /// this only where every member of every tenant is trusted with the keys that they name.
    Members,
}

/// The rules of a database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImportRules {
    by: KeyImports,
    suffixes_per_tenant: usize,
    suffixes: usize,
}

/// How many suffixes an operator can allow: an unknown key is hashed with each of them.
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

    /// How many different suffixes the keys of one tenant may have.
    pub(crate) fn suffixes_per_tenant(&self) -> usize {
        self.suffixes_per_tenant
    }

    /// How many different suffixes the keys of all tenants may have.
    pub(crate) fn suffixes(&self) -> usize {
        self.suffixes
    }
}

impl Context<'_> {
    /// Lets the caller import keys.
    ///
    /// # Errors
    /// `forbidden` for members and API keys, unless they are allowed to.
    pub(crate) fn check_may_import(&self) -> Result<()> {
        match (self.principal(), self.settings().imports.by) {
            (Principal::Operator | Principal::RootKey { .. }, _) | (_, KeyImports::Members) => Ok(()),
            _ => Err(forbidden(
                "keys are imported with a root key or by the operator, unless the setting keyImports is members",
            )),
        }
    }
}
