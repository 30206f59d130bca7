//! Permissions, as `resource:action`, and the built-in roles that grant them.

use serde::{Deserialize, Serialize};

use crate::key::covers;

/// A member's role in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// Can read, and record usage.
    Member,
    /// Can manage members, keys and settings.
    Admin,
    /// Can do everything. A tenant always has at least one owner.
    Owner,
}

/// Every permission, with the least role that has it.
const PERMISSIONS: &[(&str, MemberRole)] = &[
    ("tenants:read", MemberRole::Member),
    ("tenants:update", MemberRole::Admin),
    ("tenants:delete", MemberRole::Owner),
    ("members:read", MemberRole::Member),
    ("members:write", MemberRole::Admin),
    ("keys:read", MemberRole::Member),
    ("keys:write", MemberRole::Admin),
    ("usage:read", MemberRole::Member),
    ("usage:write", MemberRole::Member),
    ("audit:read", MemberRole::Admin),
    ("audit:write", MemberRole::Admin),
    ("permissions:read", MemberRole::Member),
];

impl MemberRole {
    /// The role's name in the database and in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Member, Self::Admin, Self::Owner].into_iter().find(|role| role.as_str() == text)
    }

    /// The permissions that the role grants: every named permission, for an owner also `*:*`.
    pub(crate) fn permissions(self) -> Vec<&'static str> {
        let all = (self == Self::Owner).then_some("*:*");
        let named = PERMISSIONS.iter().filter(|(_, least)| self >= *least).map(|(name, _)| *name);
        all.into_iter().chain(named).collect()
    }

    /// Whether the role grants `permission`.
    pub(crate) fn grants(self, permission: &str) -> bool {
        self.permissions().iter().any(|granted| covers(granted, permission))
    }
}

/// Whether `scope` concerns Gatekeeper's own resources, and not those of the application.
pub(crate) fn is_ours(scope: &str) -> bool {
    PERMISSIONS.iter().any(|(name, _)| covers(scope, name)) || {
        let resource = scope.split(':').next().unwrap_or_default();
        PERMISSIONS.iter().any(|(name, _)| name.split(':').next() == Some(resource))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_every_resource_or_action_and_nothing_else() {
        for (granted, wanted) in [
            ("*", "read"),
            ("*", "*:*"),
            ("*:*", "keys:read"),
            ("keys:*", "keys:read"),
            ("*:read", "keys:read"),
            ("read", "read"),
        ] {
            assert!(covers(granted, wanted), "{granted} {wanted}");
        }
        for (granted, wanted) in [
            ("keys:*", "usage:read"),
            ("keys:read", "keys:*"),
            ("*:read", "keys:write"),
            ("*:read", "*:*"),
            ("keys:*", "*"),
            ("keys:*", "keys"),
            ("read", "write"),
            ("", "read"),
            ("keys:read:x", "keys:read"),
        ] {
            assert!(!covers(granted, wanted), "{granted} {wanted}");
        }
    }

    #[test]
    fn each_role_has_every_permission_of_the_role_below_and_more() {
        for (lower, higher) in
            [(MemberRole::Member, MemberRole::Admin), (MemberRole::Admin, MemberRole::Owner)]
        {
            assert!(lower.permissions().iter().all(|permission| higher.grants(permission)));
            assert!(higher.permissions().len() > lower.permissions().len());
        }
        assert!(MemberRole::Owner.grants("anything:at-all") && !MemberRole::Admin.grants("tenants:delete"));
    }

    #[test]
    fn a_scope_is_ours_if_it_could_grant_a_permission_here() {
        for ours in ["*", "*:*", "keys:read", "keys:*", "*:read", "keys:anything", "keys"] {
            assert!(is_ours(ours), "{ours}");
        }
        for theirs in ["read", "write", "invoices:read", "keyring:read"] {
            assert!(!is_ours(theirs), "{theirs}");
        }
    }
}
