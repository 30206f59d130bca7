//! The keys of a tenant: their life, who may do what with them, and those of other products.

mod descent;
mod import;
mod life;
mod proof;
mod rights;
mod tenants;

use gatekeeper::auth::Signup;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::keys::{ApiKey, CreateApiKey, CreatedApiKey, GetApiKey, UpdateApiKey};
use gatekeeper::tenants::{AddMember, CreateTenant, MemberRole};
use gatekeeper::{
    Clock, Endpoints, GatekeeperError, KeyId, KeyImports, ManualClock, Options, Secret, TenantId, Tenants,
};

const ENDPOINTS: &str = r#"{
    "TWO": {"default": {"maxReq": 2, "duration": 3600000}, "roles": {"PRO": {"maxReq": 10, "duration": 3600000}}}
}"#;

fn options() -> Options {
    let mut options = Options::default();
    options.endpoints = Endpoints::from_json(ENDPOINTS).unwrap();
    options.key_imports = KeyImports::Members;
    options
}

/// Runs a test with a memory database and with a file.
fn everywhere(test: impl Fn(&Gatekeeper)) {
    test(&Gatekeeper::open_with("memory:", options()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    test(&Gatekeeper::open_with(path.to_str().unwrap(), options()).unwrap());
}

/// A memory database whose clock stands still.
fn standing_still() -> (Gatekeeper, ManualClock) {
    let clock = ManualClock::new();
    let mut options = options();
    options.clock = Clock::Manual(clock.clone());
    (Gatekeeper::open_with("memory:", options).unwrap(), clock)
}

/// A client with the token of a new user.
fn user(gatekeeper: &Gatekeeper, name: &str) -> (Gatekeeper, gatekeeper::UserId) {
    let email = format!("{name}@example.com");
    let signup = Signup { email, password: Secret::new("correct-horse-7"), name: None };
    let tokens = gatekeeper.anonymous().call(signup).unwrap();
    (gatekeeper.with_token(&tokens.access_token), tokens.user.id)
}

/// A new user and their new tenant.
fn owner(gatekeeper: &Gatekeeper, name: &str) -> (Gatekeeper, TenantId) {
    let (owner, _) = user(gatekeeper, name);
    let tenant = owner.call(CreateTenant { name: name.to_owned() }).unwrap();
    (owner, tenant.id)
}

/// A new user with this role in the tenant.
fn member(gatekeeper: &Gatekeeper, owner: &Gatekeeper, tenant: TenantId, role: MemberRole) -> Gatekeeper {
    let (member, id) = user(gatekeeper, &format!("{role:?}"));
    owner.call(AddMember { tenant_id: tenant, user_id: id, role }).unwrap();
    member
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn create(caller: &Gatekeeper, tenant: TenantId, scopes: &[&str]) -> CreatedApiKey {
    let new = CreateApiKey { scopes: names(scopes), ..CreateApiKey::new(tenant) };
    caller.call(new).unwrap()
}

fn get(caller: &Gatekeeper, id: KeyId) -> ApiKey {
    caller.call(GetApiKey { id }).unwrap()
}

fn update(
    caller: &Gatekeeper,
    id: KeyId,
    change: impl FnOnce(&mut UpdateApiKey),
) -> Result<ApiKey, GatekeeperError> {
    let mut update = UpdateApiKey::new(id);
    change(&mut update);
    caller.call(update)
}

/// Whether the key is valid; every call that checks a key must agree.
fn is_valid(gatekeeper: &Gatekeeper, key: &Secret) -> bool {
    let endpoints = Endpoints::from_json(ENDPOINTS).unwrap();
    let verifier = gatekeeper.verifier(endpoints).unwrap().with_tenants(Tenants::ALL).unwrap();
    let variable = [own_variable()];
    let valid = verifier.verify(key.expose(), "TWO", &variable).unwrap().key_valid();
    let validated = gatekeeper.validate(key.expose());
    assert_eq!(valid, validated.is_ok());
    if let Err(error) = &validated {
        assert_eq!((error.status(), error.message()), (401, "the credential is not valid"));
    }
    let validated_by_anyone =
        gatekeeper.anonymous().call(gatekeeper::keys::ValidateApiKey { key: key.clone() });
    assert_eq!(valid, validated_by_anyone.is_ok());
    let mut verify = gatekeeper::keys::VerifyApiKey::new(key.clone(), "TWO");
    verify.variables = variable.to_vec();
    verify.tenants = Some(Tenants::ALL);
    assert_eq!(valid, gatekeeper.call(verify).unwrap().key_valid);
    let token = gatekeeper::keys::IssueKeyToken { key: key.clone(), audience: None, scopes: None };
    assert_eq!(valid, gatekeeper.call(token).is_ok());
    valid
}

/// A new variable each time, so that no limit is reached.
fn own_variable() -> String {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed).to_string()
}
