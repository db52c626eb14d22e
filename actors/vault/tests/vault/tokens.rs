//! Tokens: right, wrong, expired, revoked.

use std::collections::BTreeSet;

use cloister_vault::{Role, Token, TokenRefusal, Vault, VaultError};
use tempfile::tempdir;

const NOW: u64 = 1_800_000_000;

fn roles(roles: &[Role]) -> BTreeSet<Role> {
    roles.iter().copied().collect()
}

#[test]
fn a_token_is_taken_until_it_expires_or_is_revoked() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let owner = roles(&[Role::Owner, Role::Auditor]);
    let text = vault.make_token("anna", owner.clone(), Some(NOW + 10), NOW).wait().unwrap();
    let anna = Token { name: "anna".into(), roles: owner, made: NOW, expires: Some(NOW + 10) };
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(vault.check_token(&text, NOW + 9).unwrap(), anna);
    assert!(matches!(vault.check_token(&text, NOW + 10), Err(TokenRefusal::Expired)));
    assert_eq!(vault.tokens().unwrap(), [anna]);
    assert!(vault.revoke_token("anna").wait().unwrap());
    assert!(!vault.revoke_token("anna").wait().unwrap());
    assert!(matches!(vault.check_token(&text, NOW), Err(TokenRefusal::Unknown)));
    let again = vault.make_token("anna", roles(&[Role::Owner]), None, NOW).wait().unwrap();
    assert!(vault.check_token(&again, u64::MAX).is_ok());
    assert!(matches!(vault.check_token(&text, NOW), Err(TokenRefusal::Unknown)));
}

#[test]
fn a_wrong_secret_is_unknown_even_if_the_token_has_expired() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let researcher = roles(&[Role::Researcher]);
    let text = vault.make_token("bob", researcher.clone(), Some(NOW), NOW).wait().unwrap();
    let other = vault.make_token("eve", researcher, None, NOW).wait().unwrap();
    let secret = |text: &str| text.rsplit_once('_').unwrap().1.to_owned();
    let mixed = text.replace(&secret(&text), &secret(&other));
    let last = if text.ends_with('0') { "1" } else { "0" };
    let changed = [&text[..text.len() - 1], last].concat();
    let long = "x".repeat(100_000);
    let upper = text.to_uppercase();
    let wrong = ["", "cloister_", "cloister__", &mixed, &changed, &text[1..], &long, &upper];
    for wrong in wrong {
        assert!(matches!(vault.check_token(wrong, NOW), Err(TokenRefusal::Unknown)), "{wrong}");
    }
    assert!(matches!(vault.check_token(&text, NOW), Err(TokenRefusal::Expired)));
}

#[test]
fn a_name_is_given_once_also_in_one_group() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let owner = roles(&[Role::Owner]);
    let both = [(); 2].map(|()| vault.make_token("anna", owner.clone(), None, NOW));
    let answers = both.map(|written| written.wait());
    assert!(answers[0].is_ok());
    assert!(matches!(answers[1], Err(VaultError::Taken { what: "a token" })));
    let refused = vault.make_token("x", BTreeSet::new(), None, NOW).wait();
    assert!(matches!(refused, Err(VaultError::Invalid { .. })));
    let refused = vault.make_token("", owner, None, NOW).wait();
    assert!(matches!(refused, Err(VaultError::Invalid { .. })));
    assert_eq!(vault.tokens().unwrap().len(), 1);
}

#[test]
fn the_secret_is_nowhere_in_the_folder_and_in_no_debug_output() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let text = vault.make_token("anna", roles(&[Role::Owner]), None, NOW).wait().unwrap();
    let secret = text.rsplit_once('_').unwrap().1.to_owned();
    assert_eq!(secret.len(), 64);
    let token = vault.check_token(&text, NOW).unwrap();
    assert!(!format!("{token:?}").contains(&secret));
    drop(vault);
    let file = std::fs::read(folder.path().join("state.redb")).unwrap();
    let has = |text: &[u8]| file.windows(text.len()).any(|window| window == text);
    assert!(has(b"anna"));
    assert!(!has(secret.as_bytes()));
    assert!(!has(b"blake3:"), "hashes are sealed as well");
    let raw: Vec<u8> = (0..32)
        .map(|byte| u8::from_str_radix(&secret[2 * byte..2 * byte + 2], 16).unwrap())
        .collect();
    assert!(!has(&raw));
}

#[test]
fn roles_have_names() {
    for role in Role::ALL {
        assert_eq!(role.to_string().parse(), Ok(role));
        assert_eq!(serde_json::to_value(role).unwrap(), serde_json::json!(role.name()));
    }
    assert!("Owner".parse::<Role>().is_err());
    assert!("root".parse::<Role>().unwrap_err().to_string().contains("researcher"));
}
