//! Arguments, tracing, exit code: the only place that prints or exits.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the only place that prints")]

use std::{
    io::{self, BufRead, IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use mayfly::{
    cli::{self, Cli, Surroundings, Task},
    clock,
    config::{Config, Environment, LogFormat},
    run::{Welcome, run},
    simulate,
};

fn main() -> ExitCode {
    let mut surroundings = Surroundings {
        now: clock::now(),
        environment: Environment::read(),
        password: &mut read_password,
        says: &say,
    };
    let task = match cli::run(Cli::parse(), &mut surroundings) {
        Ok(task) => task,
        Err(error) => return fail(&error, error.exit_code()),
    };
    match task {
        Task::Print(text) => print(&text),
        Task::Serve(config) => {
            start_log(&config);
            serve(*config)
        }
        Task::Simulate(arguments) => match actix_web::rt::System::new().block_on(simulate::run(arguments)) {
            Ok(truth) => print(&format!("{truth:#}\n")),
            Err(error) => fail(&error, 1),
        },
    }
}

/// Listens, serves, and stops in good order at SIGTERM or SIGINT.
fn serve(config: Config) -> ExitCode {
    let listener = match std::net::TcpListener::bind(config.listen) {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("listen: {}: {error}", config.listen), 1),
    };
    let served = actix_web::rt::System::new().block_on(run(config, listener, welcome, stop_signal()));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn welcome(welcome: Welcome) {
    let origin = format!("http://{}", welcome.address);
    println!("Mayfly serves {origin}");
    if let Some(token) = welcome.claim_token {
        println!("Nobody has claimed this install yet: open {origin}/#token={token}");
        println!("Claim token: {token}");
    }
    if welcome.demo {
        println!("A site to click on, measured by the real tracker: {origin}/demo");
    }
}

/// Resolves at the first SIGTERM or SIGINT.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}

fn print(text: &str) -> ExitCode {
    // A reader that went away (`| head`) is no failure of ours.
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&error, 1),
        _ => ExitCode::SUCCESS,
    }
}

/// Tells a person who waits at a terminal how far a job is.
fn say(words: &str) {
    if io::stderr().is_terminal() {
        eprintln!("{words} ...");
    }
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("mayfly: {error}");
    ExitCode::from(code)
}

/// Starts logging to standard error.
fn start_log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log_level);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Asks at the terminal, or takes the first line of standard input.
fn read_password() -> io::Result<String> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password("Password: ");
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
