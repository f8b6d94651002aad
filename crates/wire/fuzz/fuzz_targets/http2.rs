//! No bytes of a client of HTTP/2 break anything, and a head that comes of them is one head: it ends
//! where its text ends, so that nothing in it can be taken for another request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricorn_http2::{Connection, Event, Limits, Received, Stream, PREFACE};
use tricorn_wire::head::{find_end, parse, Slots};

const LIMITS: Limits =
    Limits { streams: 8, head: 65536, stream_window: 65536, window: 524_288, connect: true };

fuzz_target!(|input: &[u8]| {
    let Some((&control, bytes)) = input.split_first() else { return };
    let mut connection = Connection::new(&LIMITS);
    connection.receive(PREFACE, 1);
    let step = [usize::MAX, 1, 9, 33][usize::from(control % 4)];
    let mut streams = Vec::new();
    for piece in bytes.chunks(step) {
        if !takes(&mut connection, piece, &mut streams) {
            return;
        }
        if control & 4 != 0 {
            streams.iter_mut().for_each(serve);
        }
    }
    if control & 8 != 0 {
        connection.shut_down();
    }
    streams.iter_mut().for_each(serve);
    drop(streams);
    connection.receive_end();
    goes_on(&mut connection, &mut Vec::new());
});

/// Gives it what has come, turn by turn; false if the connection is over.
fn takes(connection: &mut Connection, bytes: &[u8], streams: &mut Vec<Stream>) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (first, later) = rest.split_at(connection.turn(rest));
        assert!(!first.is_empty(), "a turn that takes nothing never ends");
        connection.receive(first, 1);
        if !goes_on(connection, streams) {
            return false;
        }
        rest = later;
    }
    true
}

/// Polls until nothing more comes; false if the connection is over.
fn goes_on(connection: &mut Connection, streams: &mut Vec<Stream>) -> bool {
    let mut out = Vec::new();
    loop {
        match connection.poll() {
            Event::Idle => break,
            Event::Over => return false,
            Event::Request { head, mut stream } => {
                check(&head);
                stream.set_key(streams.len());
                streams.push(stream);
            }
        }
    }
    connection.take_output(&mut out);
    for key in connection.woken() {
        if let Some(stream) = streams.get_mut(key) {
            stream.is_gone();
        }
    }
    connection.take_priorities();
    true
}

fn check(head: &[u8]) {
    let limits = tricorn_wire::limits::Limits::default();
    if let Ok(end) = find_end(head, &mut 0, &limits) {
        assert_eq!(end, Some(head.len()), "{:?}", String::from_utf8_lossy(head));
        let _ = parse(head, &mut Slots::new(), &limits);
    }
}

/// Reads what there is of a body, and answers.
fn serve(stream: &mut Stream) {
    let mut buf = [0; 512];
    while let Received::Bytes(_) = stream.receive(&mut buf) {}
    stream.take_trailers();
    if !stream.has_responded() && stream.respond(b"HTTP/1.1 200 OK\r\na: b\r\n\r\n", false).is_ok()
    {
        if let Some(room @ 1..) = stream.room(1000) {
            let _ = stream.send(vec![b'x'; room], false);
        }
    }
    stream.is_gone();
}
