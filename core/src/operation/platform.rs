//! What only whoever runs the place may do.

mod signing_key;
mod tenant_quota;

pub use signing_key::{NewSigningKey, RotateSigningKey};
pub use tenant_quota::{SetTenantQuota, TenantQuota};
