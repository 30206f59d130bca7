//! Bounds on the number of suffixes of imported keys. A credential that is not one of our keys is hashed once with
//! each of them.

use std::collections::HashSet;

use crate::authz::Context;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::TenantId;
use crate::key;
use crate::secret::Digest;
use crate::store::{Failure, Tx};

/// The suffixes of keys that are not revoked or expired.
pub(in crate::operation::keys) struct Suffixes {
    of_tenant: Vec<String>,
    count: usize,
}

impl Suffixes {
    /// The suffixes of this tenant's keys, and the number of all tenants' suffixes.
    pub(in crate::operation::keys) fn of(
        context: &Context<'_>,
        tx: &Tx<'_>,
        tenant: TenantId,
    ) -> Result<Self, Failure> {
        // No other transaction adds a suffix until this one ends.
        tx.lock_database()?;
        let now = context.now();
        let all = tx.imported_suffixes(now)?;
        let count = all.len();
        let mut of_tenant = Vec::new();
        for suffix in all {
            if tx.has_suffix(&suffix, tenant, now)? {
                of_tenant.push(suffix);
            }
        }
        Ok(Self { of_tenant, count })
    }

    /// Checks that this transaction has not added a suffix beyond the bounds.
    ///
    /// # Errors
    /// `conflict` if it has.
    pub(in crate::operation::keys) fn check_added(
        self,
        context: &Context<'_>,
        tx: &Tx<'_>,
        tenant: TenantId,
    ) -> Result<(), Failure> {
        let (after, rules) = (Self::of(context, tx, tenant)?, &context.settings().imports);
        let most = rules.suffixes_per_tenant();
        if after.of_tenant.len() > most.max(self.of_tenant.len()) {
            return Err(no_room(format!(
                "suffix: the imported keys of a tenant can have {most} distinct suffixes. Revoked and expired keys do not \
                 count, and the operator can raise importSuffixesPerTenant"
            )));
        }
        if after.count > rules.suffixes().max(self.count) {
            return Err(no_room(
                "suffix: the imported keys of this database already have the maximum number of suffixes: the operator can raise \
                 importSuffixes",
            ));
        }
        Ok(())
    }

    /// The digests of the placeholders, without a suffix and with each suffix of the tenant and in `more`.
    pub(super) fn placeholders<'s>(&'s self, more: impl Iterator<Item = &'s str>) -> Placeholders {
        let suffixes: HashSet<&str> =
            self.of_tenant.iter().map(String::as_str).chain(more).chain([""]).collect();
        let digests = suffixes.into_iter().flat_map(key::placeholder_digests);
        Placeholders(digests.map(|digest| *digest.as_bytes()).collect())
    }
}

/// The digests of placeholders: texts that are never a key.
pub(super) struct Placeholders(HashSet<[u8; 32]>);

impl Placeholders {
    /// Whether this digest is that of a placeholder.
    pub(super) fn contain(&self, digest: &Digest) -> bool {
        self.0.contains(digest.as_bytes())
    }
}

fn no_room(message: impl Into<String>) -> Failure {
    GatekeeperError::new(ErrorKind::Conflict, message).into()
}
