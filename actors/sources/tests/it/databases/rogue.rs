//! Servers that answer otherwise than servers do: the error is the dataset's, and no memory is
//! taken for what they only announce.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::*;

const LIMIT: usize = 1 << 20;

/// The bytes that sockets hold between two processes, at most.
const ON_THE_WAY: usize = 16 << 20;

fn bounded() -> Access {
    Access { message_bytes: LIMIT, timeout: Duration::from_secs(60), ..Access::default() }
}

/// Starts a server that serves one connection so, and returns its port.
fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || serve(listener.accept().unwrap().0)))
}

fn postgres(port: u16) -> Declaration {
    let url = format!("postgres://a:hunter2@127.0.0.1:{port}/d");
    declare(Source::Postgres { url, from: table("t") })
}

fn mysql(port: u16) -> Declaration {
    let url = format!("mysql://a:hunter2@127.0.0.1:{port}/d");
    declare(Source::Mysql { url, from: table("t") })
}

/// Refuses encryption, and reads the message that begins a session.
fn begin_postgres(stream: &mut TcpStream) {
    let mut request = [0; 8];
    stream.read_exact(&mut request).unwrap();
    stream.write_all(b"N").unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap() - 4;
    stream.read_exact(&mut vec![0; rest]).unwrap();
}

/// Sends a piece until the other side has hung up, and returns the number of bytes.
fn flood(stream: &mut TcpStream, piece: &[u8]) -> usize {
    let mut sent = 0;
    while stream.write_all(piece).is_ok() {
        sent += piece.len();
    }
    sent
}

/// Sends a packet of MySQL.
fn packet(stream: &mut TcpStream, number: u8, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    stream.write_all(&[&length[..3], &[number], payload].concat()).unwrap();
}

/// Reads a packet of MySQL.
fn received(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let length = usize::from(head[0]) + (usize::from(head[1]) << 8);
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    payload
}

/// Greets without encryption, and lets the user in.
fn log_in(stream: &mut TcpStream) {
    let capabilities: u32 = 0x0008_8208;
    let [low, high] = [capabilities & 0xffff, capabilities >> 16].map(|half| {
        let [first, second, ..] = half.to_le_bytes();
        [first, second]
    });
    let greeting = [
        &b"\x0a8.0.36\0\x01\0\0\0abcdefgh\0"[..],
        &low,
        b"\xff\x02\0",
        &high,
        b"\x15\0\0\0\0\0\0\0\0\0\0abcdefghijkl\0mysql_native_password\0",
    ];
    packet(stream, 0, &greeting.concat());
    received(stream);
    packet(stream, 2, b"\0\0\0\x02\0\0\0");
}

#[test]
fn a_number_of_columns_that_no_server_has_takes_no_memory() {
    for count in [
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xfe\0\0\0\0\0\x01\0\0",
        b"\xfe\0\0\0\0\x08\0\0\0",
    ] {
        let (port, serving) = server(move |mut stream| {
            log_in(&mut stream);
            assert_eq!(received(&mut stream)[0], 3);
            packet(&mut stream, 1, count);
            // The relay hangs up.
            let _ = stream.read(&mut [0]);
        });
        let error = refused(mysql(port), &bounded(), &["hunter2"]);
        assert!(error.to_string().contains("does not speak as such a server"), "{error}");
        serving.join().unwrap();
    }
}

#[test]
fn a_long_message_before_the_login_is_read_up_to_the_bound() {
    let message = b"R\x60\0\0\0";
    let status = b"S\0\0\0\x0cname\0ab\0";
    for (first, piece) in [(&message[..], vec![0; 1 << 16]), (b"", status.repeat(5000))] {
        let (port, serving) = server(move |mut stream| {
            begin_postgres(&mut stream);
            stream.write_all(first).unwrap();
            flood(&mut stream, &piece)
        });
        let error = refused(postgres(port), &bounded(), &["hunter2"]);
        assert!(error.to_string().contains("sent more than 1048576 bytes"), "{error}");
        assert!(error.to_string().contains("data.message_bytes"), "{error}");
        let sent = serving.join().unwrap();
        assert!(sent < LIMIT + ON_THE_WAY, "{sent}");
    }
}

#[test]
fn a_long_greeting_or_packet_is_read_up_to_the_bound() {
    let (port, serving) = server(|mut stream| {
        let _ = stream.write_all(b"\xff\xff\xff\0");
        flood(&mut stream, &[10; 1 << 16])
    });
    let error = refused(mysql(port), &bounded(), &["hunter2"]);
    assert!(error.to_string().contains("does not speak as such a server"), "{error}");
    assert!(serving.join().unwrap() < ON_THE_WAY);
    let (port, serving) = server(|mut stream| {
        log_in(&mut stream);
        received(&mut stream);
        // Full packets, one after the other, are one answer.
        let _ = stream.write_all(b"\xff\xff\xff\x01");
        flood(&mut stream, &[0; 1 << 16])
    });
    let error = refused(mysql(port), &bounded(), &["hunter2"]);
    assert!(error.to_string().contains("sent more than 1048576 bytes"), "{error}");
    assert!(serving.join().unwrap() < LIMIT + ON_THE_WAY);
}

/// A server's side of TLS over a stream.
type Encrypted = rustls::StreamOwned<rustls::ServerConnection, TcpStream>;

/// Agrees on encryption, and reads the message that begins a session.
fn begin_encrypted(mut stream: TcpStream) -> Encrypted {
    let mut request = [0; 8];
    stream.read_exact(&mut request).unwrap();
    stream.write_all(b"S").unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap() - 4;
    stream.read_exact(&mut vec![0; rest]).unwrap();
    stream
}

/// The most memory that this process has held so far, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Lets a client in: no password, a session's number and secret, ready.
const READY: &[u8] = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x07seedZ\0\0\0\x05I";

#[test]
fn a_length_that_is_only_announced_takes_no_memory() {
    let before = peak();
    for announced in [&b"\xff\xff\xff\xff"[..], b"\x7f\xff\xff\xff", b"\x40\0\0\0"] {
        for login in [&b""[..], READY] {
            let kind: &[u8] = if login.is_empty() { b"R" } else { b"D" };
            let said = [login, kind, announced].concat();
            let plain = said.clone();
            let (port, serving) = server(move |mut stream| {
                begin_postgres(&mut stream);
                let _ = stream.write_all(&plain);
                // The relay hangs up.
                let _ = stream.read(&mut [0]);
            });
            let error = refused(postgres(port), &bounded(), &["hunter2"]);
            assert!(matches!(error, SourceError::Unavailable(_)), "{error:?}");
            serving.join().unwrap();
            let (port, serving) = server(move |stream| {
                let mut stream = begin_encrypted(stream);
                let _ = stream.write_all(&said);
                let _ = stream.flush();
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
            });
            let url = format!("postgres://a:hunter2@127.0.0.1:{port}/d?sslmode=require");
            let source = Source::Postgres { url, from: table("t") };
            let error = refused(declare(source), &bounded(), &["hunter2"]);
            assert!(matches!(error, SourceError::Unavailable(_)), "{error:?}");
            serving.join().unwrap();
        }
    }
    // Other tests of this process take memory, too, and far less than what was announced.
    let grown = peak().saturating_sub(before);
    assert!(grown < 512 << 20, "{grown}");
}

#[test]
fn a_server_without_encryption_gets_no_password_where_it_is_required() {
    let (port, serving) = server(|mut stream| {
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        rest
    });
    let url = format!("postgres://a:hunter2@127.0.0.1:{port}/d?sslmode=require");
    let error =
        refused(declare(Source::Postgres { url, from: table("t") }), &bounded(), &["hunter2"]);
    assert!(error.to_string().contains("TLS failed"), "{error}");
    assert_eq!(serving.join().unwrap(), b"");
}

#[test]
fn a_message_of_no_length_is_an_error_of_the_dataset() {
    for message in [&b"R\0\0\0\0"[..], b"R\0\0\0\x03", b"R\0\0\0\x04", b"?\0\0\0\x08\0\0\0\0"] {
        let (port, serving) = server(move |mut stream| {
            begin_postgres(&mut stream);
            stream.write_all(message).unwrap();
            let _ = stream.write_all(&[0; 64]);
            let _ = stream.read(&mut [0]);
        });
        let error = refused(postgres(port), &bounded(), &["hunter2"]);
        assert!(matches!(error, SourceError::Unavailable(_)), "{error:?}");
        serving.join().unwrap();
    }
}

#[test]
fn what_is_no_database_is_said_to_be_none() {
    for of in [postgres, mysql] {
        let (port, serving) = server(|mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
        });
        let error = refused(of(port), &bounded(), &["hunter2"]).to_string();
        assert!(error.contains("address"), "{error}");
        serving.join().unwrap();
    }
}
