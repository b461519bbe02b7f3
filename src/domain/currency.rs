//! Money in minor units: ISO 4217's codes and exponents, and decimal amounts read without floating point.

/// The codes in use of ISO 4217 (list one of 2026, without funds and metals).
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
    BZD CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD \
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP \
    LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN \
    PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS \
    TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW \
    ZWG";
const NO_MINOR_UNIT: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";
const FOUR_DIGITS: &str = "CLF UYW";

/// Largest amount, in minor units, of one event; larger ones are no revenue. Nine hundred thousand of these
/// fit into a counter.
pub const MINOR_UNITS_MAX: i64 = 10_000_000_000_000;

/// Decimal digits of a currency's minor unit (2 for EUR); `None` where ISO 4217 does not know the code.
pub fn exponent(code: &str) -> Option<u32> {
    let within = |list: &str| code.len() == 3 && list.split_ascii_whitespace().any(|one| one == code);
    match () {
        () if !within(CODES) => None,
        () if within(NO_MINOR_UNIT) => Some(0),
        () if within(THREE_DIGITS) => Some(3),
        () if within(FOUR_DIGITS) => Some(4),
        () => Some(2),
    }
}

/// Reads a decimal amount (`-12.345`, `1e3`) as minor units, half away from zero; `None` if it is no number or
/// larger than [`MINOR_UNITS_MAX`].
pub fn minor_units(amount: &str, exponent: u32) -> Option<i64> {
    let amount = amount.trim();
    let (negative, digits) = match amount.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, amount.strip_prefix('+').unwrap_or(amount)),
    };
    let (mantissa, power) = match digits.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    // Digits before the minor unit's end; the next one rounds.
    let kept = (whole.len() as i64) + i64::from(power) + i64::from(exponent);
    let mut units: i64 = 0;
    let mut digits = whole.bytes().chain(fraction.bytes()).map(|byte| i64::from(byte - b'0'));
    for _ in 0..kept.max(0) {
        let digit = digits.next();
        if digit.is_none() && units == 0 {
            break;
        }
        units = units * 10 + digit.unwrap_or(0);
        if units > MINOR_UNITS_MAX {
            return None;
        }
    }
    let rounds_up = kept >= 0 && digits.next().is_some_and(|digit| digit >= 5);
    units += i64::from(rounds_up);
    (units <= MINOR_UNITS_MAX).then_some(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(amount: &str, code: &str, expected: Option<i64>) {
        assert_eq!(
            exponent(code).and_then(|exponent| minor_units(amount, exponent)),
            expected,
            "{amount} {code}"
        );
    }

    #[test]
    fn amounts_become_minor_units() {
        check("19.99", "EUR", Some(1999));
        check("19.9", "USD", Some(1990));
        check("19", "GBP", Some(1900));
        check(".5", "USD", Some(50));
        check("5.", "USD", Some(500));
        check("0.005", "USD", Some(1));
        check("0.0049", "USD", Some(0));
        check("-0.005", "USD", Some(-1));
        check("-12.34", "USD", Some(-1234));
        check("+1", "USD", Some(100));
        check(" 1 ", "USD", Some(100));
        check("1234", "JPY", Some(1234));
        check("1234.5", "JPY", Some(1235));
        check("1.2345", "KWD", Some(1235));
        check("1.23456", "CLF", Some(12346));
        check("1e3", "USD", Some(100_000));
        check("12.5e-1", "USD", Some(125));
        check("5e-3", "USD", Some(1));
        check("5e-4", "USD", Some(0));
        check("0e2000000000", "USD", Some(0));
        check("100000000000", "USD", Some(MINOR_UNITS_MAX));
        check("100000000000.005", "USD", None);
        check("1e30", "USD", None);
        check("1e99999999999", "USD", None);
        check("0.1", "XXX", None);
        for bad in ["", ".", "-", "1,5", "0x10", "NaN", "inf", "1.2.3", "１", "1e", "--1"] {
            check(bad, "USD", None);
        }
    }

    proptest! {
        #[test]
        fn cents_survive(cents in -10_000_000_000_i64..10_000_000_000) {
            let sign = if cents < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100);
            prop_assert_eq!(minor_units(&text, 2), Some(cents));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}", digits in "[-+0-9.eE]{0,60}", exponent in 0_u32..5) {
            let _ = (minor_units(&text, exponent), minor_units(&digits, exponent));
        }
    }
}
