//! The real binary on a real ClickHouse: the same reports as from DuckDB, an engine that comes and goes, TLS.

use std::{path::Path, process::Command};

use reqwest::{Method, StatusCode};

use super::{
    api::{Api, FIREFOX, SITE},
    engine::{Engine, shared},
    play::Play,
    server::{Home, Server, until, until_answered},
};

/// Serves an install on a store.
fn serve_on(home: &Home, store: &str) -> Server {
    let runtime = home.runtime.path().join("run");
    home.serve_with(&["--runtime", runtime.to_str().unwrap(), "--store", store, "--flush-interval", "1s"])
}

/// What is asked of both, beside the whole of each panel.
const ASKED: [&str; 12] = [
    "report?limit=10000",
    "report?c=prev",
    "report?m=bounce_rate&limit=3",
    "report?country=EE",
    "report?country=!EE&c=prev",
    "report?source=!x&m=bounce_rate",
    "report?channel=Search",
    "report?page=~a",
    "report?entry=/",
    "report?browser=Firefox",
    "rows?dimension=page&limit=10000",
    "rows?dimension=source&limit=10000&sort=-bounce_rate",
];

async fn text(server: &Server, path: &str, key: &str) -> String {
    let answer = Api::of(server).request(Method::GET, path).bearer_auth(key).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.text().await.unwrap()
}

/// A day of visitors, played to two installs, one on each store: both tell the truth, in the same bytes.
#[actix_web::test]
async fn the_same_traffic_is_the_same_report_from_both_stores() {
    let play = || Play::of("2026-03-11", "Europe/Tallinn", 60, 21);
    let (mut one, mut two) = (play(), play());
    let store = shared().fresh();
    let duckdb = one.home.serve();
    let clickhouse = serve_on(&two.home, &store);
    let noon = one.among_visits();
    for at in [noon, one.zone.start_of(one.day.plus(1)) + 3_600_000] {
        one.until(&duckdb, at).await;
        two.until(&clickhouse, at).await;
        if at == noon {
            two.check_open(&clickhouse, "ClickHouse, open").await;
        }
    }
    one.check_closed(&duckdb, "DuckDB").await;
    two.check_closed(&clickhouse, "ClickHouse").await;
    let mut bytes = 0;
    for asked in ASKED {
        for (here, there) in [(&one.staff, &two.staff), (&one.read, &two.read)] {
            let path = format!("/api/sites/{SITE}/{asked}&p={}", one.day);
            let expected = text(&duckdb, &path, here).await;
            assert_eq!(text(&clickhouse, &path, there).await, expected, "{path}");
            bytes += expected.len();
        }
    }
    assert!(bytes > 50_000, "{bytes} bytes of reports");
    // What is kept apart of any store works on this one too.
    let backup = two.home.data.path().join("backup");
    let said = two.home.run(&["backup", backup.to_str().unwrap(), "--store", &store]);
    assert!(said.contains("backed up"), "{said}");
    let checked = two.home.run(&["restore", "--check", backup.to_str().unwrap(), "--store", &store]);
    assert!(checked.contains("is sound"), "{checked}");
    assert_eq!(clickhouse.stop().0, Some(0));
}

async fn hit(server: &Server) -> u16 {
    let body = format!(r#"{{"n":"pageview","u":"https://{SITE}/","d":"{SITE}"}}"#);
    Api::of(server).post_event(&[("user-agent", FIREFOX)], body).await.status
}

/// The engine is away at the start, comes, is killed, and comes again with what it had.
#[actix_web::test]
async fn an_engine_may_come_go_and_come_again() {
    let start: jiff::Timestamp = "2026-03-11T08:00:00Z".parse().unwrap();
    let home = Home::at(&start.to_string());
    // The clock goes on by some seconds, so that pages leave memory.
    let waits = |seconds: i64| {
        home.set_clock(start.as_millisecond() + seconds * 1_000);
        until("a release waits", || (!home.files("releases").is_empty()).then_some(()));
    };
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path(), 0, &[]);
    let (port, store) = (engine.port, engine.url("rows"));
    engine.kill();
    let server = serve_on(&home, &store);
    let api = Api::of(&server);
    assert_eq!(hit(&server).await, 202);
    waits(10);
    for round in 1..=2_i64 {
        let engine = Engine::start(folder.path(), port, &[]);
        until("the releases are delivered", || home.files("releases").is_empty().then_some(()));
        let views = until_answered("the report", async || {
            let (status, report) = api.get(&format!("/api/sites/{SITE}/report?p=today"), &key).await;
            (status == StatusCode::OK).then(|| report["tiles"]["pageviews"]["value"].clone())
        });
        assert_eq!(views.await, round, "round {round}");
        engine.kill();
        assert_eq!(hit(&server).await, 202);
        waits(10 + round * 10);
    }
    drop(server);
}

/// A certificate for 127.0.0.1, and its key, in one file.
fn certificate(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("cert.pem");
    let path = file.to_str().unwrap();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=mayfly test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            path,
            "-out",
        ])
        .arg(folder.join("public.pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let both = std::fs::read_to_string(&file).unwrap()
        + &std::fs::read_to_string(folder.join("public.pem")).unwrap();
    std::fs::write(&file, both).unwrap();
    file
}

#[test]
fn tls_needs_a_known_certificate_and_the_password_comes_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = certificate(folder.path());
    let rows = tempfile::tempdir().unwrap();
    let more = ["--tls", file.to_str().unwrap(), "--password", "open sesame"];
    let engine = Engine::start(rows.path(), 0, &more);
    std::fs::write(folder.path().join("right"), "open sesame\n").unwrap();
    std::fs::write(folder.path().join("wrong"), "open\n").unwrap();
    // Certificates have a time; so must who reads them.
    let home = Home::at("2026-03-11T08:00:00Z");
    home.set_clock(mayfly::clock::now() + 60_000);
    let migrate = |certificates: &str, password: &str| {
        let store = format!("clickhouses://mayfly@127.0.0.1:{}/rows", engine.port);
        let password = folder.path().join(password);
        let mut command = home.command(&["migrate", "--store", &store, "--store-password-file"]);
        let output =
            command.arg(password).env("SSL_CERT_FILE", folder.path().join(certificates)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("sesame"), "{said}");
        (output.status.success(), said.into_owned())
    };
    let (done, said) = migrate("public.pem", "right");
    assert!(done && said.contains("is up to date"), "{said}");
    let (done, said) = migrate("public.pem", "wrong");
    assert!(!done && said.contains("516"), "{said}");
    std::fs::write(folder.path().join("none.pem"), "").unwrap();
    let (done, said) = migrate("none.pem", "right");
    assert!(!done && said.to_lowercase().contains("certificate"), "{said}");
}
