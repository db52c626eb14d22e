//! What a node must not forget: tokens, uploads, approvals, what was asked, and the audit chain.
