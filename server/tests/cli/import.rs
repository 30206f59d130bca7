use std::fmt::Write as _;

use crate::support::Folder;

/// The digest of an imaginary key.
fn digest(number: usize) -> String {
    format!("{number:064x}")
}

#[test]
fn keys_of_another_product_are_imported_in_batches() {
    let folder = Folder::with_gatekeeper();
    let mut text = String::new();
    for number in 0..2500 {
        writeln!(text, "{{\"digest\": \"{}\", \"name\": \"n{number}\"}}", digest(number)).unwrap();
    }
    let done = folder.run_with_input(&text, ["keys", "import", "-", "--json"]).success().json();
    assert_eq!((&done["imported"], &done["rejected"]), (&2500.into(), &0.into()));
    assert_eq!(folder.run(["keys", "list", "--all", "--json"]).success().out.lines().count(), 2500);
}

#[test]
fn a_rejected_line_is_reported_and_the_others_are_imported() {
    let folder = Folder::with_gatekeeper();
    let lines = [
        format!("{{\"digest\": \"{}\"}}", digest(1)),
        "nonsense".to_owned(),
        "{\"digest\": \"canary\"}".to_owned(),
        format!("{{\"digest\": \"{}\", \"nme\": \"x\"}}", digest(2)),
        format!("{{\"digest\": \"{0}\", \"digest\": \"{0}\"}}", digest(3)),
        format!("{{\"digest\": \"{}\"}}", digest(1)),
        format!("{{\"digest\": \"{}\"}}", digest(4)),
    ];
    folder.write("keys.ndjson", lines.join("\n"));
    let output = folder.run(["keys", "import", "keys.ndjson"]).rejected();
    assert_eq!(output.out, "2 imported, 5 rejected\n");
    let reported: Vec<&str> =
        output.err.lines().filter_map(|line| line.strip_prefix("gatekeeper: line ")).collect();
    assert_eq!(reported.iter().map(|line| &line[..1]).collect::<Vec<_>>(), ["2", "3", "4", "5", "6"]);
    assert!(!output.err.contains("canary"), "{output:?}");
    // A second import rejects all lines and imports nothing twice.
    let again = folder.run(["keys", "import", "keys.ndjson", "--json"]).rejected().json();
    assert_eq!((&again["imported"], &again["errors"].as_array().unwrap().len()), (&0.into(), &7));
}

#[test]
fn a_key_with_an_unusable_prefix_is_imported_with_the_default_prefix_and_a_warning() {
    let folder = Folder::with_gatekeeper();
    let text = format!(
        "{{\"digest\": \"{}\", \"prefix\": \"sk\"}}\n{{\"digest\": \"{}\", \"prefix\": \"a prefix\"}}\n",
        digest(1),
        digest(2)
    );
    folder.write("keys.ndjson", text);
    let output = folder.run(["keys", "import", "keys.ndjson"]).success();
    assert_eq!(output.out, "2 imported, 0 rejected\n");
    assert!(
        output.err.contains("line 2: prefix must be") && output.err.ends_with("begins with gk_live\n"),
        "{output:?}"
    );
    let items = &folder.json(["keys", "list"])["items"];
    assert_eq!((&items[0]["prefix"], &items[1]["prefix"]), (&"sk".into(), &"gk_live".into()));
    folder.write("more.ndjson", format!("{{\"digest\": \"{}\", \"prefix\": \"-\"}}", digest(3)));
    let imported = folder.json(["keys", "import", "more.ndjson"]);
    assert_eq!((&imported["imported"], &imported["warnings"][0]["line"]), (&1.into(), &1.into()));
}

#[test]
fn a_duplicate_of_a_line_that_was_imported_is_rejected() {
    let folder = Folder::with_gatekeeper();
    let text = format!(
        "{{\"digest\": \"{0}\"}}\n{{\"digest\": \"{1}\"}}\n{{\"digest\": \"{0}\"}}\n",
        digest(1),
        digest(2)
    );
    let output = folder.run_with_input(&text, ["keys", "import", "-"]).rejected();
    assert_eq!(output.out, "2 imported, 1 rejected\n");
    assert_eq!(output.err, "gatekeeper: line 3: digest is given twice, or a key with this digest exists\n");
}

#[test]
fn an_import_can_stop_at_the_first_line_that_is_rejected() {
    let folder = Folder::with_gatekeeper();
    let line = |number| format!("{{\"digest\": \"{}\"}}\n", digest(number));
    let text = line(1) + &line(2) + "{\"digest\": \"x\"}\n" + &line(3);
    let done = folder.run_with_input(&text, ["keys", "import", "-", "--stop-on-error", "--json"]).rejected();
    assert_eq!((&done.json()["imported"], &done.json()["errors"][0]["line"]), (&2.into(), &3.into()));
}

#[test]
fn the_columns_of_csv_are_fields_of_a_key() {
    let folder = Folder::with_gatekeeper();
    let text =
        format!("digest,name,roles,scopes\n{},first,PRO|MORE,read\n{},second,,\n", digest(1), digest(2));
    folder.write("keys.csv", text);
    folder.run(["keys", "import", "keys.csv"]).success();
    let listed = folder.json(["keys", "list"]);
    assert_eq!(listed["items"][0]["roles"], serde_json::json!(["MORE", "PRO"]));
    folder.write("wrong.csv", "digst\nx\n");
    let wrong = folder.run(["keys", "import", "wrong.csv"]).rejected();
    assert!(wrong.err.contains("line 2: digst is not known"), "{wrong:?}");
}

#[test]
fn an_error_that_concerns_all_lines_is_reported_once() {
    let folder = Folder::with_gatekeeper();
    let text = format!("{{\"digest\": \"{}\"}}\n{{\"digest\": \"{}\"}}", digest(1), digest(2));
    for tenant in ["tnt_00000000000000000000000001", "nonsense"] {
        let output = folder.run_with_input(&text, ["keys", "import", "-", "--tenant", tenant]).rejected();
        assert_eq!(output.out, "0 imported, 0 rejected\n");
        assert_eq!(output.err.lines().count(), 1, "{output:?}");
    }
    assert!(folder.run(["keys", "import", "no.ndjson"]).rejected().err.contains("no.ndjson cannot be read"));
}
