use std::fmt::Write as _;

use crate::support::Folder;

/// A digest that is nobody's.
fn digest(number: usize) -> String {
    format!("{number:064x}")
}

#[test]
fn keys_of_another_product_are_imported_in_as_many_calls_as_it_takes() {
    let folder = Folder::with_gatekeeper();
    let mut text = String::new();
    for number in 0..2500 {
        writeln!(text, "{{\"digest\": \"{}\", \"name\": \"n{number}\"}}", digest(number)).unwrap();
    }
    let done = folder.tell(&text, ["keys", "import", "-", "--json"]).done().json();
    assert_eq!((&done["imported"], &done["rejected"]), (&2500.into(), &0.into()));
    assert_eq!(folder.run(["keys", "list", "--all", "--json"]).done().out.lines().count(), 2500);
}

#[test]
fn a_line_that_is_rejected_is_named_and_the_others_go_on() {
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
    let said = folder.run(["keys", "import", "keys.ndjson"]).rejected();
    assert_eq!(said.out, "2 imported, 5 rejected\n");
    let told: Vec<&str> =
        said.err.lines().filter_map(|line| line.strip_prefix("gatekeeper: line ")).collect();
    assert_eq!(told.iter().map(|line| &line[..1]).collect::<Vec<_>>(), ["2", "3", "4", "5", "6"]);
    assert!(!said.err.contains("canary"), "{said:?}");
    // Again: what was imported is rejected, and nothing is there twice.
    let again = folder.run(["keys", "import", "keys.ndjson", "--json"]).rejected().json();
    assert_eq!((&again["imported"], &again["errors"].as_array().unwrap().len()), (&0.into(), &7));
}

#[test]
fn a_key_whose_prefix_alone_is_not_usable_is_imported_with_the_default_and_a_warning() {
    let folder = Folder::with_gatekeeper();
    let text = format!(
        "{{\"digest\": \"{}\", \"prefix\": \"sk\"}}\n{{\"digest\": \"{}\", \"prefix\": \"a prefix\"}}\n",
        digest(1),
        digest(2)
    );
    folder.write("keys.ndjson", text);
    let said = folder.run(["keys", "import", "keys.ndjson"]).done();
    assert_eq!(said.out, "2 imported, 0 rejected\n");
    assert!(
        said.err.contains("line 2: prefix must be") && said.err.ends_with("begins with gk_live\n"),
        "{said:?}"
    );
    let items = &folder.json(["keys", "list"])["items"];
    assert_eq!((&items[0]["prefix"], &items[1]["prefix"]), (&"sk".into(), &"gk_live".into()));
    folder.write("more.ndjson", format!("{{\"digest\": \"{}\", \"prefix\": \"-\"}}", digest(3)));
    let told = folder.json(["keys", "import", "more.ndjson"]);
    assert_eq!((&told["imported"], &told["warnings"][0]["line"]), (&1.into(), &1.into()));
}

#[test]
fn what_is_said_of_a_line_is_true_of_the_lines_that_were_imported_too() {
    let folder = Folder::with_gatekeeper();
    let text = format!(
        "{{\"digest\": \"{0}\"}}\n{{\"digest\": \"{1}\"}}\n{{\"digest\": \"{0}\"}}\n",
        digest(1),
        digest(2)
    );
    let said = folder.tell(&text, ["keys", "import", "-"]).rejected();
    assert_eq!(said.out, "2 imported, 1 rejected\n");
    assert_eq!(said.err, "gatekeeper: line 3: digest is given twice, or a key with this digest exists\n");
}

#[test]
fn an_import_can_stop_at_the_first_line_that_is_rejected() {
    let folder = Folder::with_gatekeeper();
    let good = |number| format!("{{\"digest\": \"{}\"}}\n", digest(number));
    let text = good(1) + &good(2) + "{\"digest\": \"x\"}\n" + &good(3);
    let done = folder.tell(&text, ["keys", "import", "-", "--stop-on-error", "--json"]).rejected();
    assert_eq!((&done.json()["imported"], &done.json()["errors"][0]["line"]), (&2.into(), &3.into()));
}

#[test]
fn csv_is_read_by_its_columns() {
    let folder = Folder::with_gatekeeper();
    let text =
        format!("digest,name,roles,scopes\n{},first,PRO|MORE,read\n{},second,,\n", digest(1), digest(2));
    folder.write("keys.csv", text);
    folder.run(["keys", "import", "keys.csv"]).done();
    let listed = folder.json(["keys", "list"]);
    assert_eq!(listed["items"][0]["roles"], serde_json::json!(["MORE", "PRO"]));
    folder.write("wrong.csv", "digst\nx\n");
    let wrong = folder.run(["keys", "import", "wrong.csv"]).rejected();
    assert!(wrong.err.contains("line 2: digst is not known"), "{wrong:?}");
}

#[test]
fn what_is_wrong_with_all_of_it_is_said_once() {
    let folder = Folder::with_gatekeeper();
    let text = format!("{{\"digest\": \"{}\"}}\n{{\"digest\": \"{}\"}}", digest(1), digest(2));
    for tenant in ["tnt_00000000000000000000000001", "nonsense"] {
        let said = folder.tell(&text, ["keys", "import", "-", "--tenant", tenant]).rejected();
        assert_eq!(said.out, "0 imported, 0 rejected\n");
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
    assert!(folder.run(["keys", "import", "no.ndjson"]).rejected().err.contains("no.ndjson cannot be read"));
}
