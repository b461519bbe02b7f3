//! Commands as typed, on a data directory of their own.

use tempfile::TempDir;

use super::*;

struct Shell(TempDir);

impl Shell {
    fn new() -> Shell {
        Shell(tempfile::tempdir().unwrap())
    }

    fn run(&self, line: &[&str]) -> std::result::Result<String, String> {
        let folder = self.0.path().to_str().unwrap();
        let words = ["mayfly", "--data", folder].into_iter().chain(line.iter().copied());
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let mut password = || Ok("a long password".to_owned());
        let mut surroundings = Surroundings {
            now: 1_795_348_800_000,
            environment: Environment { processors: 2, ..Environment::default() },
            password: &mut password,
            says: &|_| {},
        };
        match run(cli, &mut surroundings).map_err(|error| error.to_string())? {
            Task::Print(text) => Ok(text),
            other => Ok(format!("{other:?}")),
        }
    }

    #[track_caller]
    fn prints(&self, line: &str, expected: &[&str]) {
        let words: Vec<&str> = line.split(' ').collect();
        let printed = self.run(&words).expect(line);
        for part in expected {
            assert!(printed.contains(part), "{line}: {printed}");
        }
    }

    #[track_caller]
    fn fails(&self, line: &str, expected: &[&str]) {
        let words: Vec<&str> = line.split(' ').collect();
        let error = self.run(&words).expect_err(line);
        for part in expected {
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}

#[test]
fn a_schema_is_migrated_or_printed() {
    let shell = Shell::new();
    for _ in 0..2 {
        shell.prints("migrate", &["mayfly.duckdb is up to date"]);
    }
    shell.fails("migrate --print", &["ClickHouse"]);
    shell.prints(
        "migrate --print --store clickhouse://h/d",
        &["CREATE TABLE IF NOT EXISTS pages (", "TTL expires"],
    );
    let spread = "migrate --print --store clickhouse://h/d?cluster=main";
    shell.prints(
        spread,
        &["pages_shard ON CLUSTER 'main'", "ReplicatedSummingMergeTree(", "Distributed('main'"],
    );
    shell.fails("migrate --store clickhouse://127.0.0.1:1/d", &["unavailable", "ClickHouse"]);
}

#[test]
fn the_arguments_are_sound() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn sites_are_added_listed_shown_changed_and_removed() {
    let shell = Shell::new();
    shell.prints(
        "site add example.com --timezone Europe/Tallinn --hosts *.example.com",
        &["added example.com"],
    );
    shell.fails("site add example.com --timezone UTC", &["site `example.com` exists already"]);
    shell.fails("site add example.org --timezone Mars", &["zone", "`Mars`"]);
    shell.fails("site add https://example.org --timezone UTC", &["hosts[0]", "https://example.org"]);
    shell.prints("site list", &["example.com", "Europe/Tallinn", "example.com,*.example.com"]);
    shell.prints("site set example.com k 3", &["2026-11-23", "midnight"]);
    shell.prints("site set example.com kept region,city", &["changed"]);
    shell.prints("site set example.com excluded-networks 192.0.2.1,2001:db8::/32", &["changed"]);
    shell.prints("site set example.com path-rules /u/*=/u/:id", &["changed"]);
    shell.fails("site set example.com kept regions", &["kept", "`regions`"]);
    shell.fails("site set example.com k many", &["k: `many`", "whole number"]);
    shell.fails("site set example.com excluded-networks home", &["excluded.networks", "`home`"]);
    shell.prints(
        "site show example.com",
        &["\"k\": 5", "\"k\": 3", "\"2001:db8::/32\"", "\"/u/:id\"", "\"uuid\""],
    );
    shell.prints("site remove example.com", &["removed example.com"]);
    shell.fails("site show example.com", &["there is no site `example.com`"]);
}

#[test]
fn declarations_are_made_on_the_command_line() {
    let shell = Shell::new();
    shell.prints("site add example.com --timezone UTC", &[]);
    shell.prints(
        "event add example.com plan_card_click --property plan=free,pro,team \
         --property where=[a-z-]{1,20}:50 --once visit --currency EUR",
        &["declared event plan_card_click"],
    );
    shell.prints(
        "event list example.com",
        &["plan_card_click  plan=free,pro,team  where=[a-z-]{1,20}:50  once=visit  currency=EUR"],
    );
    shell.fails("event add example.com x --property plan", &["property", "`plan`", "NAME=VALUE"]);
    shell.fails("event add example.com x --property where=[a-z]{1,500}:50", &["values.pattern.max", "`500`"]);
    shell.fails("event add example.com x --once day", &["once", "`day`"]);
    shell.prints("event add example.com signup --passive", &[]);
    shell.prints("section add example.com /blog/*", &["declared"]);
    shell.prints("section list example.com", &["/blog/*\n"]);
    let steps = "--step page:/pricing --step section:/blog/* --step event:signup";
    shell.prints(&format!("funnel add example.com signup {steps}"), &["declared"]);
    shell.prints("funnel list example.com", &["page:/pricing > section:/blog/* > event:signup"]);
    shell.fails("funnel add example.com one --step page:/a", &["steps", "at least 2"]);
    shell.fails("funnel add example.com bad --step click:/a --step page:/b", &["step", "`click:/a`"]);
    shell.prints("goal add example.com Signup event:signup", &["declared"]);
    shell.prints("goal list example.com", &["Signup  event:signup"]);
    shell.fails("event remove example.com signup", &["funnels[0].steps[2].event", "signup"]);
    shell.prints("funnel remove example.com signup", &[]);
    shell.prints("goal remove example.com Signup", &[]);
    shell.prints("event remove example.com signup", &["no longer"]);
    shell.fails("event remove example.com signup", &["there is no event `signup`"]);
    shell.prints("section remove example.com /blog/*", &["no longer"]);
}

#[test]
fn people_and_keys_are_managed() {
    let shell = Shell::new();
    shell.prints("user add ada", &["added ada (owner)"]);
    shell.fails("user add ada", &["user `ada` exists already"]);
    shell.prints("user reset ada", &["new password"]);
    shell.fails("user reset eve", &["there is no person `eve`"]);
    shell.fails("key add ci --site example.com", &["there is no site `example.com`"]);
    shell.prints("site add example.com --timezone UTC", &[]);
    shell.fails("user add bob --as admin", &["--site"]);
    shell.fails("user add bob --site example.org", &["there is no site `example.org`"]);
    shell.fails("user add bob --site example.com --as owner", &["owners are of the install"]);
    shell.prints("user add bob --site example.com", &["added bob (viewer)"]);
    shell.prints("user role bob admin --site example.com", &["bob  admin of example.com"]);
    shell.prints("user list", &["ada  owner\n", "bob  admin of example.com\n"]);
    shell.prints("user role bob none --site example.com", &["bob  no site"]);
    shell.fails("user role ada none", &["not the last owner"]);
    shell.prints("user role bob owner", &["bob  owner"]);
    shell.prints("user remove ada", &["removed ada"]);
    shell.prints("user list", &["bob  owner"]);
    shell.prints(
        "audit",
        &["removed a person", "gave a person a role", "bob (admin)", "bob (owner)", "took a person's role"],
    );
    let key = shell.run(&["key", "add", "ci", "--site", "example.com", "--scope", "staff"]).unwrap();
    assert!(key.starts_with("mf_") && key.len() == 36, "{key}");
    shell.fails("key add other --site example.com --scope all", &["--scope", "read, staff"]);
    shell.prints("key list", &["ci", "example.com", "staff", "2026-11-22"]);
    shell.prints("key revoke ci", &["revoked ci"]);
    shell.fails("key revoke ci", &["there is no key `ci`"]);
}

#[test]
fn check_prints_the_configuration_or_names_the_field() {
    let shell = Shell::new();
    shell.prints(
        "check --flush-interval 2s --runtime none",
        &["flush_interval = \"2s\"", "runtime = \"none\""],
    );
    shell.prints("check --demo", &["demo = true"]);
    shell.prints("check --demo=false", &["demo = false"]);
    shell.fails("check --flush-interval soon", &["flush_interval: `soon`"]);
    let file = shell.0.path().join("mayfly.toml");
    std::fs::write(&file, "listen = \"[::1]:9\"\nretention = 3\n").unwrap();
    shell.fails(&format!("check --config {}", file.display()), &["mayfly.toml", "retention"]);
    std::fs::write(&file, "listen = \"[::1]:9\"\nnode = 3\n").unwrap();
    shell.prints(&format!("check --node 4 --config {}", file.display()), &["[::1]:9", "node = 4"]);
    shell.fails("check --config /nowhere/mayfly.toml", &["/nowhere/mayfly.toml"]);
}
