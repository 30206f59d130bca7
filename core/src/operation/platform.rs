//! Operations for the operator only.

mod root_key;
mod signing_key;
mod tenant_quota;

pub use root_key::{CreateRootKey, CreatedRootKey, ListRootKeys, RevokeRootKey, RootKey};
pub use signing_key::{NewSigningKey, RotateSigningKey};
pub use tenant_quota::{SetTenantQuota, TenantQuota};
