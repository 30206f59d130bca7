//! The actions of Gatekeeper's own audit events. A caller cannot write an event with one of these.

/// The reserved prefixes of actions. Some are reserved for later events.
pub(crate) const RESOURCES: [&str; 8] =
    ["user", "session", "tenant", "member", "key", "role", "root_key", "signing_key"];

macro_rules! actions {
    ($($action:ident = $name:literal,)*) => {
        /// The action of an audit event, as `resource.what_happened`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Action {
            $(#[doc = concat!("`", $name, "`")] $action,)*
        }

        impl Action {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$action),*];

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)*
                }
            }
        }
    };
}

actions! {
    UserSignedUp = "user.signed_up",
    UserCreated = "user.created",
    UserLoggedIn = "user.logged_in",
    UserLoginRefused = "user.login_refused",
    UserPasswordChanged = "user.password_changed",
    UserPasswordChangeRefused = "user.password_change_refused",
    SessionEnded = "session.ended",
    SessionAllEnded = "session.all_ended",
    SessionTokenReused = "session.token_reused",
    TenantCreated = "tenant.created",
    TenantUpdated = "tenant.updated",
    TenantRemoved = "tenant.removed",
    TenantQuotaSet = "tenant.quota_set",
    MemberAdded = "member.added",
    MemberUpdated = "member.updated",
    MemberRemoved = "member.removed",
    KeyCreated = "key.created",
    KeyImported = "key.imported",
    KeyUpdated = "key.updated",
    KeyRolesChanged = "key.roles_changed",
    KeyRotated = "key.rotated",
    KeyRevoked = "key.revoked",
    KeyDeleted = "key.deleted",
    RootKeyCreated = "root_key.created",
    RootKeyRevoked = "root_key.revoked",
    SigningKeyRotated = "signing_key.rotated",
}

/// Whether this action has a reserved prefix.
pub(crate) fn is_ours(action: &str) -> bool {
    action.split_once('.').is_some_and(|(resource, _)| RESOURCES.contains(&resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_lists_exactly_the_actions_of_this_enum() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/audit-events.md");
        let page = std::fs::read_to_string(path).unwrap();
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let listed: Vec<_> = rows.map(|(name, _)| name).collect();
        assert_eq!(listed, Action::ALL.iter().map(|action| action.as_str()).collect::<Vec<_>>());
    }

    #[test]
    fn a_caller_can_write_none_of_these_actions() {
        for action in Action::ALL {
            assert!(is_ours(action.as_str()), "{action:?}");
        }
        assert!(!is_ours("invoice.paid") && !is_ours("key") && !is_ours("keys.created"));
    }
}
