//! Servers that answer otherwise than servers do: the error is the dataset's, and no memory is
//! taken for what they only announce.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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
