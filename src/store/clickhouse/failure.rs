//! What ClickHouse's errors mean: whether something was written, and whether another try can help.

use clickhouse::error::Error;

use crate::store::StoreError;

/// What a failed request leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It did nothing, and may do it soon.
    Busy,
    /// It may have done it.
    Lost,
    /// It did nothing, and will not before somebody mends something.
    Away,
    /// It will never take this.
    Refused,
}

/// Too much at once, in the server: it lists these in `system.errors`.
const BUSY: [(u32, &str); 7] = [
    (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
    (241, "MEMORY_LIMIT_EXCEEDED"),
    (252, "TOO_MANY_PARTS"),
    (285, "TOO_FEW_LIVE_REPLICAS"),
    (286, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE"),
    (289, "REPLICA_IS_NOT_IN_QUORUM"),
    (439, "CANNOT_SCHEDULE_TASK"),
];

/// It began, and nobody can say how far it came.
const LOST: [(u32, &str); 8] = [
    (TIMEOUT_EXCEEDED, "TIMEOUT_EXCEEDED"),
    (209, "SOCKET_TIMEOUT"),
    (210, "NETWORK_ERROR"),
    (236, "ABORTED"),
    (319, "UNKNOWN_STATUS_OF_INSERT"),
    (394, "QUERY_WAS_CANCELLED"),
    (735, "QUERY_WAS_CANCELLED_BY_CLIENT"),
    (999, "KEEPER_EXCEPTION"),
];

/// About what was sent: values that no column takes, and questions beyond what one may read.
const REFUSED: [(u32, &str); 10] = [
    (69, "ARGUMENT_OUT_OF_BOUND"),
    (70, "CANNOT_CONVERT_TYPE"),
    (117, "INCORRECT_DATA"),
    (131, "TOO_LARGE_STRING_SIZE"),
    (158, "TOO_MANY_ROWS"),
    (307, "TOO_MANY_BYTES"),
    (349, "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN"),
    (396, "TOO_MANY_ROWS_OR_BYTES"),
    (407, "DECIMAL_OVERFLOW"),
    (469, "VIOLATED_CONSTRAINT"),
];

const TIMEOUT_EXCEEDED: u32 = 159;

/// Longest text of an error that is repeated, in characters.
const WORDS_MAX: usize = 400;

/// The error's number in ClickHouse, where the server gave one.
pub(super) fn number(error: &Error) -> Option<u32> {
    let Error::BadResponse(text) = error else { return None };
    let digits = text.split_once("Code: ")?.1;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

pub(super) fn class(error: &Error) -> Class {
    match number(error) {
        Some(number) if is_in(&BUSY, number) => Class::Busy,
        Some(number) if is_in(&REFUSED, number) => Class::Refused,
        Some(number) if !is_in(&LOST, number) => Class::Away,
        _ if matches!(error, Error::InvalidParams(_) | Error::Unsupported(_)) => Class::Away,
        _ => Class::Lost,
    }
}

fn is_in(errors: &[(u32, &str)], number: u32) -> bool {
    errors.iter().any(|&(one, _)| one == number)
}

/// Whether the time was up: the same question would take it again.
pub(super) fn is_slow(error: &Error) -> bool {
    matches!(error, Error::TimedOut) || number(error) == Some(TIMEOUT_EXCEEDED)
}

/// Of a question, which writes nothing.
pub(super) fn unanswered(error: &Error) -> StoreError {
    match class(error) {
        Class::Refused => StoreError::Refused(words(error)),
        Class::Busy | Class::Lost | Class::Away => StoreError::Unavailable(words(error)),
    }
}

/// Of a write.
pub(super) fn unwritten(error: &Error) -> StoreError {
    match class(error) {
        // Its name only: the rest may quote a row.
        Class::Refused => {
            StoreError::Refused(format!("ClickHouse does not take a value of it{}", name(error)))
        }
        Class::Lost => StoreError::Unknown(words(error)),
        Class::Busy | Class::Away => StoreError::Unavailable(words(error)),
    }
}

/// ` (VIOLATED_CONSTRAINT)`, as it stands near the end of the server's words.
fn name(error: &Error) -> String {
    let text = error.to_string();
    let named =
        |part: &&str| part.len() > 3 && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    text.rsplit(['(', ')']).find(named).map(|name| format!(" ({name})")).unwrap_or_default()
}

/// The error and what caused it, in one line of bounded length.
fn words(error: &Error) -> String {
    let mut text = match error {
        Error::BadResponse(text) => text.clone(),
        error => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        let more = one.to_string();
        if !text.contains(&more) {
            text += &format!(": {more}");
        }
        cause = one.source();
    }
    let line = text.lines().next().unwrap_or_default();
    format!("ClickHouse: {}", line.chars().take(WORDS_MAX).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{super::engine, *};

    fn answered(text: &str) -> Error {
        Error::BadResponse(text.to_owned())
    }

    #[test]
    fn errors_are_told_apart_by_what_they_leave() {
        #[track_caller]
        fn check(error: Error, expected: Class) {
            assert_eq!(class(&error), expected, "{error}");
        }
        check(answered("Code: 252. DB::Exception: Too many parts (TOO_MANY_PARTS)"), Class::Busy);
        check(answered("Code: 159. DB::Exception: Timeout exceeded (TIMEOUT_EXCEEDED)"), Class::Lost);
        check(answered("Code: 516. DB::Exception: wrong (AUTHENTICATION_FAILED)"), Class::Away);
        check(answered("Code: 60. DB::Exception: no table (UNKNOWN_TABLE)"), Class::Away);
        check(answered("Code: 469. DB::Exception: Constraint (VIOLATED_CONSTRAINT)"), Class::Refused);
        check(answered("502 Bad Gateway"), Class::Lost);
        check(Error::TimedOut, Class::Lost);
    }

    #[test]
    fn the_numbers_of_errors_are_those_of_the_engine() {
        for &(number, name) in BUSY.iter().chain(&LOST).chain(&REFUSED) {
            let sql = format!("SELECT errorCodeToName(toUInt32({number}))");
            assert_eq!(engine::shared().sql("default", &sql).trim(), name, "{number}");
        }
    }

    #[test]
    fn a_refusal_quotes_no_row_and_words_are_bounded() {
        let error = answered(
            "Code: 469. DB::Exception: at row 1: page = 'a/b'. (VIOLATED_CONSTRAINT) (version 26.9)",
        );
        let text = unwritten(&error).to_string();
        assert!(text.ends_with("(VIOLATED_CONSTRAINT)") && !text.contains("a/b"), "{text}");
        let long = answered(&format!("Code: 60. {}\nmore", "x".repeat(10_000)));
        assert!(unanswered(&long).to_string().len() < WORDS_MAX + 80);
    }
}
