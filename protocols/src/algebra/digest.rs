//! Parts of a hash of 32 bytes. Its length is in the type, so that no part can be missing.

/// Returns both halves.
#[must_use]
pub(crate) fn halves(hash: &[u8; 32]) -> [[u8; 16]; 2] {
    bytemuck::cast(*hash)
}

/// Returns the first 128 bits as a number.
#[must_use]
pub(crate) fn first_block(hash: &[u8; 32]) -> u128 {
    let [first, _] = halves(hash);
    u128::from_le_bytes(first)
}

/// Returns the first 64 bits as a number.
#[must_use]
pub(crate) fn first_word(hash: &[u8; 32]) -> u64 {
    let [first, ..]: [[u8; 8]; 4] = bytemuck::cast(*hash);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_bytes_from_the_front_on() {
        let hash: [u8; 32] = std::array::from_fn(|index| u8::try_from(index + 1).unwrap());
        assert_eq!(halves(&hash).concat(), hash);
        assert_eq!(first_block(&hash).to_le_bytes(), hash[..16]);
        assert_eq!(first_word(&hash).to_le_bytes(), hash[..8]);
    }
}
