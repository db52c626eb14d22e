//! The frames of an Arrow IPC stream, checked before a decoder trusts them.
//!
//! The decoder panics if a buffer is declared outside of its message, and it trusts the declared
//! length of a column of nulls. So a client's stream is checked here first: every message is whole,
//! every buffer lies in its message, and every length is within bounds.

use ::arrow_ipc::{Message, MessageHeader, RecordBatch, root_as_message};

/// The marker before the length of a message, in streams written since 2019.
const CONTINUATION: u32 = u32::MAX;

/// Returns `true` if the stream can be decoded. `rows` bounds the rows of a batch or dictionary.
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

/// Takes one message off the stream. Returns `Some(false)` at the stream's end, and `None` if the
/// message is not sound.
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
    for node in batch.nodes().into_iter().flatten() {
        let nulls = 0..=node.length();
        if !is_at_most(node.length(), rows) || !nulls.contains(&node.null_count()) {
            return false;
        }
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let end = buffer.offset().checked_add(buffer.length());
        let in_body = end.is_some_and(|end| is_at_most(end, body));
        if buffer.offset() < 0 || buffer.length() < 0 || !in_body {
            return false;
        }
    }
    is_at_most(batch.length(), rows) && batch.compression().is_none()
}

/// Returns `true` if a declared length is not negative and within the bound.
fn is_at_most(length: i64, bound: usize) -> bool {
    usize::try_from(length).is_ok_and(|length| length <= bound)
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

    use ::arrow_array::types::Int32Type;
    use ::arrow_array::{Array, ArrayRef, DictionaryArray, Float64Array, RecordBatch, StringArray};
    use ::arrow_ipc::writer::StreamWriter;

    use crate::pushed::parse_arrow_stream;
    use crate::values::Values;

    /// Encodes numbers, texts, and texts by a dictionary, with missing values.
    fn stream() -> Vec<u8> {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(2.0)]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("bc"), None]));
        let levels: DictionaryArray<Int32Type> = vec!["f", "m", "f"].into_iter().collect();
        encoded(vec![("x", numbers), ("t", texts), ("sex", Arc::new(levels))])
    }

    fn encoded(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
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
    fn a_dictionary_may_have_no_values() {
        for rows in [0, 3] {
            let levels: DictionaryArray<Int32Type> = vec![None::<&str>; rows].into_iter().collect();
            assert!(levels.values().is_empty());
            let (columns, batch) = parse_arrow_stream(&encoded(vec![("sex", Arc::new(levels))]))
                .unwrap_or_else(|error| panic!("{rows}: {error}"));
            assert_eq!((columns.len(), batch.rows), (1, rows));
            assert_eq!(batch.columns, [Values::Texts(vec![None; rows])]);
        }
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
