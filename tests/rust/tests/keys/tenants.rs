//! The tenants whose keys a verifier accepts.

use gatekeeper::blocking::{Gatekeeper, Verifier, wait};
use gatekeeper::internal::Started;
use gatekeeper::key_manager::{CreateKey, VerifyKey};
use gatekeeper::keys::{CreateApiKey, CreatedApiKey, IssueKeyToken, VerifyApiKey};
use gatekeeper::{Endpoints, Options, Secret, TenantId, Tenants, VerifyOptions};
use serde_json::json;

use crate::{ENDPOINTS, everywhere, names, options, owner};

/// Signs up, creates a tenant, and in it a key with every claim that a key can have.
fn attack(gatekeeper: &Gatekeeper) -> (TenantId, CreatedApiKey) {
    let (mallory, tenant) = owner(gatekeeper, "mallory");
    let new = CreateApiKey {
        roles: names(&["PRO", "ADMIN"]),
        scopes: names(&["*:*", "read"]),
        owner_id: Some("somebody else".into()),
        ..CreateApiKey::new(tenant)
    };
    (tenant, mallory.call(new).unwrap())
}

fn verifier(gatekeeper: &Gatekeeper) -> Verifier {
    gatekeeper.verifier(Endpoints::from_json(ENDPOINTS).unwrap()).unwrap()
}

fn is_valid(verifier: &Verifier, key: &Secret) -> bool {
    verifier.verify::<&str>(key.expose(), "TWO", &[]).unwrap().key_valid()
}

#[test]
fn a_verifier_accepts_the_keys_of_its_tenants_and_by_default_of_the_tenant_default() {
    everywhere(|gatekeeper| {
        let (tenant, created) = attack(gatekeeper);
        let (foreign, own) =
            (created.plain_text_key, gatekeeper.call(CreateKey::new("user")).unwrap().api_key);
        let both = Tenants::of([tenant, Gatekeeper::DEFAULT_TENANT]).unwrap();
        for (tenants, accepts_own, accepts_foreign) in [
            (Tenants::DEFAULT, true, false),
            (Tenants::from(tenant), false, true),
            (both, true, true),
            (Tenants::ALL, true, true),
        ] {
            let named = verifier(gatekeeper).with_tenants(tenants.clone()).unwrap();
            let valid = (is_valid(&named, &own), is_valid(&named, &foreign));
            assert_eq!(valid, (accepts_own, accepts_foreign), "{tenants:?}");
        }
        assert!(is_valid(&verifier(gatekeeper), &own) && !is_valid(&verifier(gatekeeper), &foreign));
        // Known or not, from the database or the cache: the verdict is the same.
        let options = VerifyOptions::default();
        match verifier(gatekeeper).start::<&str>(foreign.expose(), "TWO", &[], &options).unwrap() {
            Started::Done(verdict) => assert!(!verdict.key_valid()),
            Started::Pending(rest) => assert!(!wait(rest.finish()).unwrap().key_valid()),
        }
    });
}

#[test]
fn the_operators_call_with_its_own_limits_accepts_only_the_tenant_default() {
    everywhere(|gatekeeper| {
        let (_, created) = attack(gatekeeper);
        let own = gatekeeper.call(CreateKey::new("user")).unwrap().api_key;
        let is_valid = |key: &Secret| {
            let limit = json!({ "DEFAULT": { "maxReq": 5, "duration": 60000 } });
            let ratelimits = limit.as_object().unwrap().clone();
            let verify =
                VerifyKey { apikey: key.clone(), endpoint: "TWO".into(), variables: Vec::new(), ratelimits };
            gatekeeper.call(verify).unwrap().key_valid
        };
        assert!(is_valid(&own) && !is_valid(&created.plain_text_key));
    });
}

#[test]
fn a_root_key_accepts_only_the_keys_of_its_tenant_and_no_tenants_option() {
    everywhere(|gatekeeper| {
        let root = gatekeeper.create_root_key("Other").unwrap();
        let (tenant, created) = attack(gatekeeper);
        let caller = gatekeeper.with_root_key(&root.key);
        for tenants in [Tenants::ALL, Tenants::from(tenant), Tenants::from(root.tenant_id)] {
            let error = verifier(&caller).with_tenants(tenants.clone()).err().unwrap();
            assert!(error.status() == 400 && error.message().starts_with("tenants: "), "{error}");
            let mut verify = VerifyApiKey::new(created.plain_text_key.clone(), "TWO");
            verify.tenants = Some(tenants);
            assert_eq!(caller.call(verify).unwrap_err().status(), 400);
        }
        assert!(!is_valid(&verifier(&caller), &created.plain_text_key));
        assert_eq!(
            gatekeeper.other_tenants_rejected(),
            0,
            "a root key's own affair is none of the operator's"
        );
    });
}

#[test]
fn only_rejected_valid_keys_of_another_tenant_warn_the_operator() {
    everywhere(|gatekeeper| {
        let (tenant, created) = attack(gatekeeper);
        let default = verifier(gatekeeper);
        while gatekeeper.take_warning().is_some() {}
        for wrong in ["no key", "user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ", ""] {
            assert!(!is_valid(&default, &Secret::new(wrong)));
        }
        assert_eq!((gatekeeper.other_tenants_rejected(), gatekeeper.has_warning()), (0, false));
        for _ in 0..3 {
            assert!(!is_valid(&default, &created.plain_text_key));
        }
        assert_eq!((gatekeeper.other_tenants_rejected(), gatekeeper.has_warning()), (3, true));
        let warning = gatekeeper.take_warning().unwrap();
        assert!(
            warning.contains("`tenants` of [gateway]") && !warning.contains(created.plain_text_key.expose())
        );
        assert!(!is_valid(&default, &created.plain_text_key));
        assert_eq!(gatekeeper.take_warning(), None, "once a minute");
        assert!(is_valid(
            &verifier(gatekeeper).with_tenants(tenant.into()).unwrap(),
            &created.plain_text_key
        ));
        assert_eq!(gatekeeper.other_tenants_rejected(), 4);
    });
}

#[test]
fn valid_keys_of_tenants_that_are_not_accepted_are_counted() {
    everywhere(|gatekeeper| {
        let count = |tenants: &Tenants| {
            let found = gatekeeper.unaccepted_keys(tenants).unwrap();
            (found.keys, found.tenants)
        };
        gatekeeper.call(CreateKey::new("user")).unwrap();
        let root = gatekeeper.create_root_key("With a root key").unwrap();
        gatekeeper.with_root_key(&root.key).call(CreateKey::new("user")).unwrap();
        assert_eq!(count(&Tenants::DEFAULT), (0, 0));
        let (tenant, _) = attack(gatekeeper);
        gatekeeper.call(CreateApiKey::new(tenant)).unwrap();
        assert_eq!(count(&Tenants::DEFAULT), (2, 1));
        assert_eq!(count(&Tenants::from(tenant)), (1, 1));
        assert_eq!(count(&Tenants::ALL), (0, 0));
        assert_eq!(gatekeeper.anonymous().unaccepted_keys(&Tenants::ALL).unwrap_err().status(), 401);
    });
}

#[test]
fn a_token_is_for_the_configured_audience_or_one_that_the_operator_allows() {
    let mut options: Options = options();
    options.audience = "api".into();
    options.token_audiences = vec!["reports".into()];
    let gatekeeper = Gatekeeper::open_with("memory:", options).unwrap();
    let key = gatekeeper.call(CreateKey::new("user")).unwrap().api_key;
    let status = |audience: Option<&str>| {
        let token = IssueKeyToken { key: key.clone(), audience: audience.map(str::to_owned), scopes: None };
        gatekeeper.anonymous().call(token).map_or_else(|error| error.status(), |_| 200)
    };
    assert_eq!(
        [None, Some("api"), Some("reports"), Some("bank"), Some("gatekeeper")].map(status),
        [200, 200, 200, 403, 403]
    );
}
