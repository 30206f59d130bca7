//! What only whoever runs the place may do.

mod root_key;
mod signing_key;
mod tenant_quota;

pub use root_key::{CreateRootKey, CreatedRootKey, ListRootKeys, RevokeRootKey, RootKey};
pub use signing_key::{NewSigningKey, RotateSigningKey};
pub use tenant_quota::{SetTenantQuota, TenantQuota};
