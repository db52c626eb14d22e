//! The frames of an Arrow IPC stream, checked before a decoder trusts them.
//!
//! The decoder panics where a buffer is said to lie outside of its message, and takes a column of
//! nulls at its word for how long it is. What a client sends is looked at here first: every
//! message is whole, every buffer lies in its message, every length is one.

use ::arrow::ipc::{Message, MessageHeader, RecordBatch, root_as_message};

/// Before the length of a message, in streams written since 2019.
const CONTINUATION: u32 = u32::MAX;

/// Whether the stream can be decoded; `rows` bounds those of a batch or dictionary.
pub(crate) fn are_sound(stream: &[u8], rows: usize) -> bool {
    let mut rest = stream;
    while !rest.is_empty() {
        match frame(&mut rest, rows) {
            Some(true) => {}
            Some(false) => return rest.is_empty(),
            None => return false,
        }
    }
    true
}

/// Takes one message off the stream. `Some(false)` at the stream's end, `None` if it is not sound.
fn frame(rest: &mut &[u8], rows: usize) -> Option<bool> {
    let mut length = word(rest)?;
    if length == CONTINUATION {
        length = word(rest)?;
    }
    if length == 0 {
        return Some(false);
    }
    let message = root_as_message(take(rest, usize::try_from(length).ok()?)?).ok()?;
    let body = usize::try_from(message.bodyLength()).ok()?;
    take(rest, body)?;
    let sound = match message.header_type() {
        MessageHeader::Schema => true,
        MessageHeader::RecordBatch | MessageHeader::DictionaryBatch => {
            is_sound(batch(&message)?, body, rows)
        }
        _ => false,
    };
    sound.then_some(true)
}

fn batch<'a>(message: &Message<'a>) -> Option<RecordBatch<'a>> {
    message
        .header_as_record_batch()
        .or_else(|| message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()))
}

fn is_sound(batch: RecordBatch<'_>, body: usize, rows: usize) -> bool {
    let within = |length: i64| usize::try_from(length).is_ok_and(|length| length <= rows);
    let nodes = batch.nodes().into_iter().flatten();
    let nodes_sound = nodes
        .into_iter()
        .all(|node| within(node.length()) && (0..=node.length()).contains(&node.null_count()));
    let buffers = batch.buffers().into_iter().flatten();
    let buffers_sound = buffers.into_iter().all(|buffer| {
        let (Ok(offset), Ok(length)) =
            (usize::try_from(buffer.offset()), usize::try_from(buffer.length()))
        else {
            return false;
        };
        offset.checked_add(length).is_some_and(|end| end <= body)
    });
    within(batch.length()) && nodes_sound && buffers_sound && batch.compression().is_none()
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    let bytes = take(rest, 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ::arrow::array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, StringArray};
    use ::arrow::datatypes::Int32Type;
    use ::arrow::ipc::writer::StreamWriter;

    use crate::parse_arrow_stream;

    /// Numbers, texts, and texts by a dictionary, with missing ones.
    fn stream() -> Vec<u8> {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(2.0)]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("bc"), None]));
        let levels: DictionaryArray<Int32Type> = vec!["f", "m", "f"].into_iter().collect();
        let columns = [("x", numbers), ("t", texts), ("sex", Arc::new(levels) as ArrayRef)];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        bytes
    }

    #[test]
    fn a_stream_is_read_whole() {
        let (columns, batch) = parse_arrow_stream(&stream()).unwrap();
        assert_eq!((columns.len(), batch.rows), (3, 3));
    }

    #[test]
    fn no_altered_stream_panics() {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).unwrap();
        let mut state = u64::from_le_bytes(seed);
        println!("seed {state}");
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap()
        };
        let whole = stream();
        for at in 0..whole.len() {
            // Cut anywhere, each byte changed, and several at once.
            let _ = parse_arrow_stream(&whole[..at]);
            for value in [0, 1, 0x7f, 0x80, 0xff, whole[at] ^ 4] {
                let mut altered = whole.clone();
                altered[at] = value;
                let _ = parse_arrow_stream(&altered);
            }
        }
        for _ in 0..20_000 {
            let mut altered = whole.clone();
            for _ in 0..1 + random() % 4 {
                let at = random() % altered.len();
                altered[at] = u8::try_from(random() % 256).unwrap();
            }
            let _ = parse_arrow_stream(&altered);
        }
    }
}
