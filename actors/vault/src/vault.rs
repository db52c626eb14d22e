//! The vault: the interface of this crate, over the tables of one open state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::answers::{Answers, KeptAnswer};
use crate::approvals::{Approval, Approvals, Decision, Permission};
use crate::audit::Audit;
use crate::chain::{AuditEntry, BrokenChain, Head, Verified, Witnessed};
use crate::datasets::Datasets;
use crate::error::VaultError;
use crate::folder::has_state;
use crate::memories::Memories;
use crate::questions::Question;
use crate::refusals::Refusals;
use crate::schema::{META, PROBED};
use crate::seal;
use crate::selections::Selections;
use crate::state::State;
use crate::tokens::{Role, Token, TokenRefusal, Tokens};
use crate::uploads::{Content, Quota, Upload, Uploads};
use crate::witnesses::{Hearing, Sighting, Witnesses};
use crate::writer::Written;

/// A node's state. Clones share one state, which is closed with the last of them.
#[derive(Clone)]
pub struct Vault {
    state: Arc<State>,
}

impl Vault {
    /// Returns whether there is a state in `folder`, without beginning one.
    pub fn exists(folder: &Path) -> bool {
        has_state(folder)
    }

    /// Opens the state in `folder`, or begins one: makes the folder (mode 0700), the database and
    /// the key (mode 0600).
    ///
    /// # Errors
    ///
    /// [`VaultError::Locked`] while another process has it, [`VaultError::Newer`] for a later
    /// format, [`VaultError::KeyMissing`], [`VaultError::KeyWrong`], or an error of the disk.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        Ok(Self { state: Arc::new(State::open(folder)?) })
    }

    /// Derives a key of 32 bytes for `purpose`, the same at every opening. Keys of different
    /// purposes are independent, and the vault itself seals with none of them.
    pub fn key(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        self.state.key(purpose)
    }

    /// Copies the state as last committed into a folder that is not there yet, with its key, while it is
    /// read and written. Returns the head of the audit chain in the copy. Blocks.
    ///
    /// # Errors
    ///
    /// [`VaultError::Folder`] if the folder is there or cannot be made, or an error of the disk. Then
    /// there is no copy.
    pub fn back_up(&self, to: &Path) -> Result<Head, VaultError> {
        self.state.back_up(to)
    }

    /// Writes all queued jobs, then closes the state for all clones. Later reads and writes are
    /// refused, and the folder can be opened again. Blocks. Dropping the last clone does the same.
    pub fn close(&self) {
        self.state.close();
    }
}

/// The audit chain.
impl Vault {
    /// Adds an entry of `kind` at `at` (Unix milliseconds), and answers with its head.
    ///
    /// # Errors
    ///
    /// A kind that is empty or longer than 200 bytes, a document of more than 1 MiB.
    pub fn append(&self, kind: &str, at: u64, document: Value) -> Written<Head> {
        self.audit().append(kind, at, &document)
    }

    /// Writes a mark, and answers when it is on the disk: the state can be written.
    pub fn probe(&self) -> Written<()> {
        self.state.submit(0, |group| {
            let mut meta = group.transaction.open_table(META)?;
            // A value that changes: an equal one might not be written.
            let mark = seal::random::<8>()?;
            meta.insert(PROBED, mark.as_slice())?;
            Ok(())
        })
    }

    /// Returns the head of the last committed entry, from memory.
    pub fn head(&self) -> Head {
        self.state.head()
    }

    /// Reads entries from number `from` on (the first is 1): at most `limit`, at most 10,000, and
    /// none after 16 MiB. The caller continues from the number after the last.
    pub fn entries(&self, from: u64, limit: usize) -> Result<Vec<AuditEntry>, VaultError> {
        self.audit().entries(from, limit)
    }

    /// Writes the chain as JSON Lines and returns its head. A line is one entry with number,
    /// previous, hash, at, kind and document. The document is the stored text to the byte, so a
    /// tool that formats the lines again breaks the hashes.
    pub fn export_lines(&self, out: impl Write) -> Result<Head, VaultError> {
        self.audit().export_lines(out)
    }

    /// Recomputes the whole chain, and compares its end with the stored head and with the head in
    /// memory.
    pub fn verify(&self) -> Result<Verified, BrokenChain> {
        self.audit().verify()
    }

    /// Verifies our own chain and the exported lines of another member. Every head of ours that the
    /// other recorded must be in our chain. `own_name` is our name in the other's documents:
    /// `{"heads": {"<own name>": {"number": 7, "hash": "<hex>"}}}`.
    ///
    /// [`BrokenChain::number`] is of our chain, except for errors of the other's lines, whose `why` says
    /// so.
    pub fn verify_against(
        &self,
        own_name: &str,
        other: impl BufRead,
    ) -> Result<Witnessed, BrokenChain> {
        self.audit().verify_against(own_name, other)
    }

    fn audit(&self) -> Audit<'_> {
        Audit(&self.state)
    }
}

/// Tokens.
impl Vault {
    /// Makes a token for the principal `name` and answers with its text, which is not stored.
    ///
    /// # Errors
    ///
    /// A name that another token has, or that is empty or longer than 200 bytes; no role; more than
    /// 10,000 tokens.
    pub fn make_token(
        &self,
        name: &str,
        roles: BTreeSet<Role>,
        expires: Option<u64>,
        now: u64,
    ) -> Written<Zeroizing<String>> {
        self.token_table().make(name, roles, expires, now)
    }

    /// Returns the token of this text, if it has not expired at `now` (Unix seconds).
    ///
    /// Takes microseconds for tokens of this release, and tens of milliseconds for the first check
    /// of one of an earlier release, so the thread must be one that may block.
    pub fn check_token(&self, presented: &str, now: u64) -> Result<Token, TokenRefusal> {
        self.token_table().check(presented, now)
    }

    /// Returns the same in microseconds, or `None` for a token of an earlier release: only
    /// [`Vault::check_token`] can check that one. An id that is no token's takes less time than
    /// one that is. Ids are no secrets.
    pub fn check_token_fast(
        &self,
        presented: &str,
        now: u64,
    ) -> Option<Result<Token, TokenRefusal>> {
        self.token_table().check_fast(presented, now)
    }

    /// Reads all tokens, expired ones too, in the order of their names.
    pub fn tokens(&self) -> Result<Vec<Token>, VaultError> {
        self.token_table().all()
    }

    /// Revokes the token of this name. Answers `true` if there was one.
    pub fn revoke_token(&self, name: &str) -> Written<bool> {
        self.token_table().revoke(name)
    }

    fn token_table(&self) -> Tokens<'_> {
        Tokens(&self.state)
    }
}

/// Datasets.
impl Vault {
    /// Stores `document` under `name`, in place of an earlier one.
    ///
    /// # Errors
    ///
    /// A name of no or more than 200 bytes, a document of more than 1 MiB, or more than 1,000
    /// datasets.
    pub fn put_dataset(&self, name: &str, document: &Value) -> Written<()> {
        self.dataset_table().put(name, document)
    }

    /// Reads the document under `name`, if there is one.
    pub fn dataset(&self, name: &str) -> Result<Option<Value>, VaultError> {
        self.dataset_table().get(name)
    }

    /// Reads all datasets, in the order of their names.
    pub fn datasets(&self) -> Result<Vec<(String, Value)>, VaultError> {
        self.dataset_table().all()
    }

    /// Removes the dataset's document. Answers `true` if there was one. Earlier selections of the
    /// dataset stay stored.
    pub fn remove_dataset(&self, name: &str) -> Written<bool> {
        self.dataset_table().remove(name)
    }

    fn dataset_table(&self) -> Datasets<'_> {
        Datasets(&self.state)
    }
}

/// Uploads.
impl Vault {
    /// Stores `content` under `upload.id`, and sets `upload.bytes` to its length. Seals in the
    /// calling thread.
    ///
    /// # Errors
    ///
    /// [`VaultError::Quota`] if it would exceed `quota`, [`VaultError::Taken`] if there is the id,
    /// [`VaultError::TooBig`] above 1 GiB, [`VaultError::Limit`] above 10,000 uploads of all
    /// owners.
    pub fn put_upload(&self, upload: Upload, content: Content, quota: Quota) -> Written<()> {
        self.upload_table().put(upload, content, quota)
    }

    /// Reads the upload of this id and its content, if there is one.
    pub fn upload(&self, id: Uuid) -> Result<Option<(Upload, Content)>, VaultError> {
        self.upload_table().get(id)
    }

    /// Reads the descriptions of all uploads, in the order of their ids.
    pub fn uploads(&self) -> Result<Vec<Upload>, VaultError> {
        self.upload_table().all()
    }

    /// Removes the upload. Answers `true` if there was one.
    pub fn remove_upload(&self, id: Uuid) -> Written<bool> {
        self.upload_table().remove(id)
    }

    /// Removes every upload that has expired at `now` (Unix seconds), and answers with their ids.
    pub fn expire_uploads(&self, now: u64) -> Written<Vec<Uuid>> {
        self.upload_table().expire(now)
    }

    /// Sets the expiry of the upload (Unix seconds). Answers `true` if there is one.
    pub fn keep_upload(&self, id: Uuid, expires: u64) -> Written<bool> {
        self.upload_table().keep(id, expires)
    }

    fn upload_table(&self) -> Uploads<'_> {
        Uploads(&self.state)
    }
}

/// Approvals.
impl Vault {
    /// Uses an approval that serves `question` once, at `now` (Unix seconds), or requests one. A
    /// grant of exactly this question comes before one of a class. A refusal of exactly this
    /// question holds although a class would serve it.
    ///
    /// # Errors
    ///
    /// Names that are empty or longer than 200 bytes; more than 1,000 columns; parameters or a
    /// condition of more than 64 KiB; more than 100 undecided requests of the principal; 10,000
    /// approvals in all.
    pub fn use_approval(&self, question: Question, now: u64) -> Written<Decision> {
        self.approval_table().use_once(question, now)
    }

    /// Gives a use back that was counted for nothing: its question was given the answer that was kept
    /// of it. `losses` is the number of losses of the state when it was counted: a grant of before an
    /// acknowledged loss stays used up. Answers `true` if the grant has the use again.
    pub fn give_use_back(&self, id: u64, losses: u64) -> Written<bool> {
        self.approval_table().give_back(id, losses)
    }

    /// Reads all approvals and requests, in the order of their first request.
    pub fn approvals(&self) -> Result<Vec<Approval>, VaultError> {
        self.approval_table().all()
    }

    /// Grants the request, in place of an earlier decision. Answers `true` if there is such a
    /// request.
    ///
    /// # Errors
    ///
    /// No uses, no class, or classes that do not serve the question that was asked.
    pub fn grant(&self, id: u64, permission: Permission) -> Written<bool> {
        self.approval_table().grant(id, permission)
    }

    /// Grants the questions of a study at `now` (Unix seconds), and answers with the approval's id.
    ///
    /// # Errors
    ///
    /// No uses, no class, or 10,000 approvals in all.
    pub fn grant_study(&self, title: &str, permission: Permission, now: u64) -> Written<u64> {
        self.approval_table().grant_study(title, permission, now)
    }

    /// Refuses the request, or revokes a grant. Answers `true` if there is such a request.
    pub fn refuse(&self, id: u64, by: &str) -> Written<bool> {
        self.approval_table().refuse(id, by)
    }

    /// Removes an approval in any state, so that the next request of its question is a first one.
    /// Answers `true` if there was one.
    pub fn forget_approval(&self, id: u64) -> Written<bool> {
        self.approval_table().forget(id)
    }

    fn approval_table(&self) -> Approvals<'_> {
        Approvals(&self.state)
    }
}

/// Refusals that tell of data.
impl Vault {
    /// Counts a refusal that `principal` got on `source`, and answers with the count.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 200 bytes; 10,000 pairs that are counted already.
    pub fn count_refusal(&self, principal: &str, source: &str) -> Written<u32> {
        Refusals(&self.state).count(principal, source)
    }

    /// Reads how many refusals `principal` got on `source` since they were last forgiven. Where no
    /// more pairs can be counted, a pair that is not counted has the largest number.
    pub fn refusals(&self, principal: &str, source: &str) -> Result<u32, VaultError> {
        Refusals(&self.state).of(principal, source)
    }

    /// Begins to count the refusals that `principal` gets on `source` anew.
    pub fn forgive_refusals(&self, principal: &str, source: &str) -> Written<()> {
        Refusals(&self.state).forgive(principal, source)
    }
}

/// Memories of the answers about the rows of sources.
impl Vault {
    /// Returns the memory that was kept of a source, or `None` if there is none.
    pub fn memory(&self, source: &str) -> Result<Option<Content>, VaultError> {
        Memories(&self.state).get(source)
    }

    /// Keeps a source's memory in the place of the one before. Seals in the calling thread.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 200 bytes, more than 1 GiB, or memories of more than
    /// 2,000 sources.
    pub fn keep_memory(&self, source: &str, content: Content) -> Written<()> {
        Memories(&self.state).keep(source, content)
    }

    /// Forgets a source's memory, at its owner's word. Answers `true` if there was one.
    pub fn forget_memory(&self, source: &str) -> Written<bool> {
        Memories(&self.state).forget(source)
    }

    /// Returns the rows, as keyed hashes, of each selection of a dataset that earlier versions
    /// remembered. A memory begins with them.
    pub fn earlier_selections(&self, dataset: &str) -> Result<Vec<Vec<u64>>, VaultError> {
        Selections(&self.state).all(dataset)
    }
}

/// Answers that were opened, kept for the same question about the same rows.
impl Vault {
    /// Keeps an answer in the place of an earlier one to the same question. The oldest answers make
    /// room for it. Answers `false` if it is longer than 1 MiB, or if a loss of the state was
    /// acknowledged since its question was asked: then it is not kept.
    ///
    /// # Errors
    ///
    /// A source or principal whose name is empty or longer than 200 bytes.
    pub fn keep_answer(&self, answer: KeptAnswer) -> Written<bool> {
        Answers(&self.state).keep(answer)
    }

    /// Returns the name and the document of the answer that was kept of this question, if there is one.
    pub fn kept_answer(
        &self,
        question: &[u8; 32],
    ) -> Result<Option<([u8; 16], Content)>, VaultError> {
        Answers(&self.state).get(question)
    }

    /// Forgets the kept answers about a source. Answers their number.
    pub fn forget_answers(&self, source: &str) -> Written<u64> {
        Answers(&self.state).forget(source)
    }
}

/// Sightings of chains: this node's by other members, and theirs by this node.
impl Vault {
    /// Reads the number of losses of this state that its operator has acknowledged.
    pub fn losses(&self) -> Result<u64, VaultError> {
        self.witnesses().losses()
    }

    /// Remembers heads of other members' chains, by their names. A head that is not later than the
    /// remembered one changes nothing. Beyond 1,000 members no other is remembered.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 200 bytes.
    pub fn remember(&self, seen: Vec<(String, Sighting)>) -> Written<()> {
        self.witnesses().remember(seen)
    }

    /// Reads the newest remembered head of each other member.
    pub fn remembered(&self) -> Result<BTreeMap<String, Sighting>, VaultError> {
        self.witnesses().remembered()
    }

    /// Compares sightings of our own chain with it, by the members that told them. One shows that
    /// this state is older if it is of after a loss that we know nothing of, or if its entry is not
    /// in our chain. A sighting of before the last acknowledged loss shows nothing.
    pub fn hear(&self, told: &[(String, Sighting)]) -> Result<Hearing, VaultError> {
        self.witnesses().hear(told)
    }

    /// Stores sightings that contradict our chain, by the members that told them.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 200 bytes.
    pub fn contradict(&self, told: Vec<(String, Sighting)>) -> Written<()> {
        self.witnesses().contradict(told)
    }

    /// Reads the sightings that contradict our chain and that no operator has acknowledged.
    pub fn contradictions(&self) -> Result<BTreeMap<String, Sighting>, VaultError> {
        self.witnesses().contradictions()
    }

    /// Acknowledges that the state lost its newest part, and answers with the new number of losses.
    /// It is above all that were told, and at least `now` (Unix milliseconds). All sources are
    /// closed, all kept answers are forgotten, and all grants are used up.
    pub fn acknowledge_loss(&self, now: u64) -> Written<u64> {
        self.witnesses().acknowledge(now)
    }

    /// Drops the contradiction that `member` told, if it is still `judged`. Answers `true` if it
    /// is. The same word of the member is among [`Vault::unfounded`] from then on.
    pub fn find_unfounded(&self, member: &str, judged: Sighting) -> Written<bool> {
        self.witnesses().find_unfounded(member, judged)
    }

    /// Reads the last word of each member that the operator found to be unfounded.
    pub fn unfounded(&self) -> Result<BTreeMap<String, Sighting>, VaultError> {
        self.witnesses().unfounded()
    }

    /// Returns whether a loss was acknowledged after which the source's owner has not opened it.
    pub fn is_closed(&self, source: &str) -> Result<bool, VaultError> {
        self.witnesses().is_closed(source)
    }

    /// Opens a source, at its owner's word.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 200 bytes, or more than 2,000 opened sources.
    pub fn open_source(&self, source: &str) -> Written<()> {
        self.witnesses().open_again(source)
    }

    fn witnesses(&self) -> Witnesses<'_> {
        Witnesses(&self.state)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault")
    }
}

#[cfg(test)]
mod tests;
