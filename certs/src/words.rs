//! A fingerprint as words, for a telephone.
//!
//! The words are those of BIP-39 in English: 2048 of them, of which no two begin with the same four
//! letters. 256 bits and a checksum of 8 make 24 words, so that a word misheard does not go unnoticed
//! even where only one side looks. Nothing here is secret: a list of words that opens a wallet is made
//! the same way, but of random bits.

use std::fmt;

use bip39::{Language, Mnemonic};

use crate::Fingerprint;

/// Words of a fingerprint.
pub const WORDS: usize = 24;

/// The 24 words that stand for a fingerprint, in the order in which they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Mnemonic);

impl Fingerprint {
    /// This fingerprint to read aloud.
    #[must_use]
    pub fn words(&self) -> Words {
        let words = Mnemonic::from_entropy_in(Language::English, self.as_bytes());
        Words(words.expect("256 bits are 24 words"))
    }
}

impl Words {
    /// The words in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.words()
    }

    /// The fingerprint that they stand for.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let (entropy, _) = self.0.to_entropy_array();
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(entropy).for_each(|(byte, read)| *byte = read);
        Fingerprint::from_bytes(bytes)
    }

    /// The words of a text, in any case and with any white space between them; nothing if they are not 24
    /// of the list, or the checksum does not fit.
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
            let fingerprint: Fingerprint = hex.parse().unwrap();
            assert_eq!(fingerprint.words().to_string(), words);
            let shouted = words.to_uppercase().replace(' ', "\n  ");
            assert_eq!(Words::read(&shouted).unwrap().fingerprint(), fingerprint);
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
