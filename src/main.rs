//! Arguments, tracing, exit code: the only place that prints or exits.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the only place that prints")]

use std::{
    io::{self, BufRead, IsTerminal, Write},
    panic,
    process::ExitCode,
    thread,
};

use clap::Parser;
use mayfly::{
    cli::{self, Cli, Surroundings, Task},
    clock,
    config::{Config, Environment, LogFormat},
    memory::{sealed::share_one_heap, wiping::Wiping},
    run::run,
    sabotage::{self, Sabotage},
    serve::Welcome,
    service::{self, Progress},
    simulate,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// What is freed is overwritten: much of it held an address or a user agent.
#[global_allocator]
static HEAP: Wiping = Wiping;

fn main() -> ExitCode {
    share_one_heap();
    if !sabotage::on(Sabotage::LoudPanics) {
        panic::set_hook(Box::new(tell_panic));
    }
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
        Task::PrintBreach(text) => {
            print(&text);
            ExitCode::FAILURE
        }
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
    let listener = match service::listener(config.listen) {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("listen: {}: {error}", config.listen), 1),
    };
    let served = actix_web::rt::System::new().block_on(async {
        // Before anything else: from here on no signal ends the process in the midst of its work.
        let (reload, stop) = signals().map_err(|error| format!("signals: {error}"))?;
        run(config, listener, welcome, reload, stop).await.map_err(|error| error.to_string())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn welcome(welcome: Welcome) {
    tell(Progress::Ready);
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

/// SIGHUPs, and what resolves at the first SIGTERM or SIGINT; further ones change nothing.
fn signals() -> io::Result<(mpsc::Receiver<()>, impl Future<Output = ()>)> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (asked, reload) = mpsc::channel(1);
    actix_web::rt::spawn(async move {
        while hangup.recv().await.is_some() {
            // One that waits already stands for this one too.
            let _ = asked.try_send(());
        }
    });
    let stop = async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tell(Progress::Stopping);
    };
    Ok((reload, stop))
}

fn tell(progress: Progress) {
    if let Err(error) = service::notify(progress) {
        tracing::warn!(%error, "the service manager could not be told");
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

/// Says where the program panicked, and not in which words: they may hold what a visitor sent.
fn tell_panic(panic: &panic::PanicHookInfo) {
    let (thread, place) = (thread::current(), panic.location().map(ToString::to_string).unwrap_or_default());
    eprintln!("mayfly: thread {} panicked at {place}", thread.name().unwrap_or("without a name"));
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
