//! The ceiling on a key's rights: a caller can never give a key more than it has itself.

use super::permission::{MemberRole, is_ours};
use super::{Context, Principal, forbidden};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::KeyId;
use crate::key::covers;
use crate::metering::Period;
use crate::store::{Creator, Failure, KeyRecord, MAX_KEY_GENERATIONS, Tx};
use crate::verify::invalid_credential;

/// The rights of a key: what it may do, for which owner, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// Sorted by bytes, without duplicates.
    pub(crate) scopes: Vec<String>,
    /// Sorted by bytes, without duplicates.
    pub(crate) roles: Vec<String>,
    pub(crate) owner_id: Option<String>,
    /// The expiry, Unix milliseconds.
    pub(crate) expires_at: Option<i64>,
    pub(crate) quota_limit: Option<i64>,
    pub(crate) quota_period: Period,
}

/// The most rights that a caller can give to a key. Read in the transaction that creates or changes the key.
pub(crate) enum Ceiling {
    /// Everything, for the operator and a root key.
    Unbounded,
    /// The scopes that the member's role grants, and the application's own scopes.
    Member(MemberRole),
    /// The rights of the calling API key.
    Key(KeyId, Reach),
}

impl Context<'_> {
    /// The ceiling for the caller, as it is in this transaction.
    ///
    /// # Errors
    /// `unauthorized` for an API key that is no longer valid; `forbidden` for a caller who cannot create keys.
    pub(crate) fn ceiling(&self, tx: &Tx<'_>) -> Result<Ceiling, Failure> {
        match self.principal() {
            Principal::Operator | Principal::RootKey { .. } => Ok(Ceiling::Unbounded),
            Principal::User { .. } => {
                let role = self.role().ok_or_else(|| forbidden("this call is for members of the tenant"))?;
                Ok(Ceiling::Member(role))
            }
            Principal::ApiKey { id, .. } => {
                let key = tx.key(*id)?.ok_or_else(invalid_credential)?;
                Ok(Ceiling::Key(*id, Reach::of(&key)?))
            }
            Principal::Anonymous => Err(invalid_credential().into()),
        }
    }

    /// The caller, as the creator of a key.
    pub(crate) fn creator(&self) -> Creator {
        Creator { kind: self.principal().kind().into(), id: self.principal().id().map(|id| id.to_string()) }
    }
}

impl Ceiling {
    /// Checks that the caller may create a key with these rights, and fills in what the request omitted from the
    /// creating key.
    ///
    /// # Errors
    /// `forbidden`, which names the field; `conflict` if the chain of keys that created one another is too long.
    pub(crate) fn admit(&self, tx: &Tx<'_>, mut reach: Reach) -> Result<Reach, Failure> {
        if let Self::Key(id, own) = self {
            if tx.generation_of_key(*id)? >= MAX_KEY_GENERATIONS {
                return Err(too_deep().into());
            }
            own.complete(&mut reach);
        }
        self.check(&reach)?;
        Ok(reach)
    }

    /// Checks that the caller may give these rights to a key.
    ///
    /// # Errors
    /// `forbidden`, which names the field.
    pub(crate) fn check(&self, reach: &Reach) -> Result<()> {
        match self {
            Self::Unbounded => Ok(()),
            Self::Member(role) => {
                if reach.scopes.iter().all(|scope| !is_ours(scope) || role.grants(scope)) {
                    return Ok(());
                }
                Err(forbidden("scopes: a member can only assign scopes that the member's role has"))
            }
            Self::Key(_, own) => match own.exceeded_by(reach) {
                None => Ok(()),
                Some(message) => Err(forbidden(message)),
            },
        }
    }

    /// Checks that the caller may change this key: an API key cannot change itself.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn check_not_itself(&self, key: KeyId) -> Result<()> {
        match self {
            Self::Key(own, _) if *own == key => {
                Err(forbidden("an API key cannot change itself: use a root key or a member's access token"))
            }
            _ => Ok(()),
        }
    }
}

impl Reach {
    /// The rights of a stored key.
    pub(crate) fn of(key: &KeyRecord) -> Result<Self> {
        Ok(Self {
            scopes: key.scopes.clone(),
            roles: key.roles.clone(),
            owner_id: key.owner_id.clone(),
            expires_at: key.expires_at,
            quota_limit: key.quota_limit,
            quota_period: Period::stored(&key.quota_period)?,
        })
    }

    /// Fills in what `new` omits with the rights of this key.
    fn complete(&self, new: &mut Self) {
        if new.roles.is_empty() {
            new.roles.clone_from(&self.roles);
        }
        if new.owner_id.is_none() {
            new.owner_id.clone_from(&self.owner_id);
        }
        new.expires_at = new.expires_at.or(self.expires_at);
        if new.quota_limit.is_none() {
            (new.quota_limit, new.quota_period) = (self.quota_limit, self.quota_period);
        }
    }

    /// The message for the first right in which `given` exceeds this key, if any.
    fn exceeded_by(&self, given: &Self) -> Option<&'static str> {
        let holds = |scope: &String| self.scopes.iter().any(|held| covers(held, scope));
        if !given.scopes.iter().all(holds) {
            return Some("scopes: an API key can only assign scopes that it has");
        }
        // A role may lower a limit, so a key with fewer roles could do more.
        if given.roles != self.roles {
            return Some("roles: a key that an API key creates has the same roles: omit the field");
        }
        if self.owner_id.is_some() && given.owner_id != self.owner_id {
            return Some(
                "ownerId: an API key that has an owner can create and change keys of that owner only",
            );
        }
        if self.expires_at.is_some_and(|end| given.expires_at.is_none_or(|given| given > end)) {
            return Some(
                "expiresInSeconds: a key cannot expire later than the API key that creates or changes it: lower it, or omit it \
                 for the same expiry",
            );
        }
        let most = self.quota_limit.unwrap_or(i64::MAX);
        let times = given.quota_period.max_within(self.quota_period);
        if self.quota_limit.is_some()
            && given.quota_limit.is_none_or(|limit| limit.saturating_mul(times) > most)
        {
            return Some(
                "quotaLimit: an API key cannot assign a larger quota than its own: lower it, or omit it",
            );
        }
        None
    }
}

fn too_deep() -> GatekeeperError {
    let message = format!(
        "this key cannot create keys: a chain of keys that created one another has at most {MAX_KEY_GENERATIONS}"
    );
    GatekeeperError::new(ErrorKind::Conflict, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach() -> Reach {
        Reach {
            scopes: vec!["keys:*".into()],
            roles: vec!["A".into(), "B".into()],
            owner_id: Some("acme".into()),
            expires_at: Some(1000),
            quota_limit: Some(3100),
            quota_period: Period::Month,
        }
    }

    /// The field for which a change of the rights is rejected, if any.
    fn rejected_field(change: impl FnOnce(&mut Reach)) -> Option<&'static str> {
        let mut given = reach();
        change(&mut given);
        reach().exceeded_by(&given).and_then(|message| message.split(':').next())
    }

    #[test]
    fn equal_or_fewer_rights_are_allowed_and_more_are_rejected_by_field() {
        assert_eq!(rejected_field(|_| ()), None);
        assert_eq!(rejected_field(|given| given.scopes = vec!["keys:read".into()]), None);
        assert_eq!(rejected_field(|given| given.scopes = vec!["*".into()]), Some("scopes"));
        assert_eq!(rejected_field(|given| given.roles = vec!["B".into()]), Some("roles"));
        assert_eq!(rejected_field(|given| given.roles.clear()), Some("roles"));
        assert_eq!(rejected_field(|given| given.roles.push("C".into())), Some("roles"));
        assert_eq!(rejected_field(|given| given.owner_id = None), Some("ownerId"));
        assert_eq!(rejected_field(|given| given.owner_id = Some("other".into())), Some("ownerId"));
        assert_eq!(rejected_field(|given| given.expires_at = Some(999)), None);
        assert_eq!(rejected_field(|given| given.expires_at = Some(1001)), Some("expiresInSeconds"));
        assert_eq!(rejected_field(|given| given.expires_at = None), Some("expiresInSeconds"));
        assert_eq!(rejected_field(|given| given.quota_limit = Some(3101)), Some("quotaLimit"));
        assert_eq!(rejected_field(|given| given.quota_limit = None), Some("quotaLimit"));
    }

    #[test]
    fn a_quota_of_a_shorter_period_is_compared_by_the_sum_of_its_periods() {
        let quota = |limit, period| {
            rejected_field(|given| (given.quota_limit, given.quota_period) = (Some(limit), period)).is_none()
        };
        assert!(quota(100, Period::Day) && !quota(101, Period::Day));
        assert!(quota(4, Period::Hour) && !quota(5, Period::Hour));
    }

    #[test]
    fn omitted_rights_are_copied_from_the_creating_key() {
        let mut new = Reach {
            scopes: Vec::new(),
            roles: Vec::new(),
            owner_id: None,
            expires_at: None,
            quota_limit: None,
            quota_period: Period::Hour,
        };
        reach().complete(&mut new);
        assert_eq!(
            (new.expires_at, new.quota_limit, new.quota_period),
            (Some(1000), Some(3100), Period::Month)
        );
        assert_eq!((new.roles.len(), new.owner_id.as_deref()), (2, Some("acme")));
        assert!(new.scopes.is_empty(), "a key without scopes may do nothing here");
    }
}
