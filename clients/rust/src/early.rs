//! Answers that come before a request was sent in full.
//!
//! A node that takes no body of that length says so at its head, and hangs up. The HTTP client is
//! still sending then, and hears only that it cannot. So the head alone is sent once more, and the
//! answer is read.

use std::sync::Arc;
use std::time::Duration;

use awc::http::{Method, StatusCode, Uri};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::node_client::Connection;

/// The longest time for the answer. A node that would take the body waits for it.
const WITHIN: Duration = Duration::from_secs(5);

/// The longest answer.
const LONGEST: u64 = 64 << 10;

/// An answer to the head of a request.
pub(crate) struct Early {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// Sends the head of a request whose body has that length, and returns the refusal that it gets.
pub(crate) async fn refusal(
    connection: &Connection,
    method: &Method,
    path: &str,
    length: usize,
) -> Option<Early> {
    tokio::time::timeout(WITHIN, asked(connection, method, path, length)).await.ok().flatten()
}

async fn asked(
    connection: &Connection,
    method: &Method,
    path: &str,
    length: usize,
) -> Option<Early> {
    let url: Uri = format!("{}{path}", connection.api.trim_end_matches('/')).parse().ok()?;
    let (host, target) = (url.authority()?, url.path_and_query()?);
    let name = host.host().trim_matches(['[', ']']);
    let usual = if connection.tls.is_some() { 443 } else { 80 };
    let stream = TcpStream::connect((name, host.port_u16().unwrap_or(usual))).await.ok()?;
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n"
    );
    if let Some(token) = &connection.token {
        head.push_str(&format!("authorization: Bearer {}\r\n", token.as_str()));
    }
    head.push_str("\r\n");
    let head = zeroize::Zeroizing::new(head);
    match &connection.tls {
        None => answer(stream, head.as_bytes()).await,
        Some(tls) => {
            let name = ServerName::try_from(name.to_owned()).ok()?;
            let connector = TlsConnector::from(Arc::clone(tls));
            answer(connector.connect(name, stream).await.ok()?, head.as_bytes()).await
        }
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &[u8]) -> Option<Early> {
    stream.write_all(head).await.ok()?;
    stream.flush().await.ok()?;
    let mut received = Vec::new();
    let mut stream = stream.take(LONGEST);
    loop {
        let count = stream.read_buf(&mut received).await.unwrap_or_default();
        if let Some(early) = parsed(&received, count == 0) {
            return Some(early).filter(|early| !early.status.is_success());
        }
        if count == 0 {
            return None;
        }
    }
}

/// Parses an answer once it is there in full.
fn parsed(received: &[u8], is_over: bool) -> Option<Early> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let (head, rest) = received.split_at_checked(end)?;
    let body = rest.get(4..)?;
    let head = std::str::from_utf8(head).ok()?;
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let is_whole = length.map_or(is_over, |length| body.len() >= length);
    let status = StatusCode::from_u16(status).ok()?;
    is_whole.then(|| Early { status, body: body.to_vec() })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use serde_json::json;

    use super::*;
    use crate::error::CallError;
    use crate::node_client::NodeClient;

    /// Answers each connection when its head is there, and hangs up.
    fn refusing(connections: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for _ in 0..connections {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    assert_eq!(stream.read(&mut byte).unwrap(), 1);
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                assert!(head.contains("authorization: bearer word"), "{head}");
                let body =
                    r#"{"code":"body_too_large","message":"the body is longer than 9 bytes"}"#;
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        api
    }

    #[actix_rt::test]
    async fn a_refusal_that_comes_amid_the_body_is_read() {
        // A second connection comes where the first answer was lost. Its thread ends with the program.
        let api = refusing(2);
        let token = Some(zeroize::Zeroizing::new("word".to_owned()));
        let client =
            NodeClient::new(&Connection { api, tls: None, token }, Duration::from_secs(60));
        let large = json!("x".repeat(64 << 20));
        let error = client.upload(&large).await.unwrap_err();
        let CallError::Refused(refusal) = &error else { panic!("{error}") };
        assert_eq!((refusal.status, refusal.error.code.as_str()), (413, "body_too_large"));
    }

    #[test]
    fn an_answer_is_parsed_when_it_is_there_in_full() {
        let whole = b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 3\r\n\r\nno!";
        for end in 0..whole.len() {
            assert!(parsed(&whole[..end], false).is_none());
        }
        let early = parsed(whole, false).unwrap();
        assert_eq!((early.status.as_u16(), early.body.as_slice()), (413, &b"no!"[..]));
        assert!(parsed(b"HTTP/1.1 503 Busy\r\n\r\nlater", true).is_some());
        assert!(parsed(b"what\r\n\r\n", true).is_none());
    }
}
