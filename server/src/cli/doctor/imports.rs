//! Suffixes of imported keys: how many there are, and whose.

use gatekeeper::{Gatekeeper, Result};

use super::finding::Finding;

/// How many tenants are named.
const NAMED: usize = 10;

/// What there is to say of imported keys; none where there are none.
pub(super) fn check(gatekeeper: &Gatekeeper) -> Result<Option<Finding>> {
    let suffixes = gatekeeper.import_suffixes()?;
    if suffixes.tenants.is_empty() {
        return Ok(None);
    }
    let named = suffixes.tenants.iter().take(NAMED).map(|tenant| {
        format!("{} ({}) has {} with {} keys", tenant.id, tenant.name, tenant.suffixes, tenant.keys)
    });
    let rest = suffixes.tenants.len().saturating_sub(NAMED);
    let more = (rest > 0).then(|| format!("{rest} more tenants"));
    let holders: Vec<String> = named.chain(more).collect();
    let found = format!(
        "{} of {} suffixes of imported keys are in use: {}",
        suffixes.used,
        suffixes.limit,
        holders.join(", ")
    );
    Ok(Some(if suffixes.used < suffixes.limit {
        Finding::ok("imports", found)
    } else {
        Finding::warning(
            "imports",
            found,
            "no other suffix can be imported: revoke keys that are not needed any more, or raise importSuffixes",
        )
    }))
}
