//! How many suffixes imported keys have: what is not a key of ours is hashed with each of them when it is looked up.

use std::collections::HashSet;

use crate::authz::Context;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::TenantId;
use crate::key;
use crate::secret::Digest;
use crate::store::{Failure, Rows};

/// The suffixes of keys that can be valid.
pub(in crate::operation::keys) struct Suffixes {
    of_tenant: Vec<String>,
    count: usize,
}

impl Suffixes {
    /// The suffixes of this tenant's keys, and how many all tenants have.
    pub(in crate::operation::keys) fn of(
        context: &Context<'_>,
        rows: &Rows<'_>,
        tenant: TenantId,
    ) -> Result<Self, Failure> {
        let now = context.now();
        let all = rows.imported_suffixes(now)?;
        let count = all.len();
        let mut of_tenant = Vec::new();
        for suffix in all {
            if rows.has_suffix(&suffix, tenant, now)? {
                of_tenant.push(suffix);
            }
        }
        Ok(Self { of_tenant, count })
    }

    /// Lets what was done in this transaction stand, unless it has added a suffix for which there is no room.
    ///
    /// # Errors
    /// `conflict`.
    pub(in crate::operation::keys) fn check_added(
        self,
        context: &Context<'_>,
        rows: &Rows<'_>,
        tenant: TenantId,
    ) -> Result<(), Failure> {
        let (after, rules) = (Self::of(context, rows, tenant)?, &context.settings().imports);
        let most = rules.suffixes_per_tenant();
        if after.of_tenant.len() > most.max(self.of_tenant.len()) {
            return Err(no_room(format!(
                "suffix: the imported keys of a tenant can have {most} different ones. A key that is revoked or has ended \
                 makes room, and the operator can raise importSuffixesPerTenant"
            )));
        }
        if after.count > rules.suffixes().max(self.count) {
            return Err(no_room(
                "suffix: the imported keys of a database have as many different ones as they can: the operator can raise \
                 importSuffixes",
            ));
        }
        Ok(())
    }

    /// The digests of texts that are never a key, with each of these suffixes, with those in `more`, and with none.
    pub(super) fn placeholders<'s>(&'s self, more: impl Iterator<Item = &'s str>) -> Placeholders {
        let suffixes: HashSet<&str> =
            self.of_tenant.iter().map(String::as_str).chain(more).chain([""]).collect();
        let digests = suffixes.into_iter().flat_map(key::placeholder_digests);
        Placeholders(digests.map(|digest| *digest.as_bytes()).collect())
    }
}

/// The digests of texts that are never a key.
pub(super) struct Placeholders(HashSet<[u8; 32]>);

impl Placeholders {
    /// Whether this is the digest of one.
    pub(super) fn contain(&self, digest: &Digest) -> bool {
        self.0.contains(digest.as_bytes())
    }
}

fn no_room(message: impl Into<String>) -> Failure {
    GatekeeperError::new(ErrorKind::Conflict, message).into()
}
