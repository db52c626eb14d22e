//! A SHA-256 hash as words, to be read over a telephone.
//!
//! The words are those of BIP-39 in English: 2048 words, no two with the same first four letters.
//! 256 bits and a checksum of 8 bits make 24 words. The checksum detects a misheard word even if
//! only one side looks. Nothing here is secret, unlike the word lists of wallets, which encode
//! random bits in the same way.

use std::fmt;

use bip39::{Language, Mnemonic};

/// The number of words for one hash.
const WORDS: usize = 24;

/// The 24 words that encode a fingerprint, in the order in which they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Mnemonic);

impl Words {
    pub(crate) fn encode(hash: &[u8; 32]) -> Self {
        let words = Mnemonic::from_entropy_in(Language::English, hash);
        Self(words.expect("256 bits are 24 words"))
    }

    /// Iterates over the words in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.words()
    }

    pub(crate) fn decode(&self) -> [u8; 32] {
        let (entropy, _) = self.0.to_entropy_array();
        *entropy.first_chunk().expect("24 words are 256 bits")
    }

    /// Reads words in any case, with any white space between them. Returns `None` unless there are
    /// 24 words of the list and their checksum is right.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let plain = text.to_lowercase();
        let words = Mnemonic::parse_in_normalized(Language::English, &plain).ok()?;
        (words.word_count() == WORDS).then_some(Self(words))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of BIP-39 (trezor/python-mnemonic, `vectors.json`).
    const VECTORS: [(&str, &str); 2] = [
        (
            "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
            "legal winner thank year wave sausage worth useful legal winner thank year wave sausage \
             worth useful legal winner thank year wave sausage worth title",
        ),
        (
            "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c",
            "hamster diagram private dutch cause delay private meat slide toddler razor book happy \
             fancy gospel tennis maple dilemma loan word shrug inflict delay length",
        ),
    ];

    #[test]
    fn words_are_those_of_the_standard_and_lead_back() {
        for (hex, words) in VECTORS {
            let hash =
                std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
            assert_eq!(Words::encode(&hash).to_string(), words);
            let shouted = words.to_uppercase().replace(' ', "\n  ");
            assert_eq!(Words::read(&shouted).unwrap().decode(), hash);
        }
    }

    #[test]
    fn a_word_misheard_is_noticed() {
        let (_, words) = VECTORS[0];
        let too_few: Vec<&str> = words.split(' ').take(12).collect();
        for wrong in [
            words.replacen("winner", "winter", 1),
            words.replacen("winner", "wxyz", 1),
            words.replacen("legal winner", "winner legal", 1),
            too_few.join(" "),
            String::new(),
        ] {
            assert_eq!(Words::read(&wrong), None, "{wrong}");
        }
    }
}
