//! Keys of other products.

use gatekeeper::{
    DeleteKey, ErrorKind, ForeignKey, Gatekeeper, ImportApiKeys, ImportedApiKeys, Result, RotateApiKey,
    Secret, TenantId,
};

use crate::{create, everywhere, is_good, owner};

// SHA-256, made by Python's hashlib.
const FIRST_HEX: &str = "37F7723D547baf5b562970b8183c183f462e14bb79bf913ccb8323c9c90f5212"; // legacy-key-1
const SECOND_BASE64: &str = "Lw+SkYn585XBFBRx1diMa0R0bwUUTXimcUgIGD8A1C4="; // legacy-key-2
const THIRD_URL_SAFE: &str = "nHIk6p2o-et3GIyVdrm2XEXo6Nk5jJu3sjY9GSsKW4I"; // legacy-key-3-pepper
const FOURTH_HEX: &str = "5e7b24c79912d9a86208b15faad8413ab8248bbc39739d9f49a9f6316a77e165"; // legacy-key-4-pepper
const DOTTED_BASE64: &str = "UNX6G6sgNEf1rh6LjWGmbsit1wiXJn/uC36+VL0Cubo"; // SG.abc.def

fn foreign(digest: &str, suffix: Option<&str>) -> ForeignKey {
    ForeignKey { suffix: suffix.map(str::to_owned), ..ForeignKey::new(Secret::new(digest)) }
}

fn import(place: &Gatekeeper, tenant_id: TenantId, keys: Vec<ForeignKey>) -> Result<ImportedApiKeys> {
    place.call_blocking(ImportApiKeys { tenant_id, keys })
}

#[test]
fn a_foreign_key_is_refused_until_its_digest_is_imported() {
    everywhere(|place| {
        let (owner, tenant) = owner(place, "founder");
        let keys = ["legacy-key-1", "legacy-key-2", "legacy-key-3", "SG.abc.def"].map(Secret::new);
        assert!(keys.iter().all(|key| !is_good(place, key)));
        let imported = import(&owner, tenant, vec![foreign(FIRST_HEX, None)]).unwrap();
        assert_eq!(imported.api_keys[0].tenant_id, tenant);
        assert!(is_good(place, &keys[0]) && !is_good(place, &keys[1]));
        let rest = [(SECOND_BASE64, None), (THIRD_URL_SAFE, Some("-pepper")), (DOTTED_BASE64, None)];
        import(&owner, tenant, rest.map(|(digest, suffix)| foreign(digest, suffix)).into()).unwrap();
        assert!(keys.iter().all(|key| is_good(place, key)));
        for no_key in ["", "legacy-key-", "legacy-key-4", &"x".repeat(100_000)] {
            assert!(!is_good(place, &Secret::new(no_key)));
        }
    });
}

#[test]
fn a_key_is_good_with_its_own_suffix_alone() {
    everywhere(|place| {
        let (owner, tenant) = owner(place, "founder");
        let ours = create(&owner, tenant, &[]).plain_text_key;
        let (head, tail) = ours.expose().split_at(ours.expose().len() - 1);
        import(&owner, tenant, vec![foreign(THIRD_URL_SAFE, Some("-pepper"))]).unwrap();
        // Others with the suffixes under which these would be found, if a suffix were not their own.
        import(&owner, tenant, vec![foreign(FIRST_HEX, Some(tail)), foreign(SECOND_BASE64, None)]).unwrap();
        assert!(is_good(place, &Secret::new("legacy-key-3")));
        assert!(!is_good(place, &Secret::new("legacy-key-3-pepper")));
        assert!(is_good(place, &ours) && !is_good(place, &Secret::new(head)));
    });
}

#[test]
fn an_import_is_all_or_nothing() {
    everywhere(|place| {
        let (owner, tenant) = owner(place, "founder");
        let (first, second) = (Secret::new("legacy-key-1"), Secret::new("legacy-key-2"));
        import(&owner, tenant, vec![foreign(FIRST_HEX, None)]).unwrap();
        for twice in [
            vec![foreign(SECOND_BASE64, None), foreign(FIRST_HEX, None)],
            vec![foreign(SECOND_BASE64, None), foreign(SECOND_BASE64, Some("x"))],
        ] {
            assert_eq!(import(&owner, tenant, twice).unwrap_err().kind(), ErrorKind::Conflict);
        }
        for bad in ["", "legacy-key-1", &FIRST_HEX[1..], &FIRST_HEX.replace('3', "g"), &"!".repeat(44)] {
            let refused = import(&owner, tenant, vec![foreign(SECOND_BASE64, None), foreign(bad, None)]);
            let error = refused.unwrap_err();
            assert!(error.message().starts_with("keys[1]: digest must be"), "{}", error.message());
        }
        assert!(is_good(place, &first) && !is_good(place, &second));
        assert_eq!(import(&owner, tenant, Vec::new()).unwrap_err().status(), 400);
        let many = vec![foreign(SECOND_BASE64, None); 1001];
        assert_eq!(import(&owner, tenant, many).unwrap_err().status(), 400);
    });
}

#[test]
fn a_place_has_eight_suffixes_at_most_and_one_that_is_used_no_more_makes_room() {
    everywhere(|place| {
        let (owner, tenant) = owner(place, "founder");
        let numbered = |number: u8| foreign(&format!("{number:064}"), Some(&number.to_string()));
        let first = import(&owner, tenant, (0..8).map(numbered).collect()).unwrap().api_keys[0].id;
        assert_eq!(import(&owner, tenant, vec![numbered(8)]).unwrap_err().kind(), ErrorKind::Conflict);
        assert!(import(&owner, tenant, vec![foreign(FOURTH_HEX, Some("7"))]).is_ok());
        place.call_blocking(DeleteKey { id: first.into() }).unwrap();
        assert!(import(&owner, tenant, vec![numbered(8)]).is_ok());
    });
}

#[test]
fn an_imported_key_is_rotated_to_one_of_our_form_and_lives_on_for_the_grace() {
    everywhere(|place| {
        let (owner, tenant) = owner(place, "founder");
        let old = Secret::new("legacy-key-3");
        let id =
            import(&owner, tenant, vec![foreign(THIRD_URL_SAFE, Some("-pepper"))]).unwrap().api_keys[0].id;
        let rotated = owner.call_blocking(RotateApiKey { id, grace_seconds: 60 }).unwrap();
        assert!(rotated.plain_text_key.expose().starts_with("gk_live_"));
        assert!(is_good(place, &old) && is_good(place, &rotated.plain_text_key));
        // It is some key's still.
        let again = import(&owner, tenant, vec![foreign(THIRD_URL_SAFE, Some("-pepper"))]);
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
        owner.call_blocking(RotateApiKey { id, grace_seconds: 0 }).unwrap();
        assert!(!is_good(place, &old));
    });
}

#[test]
fn an_imported_key_is_a_credential_too() {
    everywhere(|place| {
        let (owner, tenant) = owner(place, "founder");
        for (key, digest) in [("SG.abc.def", DOTTED_BASE64), ("legacy-key-2", SECOND_BASE64)] {
            let caller = place.with_token(&Secret::new(key));
            let list = || gatekeeper::ListApiKeys { tenant_id: tenant, limit: None, cursor: None };
            assert_eq!(caller.call_blocking(list()).unwrap_err().status(), 401);
            let mut new = foreign(digest, None);
            new.scopes = vec!["keys:read".to_owned()];
            import(&owner, tenant, vec![new]).unwrap();
            assert!(caller.call_blocking(list()).is_ok());
            assert_eq!(import(&caller, tenant, vec![foreign(FIRST_HEX, None)]).unwrap_err().status(), 403);
        }
    });
}
