//! The documents against the code: links lead somewhere, named files and tests exist, settings are as the table says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory;
use mayfly::{cli::Cli, config::Config};

use crate::functions;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All documents, with their texts.
fn documents() -> Vec<(PathBuf, String)> {
    let mut found: Vec<PathBuf> =
        ["README.md", "CHANGELOG.md", "data/SOURCES.md"].map(|path| root().join(path)).into();
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        found.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    assert!(found.len() > 8, "{found:?}");
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn links_between_documents_resolve() {
    for (path, text) in documents() {
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or_default()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let there = path.parent().unwrap().join(target);
            assert!(there.exists(), "{}: {link} leads nowhere", path.display());
        }
    }
}

#[test]
fn files_that_documents_name_exist() {
    let folders = [
        "src/",
        "tests/",
        "docs/",
        "data/",
        "scripts/",
        "tracker/",
        "demo/",
        "dashboard/",
        "schema/",
        "benches/",
        "fuzz/",
        "deploy/",
    ];
    for (path, text) in documents() {
        for name in text.split('`').skip(1).step_by(2) {
            let name = name.split([' ', ':']).next().unwrap_or_default().trim_end_matches('/');
            let is_path =
                folders.iter().any(|folder| name.starts_with(folder)) && !name.contains(['*', '{', '<']);
            assert!(!is_path || root().join(name).exists(), "{}: {name} does not exist", path.display());
        }
    }
}

#[test]
fn claims_of_privacy_name_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/PRIVACY.md")).unwrap();
    let claims = text.split("## Claims").nth(1).expect("the claims are there").split("\n## ").next().unwrap();
    let is_row = |line: &&str| line.starts_with("| ") && *line != "| claim | test |";
    let rows: Vec<&str> = claims.lines().filter(is_row).collect();
    assert!(rows.len() > 10, "{rows:?}");
    let known = functions();
    for row in rows {
        let named: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        let found = |name: &&str| known.contains(*name) || name.contains(".test.mjs");
        assert!(named.iter().any(found), "no test is named: {row}");
        for name in named.into_iter().filter(|name| name.matches('_').count() > 1) {
            assert!(known.contains(name), "no test is called {name}");
        }
    }
}

/// The settings by name: variable, flag, and the default that the help tells.
fn settings() -> Vec<(String, String, String)> {
    let command = Cli::command();
    let of_settings = |argument: &&clap::Arg| argument.get_help_heading() == Some("Settings");
    let told = command.get_arguments().filter(of_settings).filter(|argument| argument.get_id() != "config");
    told.map(|argument| {
        let variable =
            argument.get_env().expect("each setting has a variable").to_string_lossy().into_owned();
        let help = argument.get_help().expect("each setting has help").to_string();
        let default = help.split("[default: ").nth(1).map(|rest| rest.trim_end_matches(']').to_owned());
        (argument.get_id().to_string(), variable, default.unwrap_or_default())
    })
    .collect()
}

#[test]
fn operations_tells_every_setting() {
    let text = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let settings = settings();
    assert!(settings.len() > 15);
    for (name, variable, default) in settings {
        let row = format!("| `{name}` | `{variable}` | `--{}` |", name.replace('_', "-"));
        let line = text.lines().find(|line| line.starts_with(&row));
        let line = line.unwrap_or_else(|| panic!("docs/OPERATIONS.md has no row {row}"));
        let first = default.split([' ', ',']).next().unwrap_or_default();
        assert!(line.contains(first), "{name}: the default is {default}");
    }
}

#[test]
fn the_example_of_a_configuration_file_is_accepted() {
    let text = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let example = text.split("```toml\n").nth(1).expect("there is an example").split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mayfly.toml");
    fs::write(&file, example).unwrap();
    let raw = mayfly::config::RawConfig::default().with_file(Some(&file)).unwrap();
    Config::new(&raw, &Default::default()).unwrap();
}
