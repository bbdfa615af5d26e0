//! Dates, times and durations (RFC 3339).

use super::scan::Scanner;

pub(super) fn is_date(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    date(&mut scanner).is_some() && scanner.is_done()
}

pub(super) fn is_time(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    time(&mut scanner).is_some() && scanner.is_done()
}

pub(super) fn is_date_time(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    let mut read = || {
        date(&mut scanner)?;
        scanner.next().filter(|byte| matches!(byte, b'T' | b't'))?;
        time(&mut scanner)
    };
    read().is_some() && scanner.is_done()
}

fn date(scanner: &mut Scanner<'_>) -> Option<()> {
    let (century, year) = (scanner.two_digits()?, scanner.two_digits()?);
    scanner.eat(b'-')?;
    let month = scanner.two_digits()?;
    scanner.eat(b'-')?;
    let day = scanner.two_digits()?;
    let is_leap = if year == 0 { century % 4 == 0 } else { year % 4 == 0 };
    let days = match month {
        2 => 28_u32.wrapping_add(is_leap.into()),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(())
}

/// In minutes.
const DAY: u32 = 24 * 60;

fn time(scanner: &mut Scanner<'_>) -> Option<()> {
    let (hour, minute) = hours(scanner)?;
    scanner.eat(b':')?;
    let second = scanner.two_digits().filter(|second| *second <= 60)?;
    if scanner.peek() == Some(b'.') {
        scanner.next();
        if scanner.skip(|byte| byte.is_ascii_digit()) == 0 {
            return None;
        }
    }
    let sign = scanner.next()?;
    let (offset_hour, offset_minute) = match sign {
        b'Z' | b'z' => (0, 0),
        b'+' | b'-' => hours(scanner)?,
        _ => return None,
    };
    if second < 60 {
        return Some(());
    }
    // Leap seconds are the last of a day in UTC. All of this is below two days.
    let minutes = |hour: u32, minute: u32| hour.wrapping_mul(60).wrapping_add(minute);
    let (local, offset) = (minutes(hour, minute), minutes(offset_hour, offset_minute));
    let utc = if sign == b'-' { local.wrapping_add(offset) } else { local.wrapping_add(DAY).wrapping_sub(offset) };
    (utc % DAY == minutes(23, 59)).then_some(())
}

fn hours(scanner: &mut Scanner<'_>) -> Option<(u32, u32)> {
    let hour = scanner.two_digits().filter(|hour| *hour < 24)?;
    scanner.eat(b':')?;
    let minute = scanner.two_digits().filter(|minute| *minute < 60)?;
    Some((hour, minute))
}

pub(super) fn is_duration(text: &str) -> bool {
    duration(text).is_some()
}

fn duration(text: &str) -> Option<()> {
    let dates = text.strip_prefix('P')?;
    if dates.ends_with('W') {
        return units(dates, "W");
    }
    match dates.split_once('T') {
        None => units(dates, "YMD"),
        Some(("", times)) => units(times, "HMS"),
        Some((dates, times)) => units(dates, "YMD").and_then(|()| units(times, "HMS")),
    }
}

/// Reads numbers with their units: some of these, from one to another with none left out.
fn units(text: &str, units: &str) -> Option<()> {
    let mut scanner = Scanner::new(text);
    let mut left = Scanner::new(units);
    let mut is_first = true;
    while is_first || !scanner.is_done() {
        if scanner.skip(|byte| byte.is_ascii_digit()) == 0 {
            return None;
        }
        let unit = scanner.next()?;
        if is_first {
            left.skip(|other| other != unit);
        }
        left.eat(unit)?;
        is_first = false;
    }
    Some(())
}
