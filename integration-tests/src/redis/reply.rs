//! What Redis answers (RESP, version 2).

use std::io;

use bytes::{Buf, BytesMut};

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisReply {
    /// A number.
    Integer(i64),
    /// A text, such as a value or `OK`.
    Text(String),
    /// Nothing is there.
    Nil,
    /// Several.
    List(Vec<RedisReply>),
    /// The command was refused, and why.
    Error(String),
}

impl RedisReply {
    pub(super) fn error(&self) -> Option<&str> {
        if let Self::Error(why) = self { Some(why) } else { None }
    }
}

/// Takes the first answer out of `buffer`; `None` when it has not come in whole.
pub(super) fn parse(buffer: &mut BytesMut) -> io::Result<Option<RedisReply>> {
    let mut rest = &buffer[..];
    let Some(reply) = reply(&mut rest)? else { return Ok(None) };
    buffer.advance(buffer.len() - rest.len());
    Ok(Some(reply))
}

fn reply(rest: &mut &[u8]) -> io::Result<Option<RedisReply>> {
    let Some(line) = line(rest) else { return Ok(None) };
    let text = String::from_utf8_lossy(line.get(1..).unwrap_or_default()).into_owned();
    let number = || text.parse::<i64>().map_err(io::Error::other);
    Ok(Some(match line.first() {
        Some(b'+') => RedisReply::Text(text),
        Some(b'-') => RedisReply::Error(text),
        Some(b':') => RedisReply::Integer(number()?),
        Some(b'$') => match usize::try_from(number()?) {
            Err(_) => RedisReply::Nil,
            Ok(length) => {
                let Some((value, after)) = rest.split_at_checked(length + 2) else { return Ok(None) };
                *rest = after;
                RedisReply::Text(String::from_utf8_lossy(&value[..length]).into_owned())
            }
        },
        Some(b'*') => {
            let mut list = Vec::new();
            for _ in 0..number()? {
                let Some(item) = reply(rest)? else { return Ok(None) };
                list.push(item);
            }
            RedisReply::List(list)
        }
        _ => return Err(io::Error::other("no answer of a Redis")),
    }))
}

/// A line without its end.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, after) = rest.split_at(end);
    *rest = &after[2..];
    Some(line)
}
