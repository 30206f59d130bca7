//! What a caller can give to a key: never more than it has itself.

use super::permission::{MemberRole, covers, is_ours};
use super::{Context, Principal, forbidden};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::KeyId;
use crate::metering::Period;
use crate::store::{Creator, Failure, KeyRecord, MAX_KEY_GENERATIONS, Tx};
use crate::verify::invalid_credential;

/// What a key may do, for whom, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// Sorted by bytes, each once.
    pub(crate) scopes: Vec<String>,
    /// Sorted by bytes, each once.
    pub(crate) roles: Vec<String>,
    pub(crate) owner_id: Option<String>,
    /// Unix ms.
    pub(crate) expires_at: Option<i64>,
    pub(crate) quota_limit: Option<i64>,
    pub(crate) quota_period: Period,
}

/// The most that a caller can give to a key that it creates or changes. Read in the transaction that gives it.
pub(crate) enum Ceiling {
    /// The operator and a root key give anything.
    Unbounded,
    /// A member gives scopes that the role has, and those of the application.
    Member(MemberRole),
    /// An API key gives no more than it has.
    Key(KeyId, Reach),
}

impl Context<'_> {
    /// The most that the caller can give to a key, as it is in this transaction.
    ///
    /// # Errors
    /// `unauthorized` for an API key that is not valid any more; `forbidden` for a caller who gives nothing.
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
    /// Lets the caller create a key of this reach. What was not given is what the creating key has.
    ///
    /// # Errors
    /// `forbidden`, which names the field; `conflict` where too many keys have created one another.
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

    /// Lets the caller give this to a key.
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
                Err(forbidden("scopes: a member can give only scopes that the member's role has"))
            }
            Self::Key(_, own) => match own.exceeded_by(reach) {
                None => Ok(()),
                Some(message) => Err(forbidden(message)),
            },
        }
    }

    /// Lets the caller change this key: an API key does not change itself.
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
    /// What a stored key may do.
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

    /// Gives `new` what this key has, where nothing else was said.
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

    /// What `given` has more of than this key, in words.
    fn exceeded_by(&self, given: &Self) -> Option<&'static str> {
        let holds = |scope: &String| self.scopes.iter().any(|held| covers(held, scope));
        if !given.scopes.iter().all(holds) {
            return Some("scopes: an API key can give only scopes that it has");
        }
        // A role may lower a limit: a key with fewer roles could do more.
        if given.roles != self.roles {
            return Some("roles: an API key gives the roles that it has, all of them: leave them out");
        }
        if self.owner_id.is_some() && given.owner_id != self.owner_id {
            return Some(
                "ownerId: an API key that has an owner can create and change keys of that owner only",
            );
        }
        if self.expires_at.is_some_and(|end| given.expires_at.is_none_or(|given| given > end)) {
            return Some(
                "expiresInSeconds: an API key cannot give a longer life than it has itself: give less, or leave it \
                 out for a key that ends with this one",
            );
        }
        let most = self.quota_limit.unwrap_or(i64::MAX);
        let times = given.quota_period.max_within(self.quota_period);
        if self.quota_limit.is_some()
            && given.quota_limit.is_none_or(|limit| limit.saturating_mul(times) > most)
        {
            return Some(
                "quotaLimit: an API key cannot give a larger quota than it has itself: give less, or leave it out",
            );
        }
        None
    }
}

fn too_deep() -> GatekeeperError {
    let message = format!(
        "this key cannot create keys: {MAX_KEY_GENERATIONS} keys have created one another already, which is the most"
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

    /// What is said of a key that is given this.
    fn said(change: impl FnOnce(&mut Reach)) -> Option<&'static str> {
        let mut given = reach();
        change(&mut given);
        reach().exceeded_by(&given).and_then(|message| message.split(':').next())
    }

    #[test]
    fn as_much_or_less_is_given_and_more_is_rejected_by_the_name_of_its_field() {
        assert_eq!(said(|_| ()), None);
        assert_eq!(said(|given| given.scopes = vec!["keys:read".into()]), None);
        assert_eq!(said(|given| given.scopes = vec!["*".into()]), Some("scopes"));
        assert_eq!(said(|given| given.roles = vec!["B".into()]), Some("roles"));
        assert_eq!(said(|given| given.roles.clear()), Some("roles"));
        assert_eq!(said(|given| given.roles.push("C".into())), Some("roles"));
        assert_eq!(said(|given| given.owner_id = None), Some("ownerId"));
        assert_eq!(said(|given| given.owner_id = Some("other".into())), Some("ownerId"));
        assert_eq!(said(|given| given.expires_at = Some(999)), None);
        assert_eq!(said(|given| given.expires_at = Some(1001)), Some("expiresInSeconds"));
        assert_eq!(said(|given| given.expires_at = None), Some("expiresInSeconds"));
        assert_eq!(said(|given| given.quota_limit = Some(3101)), Some("quotaLimit"));
        assert_eq!(said(|given| given.quota_limit = None), Some("quotaLimit"));
    }

    #[test]
    fn a_quota_of_a_shorter_period_is_less_where_all_of_its_periods_together_are() {
        let quota = |limit, period| {
            said(|given| (given.quota_limit, given.quota_period) = (Some(limit), period)).is_none()
        };
        assert!(quota(100, Period::Day) && !quota(101, Period::Day));
        assert!(quota(4, Period::Hour) && !quota(5, Period::Hour));
    }

    #[test]
    fn what_is_not_given_is_what_the_creating_key_has() {
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
