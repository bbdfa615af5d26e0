//! A request as a curl command that sends the same.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::answer::Sent;
use crate::step::{Request, Token};

/// The command's arguments, quoted for bash; an option and its value are one piece. A variable stands for a token, which
/// would fill three lines.
pub(crate) fn command(request: &Request, gateway: SocketAddr) -> Vec<String> {
    let mut pieces = vec!["curl".to_owned()];
    // Data makes it POST.
    if !matches!((request.method, request.body), ("GET", None) | ("POST", Some(_))) {
        pieces.push(format!("-X {}", request.method));
    }
    // curl resolves dot segments unless told otherwise.
    if request.path.split(['/', '?']).any(|segment| matches!(segment, "." | "..")) {
        pieces.push("--path-as-is".to_owned());
    }
    pieces.extend(request.from.map(|address| format!("--interface {address}")));
    let agents: Vec<&[u8]> =
        request.headers.iter().filter(|header| header.0 == "user-agent").map(|(_, v)| *v).collect();
    let by_option = match agents.as_slice() {
        [] => Some(&b""[..]),
        [only] if !only.is_empty() => Some(*only),
        _ => None,
    };
    pieces.extend(by_option.map(|agent| format!("-A {}", quote(agent))));
    for (name, value) in request.headers {
        match (*name, value.is_empty()) {
            ("user-agent", _) if by_option.is_some() => {}
            (_, true) => pieces.push(format!("-H '{name};'")),
            (_, false) => pieces.push(format!("-H {}", quote(&[name.as_bytes(), b": ", value].concat()))),
        }
    }
    pieces.extend(request.token.map(|token| format!("-H \"authorization: Bearer ${}\"", token.name)));
    pieces.extend(request.body.map(|body| format!("--data-raw {}", quote(body.as_bytes()))));
    pieces.push(quote(format!("http://{gateway}{}", request.path).as_bytes()));
    pieces
}

/// The command on one line, with the token that it needs before it.
pub(crate) fn alone(sent: &Sent, gateway: SocketAddr) -> String {
    let command = command(sent.request, gateway).join(" ");
    match (sent.request.token, &sent.token) {
        (Some(token), Some(text)) => format!("{}; {command}", assignment(token, text)),
        _ => command,
    }
}

/// Sets the variable that stands for a token. No character of a token means anything to a shell.
pub(crate) fn assignment(token: &Token, text: &str) -> String {
    format!("{}={text}", token.name)
}

fn quote(word: &[u8]) -> String {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:=@%+,-".contains(byte);
    if !word.is_empty() && word.iter().all(harmless) {
        return word.escape_ascii().to_string();
    }
    if word.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\'') {
        return format!("'{}'", String::from_utf8_lossy(word));
    }
    let mut quoted = "$'".to_owned();
    for byte in word {
        match byte {
            b'\'' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            // Writing to a String cannot fail. Three octal digits, because \x would take what follows for its own.
            _ => _ = write!(quoted, "\\{byte:03o}"),
        }
    }
    quoted + "'"
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::process::Command;

    use super::*;
    use crate::{answer, tour};

    /// The lines of the next request that comes, its body among them, their order and the case of names aside.
    async fn next_request(listener: &TcpListener) -> Vec<Vec<u8>> {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let text = String::from_utf8_lossy(&head).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        head.extend(body);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let lines = head.split(|byte| *byte == b'\n').map(|line| {
            let name = line.iter().position(|byte| *byte == b':').unwrap_or(0);
            let (name, value) = line.split_at(name);
            [&name.to_ascii_lowercase(), value.trim_ascii_end()].concat()
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines
    }

    #[tokio::test]
    async fn sends_the_same() {
        if Command::new("curl").arg("--version").stdout(Stdio::null()).status().await.is_err() {
            eprintln!("no curl here: not tested");
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = listener.local_addr().unwrap();
        for step in tour::groups().iter().flat_map(|group| group.steps) {
            let request = Sent::new(&step.request);
            let (expected, sent) = tokio::join!(next_request(&listener), answer::send(&request, gateway));
            sent.unwrap();
            let line = alone(&request, gateway);
            let mut bash = Command::new("bash");
            let curl = bash.args(["-c", &format!("{line} --silent --max-time 10")]).status();
            let (found, status) = tokio::join!(next_request(&listener), curl);
            assert!(status.unwrap().success(), "{line}");
            let text = |lines: &[Vec<u8>]| lines.join(&b'\n').escape_ascii().to_string();
            assert_eq!(text(&found), text(&expected), "{line}");
        }
    }

    #[test]
    fn quotes_for_bash() {
        for (word, quoted) in
            [("a/b", "a/b"), ("", "''"), ("a b", "'a b'"), ("it's\n1", r"$'it\'s\0121'"), ("a;b", "'a;b'")]
        {
            assert_eq!(quote(word.as_bytes()), quoted);
        }
    }
}
