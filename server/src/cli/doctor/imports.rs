//! Checks the suffixes of imported keys: how many are in use, and by which tenants.

use gatekeeper::Result;
use gatekeeper::blocking::Gatekeeper;

use super::finding::Finding;

/// The number of tenants to list by name.
const NAMED: usize = 10;

/// The state of imported suffixes; `None` if there are no imported keys.
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
    let message = format!(
        "{} of {} suffixes of imported keys are in use: {}",
        suffixes.used,
        suffixes.limit,
        holders.join(", ")
    );
    Ok(Some(if suffixes.used < suffixes.limit {
        Finding::ok("imports", message)
    } else {
        Finding::warning(
            "imports",
            message,
            "no further suffix can be imported: revoke keys that are no longer needed, or raise importSuffixes",
        )
    }))
}
