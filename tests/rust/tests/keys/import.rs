//! Keys of other products.

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::key_manager::DeleteKey;
use gatekeeper::keys::{ForeignKey, ImportApiKeys, ImportedApiKeys, RevokeApiKey, RotateApiKey};
use gatekeeper::{ErrorKind, Result, Secret, TenantId};

use crate::{create, everywhere, is_valid, owner, standing_still, update};

// SHA-256, made by Python's hashlib.
const FIRST_HEX: &str = "37F7723D547baf5b562970b8183c183f462e14bb79bf913ccb8323c9c90f5212"; // legacy-key-1
const SECOND_BASE64: &str = "Lw+SkYn585XBFBRx1diMa0R0bwUUTXimcUgIGD8A1C4="; // legacy-key-2
const THIRD_URL_SAFE: &str = "nHIk6p2o-et3GIyVdrm2XEXo6Nk5jJu3sjY9GSsKW4I"; // legacy-key-3-pepper
const FOURTH_HEX: &str = "5e7b24c79912d9a86208b15faad8413ab8248bbc39739d9f49a9f6316a77e165"; // legacy-key-4-pepper
const DOTTED_BASE64: &str = "UNX6G6sgNEf1rh6LjWGmbsit1wiXJn/uC36+VL0Cubo"; // SG.abc.def

fn foreign(digest: &str, suffix: Option<&str>) -> ForeignKey {
    ForeignKey { suffix: suffix.map(str::to_owned), ..ForeignKey::new(Secret::new(digest)) }
}

fn import(gatekeeper: &Gatekeeper, tenant_id: TenantId, keys: Vec<ForeignKey>) -> Result<ImportedApiKeys> {
    gatekeeper.call(ImportApiKeys { tenant_id, keys })
}

#[test]
fn a_foreign_key_is_rejected_until_its_digest_is_imported() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let keys = ["legacy-key-1", "legacy-key-2", "legacy-key-3", "SG.abc.def"].map(Secret::new);
        assert!(keys.iter().all(|key| !is_valid(gatekeeper, key)));
        let imported = import(&owner, tenant, vec![foreign(FIRST_HEX, None)]).unwrap();
        assert_eq!(imported.api_keys[0].tenant_id, tenant);
        assert!(is_valid(gatekeeper, &keys[0]) && !is_valid(gatekeeper, &keys[1]));
        let rest = [(SECOND_BASE64, None), (THIRD_URL_SAFE, Some("-pepper")), (DOTTED_BASE64, None)];
        import(&owner, tenant, rest.map(|(digest, suffix)| foreign(digest, suffix)).into()).unwrap();
        assert!(keys.iter().all(|key| is_valid(gatekeeper, key)));
        for no_key in ["", "legacy-key-", "legacy-key-4", &"x".repeat(100_000)] {
            assert!(!is_valid(gatekeeper, &Secret::new(no_key)));
        }
    });
}

#[test]
fn a_key_is_valid_only_with_its_own_suffix() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let (_, other) = crate::owner(gatekeeper, "another");
        let ours = create(&owner, tenant, &[]).plain_text_key;
        let (head, tail) = ours.expose().split_at(ours.expose().len() - 1);
        import(&owner, tenant, vec![foreign(THIRD_URL_SAFE, Some("-pepper"))]).unwrap();
        // Other keys with suffixes that would match these, if a suffix were not bound to its key.
        import(gatekeeper, other, vec![foreign(FIRST_HEX, Some(tail)), foreign(SECOND_BASE64, None)])
            .unwrap();
        assert!(is_valid(gatekeeper, &Secret::new("legacy-key-3")));
        assert!(!is_valid(gatekeeper, &Secret::new("legacy-key-3-pepper")));
        assert!(is_valid(gatekeeper, &ours) && !is_valid(gatekeeper, &Secret::new(head)));
    });
}

#[test]
fn an_import_is_all_or_nothing() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let (first, second) = (Secret::new("legacy-key-1"), Secret::new("legacy-key-2"));
        import(&owner, tenant, vec![foreign(FIRST_HEX, None)]).unwrap();
        for twice in [
            vec![foreign(SECOND_BASE64, None), foreign(FIRST_HEX, None)],
            vec![foreign(SECOND_BASE64, None), foreign(SECOND_BASE64, Some("x"))],
        ] {
            assert_eq!(import(&owner, tenant, twice).unwrap_err().kind(), ErrorKind::Conflict);
        }
        for bad in ["", "legacy-key-1", &FIRST_HEX[1..], &FIRST_HEX.replace('3', "g"), &"!".repeat(44)] {
            let rejected = import(&owner, tenant, vec![foreign(SECOND_BASE64, None), foreign(bad, None)]);
            let error = rejected.unwrap_err();
            assert!(error.message().starts_with("keys[1]: digest must be"), "{}", error.message());
        }
        assert!(is_valid(gatekeeper, &first) && !is_valid(gatekeeper, &second));
        assert_eq!(import(&owner, tenant, Vec::new()).unwrap_err().status(), 400);
        let many = vec![foreign(SECOND_BASE64, None); 1001];
        assert_eq!(import(&owner, tenant, many).unwrap_err().status(), 400);
    });
}

/// A key with a new suffix.
fn numbered(number: usize) -> ForeignKey {
    foreign(&format!("{number:064}"), Some(&number.to_string()))
}

fn rejected(outcome: Result<ImportedApiKeys>) -> (ErrorKind, String) {
    let error = outcome.unwrap_err();
    (error.kind(), error.message().to_owned())
}

#[test]
fn a_tenant_has_two_suffixes_at_most_and_the_suffix_of_an_ended_key_is_freed() {
    let (gatekeeper, clock) = standing_still();
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let ending = ForeignKey { expires_in_seconds: Some(60), ..numbered(0) };
    let first = import(&owner, tenant, vec![ending, numbered(1)]).unwrap();
    let (kind, message) = rejected(import(&owner, tenant, vec![numbered(2)]));
    assert!(kind == ErrorKind::Conflict && message.contains("importSuffixesPerTenant"), "{message}");
    assert!(import(&owner, tenant, vec![foreign(FOURTH_HEX, Some("1"))]).is_ok());
    clock.advance(60_000);
    let second = import(&owner, tenant, vec![numbered(2)]).unwrap().api_keys[0].id;
    // The first key cannot be restored with both suffixes in use.
    let id = first.api_keys[0].id;
    let again = update(&owner, id, |it| it.expires_in_seconds = Some(None)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    owner.call(RevokeApiKey::new(second)).unwrap();
    assert!(update(&owner, id, |it| it.expires_in_seconds = Some(None)).is_ok());
    gatekeeper.call(DeleteKey { id: id.into() }).unwrap();
    assert!(import(&owner, tenant, vec![numbered(3)]).is_ok());
}

#[test]
fn all_tenants_have_eight_suffixes_together_and_none_learns_of_another() {
    everywhere(|gatekeeper| {
        let tenants: Vec<_> = (0..5).map(|number| owner(gatekeeper, &format!("tenant-{number}"))).collect();
        let mut first = None;
        for (number, (owner, tenant)) in tenants.iter().enumerate().take(4) {
            let made = import(owner, *tenant, vec![numbered(2 * number), numbered(2 * number + 1)]).unwrap();
            first = first.or(Some(made.api_keys[0].id));
        }
        let (owner, tenant) = &tenants[4];
        let (kind, message) = rejected(import(owner, *tenant, vec![numbered(8)]));
        assert!(kind == ErrorKind::Conflict && message.contains("importSuffixes"), "{message}");
        for (_, other) in &tenants[..4] {
            assert!(!message.contains(&other.to_string()) && !message.contains("tenant-"));
        }
        // A suffix that is in use already costs nothing, and the operator sees its tenants.
        assert!(import(owner, *tenant, vec![foreign(FOURTH_HEX, Some("7"))]).is_ok());
        let used = gatekeeper.import_suffixes().unwrap();
        assert_eq!((used.used, used.limit, used.limit_per_tenant, used.tenants.len()), (8, 8, 2, 5));
        assert_eq!(used.tenants.iter().map(|tenant| tenant.suffixes).collect::<Vec<_>>(), [2, 2, 2, 2, 1]);
        tenants[0].0.call(RevokeApiKey::new(first.unwrap())).unwrap();
        assert!(import(owner, *tenant, vec![numbered(8)]).is_ok());
    });
}

#[test]
fn the_operator_allows_more_suffixes() {
    let mut options = gatekeeper::Options::default();
    (options.import_suffixes_per_tenant, options.import_suffixes) = (10, 10);
    let gatekeeper = Gatekeeper::open_with("memory:", options).unwrap();
    let tenant = gatekeeper.create_root_key("Acme").unwrap().tenant_id;
    assert!(import(&gatekeeper, tenant, (0..10).map(numbered).collect()).is_ok());
    assert_eq!(rejected(import(&gatekeeper, tenant, vec![numbered(10)])).0, ErrorKind::Conflict);
}

#[test]
fn only_a_root_key_and_the_operator_import_keys_unless_members_may() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let key = create(&owner, tenant, &["*"]);
    for caller in [&owner, &gatekeeper.with_token(&key.plain_text_key)] {
        let (kind, message) = rejected(import(caller, tenant, vec![foreign(FIRST_HEX, None)]));
        assert!(kind == ErrorKind::Forbidden && message.contains("keyImports"), "{message}");
    }
    assert!(import(&gatekeeper, tenant, vec![foreign(FIRST_HEX, None)]).is_ok());
    let root = gatekeeper.create_root_key("Root").unwrap();
    let caller = gatekeeper.with_root_key(&root.key);
    assert!(import(&caller, root.tenant_id, vec![foreign(SECOND_BASE64, None)]).is_ok());
}

#[test]
fn a_key_imports_no_key_beyond_its_own_rights() {
    let gatekeeper = standing_still().0;
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let mut new = gatekeeper::keys::CreateApiKey::new(tenant);
    (new.scopes, new.expires_in_seconds) = (vec!["keys:write".into()], Some(5));
    let caller = gatekeeper.with_token(&owner.call(new).unwrap().plain_text_key);
    let mut longer = foreign(FIRST_HEX, None);
    longer.expires_in_seconds = Some(6);
    assert_eq!(rejected(import(&caller, tenant, vec![longer])).0, ErrorKind::Forbidden);
    let imported = import(&caller, tenant, vec![foreign(FIRST_HEX, None)]).unwrap();
    assert!(imported.api_keys[0].expires_at.is_some());
}

// SHA-256, made by Python's hashlib.
const PLACEHOLDERS: [(&str, &str); 8] = [
    ("undefined", "eb045d78d273107348b0300c01d29b7552d622abbc6faf81b3ec55359aa9950c"),
    ("null", "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"),
    ("None", "dc937b59892604f5a86ac96936cd7ff09e25f18ae6b758e8014a24c7fa039e91"),
    ("test", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("NaN", "d5b592c05dc25b5032553f1b27f4139be95e881f73db33b02b05ab20c3f9981e"),
    ("[object Object]", "b28c94b2195c8ed259f0b415aaee3f39b0b2920a4537611499fa044956917a21"),
    ("Bearer", "710e0dbdd42299851017a4d67265ecd046f1b4edb741525992a1a6a8fa801258"),
];

#[test]
fn the_digest_of_a_placeholder_is_rejected_with_a_suffix_and_without() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let pepper = "54908c3a022aa8237fa1829e60e3750db2a3f1189cad67a3acf162872f0a8879"; // undefined-pepper
        for (text, digest) in PLACEHOLDERS.into_iter().chain([("undefined", pepper)]) {
            let keys = vec![foreign(FIRST_HEX, None), foreign(digest, Some("-pepper"))];
            let (kind, message) = rejected(import(&owner, tenant, keys));
            assert!(
                kind == ErrorKind::BadRequest && message.starts_with("keys[1]: digest"),
                "{text} {message}"
            );
            assert!(!is_valid(gatekeeper, &Secret::new(text)));
        }
        assert!(!is_valid(gatekeeper, &Secret::new("legacy-key-1")), "nothing was imported");
    });
}

#[test]
fn a_rotated_imported_key_gets_a_generated_key_and_stays_valid_for_the_grace() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let old = Secret::new("legacy-key-3");
        let id =
            import(&owner, tenant, vec![foreign(THIRD_URL_SAFE, Some("-pepper"))]).unwrap().api_keys[0].id;
        let rotated = owner.call(RotateApiKey { id, grace_seconds: 60 }).unwrap();
        assert!(rotated.plain_text_key.expose().starts_with("gk_live_"));
        assert!(is_valid(gatekeeper, &old) && is_valid(gatekeeper, &rotated.plain_text_key));
        // Its digest still belongs to a key.
        let again = import(&owner, tenant, vec![foreign(THIRD_URL_SAFE, Some("-pepper"))]);
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
        owner.call(RotateApiKey { id, grace_seconds: 0 }).unwrap();
        assert!(!is_valid(gatekeeper, &old));
    });
}

#[test]
fn an_imported_key_is_a_credential_too() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        for (key, digest) in [("SG.abc.def", DOTTED_BASE64), ("legacy-key-2", SECOND_BASE64)] {
            let caller = gatekeeper.with_token(&Secret::new(key));
            let list = || gatekeeper::keys::ListApiKeys { tenant_id: tenant, limit: None, cursor: None };
            assert_eq!(caller.call(list()).unwrap_err().status(), 401);
            let mut new = foreign(digest, None);
            new.scopes = vec!["keys:read".to_owned()];
            import(&owner, tenant, vec![new]).unwrap();
            assert!(caller.call(list()).is_ok());
            assert_eq!(import(&caller, tenant, vec![foreign(FIRST_HEX, None)]).unwrap_err().status(), 403);
        }
    });
}

// SHA-256 of that number of `k`, made by Python's hashlib.
const OF_LENGTH: [(usize, &str); 4] = [
    (512, "789a49fcfe20dccddb0f9266345989ae51c3333847df3bc45400d1b04033a565"),
    (513, "45a7c7ef95c3417e800362f5672aba16da807261fe7121f3a81b0a0fb6b9a05c"),
    (4096, "a1d2b474e178cf1914b9b9752e6e3ab5c6fc87f3e62751508e2b441733a4828b"),
    (4097, "9825635e854072d95a2bb50e492d5d5ae9d4258cc7ad51dd897f9508cff03c87"),
];

#[test]
fn a_key_of_another_product_is_valid_up_to_4096_bytes() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        for (length, digest) in OF_LENGTH {
            import(&owner, tenant, vec![foreign(digest, None)]).unwrap();
            assert_eq!(is_valid(gatekeeper, &Secret::new("k".repeat(length))), length <= 4096, "{length}");
        }
    });
}
