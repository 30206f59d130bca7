//! URLs that are rejected with the URL that was probably meant.

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{DatabaseUrl, Options};
use serde_json::Value;

const CASES: &str = include_str!("../../cases/urls.json");

#[test]
fn a_mistyped_url_is_rejected_with_the_nearest_right_one_and_creates_no_file() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let cases: Value = serde_json::from_str(CASES).unwrap();
    for case in cases["cases"].as_array().unwrap() {
        let (url, nearest) = (case["url"].as_str().unwrap(), case["nearest"].as_str().unwrap());
        let rejected = Gatekeeper::open(url).err().unwrap_or_else(|| panic!("{url:?} is accepted"));
        assert_eq!(rejected.status(), 400);
        assert!(rejected.message().contains(nearest), "{url:?}: {}", rejected.message());
        // The suggested URL is accepted.
        if let Some((_, right)) = rejected.message().rsplit_once("did you mean ") {
            DatabaseUrl::parse(right.trim_end_matches('?')).unwrap();
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_new_file_is_created_and_reported_once_and_not_created_without_create() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let url = path.to_str().unwrap();
    let mut options = Options::default();
    options.create = false;
    {
        let strict = Gatekeeper::open_with(url, options.clone()).unwrap();
        let rejected = strict.call(CreateKey::new("user")).unwrap_err();
        assert!(rejected.status() == 503 && rejected.message().contains("create is false"), "{rejected}");
        let rejected = strict.validate("user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ").unwrap_err();
        assert_eq!(rejected.status(), 503, "{rejected}");
        assert!(strict.take_created().is_none() && !path.exists());
    }
    {
        let first = Gatekeeper::open(url).unwrap();
        assert!(first.take_created().is_none(), "nothing is opened yet");
        first.call(CreateKey::new("user")).unwrap();
        assert_eq!(first.take_created().as_deref(), Some(path.canonicalize().unwrap().as_path()));
        assert!(first.take_created().is_none());
    }
    let strict = Gatekeeper::open_with(url, options).unwrap();
    strict.call(CreateKey::new("user")).unwrap();
    assert!(strict.take_created().is_none());
}
